"""Mail that is sealed and signed as the contract says, opened by the agent's own code.

What the centre seals is made by hand, with nothing of the agent's; all of it is kept,
for whoever listens at the broker has it.
"""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import Any

from agent.contract.envelope import (
    OpenedCommand,
    OpenedJob,
    open_ack,
    open_command,
    open_job,
)
from agent.contract.messages import Ack
from tests.agent import envelope_by_hand as by_hand
from tests.world.centre import ADDRESS
from tests.world.post import Post


class SealedPost(Post):
    unsigned = False

    def __init__(self) -> None:
        self.hand = by_hand.World()
        self.jobs: list[bytes] = []  # each as it was published
        self.acks: list[bytes] = []
        keyring = self.hand.keyring()
        self._open_job = partial(open_job, keyring=keyring, to=ADDRESS)
        self._open_ack = partial(open_ack, keyring=keyring, to=ADDRESS)
        self._open_command = partial(open_command, keyring=keyring, to=ADDRESS)

    def document(self, job: bytes, **changes: Any) -> bytes:
        """Return the document of a job, with the manifest of what follows it."""
        document, _, picture = job.partition(b"\n")
        part = {
            "name": "front",
            "type": "image/png",
            "size": len(picture),
            "sha256": hashlib.sha256(picture).hexdigest(),
        }
        whole = json.loads(document) | {"parts": [part]} | changes
        return by_hand.compact(whole)

    def seal(self, job: bytes, **changes: Any) -> bytes:
        """Seal a job; `changes` are of its document, before it is signed."""
        _, _, picture = job.partition(b"\n")
        document = self.document(job, **changes)
        self.jobs.append(self.hand.message(document, picture))
        return self.jobs[-1]

    def sign_ack(self, ack: bytes) -> bytes:
        self.acks.append(self.hand.ack(ack))
        return self.acks[-1]

    def sign_command(self, command: bytes) -> bytes:
        return self.hand.command(command)

    def open_job(self, message: bytes) -> OpenedJob:
        return self._open_job(message)

    def open_ack(self, message: bytes) -> Ack:
        return self._open_ack(message)

    def open_command(self, message: bytes) -> OpenedCommand:
        return self._open_command(message)
