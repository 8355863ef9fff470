"""Each fault before and during a print of the vendor's SDK, and the way back."""

from __future__ import annotations

import pytest

from simulators.faults import USB_KINDS, FaultKind
from tests.interop.evolis_sdk.fault_table import TABLE, WAYS_BACK, When
from tests.interop.evolis_sdk.fault_trials import (
    expected_recovery,
    fault_jobs,
    recovery_jobs,
)
from tests.interop.evolis_sdk.pictures import card_picture
from tests.interop.evolis_sdk.sdk_world import side_by_side

TRIAL_S = 60.0


@pytest.fixture(scope="module")
def picture(sdks, tmp_path_factory):
    path = tmp_path_factory.mktemp("faults") / "front.bmp"
    card_picture("CONTOH").save(path)
    return path


@pytest.fixture(scope="module")
def seen(picture):
    """What became of each row of the table, as soon as it has been tried."""
    with side_by_side(fault_jobs(picture)) as trials:
        yield trials


@pytest.fixture(scope="module")
def recovered(picture):
    with side_by_side(recovery_jobs(picture)) as trials:
        yield trials


def test_the_table_has_each_kind_before_and_during_a_print():
    kinds = set(FaultKind) - USB_KINDS
    assert set(TABLE) == {(kind, when) for kind in kinds for when in When}


@pytest.mark.parametrize(("kind", "when"), TABLE)
def test_a_fault_gives_the_code_the_state_and_the_card_of_the_table(seen, kind, when):
    assert seen[kind, when].result(TRIAL_S) == TABLE[kind, when]


@pytest.mark.parametrize("kind", WAYS_BACK)
def test_a_mended_and_acknowledged_fault_lets_the_next_card_be_good(recovered, kind):
    assert recovered[kind].result(TRIAL_S) == expected_recovery(kind)
