"""Months in which everybody is honest, and much goes wrong: nothing may be named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from simulators.build import PowerUp
from tests.world.heist import perform
from tests.world.month import PLAN, Month

Record = Callable[[str, object], None]


@pytest.mark.parametrize("power_up", list(PowerUp))
def test_an_honest_month_raises_no_incident(
    power_up: PowerUp, record_property: Record
) -> None:
    month = Month(1)
    heist = perform(replace(PLAN, power_up=power_up), month.script)
    named = [one["detail"] for one in heist.events("incident-raised")]
    assert named + heist.centre.suspicions.found == [], heist.ending
    assert month.totals.jams >= 50
    assert month.totals.cuts >= 20
    assert month.totals.copies >= 500
    record_property("figure", f"{month.totals} (at power-up: {power_up})")
