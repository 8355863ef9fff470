"""Thousands of damaged messages: none opens, and nothing but a refusal comes out."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.clock import InlineExecutor
from agent.contract.documents import DocumentError, convert, parse
from agent.contract.envelope import (
    EnvelopeRefused,
    open_ack,
    open_command,
    open_job,
)
from agent.contract.messages import Job
from agent.journal.journal import Journal
from agent.journal.verify import Verdict, verify
from tests.agent.envelope_by_hand import PICTURE, TO, World, compact, jws
from tests.agent.virtual_time import LoopClock

ALPHABET = b'ABCXYZabcxyz0189-_.=+/\n\0{}"\xff '


def mutated(message: bytes, rng: random.Random) -> bytes:
    """One to three small wounds, anywhere but oftener near the seams."""
    data = bytearray(message)
    for _ in range(rng.randint(1, 3)):
        dots = [i for i, byte in enumerate(data) if byte == 0x2E] or [0]
        near = rng.choice(dots) + rng.randint(-3, 3)
        at = near if rng.random() < 0.3 else rng.randrange(len(data))
        at = min(max(at, 0), len(data) - 1)
        match rng.randrange(5):
            case 0:
                data[at] = rng.choice(ALPHABET)
            case 1:
                del data[at : at + rng.randint(1, 5)]
            case 2:
                data[at:at] = bytes(rng.choices(ALPHABET, k=rng.randint(1, 5)))
            case 3:
                data[at] ^= 1 << rng.randrange(8)
            case _:
                other = rng.randrange(len(data))
                data[at], data[other] = data[other], data[at]
    return bytes(data)


@pytest.mark.parametrize(
    ("agent_kind", "alg"), [("P-256", "ES256"), ("X25519", "Ed25519")]
)
def test_no_damaged_job_opens(agent_kind, alg):
    world, rng = World(agent_kind, alg), random.Random(20261124)
    message, keyring = world.message(), world.keyring()
    refused = 0
    for _ in range(2_500):
        damaged = mutated(message, rng)
        if damaged == message:
            continue
        with pytest.raises(EnvelopeRefused):
            open_job(damaged, keyring, TO)
        refused += 1
    assert refused > 2_400


def test_no_damaged_signed_document_opens_inside_a_good_seal():
    world, rng = World("X25519", "Ed25519"), random.Random(7)
    plaintext, keyring = world.signed() + b"\n" + PICTURE, world.keyring()
    for _ in range(1_000):
        damaged = mutated(plaintext, rng)
        if damaged == plaintext:
            continue
        with pytest.raises(EnvelopeRefused):
            open_job(world.sealed(damaged), keyring, TO)


def test_no_damaged_ack_opens():
    world, rng = World("P-256", "Ed25519"), random.Random(11)
    ack, keyring = world.ack(), world.keyring()
    for _ in range(1_000):
        damaged = mutated(ack, rng)
        if damaged == ack:
            continue
        with pytest.raises(EnvelopeRefused):
            open_ack(damaged, keyring, TO)


def test_no_damaged_command_opens():
    world, rng = World("P-256", "Ed25519"), random.Random(12)
    command, keyring = world.command(), world.keyring()
    for _ in range(1_000):
        damaged = mutated(command, rng)
        if damaged == command:
            continue
        with pytest.raises(EnvelopeRefused):
            open_command(damaged, keyring, TO)


def test_whatever_the_centre_signs_as_a_command_is_answered_and_recorded(tmp_path):
    """Its own programming errors: an answer on record, and a ledger that verifies."""
    world, rng = World("P-256", "Ed25519"), random.Random(14)
    keyring = world.keyring()
    path = tmp_path / "journal.db"

    async def play() -> Counter[str]:
        journal = await Journal.open(path, LoopClock(), InlineExecutor())
        results: Counter[str] = Counter()
        for number in range(1, 501):
            fields = {"command_id": f"C-{number}", "command_no": number}
            document = compact(world.command_document(**fields))
            message = world.command(mutated(document, rng))
            try:
                came = open_command(message, keyring, TO)
            except EnvelopeRefused:
                continue
            results[(await journal.orders.take(came)).result] += 1
        await journal.close()
        return results

    results = asyncio.run(play())
    assert {"done", "malformed", "wrong-printer", "unknown-kind"} <= set(results)
    assert verify(path).verdict is Verdict.GOOD


def test_a_well_signed_but_damaged_document_is_refused_or_means_what_it_says():
    """The centre's own programming errors: whatever it signs, only a refusal comes."""
    world, rng = World("X25519", "Ed25519"), random.Random(13)
    document, keyring = compact(world.document()), world.keyring()
    opened = 0
    for _ in range(1_000):
        damaged = mutated(document, rng)
        signed = jws(world.inner_header(), damaged, world.centre)
        try:
            job = open_job(world.sealed(signed + b"\n" + PICTURE), keyring, TO).job
        except EnvelopeRefused:
            continue
        opened += 1
        assert (job.station, job.printer) == (TO.station, TO.printer)
    assert opened < 200


@given(st.binary(max_size=200))
def test_rubbish_is_only_refused(rubbish):
    world = WORLD
    for opener in (open_job, open_ack, open_command):
        with pytest.raises(EnvelopeRefused):
            opener(rubbish, world.keyring(), TO)


WORLD = World()

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=9,
)


@given(st.sampled_from(sorted(WORLD.document())), values)
@settings(max_examples=300)
def test_any_value_in_any_field_is_a_job_or_a_document_error(name, value):
    tree = {**WORLD.document(), name: value}
    try:
        job = convert(tree, Job)
    except DocumentError as error:
        assert "contoh-9" not in str(error)
    else:
        assert isinstance(job, Job)


@given(st.binary(max_size=100) | st.text(max_size=50).map(str.encode))
def test_parsing_gives_an_object_or_a_document_error(raw):
    with contextlib.suppress(DocumentError):
        assert isinstance(parse(raw), dict)
