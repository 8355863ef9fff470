"""An emulated Magicard printer, and jobs for it written by hand from the fact sheet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from simulators.faults import FaultKind
from simulators.magicard.models import MODELS, Model
from tests.simulators.emulator_world import World, living

ETX, FS = b"\x03", b"\x1c"
CALLS = 64 * b"\x05"
LETTER = {"y": "B", "m": "G", "c": "R", "k": "K"}
Density = Callable[[int, int], int]


@dataclass(frozen=True)
class Head:
    """How a print head wants its dots: as the sheet's section 4 says it."""

    tag: str
    row_size: int
    line_count: int

    def where(self, dot: int) -> tuple[int, int]:
        """Byte of the bit row, and mask, of dot 0 to 671."""
        if self.tag == "KEE":
            return dot // 8, 0x80 >> (dot % 8)
        if dot < 288:
            word, bit = 6 + dot // 16, 2 * (dot % 16)
        else:
            word, bit = (dot - 288) // 16, 1 + 2 * ((dot - 288) % 16)
        if self.tag == "KGE2":
            return 4 * word + bit // 8, 0x80 >> (bit % 8)
        return 4 * word + 3 - bit // 8, 1 << (bit % 8)

    def size(self, panel: str) -> int:
        return self.line_count * self.row_size * (1 if panel == "k" else 6)

    def plane(self, panel: str, dots: dict[tuple[int, int], int]) -> bytes:
        """A plane with the densities at (line, dot), and nothing elsewhere."""
        plane = bytearray(self.size(panel))
        bits = 1 if panel == "k" else 6
        for (line, dot), density in dots.items():
            byte, mask = self.where(dot)
            for bit in range(bits):
                if density >> bit & 1:
                    plane[(line * bits + bit) * self.row_size + byte] |= mask
        return bytes(plane)

    def plain(self, panel: str, value: int = 0) -> bytes:
        return bytes([value]) * self.size(panel)


KEE = Head("KEE", 84, 1016)
ENDURO = Head("KGE2", 96, 1016)
ALTO = Head("KGE", 96, 1000)
HEADS = {"Rio 2e": KEE, "Tango 2e": KEE, "Enduro": ENDURO, "Alto": ALTO}


def page(
    head: Head, planes: dict[str, bytes], *fields: str, first: str = "NOC1"
) -> bytes:
    """One page; `fields` come before those of the image."""
    told = [first, "VER1.00", "LANENG", "TDT5F000000", *fields, head.tag]
    if "PAG2" not in told and "PAG1" not in told:
        told += ["DPXOFF", "PAG1"]
    told += ["XCO0", "YCO0", f"WID{head.line_count}", "HGT642", "OVRON", "ICC3"]
    told += [f"SZ{LETTER[panel]}{len(data)}" for panel, data in planes.items()]
    body = b"".join(
        data + FS + LETTER[panel].encode() + b":" for panel, data in planes.items()
    )
    return CALLS + b"\x01," + ",".join(told).encode() + FS + body + ETX


def colours(head: Head, panels: str = "ymck", value: int = 1) -> dict[str, bytes]:
    """Planes that differ from each other."""
    return {
        panel: head.plain(panel, value + number) for number, panel in enumerate(panels)
    }


def request(words: str) -> bytes:
    """As the vendor's driver asks: nothing before, a comma after SOH."""
    return b"\x01," + words.encode() + b",\x1c\x03"


@dataclass
class MagicardWorld:
    world: World
    model: Model
    head: Head

    @property
    def printer(self) -> Any:
        return self.world.emulator.printer

    def send(self, data: bytes) -> list[bytes]:
        replies: list[bytes] = self.printer.receive(data)
        return replies

    def ask(self, words: str) -> bytes:
        (reply,) = self.send(request(words))
        return reply

    def error(self) -> tuple[str, str]:
        """Text and number of `REQ,ERR`."""
        reply = self.ask("REQ,ERR")
        assert (reply[:4], reply[-1:]) == (b"\x01STA", ETX)
        text, number, code = reply[4:-1].decode("latin-1").split("\n")
        assert code in ("(c0300)", "(c0201)")
        return text, number.rpartition(" ")[2]

    def fields(self) -> list[str]:
        reply = self.ask("REQ,INF")
        assert (reply[:6], reply[-2:]) == (b"\x01STA$$", b",\x03")
        return reply[6:-2].decode().split(",")

    async def idle(self) -> None:
        await self.world.emulator.pacemaker.until(lambda: not self.printer.busy)


@asynccontextmanager
async def magicard(
    model: str = "Tango 2e", **settings: Any
) -> AsyncIterator[MagicardWorld]:
    faults = settings.pop("faults", ())
    settings["faults"] = [(FaultKind(kind), card_no) for kind, card_no in faults]
    async with living(family="magicard", model=model, **settings) as world:
        yield MagicardWorld(world, MODELS[model], HEADS[model])
