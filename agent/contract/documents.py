"""JSON from a stranger, read strictly: what it says must be what was signed for.

The usual readers keep the last of two equal names, take NaN, and guess encodings; here
each of them is refused, and so is what is too long or too deep, before it costs.
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

import msgspec

from agent.errors import AgentError

T = TypeVar("T")

DOCUMENT_SIZE_MAX = 256 * 2**10
DEPTH_MAX = 16

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[{]|([\]}])")
_QUOTED = re.compile(r"""'.*'|["].*["]""", re.DOTALL)  # as `repr` does it
_NAMED = re.compile(r"`([^`]*)`")
_NAME_LENGTH_MAX = 40


class DocumentError(AgentError):
    """Not a document of the contract; the text never holds a value of it."""


def parse(raw: bytes) -> dict[str, Any]:
    """Return a JSON object in UTF-8 in which no name stands twice.

    Raises:
        DocumentError: it is anything else.
    """
    if len(raw) > DOCUMENT_SIZE_MAX:
        size = f"{DOCUMENT_SIZE_MAX} bytes at most"
        raise DocumentError(f"the document has {len(raw)} bytes", expected=size)
    if _depth(raw) > DEPTH_MAX:
        raise DocumentError(f"it is nested more than {DEPTH_MAX} deep")
    try:
        msgspec.json.decode(raw)  # strict about numbers, surrogates and encoding
        tree = json.loads(raw.decode(), object_pairs_hook=_once)
    except _TwiceError as error:
        raise DocumentError(f"the name `{_short(error.name)}` stands twice") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise DocumentError("it is not JSON in UTF-8") from error
    if not isinstance(tree, dict):
        raise DocumentError("it is no JSON object")
    return tree


def convert(tree: dict[str, Any], kind: type[T]) -> T:
    """Return the message that `tree` is; names that begin with `x-` are ignored.

    Raises:
        DocumentError: says which field is wrong and what was expected.
    """
    try:
        return msgspec.convert(_without_extensions(tree), kind)
    except msgspec.ValidationError as error:
        raise DocumentError(_without_values(str(error))) from None


class _TwiceError(Exception):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _TwiceError(name)
        found[name] = value
    return found


def _depth(raw: bytes) -> int:
    depth = deepest = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", raw)):
        depth += -1 if bracket[1] else 1
        deepest = max(deepest, depth)
    return deepest


def _without_extensions(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_extensions(item)
            for name, item in value.items()
            if not name.startswith("x-")
        }
    if isinstance(value, list):
        return [_without_extensions(item) for item in value]
    return value


def _without_values(complaint: str) -> str:
    """Keep what msgspec says of types and places; drop the value it may quote."""
    if not complaint.startswith("Expected"):
        complaint = _QUOTED.sub("(not shown)", complaint)
    text = _NAMED.sub(lambda name: f"`{_short(name[1])}`", complaint)
    return text[:1].lower() + text[1:]


def _short(name: str) -> str:
    return name if len(name) <= _NAME_LENGTH_MAX else name[:_NAME_LENGTH_MAX] + "…"
