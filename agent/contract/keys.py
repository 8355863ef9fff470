"""Making an agent's key, and showing the public part that the centre is given."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from agent.contract.agent_events import SigningKey
from agent.contract.documents import DocumentError, convert, parse
from agent.contract.keyring import AgentKey, KeyFileError, agent_key, thumbprint

Kind = Literal["P-256", "X25519"]
KINDS: tuple[Kind, ...] = ("P-256", "X25519")

_ABOUT = {"use": "enc", "alg": "ECDH-ES+A256KW"}


def make(path: Path, kind: Kind) -> dict[str, Any]:
    """Write a new private key to `path` (mode 0600) and its public part beside it.

    Returns the public JWK, which is what `path` with `.pub` at its end holds.

    Raises:
        KeyFileError: one of the files exists, or cannot be written.
    """
    from joserfc.jwk import ECKey, OKPKey

    shown = path.with_name(path.name + ".pub")
    for file in (path, shown):
        if file.exists():
            raise KeyFileError(
                "there is a file of this name, and jobs may be sealed for its key",
                where=str(file),
                expected="a new name",
            )
    key = (
        ECKey.generate_key(kind, private=True)
        if kind == "P-256"
        else OKPKey.generate_key(kind, private=True)
    )
    numbers = {name: str(value) for name, value in key.as_dict(private=True).items()}
    names = ("kty", "crv", "x", "y", "d")
    jwk = {name: numbers[name] for name in names if name in numbers}
    whole = {**jwk, "kid": thumbprint(jwk), **_ABOUT}
    public = public_of(AgentKey(whole["kid"], jwk["kty"], jwk["crv"], jwk))
    _write(path, whole, 0o600)
    _write(shown, public, 0o644)
    return public


def public_of(key: AgentKey) -> dict[str, Any]:
    """Return the public JWK of an agent's key: what a centre seals jobs for.

    `signing` in it is the JWK that the same agent's checkpoints are signed with.
    """
    from agent.contract.jose import Signer

    public = {name: value for name, value in key.jwk.items() if name != "d"}
    signing = msgspec.to_builtins(Signer(key).public)
    return {**public, "kid": key.kid, **_ABOUT, "signing": signing}


def signing_of(path: Path) -> SigningKey:
    """Return the public key that the agent with this private key signs with.

    Raises:
        KeyFileError: the file is no private key of an agent.
    """
    from agent.contract.jose import Signer

    return Signer(agent_key(path)).public


def signing_of_public(path: Path) -> SigningKey:
    """Return the signing key out of what `keys show` prints.

    Raises:
        KeyFileError: the file holds none.
    """
    try:
        tree = parse(path.read_bytes())
        return convert(tree.get("signing", tree), SigningKey)
    except OSError as error:
        raise KeyFileError(
            f"cannot be read: {error.strerror}", where=str(path)
        ) from error
    except DocumentError as error:
        raise KeyFileError(
            "no signing key",
            where=str(path),
            expected="what `blanko keys show` prints",
        ) from error


def _write(path: Path, jwk: Mapping[str, object], mode: int) -> None:
    try:
        # O_EXCL: a key that was made in this instant by another hand is not lost.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise KeyFileError(
            f"cannot be written: {error.strerror}", where=str(path)
        ) from error
    with os.fdopen(descriptor, "w") as file:
        file.write(json.dumps(jwk, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
