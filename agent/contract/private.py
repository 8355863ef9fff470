"""A citizen's data in memory: usable as it is, but never shown.

Whatever prints a struct, logs a value or formats a message sees three dots. Who means
to use the data does so by the ordinary methods of text and bytes.
"""

from __future__ import annotations

SHOWN = "•••"


class Private(str):
    """Text such as a name: an ordinary `str` but for what it shows of itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return SHOWN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return SHOWN


class PrivateBytes(bytes):
    """Bytes such as a portrait: ordinary `bytes` but for what they show of themselves.

    A slice of them is plain `bytes` again.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return SHOWN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return SHOWN


def reveal(value: object) -> str:
    """Give msgspec the text behind a `Private`: an `enc_hook`, for tests and examples.

    Without it nothing private can be encoded, which is the rule in the daemon.

    Raises:
        TypeError: the value is nothing private, nor anything else that has a JSON form.
    """
    if isinstance(value, Private):
        return "".join(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
