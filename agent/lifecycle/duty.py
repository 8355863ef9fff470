"""How hard a printer may be worked: cards an hour, rests, heat, and when all is done.

Pure. Time comes in as ages: how long ago each thing happened, at least. A clock that
jumps makes no rest longer, and none shorter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from protocols.vocabulary import Reason, Severity, StateReason

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
HISTORY_MAX = 1_000  # cards that are remembered; no limit may be about more
PACE_MIN, PACE_MAX = 5, 50  # cards by which the time of one is told
SLACK_S = 30.0  # over the longest card: then something else was waited for

RESTING = Reason(StateReason.RESTING, Severity.REPORT)
COOLING = Reason(StateReason.OVER_TEMPERATURE, Severity.REPORT)


class Wear(StrEnum):
    """What is remembered of a printer's use."""

    CARD = "card"  # one was seen in the path, to be printed
    COOL = "cool"  # it did not say any more that it is too hot
    TESTED = "tested"  # it passed a self-test
    FAILED = "failed"  # it failed the newest one


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was written down; `mono_ms` counts from the start of `boot`."""

    boot: str
    mono_ms: int
    at: datetime
    sure: bool  # whether `at` may be relied on


@dataclass(frozen=True, slots=True)
class Limits:
    """What the office asks for. None: no limit. Each counts from feed to feed."""

    cards_an_hour: int | None = None
    rest_after: int | None = None  # cards, without a rest between two of them
    rest_s: float = 0.0
    cool_s: float = 60.0  # after the printer has said that it is cool again


@dataclass(frozen=True, slots=True)
class Rules:
    """All that the office asks for."""

    limits: Limits = field(default_factory=Limits)
    run_cards: int | None = None  # that this printer is to make in all
    test_after_s: float | None = None  # unused for so long: a self-test; None: never
    print_uncleaned: bool = False  # though its cleaning is overdue


@dataclass(frozen=True, slots=True)
class History:
    """How many seconds ago, at least; `cards_s` the newest first."""

    cards_s: tuple[float, ...] = ()
    cool_s: float | None = None  # None: it was never too hot


@dataclass(frozen=True, slots=True)
class Rest:
    """No new card may start: for how long, and why."""

    wait_s: float | None  # None: until the printer says that it is cool
    reason: Reason


def ages_s(moments: Iterable[Moment], now: Moment) -> list[float]:
    """Return how long ago each moment was; they come with the newest first.

    Within one boot that is exact. Between two boots it is what two sure clocks say,
    and never less than the later boot had lasted.
    """
    ages: list[float] = []
    age_s, after = 0.0, now
    for moment in moments:
        if moment.boot == after.boot:
            gap_s = (after.mono_ms - moment.mono_ms) / 1000
        else:
            gap_s = after.mono_ms / 1000
            if moment.sure and after.sure:
                gap_s = max(gap_s, (after.at - moment.at).total_seconds())
        age_s, after = age_s + max(gap_s, 0.0), moment
        ages.append(age_s)
    return ages


def idle_s(newest: Moment | None, now: Moment) -> float | None:
    """Return how long a printer may have stood unused, at most; None: for ever.

    Here an unsure clock is believed, for the longer time is the careful one.
    """
    if newest is None:
        return None
    by_clock_s = (now.at - newest.at).total_seconds()
    return max(ages_s([newest], now)[0], 0.0 if newest.boot == now.boot else by_clock_s)


def rest(limits: Limits, history: History, *, hot: bool) -> Rest | None:
    """Return why no new card may start now; None: one may. The longest rest decides."""
    if hot:
        return Rest(None, COOLING)
    waits = {
        RESTING: max(_hour_s(limits, history), _pause_s(limits, history)),
        COOLING: _cooling_s(limits, history),
    }
    reason = max(waits, key=lambda one: waits[one])
    return Rest(waits[reason], reason) if waits[reason] > 0 else None


def _hour_s(limits: Limits, history: History) -> float:
    most, cards = limits.cards_an_hour, history.cards_s
    if most is None or len(cards) < most:
        return 0.0
    return HOUR_S - cards[most - 1]


def _pause_s(limits: Limits, history: History) -> float:
    most, cards = limits.rest_after, history.cards_s
    if most is None or len(cards) < most:
        return 0.0
    run = cards[:most]
    rested = any(before - after >= limits.rest_s for after, before in pairwise(run))
    return 0.0 if rested else limits.rest_s - cards[0]


def _cooling_s(limits: Limits, history: History) -> float:
    return 0.0 if history.cool_s is None else limits.cool_s - history.cool_s


def card_s(history: History, longest_card_s: float) -> float:
    """Return how long a card takes here, by those of late; else the longest one."""
    cards = history.cards_s[: PACE_MAX + 1]
    gaps = [before - after for after, before in pairwise(cards)]
    whole = sorted(gap for gap in gaps if 0 < gap <= longest_card_s + SLACK_S)
    return whole[len(whole) // 2] if len(whole) >= PACE_MIN else longest_card_s


def interval_s(limits: Limits, one_card_s: float) -> float:
    """Return how long a card takes in the long run, all rests shared among them."""
    found = one_card_s
    if limits.rest_after is not None:
        run_s = (limits.rest_after - 1) * one_card_s
        found = (run_s + max(limits.rest_s, one_card_s)) / limits.rest_after
    if limits.cards_an_hour is not None:
        found = max(found, HOUR_S / limits.cards_an_hour)
    return found


def done_in_s(
    count: int, limits: Limits, one_card_s: float, rests: Rest | None
) -> float:
    """Return in how long `count` cards can be done, one at least, if all goes well."""
    wait_s = rests.wait_s if rests is not None else None
    return (wait_s or 0.0) + (count - 1) * interval_s(limits, one_card_s) + one_card_s
