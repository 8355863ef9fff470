"""The finished pictures that a centre sends."""

from PIL import Image

from simulators import cards
from simulators.persons import LONG_NAME, people


def black_count(image: Image.Image) -> int:
    found = image.getcolors(maxcolors=2**20) or []
    return next((count for count, colour in found if colour == (0, 0, 0)), 0)


def test_every_picture_fills_the_card_and_has_no_transparency():
    person = people(2)[1]
    for draw in (cards.identity_card, cards.badge_front, cards.badge_back):
        image = draw(person)
        assert (image.size, image.mode) == (cards.CARD_SIZE, "RGB")


def test_texts_are_pure_black_so_that_they_become_resin():
    for person in people(12):
        assert black_count(cards.identity_card(person)) > 5000


def test_a_card_is_marked_as_a_sample_across():
    bare = Image.new("RGB", cards.CARD_SIZE, (222, 236, 244))
    marked = bare.copy()
    cards.mark_as_sample(marked)
    changed = sum(count for count, colour in marked.getcolors(2**16) or []) - max(
        count for count, _ in marked.getcolors(2**16) or []
    )
    assert changed > 20_000


def test_the_longest_name_stays_left_of_the_portrait():
    long, short = (
        next(person for person in people(12) if (person.name == LONG_NAME) is wanted)
        for wanted in (True, False)
    )
    for person in (long, short):
        strip = cards.identity_card(person).crop((718, 196, 734, 226))
        assert black_count(strip) == 0


def test_the_back_of_a_badge_differs_for_each_person():
    first = people(6)
    assert len({cards.badge_back(person).tobytes() for person in first}) == 6
