"""One connection as text: comments for a reader, stanzas as tests/vectors has them.

What it gives out is valid TOML. What may show a person stays in: the dots of a panel
are told by size and SHA-256, the data of a magnetic stripe by its length, and of words
that we do not know nothing but the word.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from protocols.contract import Happening, WireEvent
from protocols.errors import RemoteProtocolError
from protocols.evolis.codec import (
    CR,
    ESC,
    NUL,
    Decoder,
    RefusalWord,
    Reply,
    Trailer,
    Word,
    refusal,
)
from protocols.evolis.commands import COMMANDS, OF_THE_STRIPE, Answer, Command, Op
from protocols.evolis.flags import FLAGS
from protocols.evolis.status import flags_up
from protocols.evolis.stream import told

SHOWN_SIZE_MAX = 32  # bytes of hex in a comment
SHOWN_LINES_MAX = 40  # of a reply's text in a comment
STUB_SIZE_MAX = 4096  # bytes of hex in a stanza; more is no reply of this protocol
# Each word has its own number of parameters: what follows are dots, whatever they say.
_NUMBER = rb"([1-9]\d{0,4})"
_HEADS = (
    re.compile(rb"\x1b(Db);([a-z]);%b;" % _NUMBER),
    re.compile(rb"\x1b(Dbx);([a-z]);%b;%b;%b;" % (_NUMBER, _NUMBER, _NUMBER)),
    re.compile(rb"\x1b(Dbc);([a-z]);%b;\d+;" % _NUMBER),
)
_WORD = re.compile(r"[A-Za-z]{1,8}")
_STREAMS = [row for row in COMMANDS.values() if row.answer is Answer.IGNORED]
_ESCAPED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_PLAIN = re.compile(r"[\w ,]*")  # what a regular expression takes as it stands


@dataclass(frozen=True, slots=True)
class _Request:
    """What was asked, and as much of its bytes as may be shown."""

    label: str  # in the names of stanzas
    words: str
    shown: bytes
    stanza: tuple[str, ...] = ()  # of TOML, without name and source
    private_answer: bool = False
    parts: tuple[str, ...] = ()  # of a stream of commands


@dataclass(frozen=True, slots=True)
class _Answer:
    words: tuple[str, ...]
    stanza: tuple[str, ...] = ()


def annotate(
    events: Sequence[WireEvent], *, no: int, source: str, began_s: float
) -> str:
    """`registry.annotated` for this family; ends in an empty line."""
    request = _request(_joined(events, Happening.OUT))
    raw = _joined(events, Happening.IN)
    answer = _answer(raw, request, ended=_has(events, Happening.END))
    lines = [f"# {no}: {_safe(request.words)}"]
    lines += [f"#            {_safe(part)}" for part in request.parts]
    begun = False
    for event in events:
        shown = request.shown if event.what is Happening.OUT and not begun else b""
        begun = begun or event.what is Happening.OUT
        if event.what is Happening.IN and not request.private_answer:
            shown = event.data
        lines.append(_event_line(event, shown, event.at_s - began_s))
    lines += [f"#            {_safe(line)}" for line in answer.words]
    if request.stanza and _has(events, Happening.FINISH):
        lines += _stanza(request.stanza, f"trace {no}: {request.label}", source)
    if answer.stanza:
        lines += _stanza(answer.stanza, f"trace {no}: reply to {request.label}", source)
    return "\n".join(lines) + "\n\n"


# What was sent.


def _request(sent: bytes) -> _Request:
    if not sent:
        return _Request("status poll", "status poll: POLL (EVO-06)", b"", _op("POLL"))
    for form in _HEADS:
        head = form.match(sent)
        if head is not None:
            return _panel(head, sent)
    word, *rest = re.split(rb"[;\r\x00]", sent.removeprefix(ESC), maxsplit=2)
    name = word.decode("latin-1")
    if name in OF_THE_STRIPE:
        return _private(name, rest)
    stream = next((row for row in _STREAMS if sent.startswith(_first_of(row))), None)
    if stream is not None:
        size = f"{len(sent)} bytes"
        words = f"{stream} …: {stream.op.name} ({stream.fact}), {size}"
        return _Request(str(stream), words, b"", (), True, tuple(told(sent)))
    known = _command_of(sent)
    if known is None:
        name = name if _WORD.fullmatch(name) else "?"
        words = f"{name}: not in our table, {len(sent)} bytes, not shown"
        return _Request(name, words, b"", (), True)
    row, parameters = known
    *stanza, _ = _op(row.op.name, parameters)
    words = f"{';'.join([str(row), *parameters])}: {row.op.name} ({row.fact})"
    return _Request(str(row), words, sent, (*stanza, _hex(sent)))


def _first_of(stream: Command) -> bytes:
    return ESC + str(stream).encode("ascii") + CR


def _op(name: str, parameters: Sequence[str] = ()) -> tuple[str, ...]:
    lines = ["[[request]]", f'op = "{name}"']
    if parameters:
        lines.append(f"parameters = [{', '.join(map(_value, parameters))}]")
    return (*lines, 'hex = ""')


def _command_of(sent: bytes) -> tuple[Command, list[str]] | None:
    """The row of one whole command of ours; the one with most fixed parameters."""
    end = CR + NUL
    if not sent.startswith(ESC) or not sent.endswith(end) or sent.count(CR) > 1:
        return None
    word, *parameters = sent[len(ESC) : -len(end)].decode("latin-1").split(";")
    rows = [
        row
        for row in COMMANDS.values()
        if row.word == word
        and row.op is not Op.PANEL
        and row.answer is not Answer.IGNORED
        and row.fixed == tuple(parameters[: len(row.fixed)])
        and len(parameters) == len(row.fixed) + row.free_count
    ]
    best = max(rows, key=lambda row: len(row.fixed), default=None)
    return None if best is None else (best, parameters[len(best.fixed) :])


def _panel(head: re.Match[bytes], sent: bytes) -> _Request:
    word, letter, levels = (one.decode() for one in head.group(1, 2, 3))
    whole = sent.endswith(CR + NUL)
    dots = sent[head.end() : -len(CR + NUL)] if whole else sent[head.end() :]
    digest = hashlib.sha256(dots).hexdigest()
    state = "" if whole else " so far: the panel is cut short"
    words = (
        f"{word} {letter}, {levels} levels: PANEL (EVO-33), {len(dots)} bytes of dots"
        f"{state}, SHA-256 {digest}"
    )
    stanza = ["[[panel]]", f'letter = "{letter}"', f"levels = {levels}"]
    if word == "Dbx":
        along, across = (one.decode() for one in head.group(4, 5))
        stanza.append(f"resolution = [{along}, {across}]")
    stanza += [
        f"dots_size = {len(dots)}",
        f'head = "{head[0].hex(" ")}"',
        f'tail = "{(CR + NUL).hex(" ")}"',
        f"size_without_nul = {len(sent) - len(NUL)}",
    ]
    known = whole and word != "Dbc"  # of which a stanza would need the dots
    shown = tuple(stanza) if known else ()
    return _Request(f"{word} {letter}", words, head[0], shown)


def _private(name: str, rest: list[bytes]) -> _Request:
    track = rest[0][:1].decode("latin-1") if rest else ""
    data = rest[1].removesuffix(NUL).removesuffix(CR) if len(rest) > 1 else b""
    words = f"{name};{track}: magnetic stripe, {len(data)} bytes not shown"
    return _Request(name, words, b"", (), True)


# What came back.


def _answer(raw: bytes, request: _Request, *, ended: bool) -> _Answer:
    decoder = Decoder()
    try:
        decoder.receive(raw)
        if not ended:
            what = f"cut off after {len(raw)} bytes" if raw else "no answer"
            return _Answer((f"{what}: the printer did not end its reply",))
        reply = decoder.receive_eof()
    except RemoteProtocolError as error:
        if request.private_answer:
            return _Answer((f"broken reply of {len(raw)} bytes, not shown",))
        broken = ("[[broken]]", _hex(raw), f"says = {_quoted(_says(error))}")
        return _Answer((f"broken reply: {error}",), broken)
    if reply is None:
        return _Answer(("no answer: closed without a byte",))
    if request.private_answer and refusal(reply.text) in (None, RefusalWord.OTHER):
        text = f"{len(reply.text)} bytes of text, not shown"
        return _Answer((text, *_status_words(reply.trailer)))
    return _Answer(_words(reply), ("[[reply]]", _hex(raw), *_meaning(reply)))


def _words(reply: Reply) -> tuple[str, ...]:
    texts = [repr(line) for line in reply.text.splitlines()] or ["no text"]
    more = len(texts) - SHOWN_LINES_MAX
    if more > 0:
        texts = [*texts[:SHOWN_LINES_MAX], f"and {more} lines more"]
    word = refusal(reply.text)
    if word is not None:
        texts[0] += f": refused, {word.name}"
    return (*texts, *_status_words(reply.trailer))


def _status_words(trailer: Trailer | None) -> Iterator[str]:
    if trailer is None:
        yield "no status"
        return
    for word in Word:
        bits = trailer.word(word)
        if bits:
            names = [
                flag.name for flag in FLAGS if flag.word is word and flag.bit & bits
            ]
            unnamed = bits & ~sum(flag.bit for flag in FLAGS if flag.word is word)
            names += [f"reserved {unnamed:08x}"] if unnamed else []
            yield f"{word} {bits:08x}: {' '.join(names)}"
    meanings = {str(flag.meaning.reason) for flag in flags_up(trailer)}
    yield f"session {trailer.session}; {', '.join(sorted(meanings)) or 'no reason'}"


def _meaning(reply: Reply) -> Iterator[str]:
    """The fields of a `[[reply]]` after its hex."""
    yield f"text = {_quoted(reply.text)}"
    word = refusal(reply.text)
    if word is not None:
        yield f'refusal = "{word.name}"'
    if reply.trailer is not None:
        words = ", ".join(f"0x{bits:08x}" for bits in reply.trailer.words)
        yield f"words = [{words}]"
        yield f"session = {reply.trailer.session}"


# How it is written.


def _event_line(event: WireEvent, shown: bytes, at_s: float) -> str:
    """`shown`: the begin of its bytes, as much of it as may be told."""
    text = _safe(event.detail)
    if event.what in (Happening.IN, Happening.OUT):
        size, hexed = len(event.data), shown[:SHOWN_SIZE_MAX].hex(" ")
        more = " …" if hexed and size > min(len(shown), SHOWN_SIZE_MAX) else ""
        text = f"{size} bytes: {hexed}{more}" if hexed else f"{size} bytes"
    return f"# {at_s:9.3f}  {event.what:<7} {text}".rstrip()


def _stanza(lines: Sequence[str], name: str, source: str) -> list[str]:
    kind, *fields = lines
    named = [f"name = {_quoted(name)}", f"source = {_quoted(source)}"]
    return ["", kind, *named, *fields]


def _hex(raw: bytes) -> str:
    return f'hex = "{raw[:STUB_SIZE_MAX].hex(" ")}"'


def _value(parameter: str) -> str:
    number = re.fullmatch(r"0|[1-9][0-9]{0,8}", parameter)
    return parameter if number else _quoted(parameter)


def _says(error: RemoteProtocolError) -> str:
    plain = _PLAIN.match(str(error))
    return plain[0] if plain else ""


def _quoted(text: str) -> str:
    """A string of TOML."""
    pieces = []
    for one in text:
        if one in _ESCAPED:
            pieces.append(_ESCAPED[one])
        elif one.isprintable():
            pieces.append(one)
        else:
            pieces.append(f"\\U{ord(one):08x}")
    return f'"{"".join(pieces)}"'


def _safe(text: str) -> str:
    """What may stand in a comment: nothing that would end it."""
    return "".join(one if one.isprintable() else "?" for one in text)


def _joined(events: Sequence[WireEvent], what: Happening) -> bytes:
    return b"".join(event.data for event in events if event.what is what)


def _has(events: Sequence[WireEvent], what: Happening) -> bool:
    return any(event.what is what for event in events)
