"""The mail of a world: how the centre seals it, and how the agent opens it.

Mostly nothing is sealed: envelopes have their own tests, and would cost more than all
the rest. Where thieves lay hand on the mail itself, `tests.world.sealed` seals it.
"""

from __future__ import annotations

import hashlib

import msgspec

from agent.contract.commands import KINDS, Command, Result
from agent.contract.envelope import EnvelopeRefused, OpenedCommand, OpenedJob
from agent.contract.messages import Ack, Job, RejectReason
from tests.world.trust import open_ack


class Post:
    """Mail that nobody sealed and nobody signed."""

    unsigned = True

    def seal(self, job: bytes) -> bytes:
        """Return what is published of a document, a line feed and its parts."""
        return job

    def sign_ack(self, ack: bytes) -> bytes:
        return ack

    def sign_command(self, command: bytes) -> bytes:
        return command

    def open_job(self, message: bytes) -> OpenedJob:
        return open_message(message)

    def open_ack(self, message: bytes) -> Ack:
        return open_ack(message)

    def open_command(self, message: bytes) -> OpenedCommand:
        return open_command(message)


BARE = Post()


def open_message(message: bytes) -> OpenedJob:
    """Open what `Order.message` made: the agent's side of it."""
    payload, _, _ = message.partition(b"\n")
    job = msgspec.json.decode(payload, type=Job)
    return OpenedJob(job=job, parts={}, payload_sha256=_sha256(payload))


def open_command(message: bytes) -> OpenedCommand:
    """Likewise for a command; what the agent cannot know is for the ledger to say.

    Raises:
        EnvelopeRefused: the centre did not make it.
    """
    document = msgspec.json.decode(message)
    if "forged" in document:
        raise EnvelopeRefused(RejectReason.BAD_SIGNATURE, "not signed by the centre")
    if document["kind"] not in KINDS:
        return OpenedCommand(
            payload_sha256=_sha256(message),
            key_id="centre",
            command_id=document["command_id"],
            command_no=document["command_no"],
            kind=document["kind"],
            command=None,
            refused=Result.UNKNOWN_KIND,
        )
    command = msgspec.json.decode(message, type=Command)
    return OpenedCommand(
        payload_sha256=_sha256(message),
        key_id="centre",
        command_id=command.command_id,
        command_no=command.command_no,
        kind=str(command.__struct_config__.tag),
        command=command,
    )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
