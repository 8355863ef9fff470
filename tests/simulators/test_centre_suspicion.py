"""What an unbroken chain still tells: an order that nobody explains, too much waste."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulators.centre.suspicion import CLAIMS_MAX, REPRINTS_MAX, Suspicions

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def event(kind: str, job: str = "J1", hours: float = 0, **data: Any) -> dict[str, Any]:
    at = (NOON + timedelta(hours=hours)).isoformat()
    who = data.pop("who", None)
    return {"at": at, "job": job, "who": who, "data": {"kind": kind, **data}}


def accepted(job: str, queue_no: int, job_kind: str = "first", **more: Any) -> Any:
    data: dict[str, Any] = {"queue_no": queue_no, "job_kind": job_kind}
    return event("job-accepted", job, **({"subject": "S-1"} | data | more))


def queue() -> Suspicions:
    book = Suspicions()
    for job, queue_no in (("J1", 10), ("J2", 20), ("J3", 30), ("J4", 40)):
        assert book.add(accepted(job, queue_no)) == []
    return book


@pytest.mark.parametrize(
    ("passed_over", "suspected"),
    [
        (["J1 held-by-operator", "J2 x-wrong-ribbon"], []),
        (["J1 held-by-operator"], ["J2"]),
        ([], ["J1", "J2"]),
        (["J1 held-by-operator", "J2"], ["J2"]),
        (["J1 held-by-operator", "+1 more"], []),
        (["J1 held-by-operator", "+2 more"], ["J2"]),
    ],
)
def test_a_smaller_number_without_a_reason_is_suspected(passed_over, suspected):
    found = queue().add(event("job-started", "J3", passed_over=passed_over))
    words = "passed over without a reason"
    assert found == [f"{words}: {job} by J3" for job in suspected]


@pytest.mark.parametrize("kind", ["job-completed", "job-canceled", "job-aborted"])
def test_a_job_that_has_ended_is_passed_over_by_nobody(kind):
    book = queue()
    for job in ("J1", "J2"):
        book.add(event(kind, job))
    assert book.add(event("job-started", "J3", passed_over=[])) == []


def thrown(hours: float, who: str = "siti", **data: Any) -> dict[str, Any]:
    found = {"found": "reject-bin"} | data
    return event("attempt-resolved", hours=hours, who=who, **found)


def test_a_person_who_throws_many_cards_away_in_a_day_is_suspected():
    book = Suspicions()
    for number in range(CLAIMS_MAX):
        assert book.add(thrown(number)) == []
    (found,) = book.add(thrown(23.5))
    assert found == "reprint burst: siti threw one card more away"
    assert book.add(thrown(23.6, who="budi")) == []
    assert book.found == [found]


def test_waste_of_several_days_is_none_of_a_burst():
    book = Suspicions()
    assert not any(book.add(thrown(number * 9.0)) for number in range(20))


@pytest.mark.parametrize(
    ("data", "counts"),
    [
        ({"found": "output", "good": False}, True),
        ({"found": "output", "good": True}, False),
        ({"found": "missing"}, False),
        ({"found": "hopper"}, False),
    ],
)
def test_only_a_card_called_waste_counts(data, counts):
    book = Suspicions()
    found = [one for number in range(9) for one in book.add(thrown(number, **data))]
    assert bool(found) is counts


def test_waste_that_the_printer_called_a_jam_counts_for_nobody():
    book = Suspicions()
    for number in range(9):
        jam: dict[str, Any] = (
            {"reasons": ["media-jam-error"]} if number < 6 else {"reasons": []}
        )
        told = event("attempt-interrupted", f"J{number}", 0, **jam) | {"attempt": 1}
        assert book.add(told) == []
        card = thrown(number / 9) | {"job": f"J{number}", "attempt": 1}
        assert book.add(card) == []
    assert book.add(thrown(1.0) | {"job": "J1", "attempt": 2})


def test_a_card_thrown_out_by_inspection_counts_as_well():
    book = Suspicions()
    inspected = event("job-inspected", who="siti", inspection="failed")
    found = [one for _ in range(CLAIMS_MAX + 1) for one in book.add(inspected)]
    assert len(found) == 1


def test_many_replacements_for_one_person_in_a_day_are_suspected():
    book = Suspicions()
    for number in range(REPRINTS_MAX):
        assert not book.add(accepted(f"R{number}", number, "replacement"))
    assert not book.add(accepted("F", 70, "replacement", subject="S-2"))
    assert book.add(accepted("R9", 90, "correction")) == [
        "reprint burst: S-1 is to have one card more"
    ]
    assert not book.add(accepted("R99", 99, "replacement", hours=48.0))
