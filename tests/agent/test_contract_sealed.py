"""The published sealed jobs: opened by the agent, by hand, and as the page says."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

from agent.artwork import check
from agent.contract.envelope import Keyring, open_ack, open_job
from agent.contract.topics import Address
from tests.agent.envelope_by_hand import key_encryption_key

SEALED = Path(__file__).parents[2] / "docs/contract/examples/sealed"
PAGE = (SEALED / "README.md").read_text()
TO = Address("bekasi-1", "p1")
FOLDERS = ["p256-es256", "x25519-ed25519"]


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text: str) -> int:
    return int.from_bytes(decoded(text), "big")


def shared_secret(private: dict[str, str], epk: dict[str, str]) -> bytes:
    if private["kty"] == "OKP":
        key = x25519.X25519PrivateKey.from_private_bytes(decoded(private["d"]))
        peer = x25519.X25519PublicKey.from_public_bytes(decoded(epk["x"]))
        return key.exchange(peer)
    curve = ec.SECP256R1()
    point = ec.EllipticCurvePublicNumbers(number(epk["x"]), number(epk["y"]), curve)
    own = ec.derive_private_key(number(private["d"]), curve)
    return own.exchange(ec.ECDH(), point.public_key())


def keyring(folder: str) -> Keyring:
    return Keyring.load(
        SEALED / folder / "agent.TEST-KEY.jwk", SEALED / folder / "trust.jwks"
    )


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_agent_opens_the_published_job_and_can_print_it(folder):
    message = (SEALED / folder / "message.jwe").read_bytes()

    opened = open_job(message, keyring(folder), TO)

    document = (SEALED / folder / "document.json").read_bytes()
    assert opened.payload_sha256 == hashlib.sha256(document).hexdigest()
    for name, data in opened.parts.items():
        (file,) = (SEALED / folder).glob(f"{name}.*")
        assert file.read_bytes() == data
    check(opened.job, opened.parts)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_agent_opens_the_published_ack(folder):
    ack = open_ack((SEALED / folder / "ack.jws").read_bytes(), keyring(folder), TO)
    assert (ack.no, ack.hash) == (0, "0" * 64)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_step_of_the_page_comes_to_the_number_it_says(folder):
    message = (SEALED / folder / "message.jwe").read_bytes()
    private = json.loads((SEALED / folder / "agent.TEST-KEY.jwk").read_text())
    segments = message.decode().split(".")
    header = json.loads(decoded(segments[0]))

    secret = shared_secret(private, header["epk"])
    wrapping = key_encryption_key(secret)
    content_key = aes_key_unwrap(wrapping, decoded(segments[1]))
    iv, tag = decoded(segments[2]), decoded(segments[4])
    sealed = decoded(segments[3]) + tag
    plain = AESGCM(content_key).decrypt(iv, sealed, segments[0].encode())
    signed, _, parts = plain.partition(b"\n")
    inner_header, payload, signature = map(decoded, signed.decode().split("."))
    document = json.loads(payload)

    for value in (secret, wrapping, content_key, iv, tag):
        assert f"`{value.hex()}`" in PAGE
    assert f"`{signature.hex()[:32]}…`" in PAGE
    assert inner_header.decode() in PAGE
    for name in ("kid", "alg", "enc", "typ", "cty"):
        assert f'"{name}": "{header[name]}"' in PAGE
    assert f"`message.jwe` has {len(message)} bytes" in PAGE
    assert f"It has {len(plain)} bytes" in PAGE
    assert f"byte {len(signed)} (from 0)" in PAGE
    assert f"its payload, {len(payload)} bytes" in PAGE
    assert f"the {len(parts)} bytes after the line feed" in PAGE
    for raw in (message, payload):
        assert hashlib.sha256(raw).hexdigest() in PAGE
    for part in document["parts"]:
        assert part["sha256"] in PAGE


def test_the_published_private_keys_say_that_they_are_for_tests_only():
    private = [
        path
        for path in SEALED.rglob("*.jwk*")
        if '"d"' in path.read_text() and "TEST-KEY" not in path.name
    ]
    assert not private
    assert "published test keys" in PAGE
