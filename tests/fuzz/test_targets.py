"""The targets of `make fuzz` hold for their seeds, and for a few bytes of chance."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, seeds

each_target = pytest.mark.parametrize("name", TARGETS)


@each_target
def test_a_target_holds_for_what_it_begins_with(name):
    assert seeds(name)
    for seed in [*seeds(name), b""]:
        TARGETS[name](seed)


@each_target
@settings(max_examples=50)
@given(st.data())
def test_a_target_holds_for_a_seed_with_a_piece_changed(name, data):
    seed = data.draw(st.sampled_from(seeds(name)))
    begin, end = sorted(data.draw(st.tuples(*[st.integers(0, len(seed))] * 2)))
    TARGETS[name](seed[:begin] + data.draw(st.binary(max_size=40)) + seed[end:])
