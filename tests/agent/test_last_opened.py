"""A job printed right after it came is opened once, and never kept longer."""

from __future__ import annotations

import pytest

from agent.contract.envelope import EnvelopeRefused, OpenedJob
from agent.contract.messages import RejectReason
from agent.uplink.last_opened import LastOpened
from tests.agent.paper_printer import make_job, opened


class Safe:
    """Counts how often each message was opened."""

    def __init__(self) -> None:
        self.opened: list[bytes] = []

    def open(self, message: bytes) -> OpenedJob:
        self.opened.append(message)
        if not message.startswith(b"sealed"):
            raise EnvelopeRefused(RejectReason.MALFORMED, "no seal")
        return opened(make_job(message.decode().removeprefix("sealed ")))


def test_what_was_opened_at_the_door_is_printed_without_opening_it_again():
    safe = Safe()
    last_opened = LastOpened(safe.open)
    came = last_opened.open(b"sealed A")
    assert last_opened.take(bytes(bytearray(b"sealed A"))) is came
    assert safe.opened == [b"sealed A"]


def test_it_is_gone_once_it_was_taken():
    safe = Safe()
    last_opened = LastOpened(safe.open)
    last_opened.open(b"sealed A")
    last_opened.take(b"sealed A")
    assert last_opened.take(b"sealed A").job.job_id == "A"
    assert safe.opened == [b"sealed A", b"sealed A"]


def test_another_message_is_opened_itself_and_ends_the_memory():
    safe = Safe()
    last_opened = LastOpened(safe.open)
    last_opened.open(b"sealed A")
    assert last_opened.take(b"sealed B").job.job_id == "B"
    last_opened.take(b"sealed A")
    assert safe.opened == [b"sealed A", b"sealed B", b"sealed A"]


def test_a_message_that_does_not_open_leaves_nothing_of_the_one_before_it():
    safe = Safe()
    last_opened = LastOpened(safe.open)
    last_opened.open(b"sealed A")
    with pytest.raises(EnvelopeRefused):
        last_opened.open(b"rubbish")
    last_opened.take(b"sealed A")
    assert safe.opened.count(b"sealed A") == 2


def test_what_was_forgotten_is_opened_again():
    safe = Safe()
    last_opened = LastOpened(safe.open)
    last_opened.open(b"sealed A")
    last_opened.forget()
    last_opened.take(b"sealed A")
    assert safe.opened == [b"sealed A", b"sealed A"]
