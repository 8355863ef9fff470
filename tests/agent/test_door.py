"""What a printer cannot do is refused at the door, before a blank is spent on it."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from agent.artwork import ArtworkError
from agent.clock import InlineExecutor
from agent.contract.envelope import EnvelopeRefused, OpenedJob
from agent.contract.messages import Magstripe, RejectReason
from agent.journal.journal import Journal
from agent.uplink.door import Door, Tally, beyond, judge_with
from protocols.registry import capabilities_of
from tests.agent.paper_printer import VirtualClock, make_job, opened, two_sided

CAN = capabilities_of("evolis", "Primacy")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({}, None),
        ({"sides": two_sided()}, None),
        ({"ribbon": "YMCKO"}, None),
        ({"ribbon": "GOLD"}, "ribbon: evolis Primacy takes"),
        ({"magstripe": Magstripe(track_1="A")}, "magstripe: evolis Primacy has no"),
    ],
    ids=str,
)
def test_what_the_model_cannot_do_is_named(changes: Any, complaint: str | None):
    found = beyond(CAN, make_job(**changes))
    assert (found or "").startswith(complaint or "")
    assert (found is None) == (complaint is None)


def test_a_second_side_needs_a_printer_that_turns_cards():
    one_sided = dataclasses.replace(CAN, two_sided=False)
    assert beyond(one_sided, make_job(sides=two_sided())) is not None
    assert beyond(one_sided, make_job()) is None


def test_what_is_turned_away_is_counted_by_its_reason(tmp_path: Path):
    def judge(message: bytes) -> OpenedJob:
        if message == b"of nobody":
            raise EnvelopeRefused(RejectReason.UNKNOWN_KEY, "no such key")
        if message == b"for another":
            reason, detail = RejectReason.WRONG_PRINTER, "it is for p2"
            raise EnvelopeRefused(reason, detail, "J-8", "e" * 64)
        return opened(make_job("J-1", queue_no=int(message)))

    async def story() -> Tally:
        clock, executor = VirtualClock(), InlineExecutor()
        journal = await Journal.open(tmp_path / "journal.db", clock, executor)
        door = Door(journal, judge, executor, clock, lambda: None)
        for message in (b"1", b"1", b"2", b"of nobody", b"of nobody", b"for another"):
            await door.take(message)
        await door.count(RejectReason.BAD_SIGNATURE)
        await journal.close()
        return door.tally

    tally = asyncio.run(story())
    assert tally.redelivered == 1
    assert tally.refused == {
        "duplicate-differs": 1,
        "unknown-key": 2,
        "wrong-printer": 1,
        "bad-signature": 1,
    }


def test_a_picture_that_cannot_be_drawn_is_refused_with_the_ids_of_its_job():
    one = opened(make_job("J-7"))  # it names a part that is not there

    def open_job(_: bytes) -> OpenedJob:
        return one

    with pytest.raises(EnvelopeRefused) as caught:
        judge_with(open_job, CAN)(b"")
    assert isinstance(caught.value.__cause__, ArtworkError)
    assert caught.value.reason is RejectReason.MALFORMED
    assert caught.value.job_id == "J-7"
    assert caught.value.verified


def test_only_a_job_that_will_be_printed_stays_open_in_memory(tmp_path: Path):
    async def story() -> list[int]:
        clock, executor = VirtualClock(), InlineExecutor()
        journal = await Journal.open(tmp_path / "journal.db", clock, executor)
        forgotten: list[str] = []

        def judge(message: bytes) -> OpenedJob:
            if message == b"of nobody":
                raise EnvelopeRefused(RejectReason.UNKNOWN_KEY, "no such key")
            return opened(make_job(message.decode()))

        door = Door(journal, judge, executor, clock, lambda: forgotten.append("it"))
        counts = []
        for message in (b"J-1", b"J-1", b"of nobody", b"J-2"):
            await door.take(message)
            counts.append(len(forgotten))
        await journal.close()
        return counts

    # Accepted; a redelivery; a refusal; accepted.
    assert asyncio.run(story()) == [0, 1, 2, 2]
