"""Jobs and acks of an honest centre, made by hand and by another library."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import Any

import pytest
from joserfc import jwe, jws
from joserfc.jwk import ECKey, OKPKey

from agent.contract.envelope import EnvelopeRefused, open_ack, open_job
from agent.contract.keyring import AgentKey, CentreKey, KeyFileError, Keyring
from agent.contract.messages import JOB_SIZE_MAX, RejectReason
from tests.agent.envelope_by_hand import (
    PICTURE,
    TO,
    World,
    compact,
    new_agent_key,
    new_centre_key,
    private_jwk,
    public_jwk,
)

KINDS = [(a, c) for a in ("P-256", "X25519") for c in ("ES256", "Ed25519")]


@pytest.mark.parametrize(("agent_kind", "alg"), KINDS)
def test_a_job_made_by_hand_opens(agent_kind, alg):
    world = World(agent_kind, alg)
    payload = compact(world.document())

    opened = open_job(world.message(payload), world.keyring(), TO)

    assert opened.job.job_id == "J-1"
    assert opened.parts == {"front": PICTURE}
    assert opened.payload_sha256 == hashlib.sha256(payload).hexdigest()


@pytest.mark.parametrize(("agent_kind", "alg"), KINDS)
def test_a_job_made_by_a_library_opens(agent_kind, alg):
    world = World(agent_kind, alg)
    kinds: dict[str, type[ECKey | OKPKey]] = {"EC": ECKey, "OKP": OKPKey}
    agent: dict[str, Any] = dict(public_jwk(world.agent))
    centre: dict[str, Any] = dict(private_jwk(world.centre))
    signed = jws.serialize_compact(
        world.inner_header(),
        compact(world.document()),
        kinds[centre["kty"]].import_key(centre),
        algorithms=[alg],
    )
    header = world.outer_header(world.agent)
    del header["epk"]  # the library makes its own
    message = jwe.encrypt_compact(
        header, signed.encode() + b"\n" + PICTURE, kinds[agent["kty"]].import_key(agent)
    )

    assert open_job(message.encode(), world.keyring(), TO).job.job_id == "J-1"


def test_the_older_name_of_the_ed25519_signature_is_taken():
    world = World("P-256", "Ed25519")
    message = world.sealed(world.signed(alg="EdDSA") + b"\n" + PICTURE)

    assert open_job(message, world.keyring(), TO).job.job_id == "J-1"


def test_parts_are_cut_in_the_order_of_the_manifest():
    world = World()
    parts = {"front": b"first", "back": b"the second"}
    manifest = [
        {
            "name": name,
            "type": "image/png",
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        for name, data in parts.items()
    ]
    sides = {name: {"kind": "image", "part": name} for name in parts}
    payload = compact(world.document(parts=manifest, sides=sides))
    message = world.message(payload, b"".join(parts.values()))

    opened = open_job(message, world.keyring(), TO)

    assert list(opened.parts.items()) == list(parts.items())


def test_parts_may_hold_line_feeds_and_dots():
    world = World()
    data = b"\n.\n..{}\n"
    part = {
        "name": "front",
        "type": "image/png",
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    message = world.message(compact(world.document(parts=[part])), data)

    assert open_job(message, world.keyring(), TO).parts == {"front": data}


def test_a_job_of_three_mebibytes_passes_and_one_byte_more_does_not():
    world = World()

    def payload_for(data: bytes) -> bytes:
        part = {
            "name": "front",
            "type": "image/png",
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        return compact(world.document(parts=[part]))

    def message(total: int) -> bytes:
        size = total - len(payload_for(b"p" * (total - 600)))  # as many digits
        data = b"p" * size
        assert len(payload_for(data)) + len(data) == total
        return world.message(payload_for(data), data)

    opened = open_job(message(JOB_SIZE_MAX), world.keyring(), TO)
    assert len(opened.parts["front"]) > JOB_SIZE_MAX - 1000

    with pytest.raises(EnvelopeRefused) as refused:
        open_job(message(JOB_SIZE_MAX + 1), world.keyring(), TO)
    assert refused.value.reason is RejectReason.TOO_LARGE


def test_names_that_begin_with_x_are_ignored_wherever_they_stand():
    world = World()
    sides: Any = {"front": {"kind": "image", "part": "front", "x-1": 1.5}, "x-2": None}

    more: dict[str, Any] = {"sides": sides, "x-trace": {"deep": [1.5, "?"]}}
    message = world.message(**more)
    assert open_job(message, world.keyring(), TO).job.job_id == "J-1"


@pytest.mark.parametrize(("agent_kind", "alg"), KINDS)
def test_an_ack_opens(agent_kind, alg):
    world = World(agent_kind, alg)

    ack = open_ack(world.ack(), world.keyring(), TO)

    assert (ack.ledger, ack.no, ack.hash, ack.nonce) == ("L-1", 3, "a" * 64, None)


def test_a_bare_document_is_taken_only_by_the_setting():
    world = World()
    message = compact(world.document()) + b"\n" + PICTURE

    opened = open_job(message, world.keyring(allow_unsigned=True), TO)
    assert opened.parts == {"front": PICTURE}
    digest = hashlib.sha256(compact(world.document())).hexdigest()
    assert opened.payload_sha256 == digest

    with pytest.raises(EnvelopeRefused) as refused:
        open_job(message, world.keyring(), TO)
    assert refused.value.reason is RejectReason.MALFORMED


def test_the_setting_loosens_nothing_else():
    world = World()
    keyring = world.keyring(allow_unsigned=True)
    bare = compact(world.document())

    def reason(message: bytes) -> RejectReason:
        with pytest.raises(EnvelopeRefused) as refused:
            open_job(message, keyring, TO)
        return refused.value.reason

    assert reason(bare) is RejectReason.MALFORMED  # no line feed
    assert reason(bare + b"\n" + PICTURE[:-1]) is RejectReason.MALFORMED
    other = compact(world.document(printer="p2")) + b"\n" + PICTURE
    assert reason(other) is RejectReason.WRONG_PRINTER
    other = compact(world.document(rkid="agent-2")) + b"\n" + PICTURE
    assert reason(other) is RejectReason.WRONG_PRINTER
    assert reason(world.ack()) is RejectReason.MALFORMED
    with pytest.raises(EnvelopeRefused):
        open_ack(compact(world.ack_document()), keyring, TO)


def test_a_sealed_job_opens_in_unsigned_mode_too():
    world = World()

    opened = open_job(world.message(), world.keyring(allow_unsigned=True), TO)

    assert opened.job.job_id == "J-1"


def test_what_verified_is_told_with_its_names_and_what_did_not_without():
    world = World()
    payload = compact(world.document(blanks=99))

    with pytest.raises(EnvelopeRefused) as refused:
        open_job(world.message(payload), world.keyring(), TO)
    assert refused.value.job_id == "J-1"
    assert refused.value.payload_sha256 == hashlib.sha256(payload).hexdigest()
    assert refused.value.verified

    with pytest.raises(EnvelopeRefused) as refused:
        open_job(world.message(payload), World().keyring(), TO)
    assert refused.value.job_id is None
    assert not refused.value.verified


@pytest.mark.parametrize("kind", ["P-256", "X25519"])
def test_a_key_that_is_none_is_found_before_the_first_job(kind):
    honest, other = private_jwk(new_agent_key(kind)), private_jwk(new_agent_key(kind))
    mixed = {**honest, "d": other["d"]}
    keyring = Keyring(AgentKey("k", mixed["kty"], mixed["crv"], mixed), {})

    with pytest.raises(KeyFileError, match="agent's key k"):
        _ = keyring.opener


def test_a_point_beside_its_curve_is_found_before_the_first_job():
    world = World()
    jwk = public_jwk(new_centre_key("ES256"))
    jwk["y"] = jwk["x"]
    agent = world.keyring().agent
    keyring = Keyring(agent, {"c": CentreKey("c", "ES256", jwk)})

    with pytest.raises(KeyFileError, match="centre's key c"):
        _ = keyring.opener


def test_reading_the_contract_does_not_import_the_library():
    """It costs some 10 MB and 70 ms, which a waiting agent need not pay."""
    program = (
        "import sys, agent.contract.envelope, agent.contract.keyring, json;"
        "print(json.dumps([m for m in sys.modules if m.startswith('joserfc')"
        " or m.startswith('cryptography')]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == []
