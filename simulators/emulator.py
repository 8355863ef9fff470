"""Joins machine, printer, link and control to one emulator, and runs it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from simulators.build import Build, PowerUp
from simulators.clock import Clock, Pacemaker
from simulators.control import Control
from simulators.evolis.firmware import Firmware
from simulators.families import FAMILIES, Model, Parts
from simulators.faults import FaultKind, Faults
from simulators.gallery import Gallery
from simulators.hand import Hand
from simulators.keeping import Keeping
from simulators.links.tcp import TcpLink
from simulators.links.usb_device import UsbDevice
from simulators.links.usbip import UsbipServer
from simulators.mechanism import Mechanism


class StartError(Exception):
    """Something the emulator needs is not to be had; the text says what and why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says of one emulated printer."""

    family: str = "evolis"
    model: str = "Primacy"
    host: str = "127.0.0.1"
    port: int | None = 0  # of raw TCP; None: it has no such port
    usbip: tuple[str, int] | None = None  # where its USB port is to be had
    hopper_count: int = 100
    ribbon_kind: str = "YMCKO"
    ribbon_sets: int = 300
    magnetic: bool = False
    two_sided: bool | None = None  # None: as the model comes
    reject_bin: bool | None = None  # likewise
    speed: float = 1.0
    instant: bool = False
    seed: int = 0
    faults: Sequence[tuple[FaultKind, int]] = ()
    power_up: PowerUp = PowerUp.KEEP
    loses_last_count: bool = False
    firmware: Firmware = field(default_factory=Firmware)
    cards_directory: Path | None = None
    control_path: Path | None = None
    state_directory: Path | None = None  # outlasts the process


class Emulator:
    """One printer with its blanks, ribbon and troubles; `run` brings it to life."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        family = FAMILIES[settings.family]
        model: Model = family.models[settings.model].fitted(
            magnetic=settings.magnetic,
            two_sided=settings.two_sided,
            reject_bin=settings.reject_bin,
        )
        build = _build(model, settings)
        self.machine = Mechanism(build, Faults(settings.seed))
        serial_no = 100_000 + settings.seed % 900_000
        self.hand = Hand(self.machine, serial_prefix=f"{serial_no:06d}")
        clock = Clock(settings.speed, settings.instant)
        self.pacemaker = Pacemaker(self.machine, clock, self._settle)
        self.gallery = Gallery(partial(family.draw, model), settings.cards_directory)
        # Of its family's own kind, which only its family knows.
        self.printer: Any = family.printer(
            model,
            Parts(
                self.machine,
                self.pacemaker,
                self.gallery,
                serial_no,
                settings.firmware,
            ),
        )
        self._keeping: Keeping | None = None
        if (folder := settings.state_directory) is not None:
            self._keeping = Keeping(folder, self.hand, self.gallery)
        self._furnish()
        self._description = family.description(model, self.printer.serial)
        self.control = Control(
            self.hand, self.pacemaker, self.gallery, model.name, self.printer.serial
        )
        self._link: TcpLink[Any] = TcpLink(
            self.printer, self.machine.faults, self.pacemaker
        )
        self._usb_port: UsbDevice[Any] | None = None
        self._usbip = settings.usbip and UsbipServer(self.usb_port)
        self.listening: list[str] = []  # a line for each port, once open

    @property
    def usb_port(self) -> UsbDevice[Any]:
        """The printer as a USB device; ask for it before `serve`."""
        if self._usb_port is None:
            self._usb_port = UsbDevice(
                self.printer,
                self._description,
                self.machine.faults,
                self.pacemaker,
            )
            self.control.on_usb = True
        return self._usb_port

    async def open(self) -> int:
        """Take what the settings name; return the number of the TCP port, or 0.

        Raises:
            StartError: a port, socket or folder is not to be had.
        """
        settings = self._settings
        if (directory := settings.state_directory) is not None:
            with _taking(f"folder {directory}"):
                directory.mkdir(parents=True, exist_ok=True)
        if (directory := settings.cards_directory) is not None:
            with _taking(f"folder {directory}"):
                directory.mkdir(parents=True, exist_ok=True)
        port = await self._open_ports()
        if settings.control_path is not None:
            with _taking(f"control {settings.control_path}"):
                await self.control.open(settings.control_path)
        return port

    async def _open_ports(self) -> int:
        settings, port = self._settings, 0
        if settings.port is not None:
            with _taking(f"tcp {settings.host}:{settings.port}"):
                port = await self._link.open(settings.host, settings.port)
            self.listening.append(f"listening tcp {settings.host}:{port}")
        if self._usbip is not None and settings.usbip is not None:
            host, usbip_port = settings.usbip
            with _taking(f"usbip {host}:{usbip_port}"):
                usbip_port = await self._usbip.open(host, usbip_port)
            self.listening.append(f"listening usbip {host}:{usbip_port}")
        return port

    async def close(self) -> None:
        """Give back what `open` took, as far as it came."""
        await self._link.close()
        if self._usbip is not None:
            await self._usbip.close()
        await self.control.close()

    async def serve(self) -> None:
        """Live until cancelled; `open` comes first, `close` after."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pacemaker.run())
            group.create_task(self.gallery.run())
            if self._settings.port is not None:
                group.create_task(self._link.run())
            if self._usb_port is not None:
                group.create_task(self._usb_port.run())

    async def run(self, say: Callable[[str], None]) -> None:
        """Serve until SIGTERM or SIGINT; `say` gets a line for each way in.

        Raises:
            StartError: see `open`.
        """
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signal_no in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_no, ended.set)
        try:
            await self.open()
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(self.serve())
                for line in self.listening:
                    say(line)
                if self._settings.control_path is not None:
                    say(f"control {self._settings.control_path}")
                await ended.wait()
                await self.gallery.drawn()
                serving.cancel()
        finally:
            await self.close()

    def _furnish(self) -> None:
        """Give the machine its blanks, ribbon and troubles: new, or those it had."""
        settings = self._settings
        if self._keeping is not None and self._keeping.has_machine:
            with _taking(f"state {settings.state_directory}"):
                self._keeping.recall(self.printer.remind)
            return
        self.hand.load(settings.hopper_count)
        self.hand.change_ribbon(settings.ribbon_kind, settings.ribbon_sets)
        for kind, card_no in settings.faults:
            self.machine.faults.schedule(kind, card_no)

    def _settle(self) -> None:
        self.printer.settle()
        if self._keeping is not None:
            self._keeping.save(self.printer.lasting())


def _build(model: Model, settings: Settings) -> Build:
    return Build(
        timing=model.timing,
        cards_count_at=model.cards_count_at,
        ribbon_counts_at=model.ribbon_counts_at,
        power_up=settings.power_up,
        has_flipper=model.two_sided,
        has_reject_bin=model.has_reject_bin,
        loses_last_count=settings.loses_last_count,
    )


@contextmanager
def _taking(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StartError(f"{what}: {error.strerror or error}") from error
    except ValueError as error:
        raise StartError(f"{what}: {error}") from error
