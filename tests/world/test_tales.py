"""Days that are set down, played to their end, and each forgery of their ledger."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.journal.verify import Report, Verdict
from tests.world import forger
from tests.world.many import failure
from tests.world.plan import STANDARD
from tests.world.process import Death
from tests.world.tales import CLEANED, STOCK, TALES, TESTED, made_ready
from tests.world.world import play

TELLS = {
    "cleaned": ("begun clean", "ended clean done", "job-completed J2"),
    "unprepared": (
        "ended clean failed memory: refused Scp: 'ERROR MECHANICAL'",
        "ended clean failed memory: refused Scp: 'ERROR CARD'",
        "job-completed J2",
        "ended clean failed a card stands in the path",
    ),
    "broken off": ("begun clean", "ended clean interrupted", "job-completed J2"),
    "asked too soon": (
        "asked clean",
        "job-completed J1",
        "ended clean interrupted the agent was restarted",
        "job-completed J2",
    ),
    "commanded": ("ended clean done", "job-completed J2", "ended self-test done"),
    "tested": (
        "ended self-test done",
        "job-completed J1",
        "ended self-test done",
        "job-completed J2",
        "ended self-test failed cover-open-error",
        "ended self-test done",
        "job-completed J3",
    ),
    "ribbons": (
        "job-completed J2",
        "puts a ribbon of black alone in",
        "job-completed J1",
        "changes the ribbon",
        "job-completed J3",
    ),
    "another printer": ("printer-changed", "is told: done", "job-completed J2"),
    "told from afar": ("is told that C11 is done", "stock-confirmed"),
}
"""What must be told of a day, in this order."""


@pytest.mark.parametrize("name", sorted(TELLS))
def test_what_a_day_must_tell_is_told_in_its_order(name):
    story = play(TALES[name]).story
    at = 0
    for words in TELLS[name]:
        assert words in story[at:], f"{words!r} is lacking in\n{story}"
        at = story.index(words, at) + len(words)


@pytest.mark.parametrize(
    ("name", "waits"),
    [
        ("spared", [("J2", "J3", 90.0), ("J3", "J4", 3600.0)]),
        ("hot", [("J1", "J2", 120.0)]),
    ],
)
def test_a_printer_gets_the_rest_it_is_due(name, waits):
    story = play(TALES[name]).story
    for before, after, least_s in waits:
        gap_s = fed_s(story, after) - fed_s(story, before)
        assert least_s <= gap_s, f"{after} came {gap_s:.0f} s after {before}"


def fed_s(story: str, job: str) -> float:
    """When the card of a job was seen in the path."""
    words = f"attempt-stage {job}/1 sending"
    (line,) = [one for one in story.splitlines() if words in one]
    return float(line.split()[0])


@pytest.mark.parametrize(
    ("after", "ribbon_in_s"), [(0, 34.0), (1, 74.0)], ids=["before", "after"]
)
def test_a_cleaning_in_which_the_agent_dies_is_closed_and_not_done_again(
    after, ribbon_in_s
):
    (trace,) = play(CLEANED).trace
    point = 2 * trace.index("Scp") + 1 + after  # about the cleaning's command
    acts = made_ready(31.0, ribbon_in_s)
    result = play(replace(CLEANED, acts=acts, deaths=(Death(point),)))
    assert not result.complaints, result.story
    assert result.story.count("operation-begun clean") == 1
    assert "operation-ended clean interrupted it was broken off" in result.story


def test_a_self_test_in_which_the_agent_dies_is_closed_and_made_again():
    trace = play(TESTED).trace[0]
    until = trace.index("Psid")  # the first card's
    commits = [at for at, what in enumerate(trace[:until]) if what == "commit"]
    broken_off = 0
    for at in commits:
        result = play(replace(TESTED, deaths=(Death(2 * at + 2),)))
        assert not result.complaints, result.story
        _, interrupted, after = result.story.partition("ended self-test interrupted")
        if interrupted:
            broken_off += 1
            assert after.index("ended self-test done") < after.index("attempt-stage")
    assert broken_off


@pytest.mark.parametrize("name", sorted(TALES))
def test_a_day_goes_as_it_was_set_down(name):
    result = play(TALES[name])
    assert not result.complaints, failure(result, f"--tale '{name}'")


def test_a_second_identity_that_comes_too_late_is_an_incident():
    story = play(STOCK).story
    assert "incident-raised unconfirmed" in story
    assert story.index("incident-raised unconfirmed") < story.rindex("stock-confirmed")


def test_a_wrong_expectation_of_an_answer_is_a_complaint():
    errands = tuple(replace(one, told="done") for one in STOCK.errands)
    complaints = play(replace(STOCK, errands=errands)).complaints
    assert any("told pin-wrong, not done" in one for one in complaints)


@pytest.mark.parametrize("at", range(len(forger.FORGERIES)))
def test_each_forgery_is_found_and_told_by_name(at):
    result = play(replace(STANDARD["simplex"], seed=at))
    assert not result.complaints, failure(result, f"of {forger.FORGERIES[at].name}")


def test_a_verify_that_believes_everything_is_caught(monkeypatch):
    monkeypatch.setattr(forger, "verify", lambda *_: Report(Verdict.GOOD))
    complaints = play(STANDARD["simplex"]).complaints
    assert any("verify says good" in one for one in complaints)


def test_a_start_that_believes_everything_is_caught(monkeypatch):
    monkeypatch.setattr(forger, "opens", lambda _: True)
    complaints = play(STANDARD["simplex"]).complaints
    assert any("the agent's start says otherwise" in one for one in complaints)
