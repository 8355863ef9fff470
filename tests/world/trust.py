"""The keys of a world: the agent's own signature, and what the centre's word is worth.

The agent's key is the same in every world, so that a seed tells one story. The centre
signs nothing here: envelopes have tests of their own.
"""

from __future__ import annotations

import base64

import msgspec

from agent.contract.jose import Signer
from agent.contract.keyring import AgentKey
from agent.contract.messages import Ack

_SECRET = base64.urlsafe_b64encode(bytes(range(32))).rstrip(b"=").decode()

SIGNER = Signer(AgentKey("agent-1", "OKP", "X25519", {"d": _SECRET}))


def open_ack(message: bytes) -> Ack:
    """Open what the centre of a world publishes.

    Raises:
        ValueError: it is no ack.
    """
    try:
        return msgspec.json.decode(message, type=Ack)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
