"""Every attack on a job by its name: each is refused, with the reason that is meant."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from agent.contract.envelope import (
    EnvelopeRefused,
    open_ack,
    open_command,
    open_job,
)
from agent.contract.messages import RejectReason as R
from agent.contract.tokens import MESSAGE_SIZE_MAX, ShapeError, jws_header
from tests.agent.envelope_by_hand import (
    PICTURE,
    TO,
    World,
    agreed,
    b64,
    compact,
    jwe,
    jws,
    key_encryption_key,
    new_agent_key,
    new_centre_key,
    public_jwk,
)

Attack = Callable[[World], bytes]

NOT_HEX_64 = "a" * 63 + "g"


def outer(world: World, **changes: Any) -> bytes:
    return world.sealed(world.signed() + b"\n" + PICTURE, **changes)


def inner(world: World, **changes: Any) -> bytes:
    return world.sealed(world.signed(**changes) + b"\n" + PICTURE)


def raw_outer(world: World, edit: Callable[[bytes], bytes]) -> bytes:
    """Seal honestly under a header whose bytes were edited."""
    ephemeral = new_agent_key(world.agent_kind)
    header = edit(compact(world.outer_header(ephemeral)))
    return jwe(header, world.signed() + b"\n" + PICTURE, world.agent, ephemeral)


def raw_inner(world: World, edit: Callable[[bytes], bytes]) -> bytes:
    header = edit(compact(world.inner_header()))
    signed = jws(header, compact(world.document()), world.centre)
    return world.sealed(signed + b"\n" + PICTURE)


def inner_segments(
    world: World, header: bytes, signature: Callable[[bytes], bytes]
) -> bytes:
    data = f"{b64(header)}.{b64(compact(world.document()))}".encode()
    signed = data + b"." + b64(signature(data)).encode()
    return world.sealed(signed + b"\n" + PICTURE)


def document(world: World, edit: Callable[[bytes], bytes]) -> bytes:
    return world.message(edit(compact(world.document())))


def segment(message: bytes, index: int, edit: Callable[[bytes], bytes]) -> bytes:
    segments = message.split(b".")
    segments[index] = edit(segments[index])
    return b".".join(segments)


def flipped(text: bytes) -> bytes:
    middle = len(text) // 2
    other = b"B" if text[middle : middle + 1] != b"B" else b"C"
    return text[:middle] + other + text[middle + 1 :]


def hmac_with_public_key(world: World) -> bytes:
    pem = world.centre.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header = compact(world.inner_header(alg="HS512"))

    def tag(data: bytes) -> bytes:
        return hmac.digest(pem, data, "sha512")

    return inner_segments(world, header, tag)


def other_signer(world: World) -> bytes:
    stranger = new_centre_key(world.alg)
    signed = jws(world.inner_header(), compact(world.document()), stranger)
    return world.sealed(signed + b"\n" + PICTURE)


def agent_signs(world: World) -> bytes:
    signed = jws(
        world.inner_header(kid=world.agent_kid),
        compact(world.document()),
        new_centre_key(world.alg),
    )
    return world.sealed(signed + b"\n" + PICTURE)


def sealed_again(world: World, **mallet: Any) -> bytes:
    """A job honestly signed for another agent, sealed for this one."""
    return world.message(compact(world.document(**mallet)))


def for_another_agent(world: World) -> bytes:
    other = new_agent_key(world.agent_kind)
    ephemeral = new_agent_key(world.agent_kind)
    header = world.outer_header(ephemeral)
    return jwe(header, world.signed() + b"\n" + PICTURE, other, ephemeral)


def direct_agreement(world: World) -> bytes:
    ephemeral = new_agent_key(world.agent_kind)
    header = compact(world.outer_header(ephemeral, alg="ECDH-ES"))
    alg = b"A256GCM"
    info = len(alg).to_bytes(4, "big") + alg + bytes(8) + (256).to_bytes(4, "big")
    shared = agreed(ephemeral, world.agent)
    key = ConcatKDFHash(hashes.SHA256(), 32, info).derive(shared)
    return encrypted(header, b"", key, world.signed() + b"\n" + PICTURE)


def shared_secret(world: World) -> bytes:
    """`dir` with a key anybody can know."""
    header = compact(
        {**world.outer_header(new_agent_key(world.agent_kind)), "alg": "dir"}
    )
    return encrypted(header, b"", bytes(32), world.signed() + b"\n" + PICTURE)


def password_with_many_rounds(world: World) -> bytes:
    header = compact(
        {
            "alg": "PBES2-HS512+A256KW",
            "enc": "A256GCM",
            "kid": world.agent_kid,
            "p2c": 2**31 - 1,
            "p2s": b64(bytes(16)),
            "typ": "blanko-job+jwe",
        }
    )
    return encrypted(header, bytes(40), bytes(32), b"x")


def encrypted(header: bytes, wrapped: bytes, key: bytes, plaintext: bytes) -> bytes:
    iv, aad = bytes(12), b64(header).encode()
    sealed = AESGCM(key).encrypt(iv, plaintext, aad)
    rest = (wrapped, iv, sealed[:-16], sealed[-16:])
    return b".".join([aad, *(b64(one).encode() for one in rest)])


def zip_bomb(world: World) -> bytes:
    ephemeral = new_agent_key(world.agent_kind)
    header = world.outer_header(ephemeral, zip="DEF")
    bomb = zlib.compress(bytes(90_000_000), 9)[2:-4]
    return jwe(header, bomb, world.agent, ephemeral)


def zeros_as_ephemeral_key(world: World) -> bytes:
    """A point of low order: the shared secret would be zero for any private key."""
    zeros = b64(bytes(32))
    epk = {**public_jwk(world.agent), "x": zeros}
    if "y" in epk:
        epk["y"] = zeros
    header = compact({**world.outer_header(world.agent), "epk": epk})
    wrapped = aes_key_wrap(key_encryption_key(bytes(32)), bytes(32))
    return encrypted(header, wrapped, bytes(32), world.signed() + b"\n" + PICTURE)


def other_curve(world: World) -> bytes:
    other = "X25519" if world.agent_kind == "P-256" else "P-256"
    ephemeral = new_agent_key(other)
    header = world.outer_header(ephemeral)
    return jwe(header, b"x" * 99, new_agent_key(other), ephemeral)


def bigger_curve(world: World) -> bytes:
    key = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    epk = {
        "kty": "EC",
        "crv": "P-384",
        "x": b64(key.x.to_bytes(48, "big")),
        "y": b64(key.y.to_bytes(48, "big")),
    }
    return outer(world, epk=epk)


def general_json(world: World) -> bytes:
    return compact({"payload": b64(compact(world.document())), "signatures": []})


def general_json_inside(world: World) -> bytes:
    return world.sealed(general_json(world) + b"\n" + PICTURE)


def manifest(world: World, **changes: Any) -> bytes:
    part = {**world.document()["parts"][0], **changes}
    return world.message(compact(world.document(parts=[part])))


def two_of_the_same(world: World) -> bytes:
    part = world.document()["parts"][0]
    payload = compact(world.document(parts=[part, part]))
    return world.message(payload, PICTURE + PICTURE)


def unused_part(world: World) -> bytes:
    part = world.document()["parts"][0]
    payload = compact(world.document(parts=[part, {**part, "name": "hidden"}]))
    return world.message(payload, PICTURE + PICTURE)


def swapped_parts(world: World) -> bytes:
    first, second = b"11111", b"22222"
    parts = [
        {
            "name": name,
            "type": "image/png",
            "size": 5,
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        for name, data in (("front", first), ("back", second))
    ]
    sides = {side: {"kind": "image", "part": side} for side in ("front", "back")}
    return world.message(
        compact(world.document(parts=parts, sides=sides)), second + first
    )


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def edit(raw: bytes) -> bytes:
        assert old in raw
        return raw.replace(old, new, 1)

    return edit


SIGNATURES: dict[str, tuple[Attack, R]] = {
    "alg none without signature": (
        lambda w: world_none(w, b""),
        R.MALFORMED,
    ),
    "alg none with junk signature": (
        lambda w: world_none(w, bytes(64)),
        R.BAD_SIGNATURE,
    ),
    "HS512 keyed with the public PEM": (hmac_with_public_key, R.BAD_SIGNATURE),
    "the other signature algorithm": (
        lambda w: inner(w, alg="Ed25519" if w.alg == "ES256" else "ES256"),
        R.BAD_SIGNATURE,
    ),
    "another signer with the same kid": (other_signer, R.BAD_SIGNATURE),
    "unknown kid": (lambda w: inner(w, kid="nobody"), R.UNKNOWN_KEY),
    "kid that is a number": (lambda w: inner(w, kid=1), R.MALFORMED),
    "kid that is a path": (lambda w: inner(w, kid="../../etc/passwd"), R.UNKNOWN_KEY),
    "kid that is empty": (lambda w: inner(w, kid=""), R.MALFORMED),
    "kid of the agent as signer": (agent_signs, R.UNKNOWN_KEY),
    "no kid": (
        lambda w: raw_inner(w, replaced(b'"kid":"centre-1",', b"")),
        R.MALFORMED,
    ),
    "embedded jwk": (
        lambda w: inner(w, jwk=public_jwk(w.centre)),
        R.MALFORMED,
    ),
    "jku": (lambda w: inner(w, jku="https://example.invalid/keys"), R.MALFORMED),
    "b64 false with crit": (lambda w: inner(w, b64=False, crit=["b64"]), R.MALFORMED),
    "b64 false unasked": (lambda w: inner(w, b64=False), R.MALFORMED),
    "unknown crit": (lambda w: inner(w, crit=["x"], x=1), R.MALFORMED),
    "unknown header name": (lambda w: inner(w, extra="1"), R.MALFORMED),
    "x- name in a header": (lambda w: inner(w, **{"x-a": "1"}), R.MALFORMED),
    "typ of an ack": (lambda w: inner(w, typ="blanko-ack+jws"), R.MALFORMED),
    "typ of a command": (lambda w: inner(w, typ="blanko-command+jws"), R.MALFORMED),
    "alg twice in the inner header": (
        lambda w: raw_inner(w, lambda h: b'{"alg":"none",' + h[1:]),
        R.MALFORMED,
    ),
    "white space in the inner header": (
        lambda w: raw_inner(w, lambda h: h.replace(b",", b", ")),
        R.MALFORMED,
    ),
    "inner header that is a list": (
        lambda w: raw_inner(w, lambda _: b"[]"),
        R.MALFORMED,
    ),
    "signature of another document": (
        lambda w: w.sealed(
            segment(
                w.signed(), 1, lambda _: b64(compact(w.document(blanks=9))).encode()
            )
            + b"\n"
            + PICTURE
        ),
        R.BAD_SIGNATURE,
    ),
    "signature cut": (
        lambda w: w.sealed(w.signed()[:-1] + b"\n" + PICTURE),
        R.MALFORMED,
    ),
    "detached payload": (
        lambda w: w.sealed(segment(w.signed(), 1, lambda _: b"") + b"\n" + PICTURE),
        R.MALFORMED,
    ),
    "unsigned JSON in a JWE": (
        lambda w: w.sealed(compact(w.document()) + b"\n" + PICTURE),
        R.MALFORMED,
    ),
    "JWS alone": (lambda w: w.signed() + b"\n" + PICTURE, R.MALFORMED),
    "JWS alone without parts": (lambda w: w.signed(), R.MALFORMED),
    "general JSON with no signatures": (general_json, R.MALFORMED),
    "general JSON with no signatures, sealed": (general_json_inside, R.MALFORMED),
    "JWE inside a JWE": (lambda w: w.sealed(w.message() + b"\n"), R.MALFORMED),
}


def world_none(world: World, signature: bytes) -> bytes:
    header = compact(world.inner_header(alg="none"))
    return inner_segments(world, header, lambda _: signature)


ENCRYPTION: dict[str, tuple[Attack, R]] = {
    "another recipient": (for_another_agent, R.BAD_SIGNATURE),
    "unknown recipient kid": (lambda w: outer(w, kid="agent-2"), R.UNKNOWN_KEY),
    "kid swapped in the outer header": (
        lambda w: segment(
            w.message(),
            0,
            lambda s: b64(
                base64.urlsafe_b64decode(s + b"==").replace(b"agent-1", b"agent-2")
            ).encode(),
        ),
        R.UNKNOWN_KEY,
    ),
    "order of the outer header changed": (
        lambda w: segment(
            w.message(),
            0,
            lambda s: b64(
                compact(
                    dict(
                        reversed(
                            json.loads(base64.urlsafe_b64decode(s + b"==")).items()
                        )
                    )
                )
            ).encode(),
        ),
        R.BAD_SIGNATURE,
    ),
    "ciphertext cut": (
        lambda w: segment(w.message(), 3, lambda s: s[:-4]),
        R.BAD_SIGNATURE,
    ),
    "ciphertext empty": (lambda w: segment(w.message(), 3, lambda _: b""), R.MALFORMED),
    "tag of four bytes": (
        lambda w: segment(w.message(), 4, lambda s: s[:6]),
        R.MALFORMED,
    ),
    "tag empty": (lambda w: segment(w.message(), 4, lambda _: b""), R.MALFORMED),
    "bit flipped in the ciphertext": (
        lambda w: segment(w.message(), 3, flipped),
        R.BAD_SIGNATURE,
    ),
    "bit flipped in the iv": (
        lambda w: segment(w.message(), 2, flipped),
        R.BAD_SIGNATURE,
    ),
    "bit flipped in the tag": (
        lambda w: segment(w.message(), 4, flipped),
        R.BAD_SIGNATURE,
    ),
    "bit flipped in the wrapped key": (
        lambda w: segment(w.message(), 1, flipped),
        R.BAD_SIGNATURE,
    ),
    "extra outer header name": (lambda w: outer(w, extra="1"), R.MALFORMED),
    "apu": (lambda w: outer(w, apu="QQ"), R.MALFORMED),
    "crit": (lambda w: outer(w, crit=["exp"], exp=1), R.MALFORMED),
    "no cty": (
        lambda w: raw_outer(w, replaced(b'"cty":"blanko-job+jws",', b"")),
        R.MALFORMED,
    ),
    "typ of an ack": (lambda w: outer(w, typ="blanko-ack+jwe"), R.MALFORMED),
    "kid twice in the outer header": (
        lambda w: raw_outer(w, lambda h: b'{"kid":"agent-2",' + h[1:]),
        R.MALFORMED,
    ),
    "x twice in epk": (
        lambda w: raw_outer(
            w, replaced(b'"epk":{', b'"epk":{"x":"' + b"A" * 43 + b'",')
        ),
        R.MALFORMED,
    ),
    "white space in the outer header": (
        lambda w: raw_outer(w, lambda h: h.replace(b",", b" ,")),
        R.MALFORMED,
    ),
    "header that is no JSON": (lambda w: raw_outer(w, lambda _: b"{"), R.MALFORMED),
    "header of length 1 mod 4": (
        lambda w: segment(
            w.message(), 0, lambda s: (s + b"AAAA")[: len(s) // 4 * 4 + 1]
        ),
        R.MALFORMED,
    ),
    "header not in its one base64 form": (
        lambda w: segment(
            w.message(), 0, lambda s: s + b"B" if len(s) % 4 else s + b"BB"
        ),
        R.MALFORMED,
    ),
    "ephemeral key of low order": (zeros_as_ephemeral_key, R.BAD_SIGNATURE),
    "ephemeral key on another curve": (other_curve, R.MALFORMED),
    "ephemeral key on a bigger curve": (bigger_curve, R.MALFORMED),
    "epk that is a text": (lambda w: outer(w, epk="key"), R.MALFORMED),
    "epk that is a list": (lambda w: outer(w, epk=[]), R.MALFORMED),
    "epk with its private part": (
        lambda w: outer(w, epk={**public_jwk(w.agent), "d": "A" * 43}),
        R.MALFORMED,
    ),
    "epk whose kty is a list": (
        lambda w: outer(w, epk={**public_jwk(w.agent), "kty": []}),
        R.MALFORMED,
    ),
    "epk with a number for x": (
        lambda w: outer(w, epk={**public_jwk(w.agent), "x": 7}),
        R.MALFORMED,
    ),
    "zip bomb": (zip_bomb, R.MALFORMED),
    "ECDH-ES direct": (direct_agreement, R.MALFORMED),
    "dir": (shared_secret, R.MALFORMED),
    "PBES2 with huge p2c": (password_with_many_rounds, R.MALFORMED),
    "A128GCM": (lambda w: outer(w, enc="A128GCM"), R.MALFORMED),
    "alg that is a list": (lambda w: outer(w, alg=["ECDH-ES+A256KW"]), R.MALFORMED),
}

SHAPES: dict[str, tuple[Attack, R]] = {
    "nothing": (lambda _: b"", R.MALFORMED),
    "eight megabytes": (lambda _: b"A" * 8_000_000, R.TOO_LARGE),
    "one byte too many": (lambda _: b"A" * (MESSAGE_SIZE_MAX + 1), R.TOO_LARGE),
    "a million dots": (lambda _: b"." * 1_000_000, R.MALFORMED),
    "NUL at the end": (lambda w: w.message() + b"\0", R.MALFORMED),
    "line feed at the end": (lambda w: w.message() + b"\n", R.MALFORMED),
    "line feed at the front": (lambda w: b"\n" + w.message(), R.MALFORMED),
    "six segments": (lambda w: w.message() + b".AAAA", R.MALFORMED),
    "padding": (lambda w: w.message() + b"==", R.MALFORMED),
    "base64 with plus": (
        lambda w: segment(w.message(), 3, lambda s: b"+" + s[1:]),
        R.MALFORMED,
    ),
    "UTF-16": (lambda w: w.message().decode().encode("utf-16"), R.MALFORMED),
    "header of 4 KiB": (lambda w: outer(w, kid="k" * 4096), R.MALFORMED),
    "no line feed in the plaintext": (lambda w: w.sealed(w.signed()), R.MALFORMED),
    "line feed before the JWS": (
        lambda w: w.sealed(b"\n" + w.signed() + b"\n" + PICTURE),
        R.MALFORMED,
    ),
    "carriage return after the JWS": (
        lambda w: w.sealed(w.signed() + b"\r\n" + PICTURE),
        R.MALFORMED,
    ),
}

DOCUMENTS: dict[str, tuple[Attack, R]] = {
    "the same name twice": (
        lambda w: document(w, lambda d: b'{"blanks":1,"blanks":9,' + d[1:]),
        R.MALFORMED,
    ),
    "the same name twice, one escaped": (
        lambda w: document(w, lambda d: b'{"blanks":1,"blank\\u0073":9,' + d[1:]),
        R.MALFORMED,
    ),
    "the same name twice in a side": (
        lambda w: document(w, replaced(b'"part":', b'"part":"other","part":')),
        R.MALFORMED,
    ),
    "the same x- name twice": (
        lambda w: document(w, lambda d: b'{"x-a":1,"x-a":2,' + d[1:]),
        R.MALFORMED,
    ),
    "NaN": (
        lambda w: document(w, replaced(b'"queue_no":1', b'"queue_no":NaN')),
        R.MALFORMED,
    ),
    "NaN behind an x-": (
        lambda w: document(w, lambda d: b'{"x-a":NaN,' + d[1:]),
        R.MALFORMED,
    ),
    "a float": (
        lambda w: document(w, replaced(b'"queue_no":1', b'"queue_no":1.5')),
        R.MALFORMED,
    ),
    "a number of 5000 digits": (
        lambda w: document(w, replaced(b'"queue_no":1', b'"queue_no":' + b"9" * 5000)),
        R.MALFORMED,
    ),
    "a lone surrogate": (
        lambda w: document(w, replaced(b'"S-1"', b'"S-\\ud800"')),
        R.MALFORMED,
    ),
    "nested 200,000 deep": (
        lambda w: w.message(b'{"x-a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        R.MALFORMED,
    ),
    "nested 17 deep": (
        lambda w: document(
            w, lambda d: b'{"x-a":' + b"[" * 17 + b"]" * 17 + b"," + d[1:]
        ),
        R.MALFORMED,
    ),
    "brackets to confuse a depth counter": (
        lambda w: w.message(b'{"x-a":"' + b'\\"[' * 50_000),
        R.MALFORMED,
    ),
    "a document of 300 KiB": (
        lambda w: document(w, lambda d: b'{"x-a":"' + b"a" * 307_200 + b'",' + d[1:]),
        R.MALFORMED,
    ),
    "UTF-16": (
        lambda w: document(w, lambda d: d.decode().encode("utf-16")),
        R.MALFORMED,
    ),
    "a byte order mark": (
        lambda w: document(w, lambda d: b"\xef\xbb\xbf" + d),
        R.MALFORMED,
    ),
    "Latin-1": (
        lambda w: document(w, replaced(b'"S-1"', b'"S-\xe9"')),
        R.MALFORMED,
    ),
    "a list": (lambda w: w.message(b"[]"), R.MALFORMED),
    "nothing": (lambda w: w.sealed(jws(w.inner_header(), b"", w.centre)), R.MALFORMED),
    "an unknown field": (lambda w: w.message(copies=99), R.MALFORMED),
    "an unknown field in a side": (
        lambda w: document(w, replaced(b'"part":', b'"prat":"x","part":')),
        R.MALFORMED,
    ),
    "blanks out of range": (lambda w: w.message(blanks=10), R.MALFORMED),
    "blanks zero": (lambda w: w.message(blanks=0), R.MALFORMED),
    "blanks true": (lambda w: w.message(blanks=True), R.MALFORMED),
    "a missing field": (
        lambda w: document(w, replaced(b'"kind":"first",', b"")),
        R.MALFORMED,
    ),
    "an unknown kind": (lambda w: w.message(kind="second"), R.MALFORMED),
    "an unknown kind of side": (
        lambda w: w.message(sides={"front": {"kind": "pdf", "part": "front"}}),
        R.MALFORMED,
    ),
    "a job id with a line feed": (lambda w: w.message(job_id="J-1\n"), R.MALFORMED),
    "a job id with a slash": (lambda w: w.message(job_id="../J"), R.MALFORMED),
    "a part name with a line feed": (
        lambda w: manifest(w, name="front\n"),
        R.MALFORMED,
    ),
    "a time without a zone": (
        lambda w: w.message(expires_at="2026-12-24T01:00:00"),
        R.MALFORMED,
    ),
    "a time in another zone": (
        lambda w: w.message(expires_at="2026-12-24T08:00:00+07:00"),
        R.MALFORMED,
    ),
    "a time in the year 9999": (
        lambda w: w.message(
            issued_at="9999-12-01T00:00:00Z", expires_at="9999-12-31T23:59:59Z"
        ),
        R.MALFORMED,
    ),
    "expired when it was issued": (
        lambda w: w.message(expires_at="2026-11-24T00:59:59Z"),
        R.MALFORMED,
    ),
    "valid for ten years": (
        lambda w: w.message(expires_at="2036-11-24T01:00:00Z"),
        R.MALFORMED,
    ),
    "not before its own end": (
        lambda w: w.message(not_before="2026-12-24T01:00:00Z"),
        R.MALFORMED,
    ),
    "a newer contract": (lambda w: w.message(contract=1, unheard_of=1), R.VERSION),
    "another station": (lambda w: w.message(station="bekasi-2"), R.WRONG_PRINTER),
    "another printer": (lambda w: w.message(printer="p2"), R.WRONG_PRINTER),
    "sealed again for another agent": (
        lambda w: sealed_again(w, rkid="agent-2"),
        R.WRONG_PRINTER,
    ),
    "sealed again for another agent of the printer": (
        lambda w: sealed_again(w, station="depok-1", rkid="agent-9"),
        R.WRONG_PRINTER,
    ),
}

PARTS: dict[str, tuple[Attack, R]] = {
    "another hash": (lambda w: manifest(w, sha256="0" * 64), R.MALFORMED),
    "a hash that is none": (lambda w: manifest(w, sha256=NOT_HEX_64), R.MALFORMED),
    "another media type": (lambda w: manifest(w, type="image/svg+xml"), R.MALFORMED),
    "a size too small": (lambda w: manifest(w, size=len(PICTURE) - 1), R.MALFORMED),
    "a size too big": (lambda w: manifest(w, size=len(PICTURE) + 1), R.MALFORMED),
    "a size of zero": (lambda w: manifest(w, size=0), R.MALFORMED),
    "a size below zero": (lambda w: manifest(w, size=-5), R.MALFORMED),
    "a size of four mebibytes": (lambda w: manifest(w, size=2**22), R.MALFORMED),
    "a part cut": (lambda w: w.message(parts=PICTURE[:-1]), R.MALFORMED),
    "a part changed": (lambda w: w.message(parts=flipped(PICTURE)), R.MALFORMED),
    "a byte left over": (lambda w: w.message(parts=PICTURE + b"\0"), R.MALFORMED),
    "no parts at all": (lambda w: w.message(parts=b""), R.MALFORMED),
    "parts nobody announced": (
        lambda w: w.message(compact(w.document(parts=[]))),
        R.MALFORMED,
    ),
    "the same part twice": (two_of_the_same, R.MALFORMED),
    "a part no side uses": (unused_part, R.MALFORMED),
    "parts in another order": (swapped_parts, R.MALFORMED),
    "nine parts": (
        lambda w: w.message(compact(w.document(parts=w.document()["parts"] * 9))),
        R.MALFORMED,
    ),
}

ALL = {
    f"{group}: {name}": attack
    for group, attacks in (
        ("signature", SIGNATURES),
        ("encryption", ENCRYPTION),
        ("shape", SHAPES),
        ("document", DOCUMENTS),
        ("parts", PARTS),
    )
    for name, attack in attacks.items()
}


@pytest.fixture(scope="module", params=["P-256 and ES256", "X25519 and Ed25519"])
def world(request: pytest.FixtureRequest) -> World:
    agent_kind, alg = request.param.split(" and ")
    return World(agent_kind, alg)


@pytest.mark.parametrize("name", ALL)
def test_the_attack_is_refused(world, name):
    make, reason = ALL[name]

    with pytest.raises(EnvelopeRefused) as refused:
        open_job(make(world), world.keyring(), TO)

    assert refused.value.reason is reason, refused.value.detail


def job_id_of(message: bytes, world: World) -> str:
    return open_job(message, world.keyring(), TO).job.job_id


def test_the_honest_message_beside_them_opens(world):
    assert job_id_of(world.message(), world) == "J-1"
    assert job_id_of(outer(world), world) == "J-1"
    assert job_id_of(inner(world), world) == "J-1"
    assert job_id_of(raw_outer(world, bytes), world) == "J-1"
    assert job_id_of(raw_inner(world, bytes), world) == "J-1"
    assert job_id_of(document(world, bytes), world) == "J-1"
    assert job_id_of(manifest(world), world) == "J-1"


def test_no_answer_tells_one_failed_decryption_from_another(world):
    """An attacker learns only that it does not open, not how far it came."""
    told = set()
    for index in (1, 2, 3, 4):
        with pytest.raises(EnvelopeRefused) as refused:
            open_job(segment(world.message(), index, flipped), world.keyring(), TO)
        told.add((refused.value.reason, refused.value.detail))
    assert len(told) == 1


ACKS: dict[str, tuple[Attack, R]] = {
    "a job": (lambda w: w.message(), R.MALFORMED),
    "a signed job": (lambda w: w.signed(), R.MALFORMED),
    "a bare document": (lambda w: compact(w.ack_document()), R.MALFORMED),
    "nothing": (lambda _: b"", R.MALFORMED),
    "nine KiB": (lambda _: b"A" * 9_216, R.TOO_LARGE),
    "line feed at the end": (lambda w: w.ack() + b"\n", R.MALFORMED),
    "unknown kid": (lambda w: w.ack(kid="nobody"), R.UNKNOWN_KEY),
    "alg none": (lambda w: w.ack(alg="none"), R.BAD_SIGNATURE),
    "flipped": (lambda w: segment(w.ack(), 1, flipped), R.BAD_SIGNATURE),
    "typ of a job": (lambda w: w.ack(typ="blanko-job+jws"), R.MALFORMED),
    "another printer": (
        lambda w: w.ack(compact(w.ack_document(printer="p2"))),
        R.WRONG_PRINTER,
    ),
    "an unknown field": (
        lambda w: w.ack(compact(w.ack_document(more=1))),
        R.MALFORMED,
    ),
    "the same name twice": (
        lambda w: w.ack(b'{"no":1,' + compact(w.ack_document())[1:]),
        R.MALFORMED,
    ),
    "a number below zero": (
        lambda w: w.ack(compact(w.ack_document(no=-1))),
        R.MALFORMED,
    ),
    "a year past all others": (
        lambda w: w.ack(compact(w.ack_document(at="9999-12-31T23:59:59Z"))),
        R.MALFORMED,
    ),
}


@pytest.mark.parametrize("name", ACKS)
def test_the_false_ack_is_refused(world, name):
    make, reason = ACKS[name]

    with pytest.raises(EnvelopeRefused) as refused:
        open_ack(make(world), world.keyring(), TO)

    assert refused.value.reason is reason, refused.value.detail


def test_a_job_never_passes_for_an_ack_nor_an_ack_for_a_job(world):
    sealed_ack = world.sealed(world.ack() + b"\n")
    with pytest.raises(EnvelopeRefused):
        open_job(sealed_ack, world.keyring(), TO)
    as_document = world.ack(compact(world.document()))
    with pytest.raises(EnvelopeRefused):
        open_ack(as_document, world.keyring(), TO)


def test_an_ack_never_passes_for_a_command_nor_a_command_for_an_ack(world):
    as_command = world.ack(compact(world.command_document()))
    with pytest.raises(EnvelopeRefused, match="typ must be blanko-command"):
        open_command(as_command, world.keyring(), TO)
    as_ack = world.command(compact(world.ack_document()))
    with pytest.raises(EnvelopeRefused, match="typ must be blanko-ack"):
        open_ack(as_ack, world.keyring(), TO)


def test_x25519_refuses_a_zero_secret_itself():
    """What the low-order attack relies on: the library must not compute with it."""
    with pytest.raises(ValueError, match=r".*"):
        x25519.X25519PrivateKey.generate().exchange(
            x25519.X25519PublicKey.from_public_bytes(bytes(32))
        )


def test_the_algorithm_is_judged_by_the_trust_file_before_the_library_is_asked():
    world = World("P-256", "ES256")
    with pytest.raises(EnvelopeRefused) as refused:
        open_job(inner(world, alg="Ed25519"), world.keyring(), TO)
    assert refused.value.detail.endswith("alg of centre-1 must be ES256")


def test_a_header_has_one_spelling_in_base64_and_no_other():
    world = World("P-256", "Ed25519", centre_kid="centre-10")
    segment_of = world.signed().split(b".")[0]
    assert len(segment_of) % 4, "this header's last character has bits to spare"
    spellings = [segment_of[:-1] + bytes([last]) for last in segment_of[-1:] + b"BFRhx"]
    token = b".AAAA." + b"A" * 86

    read = [spelling for spelling in spellings if reads(spelling + token)]

    assert read == [segment_of]


def reads(token: bytes) -> bool:
    try:
        return bool(jws_header(token, "blanko-job+jws"))
    except ShapeError:
        return False
