"""The operator sees what a person would see."""

import pytest

from simulators.demo.operator import bin_count, has, whereabouts


def truth(*cards):
    return {
        "cards": [
            {"id": f"card-{number:06d}", "place": place, "state": state}
            for number, (place, state) in enumerate(cards, 1)
        ]
    }


@pytest.mark.parametrize(
    ("place", "state", "words"),
    [
        ("reject-bin", "part-printed", ("reject-bin",)),
        ("path", "part-printed", ("printer",)),
        ("output", "complete", ("output", "--good")),
        ("output", "part-printed", ("output", "--bad")),
        ("hand", "part-printed", ("missing",)),
    ],
)
def test_the_newest_marked_card_is_the_one_in_doubt(place, state, words):
    seen = truth(("output", "complete"), (place, state), ("hopper", "blank"))
    assert whereabouts(seen) == words


def test_a_card_that_nobody_can_find_is_missing():
    assert whereabouts(truth(("hopper", "blank"))) == ("missing",)


def test_a_reason_is_known_with_any_severity_and_no_other_word_is_taken_for_it():
    assert has(["media-empty-error"], "media-empty")
    assert has(["media-empty"], "media-empty")
    assert not has(["media-empty-soon-error", "media-jam"], "media-empty")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (("output", "--good"), ()),
        (("output", "--bad"), ("--bin-count", "3")),
        (("reject-bin",), ("--bin-count", "3")),
        (("printer",), ()),
    ],
)
def test_the_bin_is_counted_when_a_card_lies_in_it(found, words):
    assert bin_count(found, {"places": {"reject-bin": 3}}) == words
