"""Another host at the printer prints a card of its own, in bytes written by hand."""

from __future__ import annotations

from typing import Protocol

from simulators.evolis.printer import Printer as EvolisPrinter
from simulators.magicard.printer import Printer as MagicardPrinter
from tests.agent.virtual_time import elapse

FOREIGN_SESSION = 999


class Stranger(Protocol):
    """What a machine has of it: made with the printer that it is to print on."""

    def finds_it_free(self) -> bool: ...

    async def print(self) -> None:
        """Print one card, and stay until it is out."""
        ...


class EvolisStranger:
    def __init__(self, printer: EvolisPrinter) -> None:
        self._printer = printer

    def finds_it_free(self) -> bool:
        pacemaker = self._printer.pacemaker
        return not self._printer.memory.session.at(pacemaker.clock.host_s())

    async def print(self) -> None:
        model = self._printer.model
        dots = model.row_count * model.row_dots
        for word in (f"Psid;{FOREIGN_SESSION};60", "Si", "Ss", "Sr"):
            await self._send(f"\x1b{word}\r".encode())
        for panel in "ymcko":
            levels = 256 if panel in "ymc" else 2
            size = dots if panel in "ymc" else dots // 8
            head = f"\x1bDb;{panel};{levels};".encode()
            await self._send(head + b"\x77" * size + b"\r")
        for word in ("Se", "Psid;0;45"):
            await self._send(f"\x1b{word}\r".encode())

    async def _send(self, request: bytes) -> None:
        pacemaker = self._printer.pacemaker
        for answer in self._printer.receive(request):
            if (action := answer.action) is not None:
                await pacemaker.until(
                    lambda action=action: action.done  # type: ignore[misc]
                )
        await elapse(0.001)


class MagicardStranger:
    def __init__(self, printer: MagicardPrinter) -> None:
        self._printer = printer

    def finds_it_free(self) -> bool:
        printer = self._printer
        return not (printer.busy or printer.trouble or printer.parser.in_page)

    async def print(self) -> None:
        model = self._printer.model
        lines = model.line_count
        size = model.plane_size("K", lines)
        header = f"NOC1,LANENG,{model.tag},DPXOFF,PAG1,IMFK,WID{lines},OVROFF,SZK{size}"
        job = b"\x05" * 64 + b"\x01," + header.encode() + b"\x1c"
        job += b"\x77" * size + b"\x1cK:\x03"
        self._printer.receive(job)
        await self._printer.pacemaker.until(lambda: not self._printer.busy)
