"""Days that are set down, played to their end, and each forgery of their ledger."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.journal.verify import Report, Verdict
from tests.world import forger
from tests.world.many import failure
from tests.world.plan import STANDARD
from tests.world.tales import STOCK, TALES
from tests.world.world import play


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
