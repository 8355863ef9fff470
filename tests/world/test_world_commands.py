"""Commands of the centre, done once in a world where the agent dies at every point."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.world.centre import Order, Wish
from tests.world.many import failure
from tests.world.plan import POWERS, Plan, death_at
from tests.world.world import Result, play

ORDER = Order("J1", 10)
PAUSED = Plan(
    0,
    (ORDER,),
    wishes=(
        Wish(1, "pause"),
        Wish(2, "hold", "J1", 4.0),
        Wish(3, "resume", None, 8.0),
        Wish(4, "release", "J1", 12.0),
    ),
)
CANCELED = Plan(0, (ORDER,), wishes=(Wish(1, "pause"), Wish(2, "cancel", "J1", 4.0)))


def judged(plan: Plan) -> Result:
    result = play(plan)
    assert not result.complaints, failure(result, str(plan))
    return result


def told(result: Result, kind: str) -> int:
    """How often the story tells of an event of this kind."""
    return result.story.count(f" {kind} ")


@pytest.mark.parametrize("at_s", [0.0, 1.0, 2.5, 4.0, 6.0, 9.0, 14.0, 25.0])
def test_a_cancel_at_any_moment_leaves_a_card_or_none(at_s):
    result = judged(Plan(0, (ORDER,), wishes=(Wish(1, "cancel", "J1", at_s),)))
    too_late = "C1 is too-late" in result.story
    assert ("job-completed J1" in result.story) is too_late


@pytest.mark.parametrize(
    ("plan", "kinds"),
    [
        (PAUSED, ("agent-paused", "job-held", "agent-resumed", "job-released")),
        (CANCELED, ("agent-paused", "job-canceled")),
    ],
    ids=["paused and held", "canceled"],
)
def test_a_death_at_any_point_makes_no_command_be_done_twice(plan, kinds):
    points = judged(plan).points[0]
    assert points > 40
    for point in range(1, points + 1):
        death = death_at(point, POWERS[point % len(POWERS)])
        result = judged(replace(plan, seed=point, deaths=(death,)))
        assert told(result, "agent-command") == len(plan.wishes), result.story
        assert {kind: told(result, kind) for kind in kinds} == dict.fromkeys(kinds, 1)
        assert ("job-completed J1" in result.story) is (plan is PAUSED)
