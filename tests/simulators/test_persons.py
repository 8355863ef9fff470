"""Nobody in the demo can be a real citizen."""

import re

from PIL import Image

from simulators.persons import LONG_NAME, LONG_RELIGION, people
from simulators.portraits import PORTRAIT_SIZE, SIGNATURE_SIZE, portrait, signature


def test_every_nik_is_sixteen_digits_of_province_00_and_serial_0000():
    for person in people(60):
        assert re.fullmatch(r"00\d{10}0000", person.nik)


def test_a_nik_tells_the_day_of_birth_and_women_are_born_forty_days_later():
    for person in people(60):
        day = int(person.nik[6:8]) - (40 if person.woman else 0)
        assert (day, person.nik[8:12]) == (person.born.day, f"{person.born:%m%y}")


def test_the_same_seed_makes_the_same_persons_and_another_seed_others():
    assert people(12, seed=7) == people(12, seed=7)
    assert people(12, seed=7) != people(12, seed=8)


def test_no_two_persons_of_a_batch_share_a_nik():
    assert len({person.nik for person in people(60)}) == 60


def test_the_first_twelve_hold_the_hard_cases():
    first = people(12)
    assert len(LONG_NAME) == 60
    assert LONG_NAME in {person.name for person in first}
    assert any(" " not in person.name for person in first)
    assert LONG_RELIGION in {person.religion for person in first}
    assert "-" in {person.blood for person in first}
    assert "001/002" in {person.rt_rw for person in first}


def test_the_ground_of_a_portrait_is_red_for_odd_and_blue_for_even_years():
    for person in people(12):
        red, _, blue = corner(portrait(person))
        assert (red > blue) == (person.born.year % 2 == 1)


def test_no_two_portraits_or_signatures_are_alike():
    first = people(12)
    assert len({portrait(person).tobytes() for person in first}) == 12
    assert len({signature(person).tobytes() for person in first}) == 12


def test_portraits_and_signatures_have_the_size_of_the_layout():
    person = people(1)[0]
    assert portrait(person).size == PORTRAIT_SIZE
    assert signature(person).size == SIGNATURE_SIZE


def corner(image: Image.Image) -> tuple[int, int, int]:
    pixel = image.getpixel((0, 0))
    assert isinstance(pixel, tuple)
    red, green, blue = pixel
    return int(red), int(green), int(blue)
