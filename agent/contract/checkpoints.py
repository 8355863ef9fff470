"""Checkpoints: the agent's signature over the newest event, as a compact JWS.

JWS (Ed25519, typ blanko-checkpoint+jws) of {"hash":…,"ledger":…,"no":…}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from agent.contract.agent_events import SigningKey
from agent.contract.keyring import thumbprint
from agent.contract.tokens import CHECKPOINT_JWS, ShapeError, jws_header

if TYPE_CHECKING:
    from agent.contract.jose import Signer


class CheckpointError(Exception):
    """A signature that is not what it should be; says why."""


def sign_head(signer: Signer, ledger: str, no: int, digest: str) -> str:
    """Return the signature over event `no` of a ledger, whose hash is `digest`."""
    return signer.sign(_document(ledger, no, digest), CHECKPOINT_JWS)


def check_checkpoint(
    signature: str, keys: Mapping[str, SigningKey], document: tuple[str, int, str]
) -> None:
    """Prove that one of `keys` has signed this ledger, number and hash.

    Raises:
        CheckpointError: it has not.
    """
    from agent.contract.jose import DoesNotOpenError, verified

    token = signature.encode()
    try:
        header = jws_header(token, CHECKPOINT_JWS)
    except ShapeError as error:
        raise CheckpointError(str(error)) from error
    key = keys.get(header["kid"])
    if key is None:
        raise CheckpointError("signed with a key that was not named before")
    if header["alg"] != "Ed25519":
        raise CheckpointError("alg must be Ed25519")
    try:
        payload = verified(token, key)
    except DoesNotOpenError:
        raise CheckpointError(f"the signature is not by {key.kid}") from None
    if payload != _document(*document):
        raise CheckpointError("the signature is over another event")


def genuine(key: SigningKey) -> bool:
    """True when the key's id is its own thumbprint."""
    return key.kid == thumbprint({"kty": key.kty, "crv": key.crv, "x": key.x})


def _document(ledger: str, no: int, digest: str) -> bytes:
    tree = {"ledger": ledger, "no": no, "hash": digest}
    return msgspec.json.encode(tree, order="sorted")
