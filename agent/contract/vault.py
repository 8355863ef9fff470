"""How a job lies in the spool: never in clear.

A sealed message is kept as it came, for it is encrypted to this agent already. A bare
one, which only the unsigned mode of a bench takes, is encrypted to the agent here.
"""

from __future__ import annotations

from agent.contract.keyring import Keyring

_OURS = b"!"  # before a token of our own; neither a JWE nor JSON begins with it


class Vault:
    """Seals and opens what is kept, with the agent's key."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, message: bytes) -> bytes:
        """Return what may lie on the disk in the place of `message`."""
        if not message.startswith(b"{"):
            return message
        return _OURS + self._keyring.opener.encrypt(message)

    def open(self, kept: bytes) -> bytes:
        """Return the message; what another key sealed stays as it is, and is no job."""
        from agent.contract.jose import DoesNotOpenError

        if not kept.startswith(_OURS):
            return kept
        try:
            return self._keyring.opener.decrypt(kept[len(_OURS) :])
        except DoesNotOpenError:
            return kept
