"""Whatever a printer may say at whichever step of a card: an error, and a true fate.

The good script of a card with two sides is walked; at each step the reply is replaced.
Never is the card called better than it may be: untouched only before the feed is sent,
printed only after the eject was answered.
"""

from __future__ import annotations

import asyncio
import struct

import pytest

from protocols.errors import (
    DeviceError,
    LocalProtocolError,
    PrinterError,
    RemoteProtocolError,
)
from protocols.evolis.codec import RefusalWord
from protocols.evolis.commands import COMMANDS, Answer, Op
from protocols.evolis.driver import EvolisDriver
from protocols.evolis.link import Link
from protocols.evolis.session import TRANSITIONS, Session, State
from protocols.vocabulary import CardFate
from tests.protocols.evolis_scripts import (
    BACK,
    BOTH_SIDES,
    CLAIM,
    DELIVER,
    FEED,
    FINISH,
    FRONT,
    INSIDE,
    OPEN,
    RELEASE,
    new_driver,
    outcome,
)
from tests.protocols.scripted_link import (
    FITTED,
    ScriptedTransport,
    Step,
    poll,
    says,
    status,
)

UNTOUCHED, UNKNOWN, PRINTED = CardFate.UNTOUCHED, CardFate.UNKNOWN, CardFate.PRINTED
OBSERVE = [
    says("Rsn", "SN-1"),
    says("Rkn", "HEAD-1"),
    says("Rem;1", "2"),
    says("Rco;card", "inserted_head:41"),
    says("Rrt;all", "type:0\nqty:300\ncount:298\nevosn:R-1"),
]
SCRIPT = [*OPEN, *CLAIM, *OBSERVE, *FEED, *FRONT, *BACK, *FINISH, *DELIVER, *RELEASE]
FED_AT = SCRIPT.index(FEED[-1])
OUT_AT = SCRIPT.index(DELIVER[-1])
STEPS = range(len(SCRIPT))
REFUSALS = [word.value for word in RefusalWord] + ["ERROR NEVER HEARD", "ERR"]


def name_of(at: int) -> str:
    return f"{at}-{SCRIPT[at].request[1:9].decode('latin-1').strip() or 'poll'}"


every_step = pytest.mark.parametrize("at", STEPS, ids=map(name_of, STEPS))


def true_fate(at: int) -> CardFate:
    if at < FED_AT:
        return UNTOUCHED
    return UNKNOWN if at <= OUT_AT else PRINTED


async def whole(driver: EvolisDriver) -> None:
    await driver.open()
    await driver.claim()
    await driver.observe()
    await driver.feed()
    for side, _ in BOTH_SIDES.sides:
        await driver.print_side(BOTH_SIDES, side)
    await driver.finish_print()
    await driver.deliver()
    await driver.release()


def reply_at(at: int) -> bytes:
    reply = SCRIPT[at].reply
    assert isinstance(reply, bytes)
    return reply


def with_reply(at: int, reply: bytes, *more: Step) -> PrinterError:
    """The error that a card ends in whose step `at` is answered so."""
    steps = [*SCRIPT[:at], Step(SCRIPT[at].request, reply), *more]
    driver, _ = new_driver(steps, piece_size=64)
    error, _ = outcome(driver, whole)
    assert "scripted" in str(error), "it does not say which printer"
    assert isinstance(error, PrinterError)
    return error


def trailer_of(at: int) -> tuple[int, ...]:
    """cfg, inf, war, err and the session of a step's good reply."""
    raw = reply_at(at).partition(b"\x00")[2]
    return struct.unpack(">3x4IxH", raw)


def test_the_script_is_that_of_a_whole_card():
    driver, transport = new_driver(SCRIPT)

    async def main():
        await whole(driver)

    asyncio.run(main())
    assert not transport.steps


@every_step
def test_a_reply_cut_anywhere_is_an_error_with_the_cards_true_fate(at):
    good = reply_at(at)
    for size in range(len(good)):
        if at == 0 and size <= 1:
            continue  # a printer that gives no status yet is asked to: EVO-11
        error = with_reply(at, good[:size])
        assert not isinstance(error, LocalProtocolError)
        assert error.card is true_fate(at), size


@every_step
@pytest.mark.parametrize(
    ("place", "value"), [(2, 0x0F), (2, 0x11), (2, 0), (19, 1), (19, 3), (22, 5)]
)
def test_a_wrong_length_in_a_status_is_the_printers_fault(at, place, value):
    text, _, raw = reply_at(at).partition(b"\x00")
    wrong = bytearray(raw + b"\x04\x00\x00\x00\x00")
    wrong[place] = value
    error = with_reply(at, text + b"\x00" + bytes(wrong))
    assert type(error) is RemoteProtocolError
    assert error.card is true_fate(at)
    assert f"{value} bytes" in str(error)


@every_step
@pytest.mark.parametrize("tail", [b"\x04\x00", b"\x00", b"OK\x00", b"\x04" * 7])
def test_bytes_after_a_status_are_the_printers_fault(at, tail):
    error = with_reply(at, reply_at(at) + tail)
    assert type(error) is RemoteProtocolError
    assert error.card is true_fate(at)


FREE_TEXTS = (b"\x1bRfv", b"\x1bRsn", b"\x1bRkn")


@every_step
@pytest.mark.parametrize("text", ["MAYBE", "ok", "OK OK", "CARD", "-1", "type:x:y"])
def test_a_word_that_no_source_has_is_never_taken_for_consent(at, text):
    request = SCRIPT[at].request
    if not request or request.startswith(FREE_TEXTS):
        return  # a poll has no text, a name may be any
    if request.startswith(b"\x1bRem;1") and at > len(OPEN) + len(CLAIM):
        return  # only looked at, and told as it is
    good = reply_at(at).partition(b"\x00")[2]
    error = with_reply(at, text.encode() + b"\x00" + good)
    assert error.card is true_fate(at)
    assert repr(text)[1:-1] in str(error) or "reply has no" in str(error)


@every_step
@pytest.mark.parametrize("text", REFUSALS)
def test_each_refusal_at_each_step_is_an_error_with_the_cards_true_fate(at, text):
    request = SCRIPT[at].request
    if not request or request.startswith(b"\x1bRrt"):
        return  # a poll asks for nothing; no ribbon is an observation
    if request.startswith(b"\x1bRem;1") and at > len(OPEN) + len(CLAIM):
        return  # a printer that cannot say has no canary: an observation too
    more = []
    if request.startswith(b"\x1bRco;card"):
        more = [says("Rco;c", "ERROR CDE")]
    if at == FED_AT:
        more = [poll(inf=INSIDE)]  # the proof that it would be untouched fails
    good = reply_at(at).partition(b"\x00")[2]
    error = with_reply(at, text.encode() + b"\x00" + good, *more)
    assert isinstance(error, DeviceError | RemoteProtocolError)
    assert error.card is true_fate(at)
    shown = "ERROR CDE" if more and at != FED_AT and "CDE" in text else text
    assert shown in str(error)


@every_step
def test_another_host_at_any_step_is_seen_and_the_next_word_is_not_said(at):
    """In the reply itself or at the next word: nothing is said beside a foreign job."""
    if at == len(SCRIPT) - 1:
        return  # we have let it go, and another has it: that is its right
    cfg, inf, war, err, _ = trailer_of(at)
    text = reply_at(at).partition(b"\x00")[0]
    foreign = status(inf=inf, war=war, err=err, session=9, cfg=cfg)
    steps = [*SCRIPT[:at], Step(SCRIPT[at].request, text + b"\x00" + foreign)]
    driver, transport = new_driver(steps, [poll(session=9)] * 2)
    error, _ = outcome(driver, whole)
    assert isinstance(error, DeviceError)
    assert {str(one) for one in error.reasons} == {"x-printer-in-use-error"}
    # The reply to the eject tells both: the card is out, and it is not ours any more.
    assert error.card in (true_fate(at), true_fate(at + 1))
    assert not (error.card is UNTOUCHED and at >= FED_AT)
    said = [data for data in transport.writes if data.startswith(b"\x1b")]
    due = [step for step in SCRIPT[: at + 1] if step.request]
    assert len(said) == len(due)


MOVED = [at for at in STEPS if SCRIPT[at].request[1:2] in (b"S", b"D") and at != OUT_AT]
CHANGES = [
    ({"err": 0x01000000}, "media-jam-error"),
    ({"war": 0x00020000}, "cover-open-error"),
    ({"session": 0}, "other-error"),
    ({"session": 9}, "x-printer-in-use-error"),
]


@pytest.mark.parametrize("at", MOVED, ids=map(name_of, MOVED))
@pytest.mark.parametrize(("change", "reason"), CHANGES)
def test_what_changed_between_the_look_and_the_motion_is_seen_in_its_reply(
    at, change, reason
):
    words = {"inf": INSIDE} | change
    error = with_reply(at, b"OK\x00" + status(**words))
    assert isinstance(error, DeviceError)
    assert reason in {str(one) for one in error.reasons}
    assert error.card is UNKNOWN


@pytest.mark.parametrize(("change", "reason"), CHANGES[:2])
def test_a_fault_beside_the_ok_to_an_eject_makes_the_card_a_doubt(change, reason):
    error = with_reply(OUT_AT, b"OK\x00" + status(**change))
    assert isinstance(error, DeviceError)
    assert {str(one) for one in error.reasons} == {reason}
    assert error.card is UNKNOWN


# Any command, in any state in which it is legal.


def parameters_of(op: Op) -> tuple[str | int, ...]:
    return (1, "1")[: COMMANDS[op].free_count]


ASKED = [
    (state, op)
    for state, op in TRANSITIONS
    if COMMANDS[op].answer not in (Answer.STATUS, Answer.IGNORED)
]


@pytest.mark.parametrize(
    ("state", "op"), ASKED, ids=[f"{state}-{op.name}" for state, op in ASKED]
)
def test_a_refused_command_never_makes_the_card_look_better(state, op):
    for text in REFUSALS:
        session = Session()
        session.state = state
        before = session.card
        head = "Db;y;256" if op is Op.PANEL else _words(op)
        request = b"\x1b" + head.encode() + (b";" if op is Op.PANEL else b"\r\x00")
        reply = text.encode() + b"\x00" + status(cfg=FITTED)
        link = Link(ScriptedTransport([Step(request, reply)]), session, 7)
        sending = (
            link.send_panel("y", 256, b"")
            if op is Op.PANEL
            else link.ask(op, *parameters_of(op))
        )
        with pytest.raises(DeviceError) as caught:
            asyncio.run(_done(sending))
        assert "refused" in str(caught.value)
        moves = COMMANDS[op].moves_card
        assert session.state is (State.DOUBT if moves else state)
        assert caught.value.card is (UNKNOWN if moves else before)


def _words(op: Op) -> str:
    return ";".join([str(COMMANDS[op]), *map(str, parameters_of(op))])


async def _done(sending):
    await sending


@pytest.mark.parametrize(
    ("state", "op"), ASKED, ids=[f"{state}-{op.name}" for state, op in ASKED]
)
def test_half_a_reply_to_any_command_never_makes_the_card_look_better(state, op):
    whole_reply = b"OK\x00" + status(cfg=FITTED)

    async def cut(size: int) -> None:
        session = Session()
        session.state = state
        before = session.card
        reply = Step(b"\x1bDb", whole_reply[:size])  # whatever the request is
        transport = ScriptedTransport([reply], piece_size=64)
        link = Link(transport, session, 7)
        with pytest.raises(PrinterError) as caught:
            if op is Op.PANEL:
                await link.send_panel("y", 256, b"")
            else:
                transport.steps[0] = Step(_request(op), reply.reply)
                await link.ask(op, *parameters_of(op))
        assert caught.value.card is (UNKNOWN if COMMANDS[op].moves_card else before)
        assert session.state is state

    async def every_cut() -> None:
        for size in range(len(whole_reply)):
            await cut(size)

    asyncio.run(every_cut())


def _request(op: Op) -> bytes:
    return b"\x1b" + _words(op).encode() + b"\r\x00"
