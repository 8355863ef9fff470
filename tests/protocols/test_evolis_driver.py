"""The driver against scripts: the whole card, and each way in which it can go wrong."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest
from PIL import Image

from protocols.contract import SidePlanes
from protocols.errors import (
    DeviceError,
    LocalProtocolError,
    RemoteProtocolError,
    TransportError,
)
from protocols.evolis.driver import EvolisDriver
from protocols.evolis.models import MODELS
from protocols.vocabulary import (
    CardFate,
    CardPosition,
    CardSide,
    Panel,
    PrinterState,
)
from tests.protocols.evolis_scripts import (
    BACK,
    BEGIN,
    BOTH_SIDES,
    CARD,
    CLAIM,
    COUNT_41,
    COUNT_42,
    DELIVER,
    FEED,
    FINISH,
    FRONT,
    INSIDE,
    OPEN,
    PRINTING,
    RELEASE,
    claimed,
    fed,
    new_driver,
    outcome,
    planes,
    printed,
)
from tests.protocols.scripted_link import (
    ScriptedTransport,
    Trouble,
    fails,
    panel,
    poll,
    run_in_virtual_time,
    says,
    status,
)

# The good way.


def test_a_two_sided_card_is_fed_printed_and_delivered_in_the_order_of_the_sources():
    driver, transport = new_driver(
        OPEN, CLAIM, FEED, FRONT, BACK, FINISH, DELIVER, RELEASE
    )

    async def main():
        await printed(driver, BOTH_SIDES)
        await driver.deliver()
        await driver.release()

    run_in_virtual_time(main)
    assert not transport.steps
    assert not transport.is_open


def test_the_claim_returns_the_power_canary_and_the_identity_is_read():
    driver, _ = new_driver(OPEN, CLAIM)

    async def main():
        identity = await driver.open()
        assert (identity.model, identity.serial) == ("Primacy", "SN-1")
        assert (identity.firmware, identity.head_serial) == ("1640", "HEAD-1")
        assert await driver.claim() == "2"

    run_in_virtual_time(main)


def test_what_the_last_reply_said_of_the_session_is_not_asked_again():
    claim = [CLAIM[0], says("Psid;7;180", "OK"), *CLAIM[4:]]
    observe = [
        says("Rsn", "SN-1"),
        says("Rkn", "HEAD-1"),
        says("Rem;1", "2"),
        COUNT_42,
        says("Rrt;all", "OK"),
    ]
    driver, transport = new_driver(OPEN, claim, observe, RELEASE, [poll()], observe)

    async def main():
        await claimed(driver)
        await driver.observe()
        await driver.release()
        assert len(transport.steps) == 6
        await driver.observe()  # not ours any more, so it looks before it speaks

    run_in_virtual_time(main)
    assert not transport.steps


def test_a_session_that_another_host_took_is_seen_before_a_word_is_said():
    driver, transport = new_driver(OPEN, CLAIM, [poll(session=9), poll(session=9)])

    async def script(it):
        await claimed(it)
        await it.status()
        said = len(transport.writes)
        try:
            await it.observe()
        finally:
            assert len(transport.writes) == said

    error, _ = outcome(driver, script)
    assert isinstance(error, DeviceError)
    assert not transport.steps


def test_a_panel_is_written_without_a_copy():
    driver, transport = new_driver(OPEN, CLAIM, FEED, FRONT, FINISH)

    run_in_virtual_time(lambda: printed(driver))
    for panel_, dots in CARD.sides[0][1]:
        at = next(n for n, data in enumerate(transport.writes) if data is dots)
        head, _, tail = transport.writes[at - 1 : at + 2]
        assert head.startswith(b"\x1bDb;" + panel_.value.encode())
        assert tail == b"\r\x00"


def test_status_is_looked_at_four_times_a_second_while_a_card_is_printed():
    looks = [poll(inf=PRINTING)] * 80
    driver, _ = new_driver(OPEN, CLAIM, FEED, FRONT, looks, [poll(inf=INSIDE)])
    started = run_in_virtual_time(lambda: printed(driver))
    assert started == pytest.approx(80 * 0.25 + 0.25)  # one for the reservation


def test_an_observation_holds_everything_that_can_be_proved():
    ribbon = "label: YMCKO\ntype:0\nqty:300\ncount:298\nevosn:R-1"
    observe = [
        poll(session=0),
        says("Rsn", "SN-1"),
        says("Rkn", "HEAD-1"),
        says("Rem;1", "2"),
        COUNT_42,
        says("Rrt;all", ribbon, session=0, war=0x01010000, inf=0x00010000),
    ]
    driver, _ = new_driver(OPEN, observe)

    async def main():
        await driver.open()
        seen = await driver.observe()
        assert seen.cards_fed == 42
        assert (seen.canary, seen.cards_counter) == ("2", "Rco;card")
        assert seen.status.restarted
        assert seen.identity.serial == "SN-1"
        assert seen.supplies.ribbon_kind == "YMCKO"
        assert (seen.supplies.ribbon_left, seen.supplies.ribbon_capacity) == (298, 300)
        assert seen.supplies.ribbon_serial == "R-1"
        assert seen.status.state is PrinterState.STOPPED
        assert {str(reason) for reason in seen.status.reasons} == {
            "media-empty-error",
            "x-ribbon-missing-error",
        }

    run_in_virtual_time(main)


@pytest.mark.parametrize(("text", "canary"), [("0", None), ("2", "2"), ("18", "18")])
def test_the_value_that_any_power_up_brings_is_no_canary(text, canary):
    observe = [poll(), says("Rsn", "SN-1"), says("Rkn", "HEAD-1"), says("Rem;1", text)]
    driver, _ = new_driver(OPEN, observe, [COUNT_42, says("Rrt;all", "OK")])

    async def main():
        await driver.open()
        assert (await driver.observe()).canary == canary

    run_in_virtual_time(main)


@pytest.mark.parametrize("text", ["ERR RIB DETECTION", "OK"])
def test_no_ribbon_is_an_observation_not_an_error(text):
    observe = [
        poll(),
        says("Rsn", "SN-1"),
        says("Rkn", "HEAD-1"),
        says("Rem;1", "ERROR CDE"),
        COUNT_42,
        says("Rrt;all", text),
    ]
    driver, _ = new_driver(OPEN, observe)

    async def main():
        await driver.open()
        seen = await driver.observe()
        assert seen.supplies.ribbon_kind == ""
        assert seen.supplies.ribbon_left is None
        assert seen.canary is None

    run_in_virtual_time(main)


@pytest.mark.parametrize(("text", "kind"), [("type:42", "type 42"), ("label:X", "X")])
def test_a_ribbon_that_no_source_names_keeps_the_printers_word(text, kind):
    observe = [
        poll(),
        says("Rsn", "SN-1"),
        says("Rkn", "HEAD-1"),
        says("Rem;1", "2"),
        COUNT_42,
        says("Rrt;all", f"{text}\nqty:1\ncount:1"),
    ]
    driver, _ = new_driver(OPEN, observe)

    async def main():
        await driver.open()
        assert (await driver.observe()).supplies.ribbon_kind == kind

    run_in_virtual_time(main)


def test_a_card_that_an_earlier_run_left_is_gone_on_with_delivered_or_rejected():
    stray = poll(inf=INSIDE)
    for end, word in (("deliver", "Sce"), ("reject", "Ser")):
        driver, transport = new_driver(OPEN, CLAIM, [stray, says(word, "OK")])

        async def main(driver=driver, end=end):
            await claimed(driver)
            await getattr(driver, end)()

        run_in_virtual_time(main)
        assert not transport.steps

    driver, transport = new_driver(OPEN, CLAIM, FRONT, FINISH, DELIVER)

    async def go_on():
        await claimed(driver)
        await driver.print_side(CARD, CardSide.FRONT)
        await driver.finish_print()
        await driver.deliver()

    run_in_virtual_time(go_on)
    assert not transport.steps


def test_looks_and_motions_take_turns_on_the_link():
    beside = [poll(), poll(), *FEED[1:]]
    driver, transport = new_driver(OPEN, CLAIM, beside)

    async def main():
        await claimed(driver)
        _, seen = await asyncio.gather(driver.feed(), driver.status())
        assert seen.card is CardPosition.NONE

    run_in_virtual_time(main)
    assert not transport.steps


# Feeding.


@pytest.mark.parametrize(
    ("after", "fate"),
    [
        ([poll(), COUNT_41], CardFate.UNTOUCHED),
        ([poll(), COUNT_42], CardFate.UNKNOWN),
        ([poll(inf=INSIDE)], CardFate.UNKNOWN),
        ([poll(Trouble.CLOSED)], CardFate.UNKNOWN),
        ([poll(), fails("Rco;card", Trouble.CLOSED)], CardFate.UNKNOWN),
    ],
)
def test_a_refused_feed_is_untouched_only_with_proof(after, fate):
    refused = says("Si", "ERROR FEEDER", war=0x01000000)
    driver, transport = new_driver(OPEN, CLAIM, FEED[:-1], [refused], after)
    error, _ = outcome(driver, fed)
    assert error.card is fate
    assert not transport.steps


def test_a_refused_feed_says_why():
    refused = says("Si", "ERROR FEEDER", war=0x01000000)
    driver, _ = new_driver(OPEN, CLAIM, FEED[:-1], [refused, poll(), COUNT_41])
    error, _ = outcome(driver, fed)
    assert {str(reason) for reason in error.reasons} == {"media-empty-error"}
    assert "ERROR FEEDER" in str(error)


@pytest.mark.parametrize("text", ["ERROR TIME OUT", "ERROR MECA", "ERROR NEVER HEARD"])
def test_any_other_refusal_of_a_feed_stays_a_doubt(text):
    driver, transport = new_driver(OPEN, CLAIM, FEED[:-1], [says("Si", text)])
    error, _ = outcome(driver, fed)
    assert isinstance(error, DeviceError)
    assert error.card is CardFate.UNKNOWN
    assert {str(reason) for reason in error.reasons} == {"other-error"}
    assert not transport.steps


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (poll(war=0x01000000), "media-empty-error"),
        (poll(war=0x00080000), "marker-print-ribbon-empty-error"),
        (poll(war=0x00020000), "cover-open-error"),
        (poll(err=0x01000000), "media-jam-error"),
        (poll(err=0x00000002), "other-error"),
        (poll(inf=INSIDE), "x-foreign-card-error"),
        (poll(session=9), "x-printer-in-use-error"),
        (poll(session=0), "other-error"),
    ],
)
def test_no_blank_moves_when_the_printer_is_not_ready(look, reason):
    driver, transport = new_driver(OPEN, CLAIM, [look])
    error, _ = outcome(driver, fed)
    assert isinstance(error, DeviceError)
    assert {str(one) for one in error.reasons} == {reason}
    assert error.card is CardFate.UNTOUCHED
    assert not any(data.startswith(b"\x1bSi") for data in transport.writes)


def test_a_link_that_fails_before_the_feed_is_sent_leaves_the_blank_untouched():
    driver, _ = new_driver(OPEN, CLAIM, FEED[:-1], [fails("Si", Trouble.REFUSED)])
    error, _ = outcome(driver, fed)
    assert type(error) is TransportError
    assert error.card is CardFate.UNTOUCHED


def test_a_feed_that_shows_no_card_is_a_doubt():
    driver, _ = new_driver(OPEN, CLAIM, FEED[:-1], [says("Si", "OK")])
    error, _ = outcome(driver, fed)
    assert "should be inside, seen is none" in str(error)
    assert error.card is CardFate.UNKNOWN


# Trouble in any exchange that moves or marks a card.

MOTIONS = {
    "Si": ([OPEN, CLAIM, FEED[:-1]], fed),
    "Ss": ([OPEN, CLAIM, FEED, BEGIN[:-1]], printed),
    "Sr": ([OPEN, CLAIM, FEED, BEGIN], printed),
    "Se": ([OPEN, CLAIM, FEED, FRONT, FINISH, DELIVER[:-1]], None),
    "Ser": ([OPEN, CLAIM, FEED, FRONT, FINISH, DELIVER[:-1]], None),
}
TROUBLES = [
    (Trouble.CUT_IN_REQUEST, TransportError),
    (Trouble.CUT_IN_REPLY, TransportError),
    (Trouble.CLOSED, TransportError),
    (Trouble.SILENT, TransportError),
    (b"OK\x00", RemoteProtocolError),
    (b"OK", RemoteProtocolError),
    (b"\x00" + status(), RemoteProtocolError),
    (b"\xff\xfe\x00" + status(), RemoteProtocolError),
    (b"MAYBE\x00" + status(), RemoteProtocolError),
    (b"A" * 3000, RemoteProtocolError),
    (b"ERROR MECA\x00" + status(), DeviceError),
]


@pytest.mark.parametrize("word", MOTIONS)
@pytest.mark.parametrize(("trouble", "kind"), TROUBLES)
def test_trouble_in_a_motion_leaves_the_card_unknown(word, trouble, kind):
    before, script = MOTIONS[word]
    driver, _ = new_driver(*before, [fails(word, trouble)])

    async def to_the_end(it):
        await printed(it)
        await (it.reject() if word == "Ser" else it.deliver())

    error, _ = outcome(driver, script or to_the_end)
    assert type(error) is kind
    assert error.card is CardFate.UNKNOWN
    assert "scripted" in str(error)


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize(("trouble", "kind"), TROUBLES)
def test_trouble_in_a_panel_leaves_the_card_unknown(at, trouble, kind):
    heads = ("y;256", "m;256", "c;256", "k;2", "o;2")
    driver, transport = new_driver(
        OPEN, CLAIM, FEED, FRONT[: 3 + at], [panel(heads[at], trouble)]
    )
    error, _ = outcome(driver, printed)
    assert type(error) is kind
    assert error.card is CardFate.UNKNOWN
    assert not transport.steps


def test_silence_names_the_command_and_the_seconds():
    driver, _ = new_driver(OPEN, CLAIM, FEED[:-1], [fails("Si", Trouble.SILENT)])
    error, took_s = outcome(driver, fed)
    assert "no answer to Si within 60 s" in str(error)
    assert took_s == pytest.approx(60.25)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"err": 0x01000000}, "media-jam-error"),
        ({"err": 0x00200000}, "marker-print-ribbon-empty-error"),
        ({"war": 0x00020000}, "cover-open-error"),
        ({"session": 9}, "x-printer-in-use-error"),
        ({"session": 0}, "other-error"),
    ],
)
def test_a_fault_under_the_head_ends_the_card_at_the_next_look(words, reason):
    seen = poll(inf=PRINTING, **words)
    driver, _ = new_driver(OPEN, CLAIM, FEED, FRONT, [poll(inf=PRINTING), seen])
    error, _ = outcome(driver, printed)
    assert isinstance(error, DeviceError)
    assert {str(one) for one in error.reasons} == {reason}
    assert error.card is CardFate.UNKNOWN


@pytest.mark.parametrize("war", [0x01000000, 0x00080000])
def test_the_last_blank_and_the_last_ribbon_set_still_make_a_card(war):
    finish = [poll(inf=PRINTING, war=war), poll(inf=INSIDE, war=war)]
    driver, _ = new_driver(
        OPEN, CLAIM, FEED, FRONT, finish, [poll(inf=INSIDE, war=war), says("Se", "OK")]
    )

    async def main():
        await printed(driver)
        await driver.deliver()

    run_in_virtual_time(main)


def test_a_card_that_never_ends_is_given_up_after_its_longest_time():
    looks = [poll(inf=PRINTING)] * 400
    driver, _ = new_driver(OPEN, CLAIM, FEED, FRONT, looks)
    error, took_s = outcome(driver, printed)
    assert "still printing after 90 s" in str(error)
    assert took_s == pytest.approx(90.25)
    assert error.card is CardFate.UNKNOWN


def test_a_card_that_a_hand_took_is_missed():
    driver, _ = new_driver(OPEN, CLAIM, FEED, FRONT, [poll()])
    error, _ = outcome(driver, printed)
    assert "seen is none" in str(error)
    assert error.card is CardFate.UNKNOWN


def test_an_eject_that_moved_nothing_is_a_doubt():
    stuck = [poll(inf=INSIDE), says("Se", "OK", inf=INSIDE)]
    driver, _ = new_driver(OPEN, CLAIM, FEED, FRONT, FINISH, stuck)

    async def script(it):
        await printed(it)
        await it.deliver()

    error, _ = outcome(driver, script)
    assert "the card is inside" in str(error)
    assert error.card is CardFate.UNKNOWN


def test_nothing_is_rejected_while_the_printer_still_prints():
    driver, transport = new_driver(OPEN, CLAIM, [poll(inf=PRINTING)])

    async def script(it):
        await claimed(it)
        await it.reject()

    error, _ = outcome(driver, script)
    assert "still printing" in str(error)
    assert not any(data.startswith(b"\x1bSer") for data in transport.writes)


def test_after_delivery_a_failing_release_says_that_a_card_exists():
    driver, _ = new_driver(
        OPEN, CLAIM, FEED, FRONT, FINISH, DELIVER, [poll(Trouble.REFUSED)]
    )

    async def script(it):
        await printed(it)
        await it.deliver()
        await it.release()

    error, _ = outcome(driver, script)
    assert error.card is CardFate.PRINTED


def test_a_fault_that_stays_after_its_acknowledgement_is_named():
    driver, _ = new_driver(OPEN, [poll(), says("Scs", "OK", err=0x01000000)])

    async def script(it):
        await it.open()
        await it.clear_fault()

    error, _ = outcome(driver, script)
    assert "still up: media-jam-error" in str(error)


# The order of calls.


def test_a_driver_is_spent_after_any_error_and_can_still_be_closed():
    driver, _ = new_driver(OPEN, CLAIM, FEED[:-1], [fails("Si", Trouble.CLOSED)])
    calls: list[Any] = [
        driver.open,
        driver.status,
        driver.observe,
        driver.claim,
        driver.feed,
        driver.finish_print,
        driver.deliver,
        driver.reject,
        driver.clear_fault,
        driver.release,
        lambda: driver.print_side(CARD, CardSide.FRONT),
    ]

    async def main():
        with pytest.raises(TransportError):
            await fed(driver)
        for call in calls:
            with pytest.raises(LocalProtocolError, match="spent") as caught:
                await call()
            assert caught.value.card is CardFate.UNKNOWN
        await driver.close()
        await driver.close()

    run_in_virtual_time(main)


def test_a_cancelled_motion_closes_the_link_and_spends_the_driver():
    driver, transport = new_driver(
        OPEN, CLAIM, FEED[:-1], [fails("Si", Trouble.SILENT)]
    )

    async def main():
        await claimed(driver)
        feeding = asyncio.create_task(driver.feed())
        while not any(data.startswith(b"\x1bSi") for data in transport.writes):
            await asyncio.sleep(0)
        feeding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await feeding
        assert not transport.is_open
        with pytest.raises(LocalProtocolError) as caught:
            await driver.deliver()
        assert caught.value.card is CardFate.UNKNOWN

    run_in_virtual_time(main)


def test_calls_out_of_order_reach_no_wire():
    async def feed_first(it):
        await it.open()
        await it.feed()

    async def deliver_unprinted(it):
        await fed(it)
        await it.deliver()

    async def back_first(it):
        await fed(it)
        await it.print_side(BOTH_SIDES, CardSide.BACK)

    async def missing_side(it):
        await fed(it)
        await it.print_side(CARD, CardSide.BACK)

    async def two_claims(it):
        await claimed(it)
        await it.claim()

    for before, script in (
        ([], lambda it: it.claim()),
        ([OPEN], feed_first),
        ([OPEN, CLAIM, FEED], deliver_unprinted),
        ([OPEN, CLAIM, FEED], back_first),
        ([OPEN, CLAIM, FEED], missing_side),
        ([OPEN, CLAIM, [poll()]], two_claims),
    ):
        driver, transport = new_driver(*before)
        error, _ = outcome(driver, script)
        assert type(error) is LocalProtocolError
        assert not transport.steps


# Preparing.


def test_the_digest_is_over_the_dots_in_the_order_of_sending():
    digest = hashlib.sha256()
    for _, panels in BOTH_SIDES.sides:
        for _, dots in panels:
            digest.update(dots)
    assert BOTH_SIDES.digest == digest.hexdigest()
    names = [
        (side, [panel.value for panel, _ in row]) for side, row in BOTH_SIDES.sides
    ]
    assert names == [(CardSide.FRONT, list("ymcko")), (CardSide.BACK, list("ymcko"))]


def test_a_ribbon_with_a_second_black_prints_the_back_with_it_alone():
    back = SidePlanes(CardSide.BACK, {Panel.BLACK: Image.new("L", (1016, 648), 0)})
    card = new_driver()[0].prepare([planes(CardSide.FRONT), back], "YMCKOK")
    letters = ["".join(panel for panel, _ in row) for _, row in card.sides]
    assert letters == ["ymcko", "k"]


@pytest.mark.parametrize("session_id", [0, -1, 65536])
def test_a_session_id_that_the_wire_cannot_carry_is_refused(session_id):
    with pytest.raises(LocalProtocolError, match="65535"):
        EvolisDriver(MODELS["Primacy"], ScriptedTransport([]), session_id=session_id)


def test_what_cannot_be_printed_is_refused_before_a_blank_moves():
    driver, _ = new_driver()
    front, back = planes(CardSide.FRONT), planes(CardSide.BACK)
    small = SidePlanes(
        CardSide.FRONT, {**front.planes, Panel.CYAN: Image.new("L", (9, 9))}
    )
    coloured = SidePlanes(
        CardSide.FRONT, {**front.planes, Panel.CYAN: Image.new("RGB", (1016, 648))}
    )
    bare = SidePlanes(CardSide.FRONT, {Panel.YELLOW: front.planes[Panel.YELLOW]})
    for sides, kind, message in (
        ([front], "YMCKI", "expected one of: YMCKO, YMCKOK"),
        ([front, back], "YMCKOK", "for the back, expected .*BLACK"),
        ([], "YMCKO", "expected front"),
        ([back], "YMCKO", "expected front"),
        ([front, front], "YMCKO", "expected front"),
        ([small], "YMCKO", "9 × 9, expected L 1016 × 648"),
        ([coloured], "YMCKO", "is RGB"),
        ([bare], "YMCKO", "planes"),
    ):
        with pytest.raises(LocalProtocolError, match=message) as caught:
            driver.prepare(sides, kind)
        assert caught.value.card is CardFate.UNTOUCHED
