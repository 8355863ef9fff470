"""The trials of `make bench-exactly-once`, once each, and whether their table can fail.

They run side by side in one test: they wait for slow printers most of the time.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter

import pytest

from bench.exactly_once import table
from bench.exactly_once.cups import PATH, PROGRAMS
from bench.exactly_once.lies import LIES
from bench.exactly_once.trials import KEPT, TRIALS, Outcome, Verdict
from tests.conftest import BROKER, needs

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(300)]

LIARS_TRIAL = "kill -9, printer off"


async def tried(arena: table.Arena) -> tuple[table.Counts, list[table.Counts]]:
    """Each trial of blanko, and beside them one of each liar."""
    one = {LIARS_TRIAL: TRIALS[LIARS_TRIAL]}
    async with asyncio.TaskGroup() as group:
        honest = group.create_task(
            table.count(arena.folder / "honest", table.our_systems(arena.broker), 1)
        )
        liars = [
            group.create_task(
                table.count(
                    arena.folder / lie, table.our_systems(arena.broker, lie), 1, one
                )
            )
            for lie in LIES
        ]
    return honest.result(), [liar.result() for liar in liars]


def test_blanko_keeps_its_word_in_every_trial_and_a_liar_does_not() -> None:
    needs("mosquitto", BROKER)
    with table.arena() as arena:
        honest, liars = asyncio.run(tried(arena))
    assert all(verdicts.total() == 1 for verdicts in honest.values())
    assert table.broken(honest) == []
    assert [table.broken(liar) for liar in liars] == [
        [f"{LIARS_TRIAL}: LOST in 1 of 1"],
        [f"{LIARS_TRIAL}: TWICE in 1 of 1"],
    ]


def test_the_trials_are_hard_enough_to_make_a_system_without_the_promise_fail() -> None:
    needs("mosquitto", BROKER)
    for program in PROGRAMS:
        needs(program, shutil.which(program, path=PATH))
    with table.arena() as arena:
        shipped = dict(list(table.cups_systems().items())[:1])
        counts = asyncio.run(table.count(arena.folder / "cups", shipped, 1))
    assert all(verdicts.total() == 1 for verdicts in counts.values())
    assert {verdict for found in counts.values() for verdict in found} - KEPT


@pytest.mark.parametrize(
    ("good", "spoiled", "says", "verdict"),
    [
        (1, 0, "completed", Verdict.ONCE),
        (1, 2, "completed", Verdict.ONCE),
        (1, 0, "unknown job", Verdict.FORGOTTEN),
        (1, 0, "waiting", Verdict.FORGOTTEN),
        (2, 0, "completed", Verdict.TWICE),
        (2, 0, "asks", Verdict.TWICE),
        (0, 1, "completed", Verdict.HALF_DONE),
        (0, 0, "completed", Verdict.LOST),
        (0, 1, "unknown job", Verdict.LOST),
        (0, 1, "asks", Verdict.ASKS),
        (0, 1, "given up", Verdict.ASKS),
        (0, 0, "waiting", Verdict.WAITS),
    ],
)
def test_cards_decide_the_verdict_before_words(
    good: int, spoiled: int, says: str, verdict: Verdict
) -> None:
    assert Outcome(good, spoiled, says).verdict is verdict


def test_only_blankos_own_rows_count_as_a_broken_promise() -> None:
    counts: table.Counts = {
        ("a cut", "CUPS, as shipped"): Counter({Verdict.TWICE: 1}),
        ("a cut", table.OURS): Counter({Verdict.ONCE: 2, Verdict.ASKS: 1}),
    }
    assert table.broken(counts) == []
    counts["a kill", table.OURS] = Counter({Verdict.ONCE: 2, Verdict.FORGOTTEN: 1})
    assert table.broken(counts) == ["a kill: once, untold in 1 of 3"]
