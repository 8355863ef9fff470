"""The chain of events: canonical bytes, and no line that can be touched unseen."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.agent_events import AgentRefusals
from agent.contract.events import AgentStopped, Event, JobStarted
from agent.contract.messages import Clock
from agent.journal.chain import GENESIS, ChainError, Head, open_line, seal, verify

AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def event(no: int, prev: str, text: str = "ended", **more: object) -> Event:
    fields: dict[str, object] = {
        "ledger": "L",
        "no": no,
        "prev": prev,
        "boot": "B",
        "at": AT,
        "clock": Clock.SURE,
        "mono": no,
        "data": AgentStopped(reason=text),
    }
    return Event(**(fields | more))  # type: ignore[arg-type]


def chain_of(count: int) -> list[bytes]:
    head, lines = Head(), []
    for _ in range(count):
        head, line = seal(event(head.no + 1, head.hash))
        lines.append(line)
    return lines


@given(
    texts, st.dictionaries(st.text("abcxyz-_", max_size=9), st.integers(0, 2**53 - 1))
)
def test_a_line_holds_the_canonical_json_of_rfc_8785(
    text: str, counts: dict[str, int]
) -> None:
    for data in (AgentStopped(reason=text), AgentRefusals(counts=counts)):
        _, line = seal(event(1, GENESIS, data=data, who=text))
        body = line[65:-1]
        assert rfc8785.dumps(json.loads(body)) == body


def test_a_line_is_opened_as_it_was_sealed() -> None:
    sealed = event(1, GENESIS, data=JobStarted(queue_no=3, passed_over=("J1 held",)))
    head, line = seal(sealed)
    assert open_line(line, 1) == (head.hash, sealed)


def test_a_whole_chain_ends_in_its_head() -> None:
    lines = chain_of(5)
    assert verify(lines).no == 5
    assert verify(lines[3:], verify(lines[:3])) == verify(lines)


@given(st.integers(0, 4), st.data())
def test_no_byte_of_a_line_can_change_unseen(index: int, data: st.DataObject) -> None:
    lines = chain_of(5)
    at = data.draw(st.integers(0, len(lines[index]) - 1))
    flip = data.draw(st.integers(1, 255))
    line = bytearray(lines[index])
    line[at] ^= flip
    lines[index] = bytes(line)
    with pytest.raises(ChainError) as caught:
        verify(lines)
    assert caught.value.no == index + 1


def test_a_line_left_out_is_seen() -> None:
    lines = chain_of(5)
    with pytest.raises(ChainError, match="event 3"):
        verify(lines[:2] + lines[3:])


def test_two_lines_that_changed_places_are_seen() -> None:
    lines = chain_of(5)
    lines[1], lines[2] = lines[2], lines[1]
    with pytest.raises(ChainError, match="event 2"):
        verify(lines)


def test_a_line_of_another_chain_is_seen() -> None:
    lines = chain_of(3)
    _, other = seal(event(3, "ab" * 32))
    with pytest.raises(ChainError, match="follows another line"):
        verify([*lines[:2], other])
