"""The Magicard printer as a host meets it: jobs in, cards and answers out."""

from __future__ import annotations

import hashlib

import pytest
from PIL import Image

from simulators.magicard.models import MODELS
from simulators.magicard.picture import overcoat
from simulators.magicard.wire import Page, Parser
from tests.simulators.magicard_world import (
    ALTO,
    CALLS,
    ENDURO,
    HEADS,
    KEE,
    colours,
    magicard,
    page,
    request,
)
from tests.simulators.usb_world import in_loop

IDLE, BUSY, ERROR = 0x18, 0x08, 0x10
JOB = page(KEE, colours(KEE))
STRIPE = b"MAG1,BPI210,MPC7,COEH,%CONTOH?"
ENCODE = CALLS + b"\x01,NOC0,BBB2,VER1.00,LANENG," + STRIPE + b",KEE\x1c\x03"


@in_loop
async def test_a_job_feeds_prints_and_ejects_a_card_by_itself():
    async with magicard(speed=0) as it:
        assert it.printer.port_status() == IDLE
        it.send(JOB[:-1])
        assert it.printer.port_status() == IDLE
        it.send(JOB[-1:])
        assert it.printer.port_status() == BUSY
        for seconds, place in ((1, "path"), (20, "path"), (3.6, "output")):
            await it.world.step(seconds)
            assert (await it.world.card(1))["place"] == place
        assert it.printer.port_status() == IDLE
        card = await it.world.card(1)
        assert (card["state"], card["marks"]) == ("complete", {"front": list("ymcko")})
        planes = b"".join(colours(KEE).values())
        assert card["digest"] == hashlib.sha256(planes).hexdigest()


@in_loop
async def test_copies_and_jobs_one_after_the_other():
    async with magicard(hopper_count=5) as it:
        it.send(page(KEE, colours(KEE), first="NOC2") + JOB)
        await it.idle()
        assert (await it.world.truth())["places"]["output"] == 3
        fields = it.fields()
        assert (fields[9], fields[11]) == ("3", "15")
        assert (fields[22], fields[23]) == ("300", "3")


@in_loop
async def test_a_third_job_waits_with_its_host():
    async with magicard(speed=0) as it:
        it.send(JOB + JOB)
        assert it.printer._has_room()
        it.send(JOB[:1000])
        assert not it.printer._has_room()
        await it.world.step(30)
        assert it.printer._has_room()


@in_loop
async def test_both_sides_of_a_card_come_as_two_pages():
    front = page(KEE, colours(KEE, "ymc"), "DPXON", "BACK", "PAG1")
    back = page(KEE, colours(KEE, "k"), "DPXON", "PAG2")
    async with magicard(ribbon_kind="YMCKOK") as it:
        it.send(front)
        assert not it.printer.busy
        it.send(back)
        await it.idle()
        card = await it.world.card(1)
        assert card["marks"] == {"front": list("ymco"), "back": list("ko")}
        assert card["state"] == "complete"


@in_loop
async def test_a_second_page_without_a_first_is_no_job():
    back = page(KEE, colours(KEE, "k"), "DPXON", "PAG2")
    async with magicard() as it:
        it.send(back)
        assert it.error() == ("The job cannot be printed.", "99:13")
        it.send(JOB)
        await it.idle()
        assert it.error() == ("Printer status OK.", "00:00")
        assert (await it.world.truth())["places"]["output"] == 1


@in_loop
async def test_a_front_whose_back_never_comes_moves_no_card():
    front = page(KEE, colours(KEE, "ymc"), "DPXON", "PAG1")
    back = page(KEE, colours(KEE, "k"), "DPXON", "PAG2")
    async with magicard() as it:
        it.send(front)
        it.printer.soft_reset()
        it.send(back)
        it.send(front + JOB)
        await it.idle()
        (out,) = [
            c for c in (await it.world.truth())["cards"] if c["place"] == "output"
        ]
        assert out["marks"] == {"front": list("ymcko")}


@in_loop
async def test_the_stripe_is_written_before_the_card_is_printed_or_alone():
    async with magicard(magnetic=True) as it:
        it.send(ENCODE)
        await it.idle()
        for number in (1, 2):
            card = await it.world.card(number)
            assert (card["place"], card["tracks"]) == ("output", {"1": "CONTOH"})
            assert card["state"] == "blank"
        it.send(page(KEE, colours(KEE), "MAG2,BPI75,MPC5,COEH,;12?"))
        await it.idle()
        card = await it.world.card(3)
        assert (card["tracks"], card["state"]) == ({"2": "12"}, "complete")


@pytest.mark.parametrize(
    ("model", "job"),
    [
        ("Tango 2e", ENCODE),
        ("Rio 2e", page(KEE, colours(KEE), "BSO")),
        (
            "Rio 2e",
            page(KEE, colours(KEE), "DPXON", "PAG1")
            + page(KEE, colours(KEE), "DPXON", "PAG2"),
        ),
    ],
)
def test_what_is_not_fitted_is_said_before_a_card_moves(model, job):
    @in_loop
    async def story():
        async with magicard(model) as it:
            it.send(job)
            assert it.error()[1] == "99:12"
            assert (await it.world.truth())["places"]["hopper"] == 100
            it.send(request("RST"))
            assert it.printer.port_status() == IDLE

    story()


@pytest.mark.parametrize(
    ("model", "job"),
    [("Tango 2e", page(ENDURO, colours(ENDURO))), ("Alto", JOB), ("Enduro", JOB)],
)
def test_a_page_for_another_print_head_is_refused(model, job):
    @in_loop
    async def story():
        async with magicard(model) as it:
            it.send(job)
            assert it.printer.port_status() == ERROR
            it.send(page(HEADS[model], colours(HEADS[model], "k")))
            await it.idle()
            assert (await it.world.truth())["places"]["output"] == 1

    story()


@in_loop
async def test_an_empty_hopper_is_said_in_the_language_of_the_job():
    async with magicard("Alto", hopper_count=0) as it:
        assert it.error() == ("Printer status OK.", "00:00")
        it.send(page(ALTO, colours(ALTO, "ymc")).replace(b"LANENG", b"LANDEU"))
        await it.idle()
        assert it.printer.port_status() == ERROR
        text = "Karte wurde nicht in den Drucker eingezogen."
        assert it.error() == (text, "11:01")
        assert it.ask("REQ,ERR") == (
            b"\x01STA" + text.encode() + b"\nFehlercode - 11:01\n(c0201)\x03"
        )
        assert it.fields()[19:21] == ["11", "1"]
        await it.world.do(do="hand", act="load", count=1)
        assert it.error() == ("Printerstatus OK.", "00:00")
        assert (await it.world.truth())["places"]["hopper"] == 1


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("hopper-empty", "11:01"),
        ("feed-failure", "11:01"),
        ("jam-path", "99:01"),
        ("jam-exit", "99:01"),
        ("stuck-half-printed", "99:02"),
        ("cover-open", "99:03"),
        ("wrong-ribbon", "99:05"),
        ("ribbon-ended", "99:06"),
        ("ribbon-broken", "99:07"),
        ("head-hot", "99:08"),
        ("output-full", "99:09"),
    ],
)
def test_a_fault_ends_the_card_is_told_and_gone_when_all_is_put_right(kind, number):
    @in_loop
    async def story():
        async with magicard(faults=((kind, 1),)) as it:
            it.send(JOB)
            await it.idle()
            assert it.printer.port_status() == ERROR
            assert it.error()[1] == number
            it.send(JOB)
            await it.idle()
            assert (await it.world.truth())["places"]["output"] == 0
            await it.world.do(do="clear", kind=kind)
            if (await it.world.truth())["places"]["path"]:
                assert it.printer.port_status() == ERROR
                await it.world.do(do="hand", act="take", **{"from": "path"})
            it.send(request("RST"))
            assert it.error() == ("Printer status OK.", "00:00")
            it.send(JOB)
            await it.idle()
            assert (await it.world.truth())["places"]["output"] == 1

    story()


@in_loop
async def test_a_stripe_that_does_not_hold_keeps_the_card_or_throws_it_out():
    for reject, place in (("REJOFF", "path"), ("REJON", "output")):
        faults = (("magstripe-write", 1),)
        async with magicard(magnetic=True, faults=faults) as it:
            it.send(page(KEE, colours(KEE), "MAG2,;12?", reject))
            await it.idle()
            assert it.error()[1] == "99:10"
            card = await it.world.card(1)
            assert (card["place"], card["state"]) == (place, "blank")


@in_loop
async def test_the_host_may_eject_what_is_inside():
    async with magicard(faults=(("stuck-half-printed", 1),)) as it:
        it.send(JOB)
        await it.idle()
        it.send(b"\x05" * 9 + b"\x01EJT,\x1c\x03")
        await it.idle()
        card = await it.world.card(1)
        assert (card["place"], card["state"]) == ("output", "part-printed")
        assert it.printer.port_status() == IDLE


@in_loop
async def test_a_self_test_makes_a_card():
    async with magicard() as it:
        it.send(request("TST"))
        await it.idle()
        assert (await it.world.card(1))["state"] == "complete"


@in_loop
async def test_a_reset_forgets_the_jobs_and_moves_no_card():
    async with magicard(speed=0) as it:
        it.send(JOB + JOB)
        await it.world.step(5)
        it.send(request("RST"))
        assert not it.printer.busy
        assert it.error()[1] == "99:11"
        await it.world.step(60)
        places = (await it.world.truth())["places"]
        assert (places["path"], places["output"]) == (1, 0)


@in_loop
async def test_without_power_it_forgets_all_but_its_counters():
    async with magicard(faults=(("power-cut", 2),)) as it:
        it.send(page(KEE, colours(KEE), first="NOC3"))
        await it.idle()
        assert not it.printer.reachable
        assert it.send(request("REQ,ERR")) == []
        await it.world.do(do="power", on=True)
        await it.idle()
        assert it.fields()[9] == "1"
        assert it.error()[1] == "99:11"


@in_loop
async def test_it_answers_each_request_with_its_frame():
    async with magicard(seed=3) as it:
        fields = it.fields()
        assert len(fields) == 35
        assert fields[1:4] == ["Tango 2e", "0", "M100003"]
        assert it.ask("REQ,STA,MSR") == b"\x01STA,MSRM100003,\x03"
        assert it.ask("REQ,STA,PID") == b"\x01STA,PID6144,\x03"
        assert it.ask("REQ,STA,IPA") == b"\x01STA,IPA2130706433,\x03"
        assert it.ask("REQ,STA,SNM") == b"\x01STA,SNM-16777216,\x03"
        for word in ("QPR", "SNR"):
            lines = [it.ask(f"{word}{number}") for number in range(1, 5)]
            assert lines[-1] == b"END"
            assert b"END" not in lines[:-1]
        for words in ("REQ,ZZZ", "REQ", "REQ,STA,ZZZ", "REQ,STA", "RST", "EJT"):
            assert it.send(request(words)) == []


def test_every_key_that_the_sheet_names_has_a_value():
    keys = "MSR PSR BSR VRS FDC FSP FEP FSS FPP MDL PID VID USN UPN MAC DYN IPA SNM GWY"
    keys += " TCQ TCP TCN CCQ TPQ CCP CPQ DFR CLP"

    @in_loop
    async def story():
        async with magicard() as it:
            for key in keys.split():
                reply = it.ask(f"REQ,STA,{key}")
                assert reply.startswith(b"\x01STA," + key.encode())
                assert reply.endswith(b",\x03")
                assert len(reply) > 10

    story()


def test_the_overcoat_leaves_out_the_holes():
    parser = Parser(lambda _: None)
    fields = ("PCT0,0,1025,641", "NCT90,295,260,450")
    (whole,) = parser.receive(page(KEE, colours(KEE, "k"), *fields))
    assert isinstance(whole, Page)
    model = MODELS["Tango 2e"]
    mask = overcoat(model, whole.header).convert("L")
    assert mask.size == (1016, 642)
    assert mask.getpixel((0, 0)) == mask.getpixel((1015, 641)) == 255
    hole = Image.new("L", (171, 156))
    assert mask.crop((90, 641 - 450, 261, 641 - 295 + 1)) == hole
    assert mask.histogram()[0] == 171 * 156


@in_loop
async def test_a_hole_in_the_overcoat_makes_another_card():
    digests = []
    for fields in ((), ("PCT0,0,1025,641",), ("NCT90,295,260,450",)):
        async with magicard() as it:
            it.send(page(KEE, colours(KEE), *fields))
            await it.idle()
            digests.append((await it.world.card(1))["digest"])
    assert digests[0] == digests[1] != digests[2]


@in_loop
async def test_it_is_to_be_had_over_plain_tcp():
    async with magicard() as it:
        assert await it.world.raw(JOB + request("REQ,ERR")) == (
            b"\x01STAPrinter status OK.\n00:00\n(c0300)\x03"
        )
        assert await it.world.raw(b"") == b""
        await it.idle()
        assert (await it.world.truth())["places"]["output"] == 1


@pytest.mark.parametrize(
    ("model", "vendor_and_product", "mdl"),
    [
        ("Tango 2e", (0x0C1F, 0x1800), "RioTango2D"),
        ("Enduro", (0x0C1F, 0x4800), "Enduro"),
        ("Alto", (0x0C1F, 0x2800), "Alto"),
    ],
)
def test_it_says_who_it_is_on_usb(model, vendor_and_product, mdl):
    @in_loop
    async def story():
        async with magicard(model, on_usb=True) as it:
            port = it.world.emulator.usb_port
            told = port.description
            assert (told.vendor_id, told.product_id) == vendor_and_product
            assert it.printer.device_id.startswith("MFG:Magicard ;")
            assert f"MDL:{mdl};" in it.printer.device_id
            assert it.printer.port_status() == IDLE

    story()
