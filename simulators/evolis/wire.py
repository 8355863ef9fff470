"""Bytes from the host to commands: `ESC word ;param… CR`, and raw panels in `Db…`.

The parser is the printer's, not a connection's: it goes on where the last byte left
it. Inside a panel it counts and does not look, so that a status request cut into one
is picture. Between commands all that is not ESC is passed over: NULs, tags, noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

ESC = 0x1B
CR = 0x0D
SEPARATOR = 0x3B
HEAD_SIZE_MAX = 256  # of a command without its panel
PANEL_WORDS = {"Db": 2, "Dbx": 4, "Dbc": 3}  # and how many parameters come before data


@dataclass(frozen=True, slots=True)
class Command:
    word: str
    parameters: tuple[str, ...] = ()
    panel: bytes | None = None  # what a Db, Dbx or Dbc carried, taken whole
    malformed: bool = False


@dataclass(slots=True)
class Parser:
    """`panel_size(word, parameters)` says how many bytes follow; None: no such one."""

    panel_size: Callable[[str, tuple[str, ...]], int | None]
    _head: bytearray | None = None  # the command's text so far; None: between commands
    _panel: bytearray = field(default_factory=bytearray)
    panel_size_now: int = 0  # bytes of the panel being received; 0: none is

    @property
    def missing_size(self) -> int:
        """Bytes that the panel being received still wants; 0 outside a panel."""
        return self.panel_size_now - len(self._panel) if self.panel_size_now else 0

    @property
    def in_command(self) -> bool:
        return self._head is not None

    def reset(self) -> None:
        """Forget what was begun, as at power-up."""
        self._head = None
        self._drop_panel()

    def receive(self, data: bytes) -> list[Command]:
        """Take bytes; return the commands that became whole with them."""
        commands: list[Command] = []
        at = 0
        while at < len(data):
            if self._head is None:
                start = data.find(ESC, at)
                if start < 0:
                    break
                self._head = bytearray()
                at = start + 1
            elif self.missing_size:
                part = data[at : at + self.missing_size]
                self._panel += part
                at += len(part)
            else:
                at = self._text_byte(data, at, commands)
        return commands

    def _text_byte(self, data: bytes, at: int, commands: list[Command]) -> int:
        """Take one byte of a command's text; return where to go on."""
        head = self._head
        assert head is not None
        byte = data[at]
        if byte == CR:
            commands.append(self._whole(head))
        elif self.panel_size_now:  # a panel was counted out, and no CR ends it
            commands.append(self._refused(head))
            return at
        elif byte == ESC:
            head.clear()  # the command before was never ended: a new one begins
        elif len(head) >= HEAD_SIZE_MAX:
            commands.append(self._refused(head))
        else:
            head.append(byte)
            if byte == SEPARATOR:
                self._begin_panel(head, commands)
        return at + 1

    def _begin_panel(self, head: bytearray, commands: list[Command]) -> None:
        """Count out what follows, if the separator that came was a panel's last."""
        word, *parameters = _text(head)[:-1].split(";")
        if len(parameters) != PANEL_WORDS.get(word):
            return
        size = self.panel_size(word, tuple(parameters))
        if size is None:
            commands.append(self._refused(head))
        else:
            self.panel_size_now = size

    def _whole(self, head: bytearray) -> Command:
        word, *parameters = _text(head).split(";")
        if self.panel_size_now:
            panel = bytes(self._panel)
            command = Command(word, tuple(parameters[:-1]), panel)
        else:
            command = Command(word, tuple(parameters))
        self.reset()
        return command

    def _refused(self, head: bytearray) -> Command:
        word, *parameters = _text(head).split(";")
        self.reset()
        return Command(word, tuple(parameters), malformed=True)

    def _drop_panel(self) -> None:
        self._panel = bytearray()
        self.panel_size_now = 0


def _text(head: bytearray) -> str:
    return head.decode("latin-1")
