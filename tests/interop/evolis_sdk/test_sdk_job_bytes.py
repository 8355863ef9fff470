"""Our driver's bytes for a card beside the vendor's SDK's, and the page of both."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.interop.evolis_sdk.job_bytes import (
    STEPS,
    commands_of,
    named,
    sent_by_driver,
    sent_by_sdk,
)
from tests.interop.evolis_sdk.job_page import page
from tests.interop.evolis_sdk.pictures import card_picture, mono_picture
from tests.interop.evolis_sdk.wire_record import items

PAGE = ROOT / "docs" / "evolis-job.md"


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("job") / "front.bmp"
    card_picture("CONTOH").save(path)
    return path


@pytest.fixture(scope="module")
def by_sdk(sdks, picture):
    return sent_by_sdk(sdks[0], picture)


@pytest.fixture(scope="module")
def by_driver(picture):
    return sent_by_driver(picture)


def test_our_driver_sends_what_the_steps_say(by_driver):
    assert by_driver.commands == commands_of(step.ours for step in STEPS)


def test_the_sdk_sends_what_the_steps_say(by_sdk):
    assert by_sdk.commands == commands_of(step.sdk for step in STEPS)


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


@pytest.mark.parametrize("ribbon", ["K", "KO"])
def test_a_whole_job_of_resin_is_the_sdks_byte_for_byte(sdks, tmp_path, ribbon):
    path = tmp_path / "front.bmp"
    mono_picture("CONTOH").save(path)
    ours = sent_by_driver(path, ribbon, whole=True)
    sdks = sent_by_sdk(sdks[0], path, ribbon)
    assert len(ours.streams) == 2
    assert ours.streams == sdks.streams


def test_a_whole_job_in_colour_differs_in_dye_and_its_mean_alone(by_sdk, picture):
    ours = sent_by_driver(picture, whole=True)
    assert [len(stream) for stream in ours.streams] == [
        len(stream) for stream in by_sdk.streams
    ]
    commands, others = named(ours.streams), named(by_sdk.streams)
    differ = [
        (one, other)
        for one, other in zip(commands, others, strict=True)
        if one != other
    ]
    assert differ == [("Pida;1;36;50;67", "Pida;0;37;50;68")]
    assert ours.panels["k"] == by_sdk.panels["k"]
    assert ours.panels["o"] == by_sdk.panels["o"]


def test_the_page_says_what_was_sent(by_driver, by_sdk):
    assert PAGE.read_text() == page(by_driver, by_sdk), "`make docs` writes it anew"
