"""Debian's Gutenprint prints on the emulated Magicard, and asks it how it is."""

from __future__ import annotations

import pytest

from tests.conftest import needs
from tests.interop.gutenprint.gutenprint_world import (
    as_printed,
    card_picture,
    desk,
    job,
    missing,
)
from tests.interop.gutenprint.prints import PRINTS, print_card, shortcomings
from tests.simulators.usb_world import in_loop

pytestmark = pytest.mark.umockdev


@pytest.fixture(scope="module", autouse=True)
def gutenprint():
    needs("Gutenprint with umockdev", None if missing() else "there")


@pytest.mark.parametrize("what", PRINTS, ids=lambda what: what.name)
def test_a_card_comes_out_as_it_was_given(tmp_path, what):
    @in_loop
    async def story():
        card, faces = await print_card(tmp_path, what)
        assert shortcomings(what, card, faces) == []

    story()


@in_loop
async def test_the_backend_knows_the_printer_and_asks_its_status(tmp_path):
    async with desk(tmp_path) as on:
        assert '"MFG:Magicard ;CMD:PCL,MPL;MDL:RioTango2D;"' in await on.backend()
        said = await on.backend("-s", BACKEND="tango2e")
        for line in (
            "Printer Serial Number:\tM100000",
            "Model:\tStandard",
            "USB PID:\t1800",
            "IP Address:\t127.0.0.1",
            "IP Netmask:\t255.0.0.0",
            "Total Cards Printed:\t0",
            "Panels Remaining:\t1500",
        ):
            assert line in said
        assert "INFO: Hopper loaded" in await on.backend("-I", BACKEND="tango2e")
        assert "INFO: Cards 0" in await on.backend("-q", BACKEND="tango2e")


@in_loop
async def test_the_backend_makes_a_test_card_and_ejects_one_that_stands(tmp_path):
    async with desk(tmp_path, faults=(("stuck-half-printed", 2),)) as on:
        await on.backend("-T", BACKEND="tango2e")
        await on.printer.idle()
        assert (await on.printer.world.card(1))["state"] == "complete"
        await on.print(job(tmp_path, "tango-2e", [card_picture("CONTOH")]))
        assert (await on.printer.world.card(2))["place"] == "path"
        await on.backend("-E", BACKEND="tango2e")
        await on.printer.idle()
        assert (await on.printer.world.card(2))["place"] == "output"


@in_loop
async def test_a_job_that_the_backend_has_not_made_native_is_refused(tmp_path):
    async with desk(tmp_path) as on:
        on.printer.send(job(tmp_path, "tango-2e", [card_picture("CONTOH")]))
        assert on.printer.error()[1] == "99:13"
        assert (await on.printer.world.truth())["places"]["hopper"] == 100


def test_six_bits_leave_black_and_white_as_they_are():
    assert as_printed(card_picture("")).getpixel((0, 0)) == (255, 0, 0)
    assert as_printed(card_picture("")).getpixel((800, 350)) == (0, 0, 0)
