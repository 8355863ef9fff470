"""The centre's signing key, its trust file, and an agent's public key: JWK files."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

PRIVATE_NAME = "centre.jwk"
TRUST_NAME = "trust.jwks"

Key = ECKey | OKPKey


class KeyFileError(Exception):
    """A key file is missing or holds no key of a kind the contract allows."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What the centre signs jobs and acks with."""

    key: Key
    alg: str  # "ES256" or "Ed25519"
    kid: str


@dataclass(frozen=True, slots=True)
class AgentKey:
    """What a job is sealed for."""

    key: Key
    kid: str


def centre_key(directory: Path, alg: str = "ES256") -> SigningKey:
    """Return the key in `directory`, made on the first call, with its trust file.

    Raises:
        KeyFileError: the private file is damaged.
    """
    path = directory / PRIVATE_NAME
    if not path.exists():
        _make(directory, alg)
    document, key = _load(path)
    found = "Ed25519" if isinstance(key, OKPKey) else "ES256"
    return SigningKey(key, found, str(document.get("kid") or key.thumbprint()))


def agent_key(path: Path) -> AgentKey:
    """Return an agent's key from its JWK file, P-256 or X25519; public is enough.

    Raises:
        KeyFileError: names the file and what is wrong with it.
    """
    document, key = _load(path)
    return AgentKey(key, str(document.get("kid") or key.thumbprint()))


def _make(directory: Path, alg: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    key: Key = (
        OKPKey.generate_key("Ed25519", private=True)
        if alg == "Ed25519"
        else ECKey.generate_key("P-256", private=True)
    )
    names = {"kid": key.thumbprint(), "alg": alg, "use": "sig"}
    public = {**key.as_dict(private=False), **names}
    trust = json.dumps({"keys": [public]}, indent=2)
    (directory / TRUST_NAME).write_text(trust + "\n")
    private = json.dumps({**key.as_dict(private=True), **names})
    opener = os.open(directory / PRIVATE_NAME, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(opener, "w") as file:
        file.write(private + "\n")


def _load(path: Path) -> tuple[dict[str, object], Key]:
    try:
        document = json.loads(path.read_bytes())
        kind = document.get("kty")
        bare = {name: document[name] for name in document if name not in _ABOUT}
        if kind == "EC":
            return document, ECKey.import_key(bare)
        if kind == "OKP":
            return document, OKPKey.import_key(bare)
    except OSError as error:
        raise KeyFileError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, AttributeError, KeyError, JoseError) as error:
        raise KeyFileError(f"{path} holds no JWK: {error}") from error
    raise KeyFileError(f"{path}: kty is {kind!r}, must be EC or OKP")


_ABOUT = ("kid", "alg", "use", "key_ops")
