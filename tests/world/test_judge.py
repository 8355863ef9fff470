"""The judge can fail: one lie for each comparison, and the complaint it must bring."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.blanks import Place
from tests.world import judge
from tests.world.files import NAME, Files, torn
from tests.world.judge import Card, Truth
from tests.world.notary import Attempt, Books, Notary
from tests.world.plan import STANDARD
from tests.world.story import Story
from tests.world.world import World, play

DIGEST = "d" * 64
JOBS = ["J1", "J2"]


@dataclass
class Case:
    """J1 was printed with one blank, J2 aborted; two blanks are left in the hopper."""

    books: Books
    truth: Truth

    def complaints(self) -> list[str]:
        return judge.judge(self.books, self.truth, JOBS)


def honest() -> Case:
    attempt = Attempt("J1", 1, DIGEST, "closed", None, "good")
    attempt.commands["Db"] = 5
    books = Books(
        attempts={("J1", 1): attempt},
        jobs={"J1": "completed", "J2": "aborted"},
        stock=Counter({"received": 3, "hopper": 2, "output": 1}),
        completed=Counter({"J1": 1}),
    )
    cards = {
        "a": Card("a", "output", "complete", DIGEST, [DIGEST]),
        "b": Card("b", "hopper", "blank", None),
        "c": Card("c", "hopper", "blank", None),
    }
    return Case(books, Truth(cards, {("J1", 1): ["a"]}, {}, {}))


def test_an_honest_case_brings_no_complaint():
    assert honest().complaints() == []


def a_second_card(case: Case) -> None:
    case.truth.cards["b"] = Card("b", "output", "complete", DIGEST, [DIGEST])
    case.truth.fed["J1", 1] = ["a", "b"]


def completed_twice(case: Case) -> None:
    case.books.completed["J1"] = 2


def completed_without_a_card(case: Case) -> None:
    case.books.completed["J2"] = 1


def a_card_without_completion(case: Case) -> None:
    case.books.completed["J1"] = 0
    case.books.attempts["J1", 1].outcome = "spoiled"


def a_blank_elsewhere(case: Case) -> None:
    case.truth.cards["b"].place = "hand"


def a_spoiled_card_at_the_output(case: Case) -> None:
    case.books.attempts["J1", 1].outcome = "spoiled"


def a_wrong_sum(case: Case) -> None:
    case.books.stock.update({"hopper": -1, "output": 1})


def a_blank_out_of_nothing(case: Case) -> None:
    case.books.stock["received"] = 4


def two_in_suspense(case: Case) -> None:
    case.books.stock.update({"suspense": 2, "received": 2})


def unaccounted_for_nothing(case: Case) -> None:
    case.books.unaccounted = 1
    case.books.stock.update({"suspense": 1, "hopper": -1})


def another_picture(case: Case) -> None:
    case.truth.cards["a"].digest = "e" * 64


def a_mark_of_nobodys(case: Case) -> None:
    case.truth.cards["b"].state = "part-printed"


def good_without_a_blank(case: Case) -> None:
    case.truth.fed.clear()


LIES: dict[Callable[[Case], None], str] = {
    a_second_card: "J1: 2 good cards were made: a, b",
    completed_twice: "J1: completed 2 times",
    completed_without_a_card: "J2: completed, and no good card was made",
    a_card_without_completion: "J1: not completed, and a is its good card",
    a_blank_elsewhere: "b: booked in hopper, lies in hand",
    a_spoiled_card_at_the_output: "a: booked in reject-bin, lies in output",
    a_wrong_sum: "hopper: the books say 1, the cards' own stories 2",
    a_blank_out_of_nothing: "received 4, accounted for 3",
    two_in_suspense: "2 blanks in doubt at once",
    unaccounted_for_nothing: "1 blanks unaccounted for, and none left",
    another_picture: "a: good for J1, with other panels",
    a_mark_of_nobodys: "b: part-printed, and no attempt printed on it",
    good_without_a_blank: "J1: good, and no blank was taken for it",
}


@pytest.mark.parametrize(
    ("lie", "complaint"), LIES.items(), ids=[lie.__name__ for lie in LIES]
)
def test_each_lie_is_named(lie, complaint):
    case = honest()
    lie(case)
    assert complaint in case.complaints()


def test_a_stranger_taken_for_our_card_is_excused_once_a_count_has_shown_it():
    case = honest()
    a_spoiled_card_at_the_output(case)
    named = LIES[a_spoiled_card_at_the_output]
    stranger = Card("s", "reject-bin", "blank", None, strange=True)
    case.truth.cards["s"] = stranger
    assert named in case.complaints()
    case.books.counted["output"] = 1
    assert named not in case.complaints()
    stranger.place = "hopper"
    assert named in case.complaints()


def test_a_stranger_in_the_place_of_a_strayed_blank_bears_its_print_and_no_other():
    case = honest()
    cards = case.truth.cards
    cards["s"] = Card("s", "output", "complete", DIGEST, [DIGEST], strange=True)
    named = "s: complete, and no attempt printed on it"
    assert named in case.complaints()
    case.truth.strayed["a"] = "stolen"
    assert named not in case.complaints()
    cards["s"].digest = "e" * 64
    assert named in case.complaints()


def test_what_a_hand_did_excuses_its_own_blank_alone():
    case = honest()
    a_blank_elsewhere(case)
    case.truth.strayed["b"] = "stolen"
    assert case.complaints() == []
    case.truth.cards["c"].place = "hand"
    assert case.complaints() == ["c: booked in hopper, lies in hand"]


def test_a_lie_excuses_one_card_more_and_not_two():
    case = honest()
    a_second_card(case)
    case.truth.lies["J1", 1] = "reject-bin, but output"
    assert not judge.never_twice(case.books, case.truth, JOBS)
    case.truth.cards["c"] = Card("c", "output", "complete", DIGEST, [DIGEST])
    assert judge.never_twice(case.books, case.truth, JOBS)


def test_a_count_shows_what_is_not_there_and_may_put_nothing_right_unasked():
    case = honest()
    assert judge.counted(case.books, case.truth) == []
    case.books.stock["hopper"] = 1
    assert judge.counted(case.books, case.truth) == [
        "hopper: counted, and the books say 1 for 2"
    ]
    case.books.stock["hopper"], case.books.counted["hopper"] = 2, 1
    (complaint,) = judge.counted(case.books, case.truth)
    assert complaint.startswith("the count put right what nobody did")


def test_a_job_still_open_is_no_peace():
    case = honest()
    case.books.jobs["J1"] = "stopped"
    assert judge.jobs_at_rest(case.books, JOBS) == [
        "J1: not at rest, last word stopped"
    ]


def test_an_event_the_centre_lacks_is_missed():
    books = Books(lines=[b"1", b"2"])
    assert judge.reported(books, [b"1", b"2"]) == []
    assert judge.reported(books, [b"1"])
    assert judge.reported(books, [b"1", b"3"])


def test_data_of_an_ended_job_is_found_in_the_files():
    books = Books(jobs={"J1": "completed", "J2": "accepted"})
    canaries = {"J1": b"one", "J2": b"two"}
    assert judge.erased(books, b"..two..", canaries) == []
    assert judge.erased(books, b"..one..", canaries) == [
        "J1: completed, and its data is still in the files"
    ]


def told(word: str, *attempts: Attempt) -> list[str]:
    story = Story(lambda: 0.0)
    notary = Notary(story)
    notary.books.attempts = {(one.job, one.number): one for one in attempts}
    notary.command(word)
    return story.complaints


@pytest.mark.parametrize(
    ("word", "stage", "destination"),
    [
        ("Si", "sending", None),
        ("Si", "closed", None),
        ("Db", "feeding", None),
        ("Se", "sent", None),
        ("Se", "delivering", "reject-bin"),
        ("Ser", "delivering", "output"),
    ],
)
def test_a_motion_that_was_not_written_down_is_named(word, stage, destination):
    attempt = Attempt("J1", 1, DIGEST, stage, destination)
    (complaint,) = told(word, attempt)
    assert f"{word} went out at stage {stage} of J1/1" in complaint


def test_a_motion_without_any_attempt_is_named():
    assert told("Si") == ["Si went out, and no attempt was ever begun"]
    assert told("Rok") == []


def test_a_second_feed_of_one_attempt_is_named():
    attempt = Attempt("J1", 1, DIGEST, "feeding")
    assert told("Si", attempt) == []
    assert told("Si", attempt) == ["Si went out twice for J1/1"]


def test_a_blank_stolen_in_a_running_world_is_seen(monkeypatch):
    def steal(world: World) -> None:
        world.machine.mechanism.blanks[0].place = Place.HAND

    seen = sabotaged(monkeypatch, steal)
    assert "card-000002: booked in hopper, lies in hand" in seen


def test_a_centre_that_lost_a_line_is_seen(monkeypatch):
    def lose(world: World) -> None:
        world.centre.book.ledger.lines.pop()

    (complaint,) = sabotaged(monkeypatch, lose)
    assert "events, the centre holds" in complaint


def sabotaged(monkeypatch, deed: Callable[[World], None]) -> list[str]:
    """Play a standard card, and do something just before the judge looks."""
    whole = World._judge

    def judge_after(world: World) -> None:
        deed(world)
        whole(world)

    monkeypatch.setattr(World, "_judge", judge_after)
    return play(STANDARD["simplex"]).complaints


def a_ledger(folder: Path, lines: list[bytes]) -> Path:
    folder.mkdir()
    with contextlib.closing(sqlite3.connect(folder / NAME)) as db:
        db.execute("CREATE TABLE events (no INTEGER PRIMARY KEY, line BLOB)")
        db.executemany("INSERT INTO events VALUES (?, ?)", enumerate(lines, 1))
        db.commit()
    return folder


def line(no: int, kind: str = "agent-started") -> bytes:
    event = {"no": no, "data": {"kind": kind}}
    return b"0" * 64 + b" " + json.dumps(event).encode() + b"\n"


@pytest.mark.parametrize(
    ("left", "complaint"),
    [
        ([line(1)], "event 2 was durable and is lost"),
        ([line(1), line(2, "x")], "event 2 was durable and is another now"),
        ([line(1), line(2), line(3)], None),
    ],
)
def test_what_was_durable_before_a_crash_must_be_there_after_it(
    tmp_path, left, complaint
):
    story = Story(lambda: 0.0)
    notary = Notary(story)
    notary.follow(a_ledger(tmp_path / "before", [line(1), line(2)]))
    notary.follow(a_ledger(tmp_path / "after", left))
    notary.leave()
    assert story.complaints == ([complaint] if complaint else [])


@given(st.binary(max_size=40), st.binary(max_size=40), st.randoms())
def test_a_tear_keeps_what_was_synced_and_a_prefix_of_the_rest(kept, more, dice):
    left = torn(Files(b"db", kept, b""), Files(b"db", kept + more, b""), dice)
    assert left.db == b"db"
    assert left.wal.startswith(kept)
    assert (kept + more).startswith(left.wal)


@given(st.binary(min_size=1, max_size=40), st.randoms())
def test_a_tear_in_a_checkpoint_leaves_the_old_log_or_the_new_file(wal, dice):
    old, new = b"old" * 5, b"new" * 5
    left = torn(Files(old, wal, b"1"), Files(new, b"", b"2"), dice)
    assert left.db == new or left.wal == wal
    assert wal.startswith(left.wal)
