"""Our driver's bytes for a card beside the vendor's SDK's, and the page of both."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.conftest import ROOT
from tests.interop.evolis_sdk.job_bytes import (
    LOOK,
    STEPS,
    Given,
    commands_of,
    named,
    sent_by_driver,
    sent_by_sdk,
)
from tests.interop.evolis_sdk.job_page import page
from tests.interop.evolis_sdk.pictures import SIZE, card_picture, mono_picture
from tests.interop.evolis_sdk.wire_record import items

PAGE = ROOT / "docs" / "evolis-job.md"


@pytest.fixture(scope="module")
def in_colour(tmp_path_factory):
    path = tmp_path_factory.mktemp("job") / "front.bmp"
    card_picture("CONTOH").save(path)
    return path


@pytest.fixture(scope="module")
def by_sdk(sdks, in_colour):
    return sent_by_sdk(sdks[0], Given(in_colour))


@pytest.fixture(scope="module")
def by_driver(in_colour):
    return sent_by_driver(Given(in_colour))


def test_our_driver_sends_what_the_steps_say(by_driver):
    assert by_driver.commands == commands_of(step.ours for step in STEPS)


def but_for_looks(commands):
    return [command for command in commands if command != LOOK]


def test_the_sdk_sends_what_the_steps_say(by_sdk):
    """But for its looks: it leaves one out where it has just seen a status."""
    steps = commands_of(step.sdk for step in STEPS)
    assert but_for_looks(by_sdk.commands) == but_for_looks(steps)


def test_each_of_our_commands_has_a_connection_and_a_nul_of_its_own(by_driver):
    for request in filter(None, by_driver.requests):
        command, nul = items(request)
        assert (nul.text, nul.size) == ("NUL", 1)
        assert not command.text.startswith("<")


def test_the_sdk_sends_two_streams_and_else_one_command_a_connection(by_sdk):
    ends = []
    for request in filter(None, by_sdk.requests):
        *commands, nul = items(request)
        assert (nul.text, nul.size) == ("NUL", 1)
        if len(commands) > 1:
            ends.append((commands[0].text, commands[-1].text))
    assert ends == [("Psync;1;0", "Psync;4;0"), ("Pcla;0", "Psync;11;0")]


def test_black_and_overlay_are_the_same_dots_on_both_sides(by_driver, by_sdk):
    for panel in "ko":
        assert by_driver.panels[panel] == by_sdk.panels[panel]
    sizes = {panel: len(dots) for panel, dots in by_driver.panels.items()}
    assert sizes == {panel: len(dots) for panel, dots in by_sdk.panels.items()}


def test_areas_of_one_colour_are_the_same_dots_on_both_sides(by_driver, by_sdk):
    for panel in "ymc":
        for x, y in ((30, 300), (180, 250), (500, 400), (800, 40)):
            dot = x * 648 + 647 - y
            ours, sdks = by_driver.panels[panel][dot], by_sdk.panels[panel][dot]
            assert ours == sdks


@pytest.mark.parametrize("model", ["Primacy", "Zenius"])
@pytest.mark.parametrize("ribbon", ["K", "KO"])
def test_a_whole_job_of_resin_is_the_sdks_byte_for_byte(sdks, tmp_path, model, ribbon):
    path = tmp_path / "front.bmp"
    mono_picture("CONTOH").save(path)
    given = Given(path, model, ribbon)
    ours = sent_by_driver(given, whole=True)
    assert len(ours.streams) == 2
    assert ours.streams == sent_by_sdk(sdks[0], given).streams


@pytest.mark.parametrize("model", ["Primacy", "Zenius", "Badgy200"])
def test_a_whole_job_in_colour_differs_in_its_dots_and_their_mean_alone(
    sdks, in_colour, model
):
    given = Given(in_colour, model)
    ours, other = sent_by_driver(given, whole=True), sent_by_sdk(sdks[0], given)
    assert [len(stream) for stream in ours.streams] == [
        len(stream) for stream in other.streams
    ]
    pairs = zip(named(ours.streams), named(other.streams), strict=True)
    (differ,) = [pair for pair in pairs if pair[0] != pair[1]]
    assert all(command.startswith("Pida;") for command in differ)
    assert ours.panels["o"] == other.panels["o"]
    if model != "Badgy200":  # whose resin has other rows of the picture
        assert ours.panels["k"] == other.panels["k"]


def test_resin_at_260_dpi_has_the_same_rows_of_70_bytes(sdks, tmp_path):
    path = tmp_path / "line.bmp"
    line = Image.new("RGB", SIZE, (255, 255, 255))
    line.paste((0, 0, 0), (0, 644, *SIZE))
    line.save(path)
    given = Given(path, "Badgy200")
    row = b"\xf0" + bytes(69)
    panel = (row * 1016).ljust(71374, b"\0")
    assert sent_by_driver(given).panels["k"] == panel
    assert sent_by_sdk(sdks[0], given).panels["k"] == panel


def test_of_648_rows_the_sdk_leaves_86_out_at_260_dpi(sdks, tmp_path):
    path = tmp_path / "diagonal.bmp"
    diagonal = Image.new("RGB", SIZE, (255, 255, 255))
    for x in range(648):
        diagonal.putpixel((x, 647 - x), (0, 0, 0))
    diagonal.save(path)
    resin = sent_by_sdk(sdks[0], Given(path, "Badgy200")).panels["k"]
    bits = "".join(f"{byte:08b}" for byte in resin)
    # Counted from the lower edge, dot n is row n * 648 / 562 of the picture. The last
    # two dots of a row have no byte and run into the next.
    dots = {(n * 648 // 562) * 560 + n for n in range(562)}
    assert {at for at, bit in enumerate(bits) if bit == "1"} == dots


def test_the_page_says_what_was_sent(by_driver, by_sdk):
    assert PAGE.read_text() == page(by_driver, by_sdk), "`make docs` writes it anew"
