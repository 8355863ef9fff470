"""The root of what can go wrong in the agent; printers have a root of their own."""

from __future__ import annotations


class AgentError(Exception):
    """Something was not as the agent needs it.

    `what` is wrong, `where` (a file, a field, a step of an envelope) and what was
    `expected` instead; the text of the exception is the three of them. None of them
    ever holds a citizen's data or a key.
    """

    def __init__(self, what: str, *, where: str = "", expected: str = "") -> None:
        place = f"{where}: " if where else ""
        wish = f"; expected {expected}" if expected else ""
        super().__init__(f"{place}{what}{wish}")
        self.what = what
        self.where = where
        self.expected = expected
