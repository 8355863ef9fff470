"""What the printer says of its troubles, in the language that the last job named.

Known as said by a real printer are the German `Printerstatus OK.` and the beginning of
the German text for a card that was not fed; the rest is in our words.
"""

from __future__ import annotations

from simulators.magicard.errors import Trouble

DEFAULT = "ENG"
FINE = "OK"
LABEL = "LABEL"

_TOPICS = (
    *(FINE, LABEL, Trouble.NOT_FED, Trouble.JAMMED, Trouble.STUCK),
    *(Trouble.COVER_OPEN, Trouble.NO_FILM, Trouble.WRONG_FILM, Trouble.FILM_ENDED),
    *(Trouble.FILM_BROKEN, Trouble.HEAD_HOT, Trouble.OUTPUT_FULL),
    *(Trouble.STRIPE_BAD, Trouble.CARD_INSIDE, Trouble.NOT_FITTED, Trouble.BAD_JOB),
)
_SAID = {
    "ENG": (
        *("Printer status OK.", "Error code - ", "The card was not fed."),
        *("A card is jammed.", "A motor stands still.", "The cover is open."),
        *("There is no film.", "The film is of another kind.", "The film is used up."),
        *("The film is torn.", "The print head is too hot.", "The output is full."),
        *("The stripe was not written.", "A card is inside.", "Not fitted."),
        "The job cannot be printed.",
    ),
    "DEU": (
        *("Printerstatus OK.", "Fehlercode - "),
        "Karte wurde nicht in den Drucker eingezogen.",
        *("Kartenstau.", "Ein Motor steht.", "Deckel offen.", "Kein Farbband."),
        *("Anderes Farbband eingelegt.", "Farbband verbraucht.", "Farbband gerissen."),
        *("Druckkopf zu heiß.", "Ausgabe voll.", "Magnetstreifen nicht beschrieben."),
        *("Karte im Drucker.", "Nicht eingebaut.", "Auftrag nicht druckbar."),
    ),
    "FRA": (
        *("Imprimante OK.", "Code d'erreur - ", "La carte n'a pas été chargée."),
        *("Bourrage.", "Un moteur est arrêté.", "Capot ouvert.", "Pas de film."),
        *("Film d'un autre type.", "Film épuisé.", "Film déchiré."),
        *("Tête trop chaude.", "Sortie pleine.", "Piste magnétique non écrite."),
        *("Carte à l'intérieur.", "Option absente.", "Travail impossible."),
    ),
    "ITA": (
        *("Stampante OK.", "Codice errore - ", "La carta non è stata caricata."),
        *("Carta inceppata.", "Un motore è fermo.", "Coperchio aperto."),
        *("Manca il film.", "Film di altro tipo.", "Film esaurito.", "Film strappato."),
        *("Testina troppo calda.", "Uscita piena.", "Banda magnetica non scritta."),
        *("Carta all'interno.", "Opzione assente.", "Lavoro non stampabile."),
    ),
    "ESP": (
        *("Impresora OK.", "Código de error - ", "La tarjeta no se ha cargado."),
        *("Tarjeta atascada.", "Un motor está parado.", "Tapa abierta."),
        *("No hay cinta.", "Cinta de otro tipo.", "Cinta agotada.", "Cinta rota."),
        *("Cabezal caliente.", "Salida llena.", "Banda magnética no escrita."),
        *("Tarjeta dentro.", "Opción no instalada.", "Trabajo no imprimible."),
    ),
    "POR": (
        *("Impressora OK.", "Código de erro - ", "O cartão não foi carregado."),
        *("Cartão encravado.", "Um motor está parado.", "Tampa aberta."),
        *("Falta a fita.", "Fita de outro tipo.", "Fita esgotada.", "Fita rasgada."),
        *("Cabeça quente.", "Saída cheia.", "Banda magnética não escrita."),
        *("Cartão no interior.", "Opção ausente.", "Trabalho não imprimível."),
    ),
}
TEXTS = {
    language: dict(zip(_TOPICS, said, strict=True)) for language, said in _SAID.items()
}


def error_text(trouble: Trouble | None, number: str, language: str) -> str:
    """Three lines: what it is, its number, and a code whose meaning is not known.

    A language that is not here speaks English.
    """
    texts = TEXTS.get(language, TEXTS[DEFAULT])
    if trouble is None:
        return f"{texts[FINE]}\n{number}\n(c0300)"
    return f"{texts[trouble]}\n{texts[LABEL]}{number}\n(c0201)"
