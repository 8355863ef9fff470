"""More days that are set down: each goes as it was, and tells what it must."""

from __future__ import annotations

import pytest

from tests.world.days import DAYS
from tests.world.many import failure
from tests.world.world import play

TELLS = {
    "inspected": (
        "is told: not-completed",
        "job-inspected J2/1 waste rusak a streak",
        "is told: not-completed",
        "is told: movement-illegal",
        "job-inspected J1/1 reject-bin rusak a streak",
    ),
    "in doubt": (
        "attempt-closed J1/1 sending unknown a hand took it, or a power-up",
        "is told: count-needed",
        "is told: in-doubt",
        "says of J1/1: output bad",
        "job-completed J1/2",
    ),
    "estimated": (
        "queue: done by 334 s",
        "C1 is done",
        "queue: done by 160 s",
        "C2 is done",
        "job-completed J3",
    ),
    "swapped amid a card": (
        "another printer answers than the one that was fed",
        "incident-raised J1/1 printer-changed",
        "is told: same-person",
        "printer-confirmed",
        "job-completed J1/2",
    ),
    "disk failed": (
        "attempt-stage J1/1 sent",
        "the disk takes nothing more",
        "agent-mended",
        "attempt-decided J1/1 sent printed to the end, by our data",
        "job-completed J1/1",
        "the disk takes nothing more",
        "is told to wait",
        "agent-mended",
        "job-completed J2",
    ),
    "foreign ledger": ("incident-raised ledger-fork", "which is not ours"),
    "test failed": (
        "ended self-test failed a card stands in the path",
        "ended self-test failed x-wrong-ribbon-error",
        "ended self-test done",
        "job-completed J2",
    ),
    "worn": (
        "cleaning advised since 1 cards",
        "cleaning overdue by 601 cards",
        "ended clean done",
        "job-completed J2",
    ),
    "cleaned and counted": (
        "operation-begun clean",
        "incident-raised counter-mismatch",
        "ended clean done",
        "job-completed J2",
    ),
    "magicard kept": (
        "ended self-test done",
        "ended clean unsupported Tango 2e two-sided cannot be told to clean itself",
    ),
    "drawn anew": (
        "ours and unmarked, but its panels cannot be made again as they were",
        "attempt-closed J1/1 delivering spoiled",
        "job-completed J1/2",
    ),
    "no bin": (
        "is not proven good; there is no reject bin",
        "says of J1/1: printer",
        "says of J1/1: reject-bin",
        "job-completed J1/2",
    ),
    "nobody named": (
        "printer-changed",
        "is told: same-person",
        "is told: done",
        "job-completed J2",
    ),
    "untimely": (
        "job-rejected J2 clock-unsure",
        "minutes ahead of this agent's time",
        "job-completed J2",
        "job-completed J3",
    ),
    "unsure and unsigned": (
        "job-rejected J1 clock-unsure",
        "has passed, if this clock is right",
        "is told that C1 is clock-unsure",
        "job-completed J2",
        "is told that C1 is expired",
    ),
    "lost and unsure": (
        "job-rejected J2 clock-unsure a lost ledger was replaced here",
        "is told that C1 is clock-unsure",
        "is told that C1 is stale",
    ),
    "replaced too soon": (
        "job-rejected J2 fate-open job J1, which it replaces, is pending",
        "job-completed J1",
        "job-completed J3",
    ),
    "disk full": (
        "the disk is full",
        "the disk has room again",
        "agent-mended",
        "job-accepted J2",
        "job-completed J2",
    ),
    "stalled": (
        "the agent is stopped and started in good order",
        "agent-stopped",
        "attempt-decided J1/1 sending ours may be out already",
        "says of J1/1: hopper",
        "job-returned J1/1 untouched",
        "job-completed J1/2",
    ),
    "stuck inside": (
        "A motor stands still. (99:02)",
        "says of J1/1: printer",
        "says of J1/1: reject-bin",
        "job-completed J1/2",
    ),
    "hidden inside": (
        "attempt-decided J1/1 sent ours may be out already",
        "says of J1/1: printer",
        "says of J1/1: reject-bin",
        "job-completed J1/2",
    ),
}
"""What must be told of a day, in this order."""


@pytest.mark.parametrize("name", sorted(DAYS))
def test_a_day_goes_as_it_was_set_down_and_tells_what_it_must(name):
    result = play(DAYS[name])
    assert not result.complaints, failure(result, f"--tale '{name}'")
    story, at = result.story, 0
    for words in TELLS[name]:
        assert words in story[at:], f"{words!r} is lacking in\n{story}"
        at = story.index(words, at) + len(words)


def test_a_stop_in_good_order_waits_a_minute_for_the_card_and_no_longer():
    lines = play(DAYS["stalled"]).story.splitlines()
    asked_s, stopped_s = (
        float(line.split()[0])
        for words in ("stopped and started in good order", "agent-stopped")
        for line in lines[1:]
        if words in line
    )
    assert stopped_s - asked_s == pytest.approx(60.0, abs=0.1)
