"""What can go wrong with the journal, and what a person may be refused."""

from __future__ import annotations

from agent.errors import AgentError


class JournalError(AgentError):
    """The journal cannot be read or written; the message names the file.

    Nothing was changed, nothing was deleted, and no card may move.
    """


class JournalDamagedError(JournalError):
    """The journal is not what was written, or it is gone: a person must decide."""


class JournalForeignError(JournalError):
    """The file is whole and not for this program: it is left where it is."""


class StorageError(JournalError):
    """The disk does not do what it is asked: it fails, or may only be read.

    That may pass: whoever waits for it waits for `Journal.writable`.
    """


class StorageFullError(StorageError):
    """The disk has no room for what should be written."""


class Refusal(Exception):  # noqa: N818 - an answer to a person, not a fault
    """What a person asked for was not done: `code` for programs, the text for people.

    Codes: docs/control.md lists them.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
