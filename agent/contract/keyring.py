"""Whom the agent believes, and what opens its mail: an agent key and a trust file.

Files are JWK and JWK Set. The library that computes (10 MB, 70 ms) is imported when
the first key is used, not when the files are read.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from agent.contract.documents import DocumentError, parse
from agent.contract.messages import KEY_ID_PATTERN
from agent.errors import AgentError

if TYPE_CHECKING:
    from agent.contract.jose import Opener, Signer

SIGNATURES = {"ES256": ("ES256",), "Ed25519": ("Ed25519", "EdDSA")}
"""The signature of a key, and the header's names for it (EdDSA is the older one)."""

_COORDINATE = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes
_KEY_ID = re.compile(KEY_ID_PATTERN)
_AGENT_CURVES = {"EC": "P-256", "OKP": "X25519"}
_CENTRE_CURVES = {"EC": "P-256", "OKP": "Ed25519"}
_ALGS = {"P-256": {"ES256"}, "Ed25519": {"Ed25519", "EdDSA"}}


class KeyFileError(AgentError):
    """A key file cannot be used: which one, what is wrong, what was expected."""


@dataclass(frozen=True, slots=True)
class AgentKey:
    """The private key that jobs are sealed for."""

    kid: str
    kty: str
    crv: str
    jwk: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CentreKey:
    """A public key that jobs and acks may be signed with."""

    kid: str
    alg: str  # a key of SIGNATURES: pinned, whatever a header says
    jwk: Mapping[str, str] = field(repr=False)


class Keyring:
    """The agent's key and the centre's keys by id.

    `allow_unsigned` also takes jobs that nobody signed or sealed: for a bench, never
    for a station.
    """

    def __init__(
        self,
        agent: AgentKey,
        trust: Mapping[str, CentreKey],
        *,
        allow_unsigned: bool = False,
    ) -> None:
        self.agent = agent
        self.trust = trust
        self.allow_unsigned = allow_unsigned
        self._opener: Opener | None = None

    @classmethod
    def load(cls, agent: Path, trust: Path, *, allow_unsigned: bool = False) -> Self:
        """Read both files; `opener` proves later that the numbers in them are keys.

        Raises:
            KeyFileError: names the file and what is wrong with it.
        """
        keys = agent_key(agent), trust_of(trust)
        return cls(*keys, allow_unsigned=allow_unsigned)

    @property
    def opener(self) -> Opener:
        """What decrypts and verifies with these keys; imports the library once.

        Raises:
            KeyFileError: a key is none: its point is not on the curve, or its public
                part is another key's.
        """
        if self._opener is None:
            from agent.contract.jose import Opener

            self._opener = Opener(self.agent, self.trust)
        return self._opener

    def signer(self) -> Signer:
        """Return what signs this agent's checkpoints; imports the library."""
        from agent.contract.jose import Signer

        return Signer(self.agent)


def agent_key(path: Path) -> AgentKey:
    """Read a private JWK of an agent.

    Raises:
        KeyFileError: it is no private key on P-256 or X25519.
    """
    where = str(path)
    document = _read(path)
    jwk = _numbers(document, _AGENT_CURVES, where)
    secret = document.get("d")
    if secret is None:
        raise KeyFileError("a public key", where=where, expected="the private one")
    jwk["d"] = _coordinate("d", secret, where)
    if document.get("use", "enc") != "enc":
        raise KeyFileError(
            "`use` says that it is for signing", where=where, expected="`enc`, or none"
        )
    return AgentKey(_kid(document, jwk, where), jwk["kty"], jwk["crv"], jwk)


def trust_of(path: Path) -> dict[str, CentreKey]:
    """Read a JWK Set of a centre's public keys, by key id.

    Raises:
        KeyFileError: it holds no key, a private one, one without `alg`, or two with
            the same id.
    """
    keys = _read(path).get("keys")
    if not isinstance(keys, list) or not keys:
        raise KeyFileError(
            "no keys", where=str(path), expected='a JWK Set: {"keys": [...]}'
        )
    found: dict[str, CentreKey] = {}
    for index, document in enumerate(keys):
        where = f"{path}: keys[{index}]"
        if not isinstance(document, dict):
            raise KeyFileError("not an object", where=where, expected="a JWK")
        key = _centre_key(document, where)
        if key.kid in found:
            raise KeyFileError(f"the kid {key.kid} stands twice", where=where)
        found[key.kid] = key
    return found


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the RFC 7638 thumbprint (SHA-256, base64url) of a key."""
    names = ("crv", "kty", "x", "y")
    public = {name: jwk[name] for name in names if name in jwk}
    text = json.dumps(public, separators=(",", ":"), sort_keys=True)
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _centre_key(document: dict[str, Any], where: str) -> CentreKey:
    jwk = _numbers(document, _CENTRE_CURVES, where)
    if "d" in document:
        raise KeyFileError(
            "a private key, which only the centre may have",
            where=where,
            expected="the public one",
        )
    alg, allowed = document.get("alg"), _ALGS[jwk["crv"]]
    if not isinstance(alg, str) or alg not in allowed:
        names = " or ".join(sorted(allowed))
        raise KeyFileError("`alg` is not of this key", where=where, expected=names)
    if document.get("use", "sig") != "sig":
        raise KeyFileError(
            "`use` says that it is not for signing", where=where, expected="`sig`"
        )
    alg = "ES256" if alg == "ES256" else "Ed25519"
    return CentreKey(_kid(document, jwk, where), alg, jwk)


def _read(path: Path) -> dict[str, Any]:
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise KeyFileError(
            f"cannot be read: {error.strerror}", where=str(path)
        ) from error
    except DocumentError as error:
        raise KeyFileError(
            f"{error}", where=str(path), expected="a JWK, which is a JSON object"
        ) from error


def _numbers(
    document: dict[str, Any], curves: Mapping[str, str], where: str
) -> dict[str, str]:
    """Return kty, crv, x and, for a point, y; nothing else a JWK may carry."""
    kty, crv = document.get("kty"), document.get("crv")
    if not isinstance(kty, str) or kty not in curves or crv != curves[kty]:
        wish = " or ".join(curves.values())
        raise KeyFileError("a key of another kind", where=where, expected=wish)
    names = ("x", "y") if kty == "EC" else ("x",)
    numbers = {name: _coordinate(name, document.get(name), where) for name in names}
    return {"kty": kty, "crv": curves[kty], **numbers}


def _coordinate(name: str, value: object, where: str) -> str:
    if not isinstance(value, str) or not _COORDINATE.fullmatch(value):
        raise KeyFileError(
            f"`{name}` is not a number of this key",
            where=where,
            expected="32 bytes in base64url, 43 characters",
        )
    return value


def _kid(document: dict[str, Any], jwk: Mapping[str, str], where: str) -> str:
    kid = document.get("kid")
    if kid is None:
        return thumbprint(jwk)
    if not isinstance(kid, str) or not _KEY_ID.match(kid):
        raise KeyFileError(
            "`kid` is no key id",
            where=where,
            expected="1 to 64 visible ASCII characters",
        )
    return kid
