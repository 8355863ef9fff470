"""Sealing a job for one agent, signing an ack or a command.

A job is a compact JWE whose plaintext is a compact JWS of the document, one line feed,
then the raw parts in the order of the manifest.
"""

from __future__ import annotations

from joserfc import jwe, jws

from simulators.centre.keys import AgentKey, SigningKey

_MESSAGE_SIZE_MAX = 5 * 2**20


class _JweRegistry(jwe.JWERegistry):
    max_ciphertext_length = _MESSAGE_SIZE_MAX  # the library's own limit is 64 KiB


class _JwsRegistry(jws.JWSRegistry):
    max_payload_length = _MESSAGE_SIZE_MAX  # the library's own limit is 128 kB


_ENCRYPT = _JweRegistry(algorithms=["ECDH-ES+A256KW", "A256GCM"])
_SIGN = _JwsRegistry(algorithms=["ES256", "Ed25519"])


def seal(payload: bytes, parts: bytes, centre: SigningKey, agent: AgentKey) -> bytes:
    """Return the MQTT payload of a job; `parts` are all of them, one after another."""
    signed = _sign(payload, "blanko-job+jws", centre)
    header = {
        "alg": "ECDH-ES+A256KW",
        "enc": "A256GCM",
        "kid": agent.kid,
        "typ": "blanko-job+jwe",
        "cty": "blanko-job+jws",
    }
    plaintext = signed.encode() + b"\n" + parts
    return jwe.encrypt_compact(header, plaintext, agent.key, registry=_ENCRYPT).encode()


def sign_ack(payload: bytes, centre: SigningKey) -> bytes:
    """Return the MQTT payload of an ack."""
    return _sign(payload, "blanko-ack+jws", centre).encode()


def sign_command(payload: bytes, centre: SigningKey) -> bytes:
    """Return the MQTT payload of a command."""
    return _sign(payload, "blanko-command+jws", centre).encode()


def _sign(payload: bytes, typ: str, centre: SigningKey) -> str:
    header = {"alg": centre.alg, "kid": centre.kid, "typ": typ}
    return jws.serialize_compact(header, payload, centre.key, registry=_SIGN)
