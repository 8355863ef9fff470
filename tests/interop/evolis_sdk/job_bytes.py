"""One card's job as our driver sends it and as the vendor's SDK does, side by side.

`STEPS` says what each sends, in order, and why they differ; the tests hold it against
what a relay before the emulator has kept. `job_page.py` makes a page of it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from protocols.evolis.driver import EvolisDriver
from protocols.evolis.models import MODELS
from protocols.raster import separate
from protocols.transports.tcp import TcpTransport
from protocols.vocabulary import CardSide
from tests.interop.evolis_sdk.sdk_world import Client, Machine, Sdk
from tests.interop.evolis_sdk.wire_record import Relay, items

SESSION_ID = 4711
LOOK = "(look)"  # a connection that sends nothing; several in a row count as one


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the job: what each side sends, and why it is not the same."""

    what: str
    ours: str  # commands with a blank between
    sdk: str
    why: str


STEPS = (
    Step(
        "open",
        "(look) Rtp Rfv Rsn Rkn",
        "",
        "We check that it is the printer of the configuration, before a card is at "
        "stake; the SDK was told the model in its address.",
    ),
    Step(
        "reserve",
        "(look) Psid;<id>;180",
        "(look) Psid;2;45 (look)",
        "Both look first whether another host holds it. The SDK's session for a print "
        "is always 2, ours has a number of its own, so that after a crash we know our "
        "own reservation from another's.",
    ),
    Step(
        "who decides",
        "Pem;2 Rem;1",
        "Rem;1 Pem;2",
        "Neither lets the printer print again by itself. The SDK reads the old value "
        "to put it back; we read the new one as a proof, and as the sign that shows a "
        "power cut.",
    ),
    Step(
        "reserve for longer",
        "",
        "Psid;2;180",
        "We asked for 180 s at once.",
    ),
    Step(
        "may a card begin",
        "(look) Rco;card",
        "(look)",
        "The counter before the feed is evidence afterwards: whether a blank moved.",
    ),
    Step(
        "feed",
        "Si (look)",
        "",
        "We take the blank alone and look whether it stands inside, so that an empty "
        "hopper or a slip is known while no dot has been sent. In the SDK's job the "
        "printer takes it when the first panel comes.",
    ),
    Step(
        "frame of the job",
        "",
        "Psync;1;0 <HEADER> Psmgr;1 Ppws;<time> Pcla;1 Ppmode;0",
        "The SDK sends all that follows in one stream whose answer it does not read. "
        "CLAIM then stands for the job under way. We send one command a connection, "
        "each is answered, and PRINTING says when the panels are on the card.",
    ),
    Step(
        "settings of the job",
        "",
        "Pr;0;t Pwres;300;300;0 Psk;10 Piqla;a;d Pmc;h Peoic;k;D Psync;2 </HEADER> "
        "Psync;12;1 <OPTION Dpi=300x300> Psync;13;0 </OPTION>",
        "Ribbon, resolution and options; no source says what most of these do. The "
        "printer reads the ribbon's tag itself. Whether one of today wants `Pr` all "
        "the same is an open question.",
    ),
    Step(
        "begin",
        "Ss",
        "Psync;3;1 <DOC Duplex=0> Psync;3;0 Psync;5;1 <CARD> Psync;5;0 Ss Mr;s",
        "The tags are passed over. `Mr;s`, probably an alignment of the ribbon, is "
        "documented nowhere; the programming guide begins a card without it.",
    ),
    Step(
        "front",
        "Sr",
        "Psync;9;1 <FACE> Psync;9;0 Sr",
        "",
    ),
    Step(
        "tones",
        "",
        "Pc;a;=;10 Pl;a;=;10 Pc;k;=;10 Pc;o;=;10 Pc;l;=;10 Pc;f;=;10 Pl;f;=;10 "
        "Pida;0;37;50;68",
        "Contrast and luminosity at 10, the programming guide's default of contrast. "
        "The last three numbers of `Pida` are the mean of yellow, magenta and cyan.",
    ),
    Step(
        "dye",
        "Db;y;256 Db;m;256 Db;c;256",
        "<BINARY Size=1975137> Db;y;256 Db;m;256 Db;c;256 </BINARY>",
        "The same commands and sizes; the dots are compared below.",
    ),
    Step(
        "resin and overlay",
        "Db;k;2 Db;o;2",
        "<BINARY Size=82305> Db;k;2 </BINARY> <BINARY Size=82305> Db;o;2 </BINARY>",
        "The same. A panel that nothing is printed of the SDK leaves out; we send "
        "each panel of the ribbon.",
    ),
    Step(
        "end of the front",
        "(look)",
        "Psync;10;1 </FACE> Psync;10;0",
        "We wait until the last panel is on the card before anything else moves it.",
    ),
    Step(
        "eject",
        "Se",
        "Se Psync;6;1 </CARD> Psync;6;0 Psync;4;1 </DOC> Psync;4;0",
        "Our `Se` is answered when the card is out.",
    ),
    Step(
        "let go of the card",
        "",
        "Pcla;0 Psync;11;1 <END> Psync;11;0",
        "The SDK's second stream, sent once CLAIM was seen up: when CLAIM drops the "
        "card is done, or has failed.",
    ),
    Step(
        "give back",
        "Psid;0;45",
        "Pem;0 (look) Psid;0;45 (look)",
        "We leave `Pem` at 2: if it is 0 at the next card, the power was cut.",
    ),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What one side sent for the card."""

    requests: list[bytes]  # a connection each

    @property
    def commands(self) -> list[str]:
        """Commands and tags in order, with what chance decides written `<…>`."""
        return named(self.requests)

    @property
    def streams(self) -> list[bytes]:
        """The requests of several commands each, at the same time of day."""
        return [
            re.sub(rb"\x1bPpws;\d+\r", b"\x1bPpws;0\r", request)
            for request in self.requests
            if request.count(b"\x1bPsync;")
        ]

    @property
    def panels(self) -> dict[str, bytes]:
        """The dots of each panel by its letter."""
        return {
            item.text.split(";")[1]: item.dots
            for request in self.requests
            for item in items(request)
            if item.dots is not None
        }


def commands_of(parts: Iterable[str]) -> list[str]:
    """The commands that the steps of one side name, in order.

    Words in angle brackets may hold blanks; looks in a row are one.
    """
    every = re.findall(r"<[^>]*>|[^ ]*<[^>]*>[^ ]*|[^ ]+", " ".join(parts))
    return _looks_as_one(every)


def named(requests: Sequence[bytes]) -> list[str]:
    every: list[str] = []
    for request in requests:
        if not request:
            every.append(LOOK)
        every += [
            _without_chance(item.text) for item in items(request) if item.text != "NUL"
        ]
    return _looks_as_one(every)


def _without_chance(text: str) -> str:
    text = text.removesuffix(";") if text.startswith("Db") else text
    text = re.sub(r"^Ppws;\d+$", "Ppws;<time>", text)
    return re.sub(rf"^Psid;{SESSION_ID};", "Psid;<id>;", text)


def _looks_as_one(every: Sequence[str]) -> list[str]:
    before = ["", *every]
    return [
        one
        for one, last in zip(every, before, strict=False)
        if (one, last) != (LOOK, LOOK)
    ]


@dataclass(frozen=True, slots=True)
class Given:
    """What is to be printed, and on what."""

    picture: Path
    model: str = "Primacy"
    ribbon: str = "YMCKO"


SDK_RIBBONS = {"YMCKO": "YMCKO", "KO": "KO", "K": "KBLACK"}


def sent_by_sdk(sdk: Sdk, given: Given) -> Sent:
    """Print it on an emulated printer and keep what the SDK sends for it."""
    machine = Machine(model=given.model, ribbon_kind=given.ribbon)
    try:
        with Relay(machine.world.port) as relay:
            uri = f"socket://127.0.0.1:{relay.port}?model={given.model}"
            client = Client(sdk, uri, name="recorded")
            ribbon = SDK_RIBBONS[given.ribbon]
            assert client.print(given.picture, ribbon=ribbon) == "OK"
            sent = Sent(relay.requests)
            client.close()
            return sent
    finally:
        machine.close()


def sent_by_driver(given: Given, *, whole: bool = False) -> Sent:
    """Print it with our driver: motion by motion, or as one whole job."""
    machine = Machine(model=given.model, ribbon_kind=given.ribbon)
    try:
        with Relay(machine.world.port) as relay:
            asyncio.run(_drive(relay.port, given, whole=whole))
            return Sent(relay.requests)
    finally:
        machine.close()


async def _drive(port: int, given: Given, *, whole: bool) -> None:
    link = TcpTransport("127.0.0.1", port)
    driver = EvolisDriver(MODELS[given.model], link, session_id=SESSION_ID)
    can = driver.capabilities
    with Image.open(given.picture) as opened:
        planes = separate(
            opened.convert("RGB"),
            side=CardSide.FRONT,
            panels=can.ribbons[given.ribbon].front,
            width_px=can.width_px,
            height_px=can.height_px,
        )
    card = driver.prepare([planes], given.ribbon)
    await driver.open()
    await driver.claim()
    if whole:
        await driver.print_whole(card)
    else:
        await driver.feed()
        await driver.print_side(card, CardSide.FRONT)
        await driver.finish_print()
        await driver.deliver()
    await driver.release()
    await driver.close()
