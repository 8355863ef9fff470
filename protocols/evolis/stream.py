"""The commands of a whole job's stream in words, for a trace: no dot of it is shown.

Panels are counted by the BINARY tags around them (EVO-70). Where the bytes are not what
such a stream is made of, the rest of it is told by its size alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

PANELS_MAX = 8  # in one tag
_COMMAND = re.compile(rb"\x1b([PSM][A-Za-z]{0,7})((?:;[\w=-]{0,15}){0,8})\r")
_TAG = re.compile(rb"<(/?[A-Z]{2,8})((?: [A-Z][a-z]{1,8}=[0-9x]{1,9})?)>")
_BINARY = re.compile(rb"<BINARY Size=([1-9]\d{0,7})>")
_HEAD = re.compile(rb"\x1b(Dbx?;[a-z];[1-9]\d{0,4}(?:;\d{1,5};\d{1,5})?);")


def told(sent: bytes) -> Iterator[str]:
    """One line a command or panel; tags are passed over."""
    at = 0
    while at < len(sent):
        binary = _BINARY.match(sent, at)
        command = _COMMAND.match(sent, at)
        tag = _TAG.match(sent, at)
        if binary is not None:
            panels = _panels(sent[binary.end() : binary.end() + int(binary[1])])
            if not panels:
                break
            yield from panels
            at = binary.end() + int(binary[1])
        elif command is not None:
            yield (command[1] + command[2]).decode("ascii")
            at = command.end()
        elif tag is not None:
            at = tag.end()
        elif sent[at] == 0:
            at += 1
        else:
            break
    if at < len(sent):
        yield f"{len(sent) - at} bytes not shown: not as a job goes on"


def _panels(body: bytes) -> list[str]:
    """The panels of one tag, all of one size; none if they do not fill it just so."""
    head = _HEAD.match(body)
    if head is None or not body.endswith(b"\r"):
        return []
    for count in range(PANELS_MAX, 0, -1):
        size, rest = divmod(len(body), count)
        each = [body[at : at + size] for at in range(0, len(body), size)]
        heads = [_HEAD.match(one) for one in each]
        if not rest and all(heads) and all(one.endswith(b"\r") for one in each):
            return [_panel(one, head) for one, head in zip(each, heads, strict=True)]
    return []


def _panel(panel: bytes, head: re.Match[bytes] | None) -> str:
    assert head is not None
    dots = panel[head.end() : -1]
    digest = hashlib.sha256(dots).hexdigest()
    name = head[1].decode("ascii")
    return f"{name}: {len(dots)} bytes of dots, SHA-256 {digest}"
