"""Sealing by hand, with nothing of ours and no JOSE library: a second opinion.

Every step can be replaced, so that a test can make what no honest centre would.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from agent.contract.envelope import Address, Keyring
from agent.contract.keyring import AgentKey, CentreKey

TO = Address("bekasi-1", "p1")
PICTURE = b"\x89PNG not really a picture"

AgentPrivate = ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey
CentrePrivate = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def public_jwk(key: AgentPrivate | CentrePrivate) -> dict[str, str]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        numbers = key.public_key().public_numbers()
        x, y = (b64(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    crv = "Ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else "X25519"
    return {"kty": "OKP", "crv": crv, "x": b64(key.public_key().public_bytes_raw())}


def private_jwk(key: AgentPrivate | CentrePrivate) -> dict[str, str]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        secret = key.private_numbers().private_value.to_bytes(32, "big")
    else:
        secret = key.private_bytes_raw()
    return {**public_jwk(key), "d": b64(secret)}


def signature_over(data: bytes, key: CentrePrivate) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    numbers = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def jws(header: bytes | dict[str, Any], payload: bytes, key: CentrePrivate) -> bytes:
    raw = header if isinstance(header, bytes) else compact(header)
    data = f"{b64(raw)}.{b64(payload)}".encode()
    return data + b"." + b64(signature_over(data, key)).encode()


def key_encryption_key(shared: bytes) -> bytes:
    """RFC 7518 section 4.6.2, with empty party infos, for ECDH-ES+A256KW."""
    alg = b"ECDH-ES+A256KW"
    info = len(alg).to_bytes(4, "big") + alg + bytes(8) + (256).to_bytes(4, "big")
    return ConcatKDFHash(hashes.SHA256(), 32, info).derive(shared)


def agreed(private: AgentPrivate, peer: AgentPrivate) -> bytes:
    """The shared secret of one's private key and the public part of the other."""
    if isinstance(private, ec.EllipticCurvePrivateKey):
        assert isinstance(peer, ec.EllipticCurvePrivateKey)
        return private.exchange(ec.ECDH(), peer.public_key())
    assert isinstance(peer, x25519.X25519PrivateKey)
    return private.exchange(peer.public_key())


def jwe(
    header: bytes | dict[str, Any],
    plaintext: bytes,
    agent: AgentPrivate,
    ephemeral: AgentPrivate,
) -> bytes:
    """Seal for `agent`; the header must already hold `epk`."""
    raw = header if isinstance(header, bytes) else compact(header)
    content_key, iv = os.urandom(32), os.urandom(12)
    wrapped = aes_key_wrap(key_encryption_key(agreed(ephemeral, agent)), content_key)
    aad = b64(raw).encode()
    sealed = AESGCM(content_key).encrypt(iv, plaintext, aad)
    segments = (wrapped, iv, sealed[:-16], sealed[-16:])
    return b".".join([aad, *(b64(segment).encode() for segment in segments)])


def new_agent_key(kind: str) -> AgentPrivate:
    if kind == "P-256":
        return ec.generate_private_key(ec.SECP256R1())
    return x25519.X25519PrivateKey.generate()


def new_centre_key(alg: str) -> CentrePrivate:
    if alg == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


@dataclass
class World:
    """An agent and a centre that trust each other, and what both would do honestly."""

    agent_kind: str = "P-256"
    alg: str = "ES256"
    agent_kid: str = "agent-1"
    centre_kid: str = "centre-1"
    agent: AgentPrivate = field(init=False)
    centre: CentrePrivate = field(init=False)

    def __post_init__(self) -> None:
        self.agent = new_agent_key(self.agent_kind)
        self.centre = new_centre_key(self.alg)

    def keyring(self, *, allow_unsigned: bool = False) -> Keyring:
        jwk = private_jwk(self.agent)
        agent = AgentKey(self.agent_kid, jwk["kty"], jwk["crv"], jwk)
        centre = CentreKey(self.centre_kid, self.alg, public_jwk(self.centre))
        trust = {self.centre_kid: centre}
        return Keyring(agent, trust, allow_unsigned=allow_unsigned)

    def document(self, **changes: Any) -> dict[str, Any]:
        part = {
            "name": "front",
            "type": "image/png",
            "size": len(PICTURE),
            "sha256": hashlib.sha256(PICTURE).hexdigest(),
        }
        return {
            "job_id": "J-1",
            "queue_no": 1,
            "station": TO.station,
            "printer": TO.printer,
            "rkid": self.agent_kid,
            "issued_at": "2026-11-24T01:00:00Z",
            "expires_at": "2026-12-24T01:00:00Z",
            "kind": "first",
            "subject": "S-1",
            "sides": {"front": {"kind": "image", "part": "front"}},
            "parts": [part],
            **changes,
        }

    def ack_document(self, **changes: Any) -> dict[str, Any]:
        return {
            "station": TO.station,
            "printer": TO.printer,
            "ledger": "L-1",
            "no": 3,
            "hash": "a" * 64,
            "at": "2026-11-24T01:00:00Z",
            **changes,
        }

    def command_document(self, **changes: Any) -> dict[str, Any]:
        return {
            "command_id": "C-1",
            "command_no": 1,
            "station": TO.station,
            "printer": TO.printer,
            "issued_at": "2026-11-24T01:00:00Z",
            "expires_at": "2026-12-24T01:00:00Z",
            "kind": "pause",
            **changes,
        }

    def inner_header(self, **changes: Any) -> dict[str, Any]:
        honest = {"alg": self.alg, "kid": self.centre_kid, "typ": "blanko-job+jws"}
        return {**honest, **changes}

    def outer_header(self, ephemeral: AgentPrivate, **changes: Any) -> dict[str, Any]:
        return {
            "alg": "ECDH-ES+A256KW",
            "enc": "A256GCM",
            "kid": self.agent_kid,
            "typ": "blanko-job+jwe",
            "cty": "blanko-job+jws",
            "epk": public_jwk(ephemeral),
            **changes,
        }

    def signed(self, payload: bytes | None = None, **header: Any) -> bytes:
        raw = compact(self.document()) if payload is None else payload
        return jws(self.inner_header(**header), raw, self.centre)

    def ack(self, payload: bytes | None = None, **header: Any) -> bytes:
        raw = compact(self.ack_document()) if payload is None else payload
        changed = {"typ": "blanko-ack+jws", **header}
        return jws(self.inner_header(**changed), raw, self.centre)

    def command(self, payload: bytes | None = None, **document: Any) -> bytes:
        raw = compact(self.command_document(**document)) if payload is None else payload
        header = self.inner_header(typ="blanko-command+jws")
        return jws(header, raw, self.centre)

    def sealed(self, plaintext: bytes, **header: Any) -> bytes:
        ephemeral = new_agent_key(self.agent_kind)
        outer = self.outer_header(ephemeral, **header)
        return jwe(outer, plaintext, self.agent, ephemeral)

    def message(
        self, payload: bytes | None = None, parts: bytes = PICTURE, **document: Any
    ) -> bytes:
        """A whole message; `document` changes fields, `payload` replaces it all."""
        raw = compact(self.document(**document)) if payload is None else payload
        return self.sealed(self.signed(raw) + b"\n" + parts)
