"""A traced link behaves as the link beneath it, and tells what passed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from protocols.contract import EndOfStream, Happening, WireEvent
from protocols.errors import TransportError
from protocols.magicard.link import Link
from protocols.transports.trace import TraceTransport
from tests.protocols.magicard_paper import PaperPrinter
from tests.protocols.scripted_link import (
    ScriptedTransport,
    Step,
    Trouble,
    fails,
    run_in_virtual_time,
    says,
)

RTP = b"\x1bRtp\r\x00"


@dataclass
class Listener:
    wanted: bool = True
    heard: list[WireEvent] = field(default_factory=list)

    def tell(self, event: WireEvent) -> None:
        self.heard.append(event)

    @property
    def words(self) -> str:
        return " ".join(event.what for event in self.heard)


async def talk(link: TraceTransport, request: bytes) -> bytes:
    try:
        await link.open()
        await link.write(request)
        await link.finish()
        reply = b""
        while (data := await link.read(4096)) is not EndOfStream.END:
            assert isinstance(data, bytes)
            reply += data
        return reply
    finally:
        await link.close()


def traced(step: Step, listener: Listener) -> TraceTransport:
    ticks = iter(range(100))
    return TraceTransport(ScriptedTransport([step]), listener, lambda: next(ticks))


def test_every_byte_passes_and_is_told_in_order():
    step, listener = says("Rtp", "PRIMACY"), Listener()
    assert isinstance(step.reply, bytes)
    reply = asyncio.run(talk(traced(step, listener), RTP))
    assert reply == step.reply
    told = [event for event in listener.heard if event.what is Happening.IN]
    assert b"".join(event.data for event in told) == step.reply
    pieces = " ".join(["in"] * len(told))
    assert listener.words == f"open out finish {pieces} end close"
    assert listener.heard[1].data == RTP
    assert listener.heard[0].detail == "scripted"
    assert [event.at_s for event in listener.heard] == list(range(len(listener.heard)))


def test_the_names_are_those_of_the_link_beneath():
    link = TraceTransport(ScriptedTransport([]), Listener())
    assert link.name == "scripted"
    assert link.exchange_per_connection is True
    assert link.beside is None


@pytest.mark.parametrize(
    ("trouble", "words", "says_what"),
    [
        (Trouble.REFUSED, "open failure close", "cannot connect: refused"),
        (Trouble.CUT_IN_REQUEST, "open out failure close", "cut while sending"),
        (Trouble.CUT_IN_REPLY, "open out finish in failure close", "cut while reading"),
        (Trouble.CLOSED, "open out finish end close", ""),
    ],
)
def test_a_failure_passes_unchanged_and_is_told(trouble, words, says_what):
    listener = Listener()
    link = traced(fails("Rtp", trouble), listener)
    if says_what:
        with pytest.raises(TransportError, match=says_what):
            asyncio.run(talk(link, RTP))
    else:
        asyncio.run(talk(link, RTP))
    assert listener.words == words
    details = [event.detail for event in listener.heard[1:] if event.detail]
    assert details == ([f"scripted: {says_what}"] if says_what else [])


def test_a_wait_that_was_given_up_is_told():
    listener = Listener()
    link = TraceTransport(ScriptedTransport([fails("Rtp", Trouble.SILENT)]), listener)

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await talk(link, RTP)

    assert run_in_virtual_time(impatient) == 60
    assert listener.words == "open out finish failure close"
    assert listener.heard[3].detail == "given up waiting"


def test_nobody_is_told_who_did_not_want_it_at_the_opening():
    listener = Listener(wanted=False)
    link = TraceTransport(ScriptedTransport([says("Rtp", "A")] * 2), listener)

    async def scene() -> None:
        await link.open()
        listener.wanted = True
        await link.write(RTP)
        await link.finish()
        await link.read(10)
        await link.close()
        assert listener.heard == [], "a connection is told whole or not at all"
        await talk(link, RTP)

    asyncio.run(scene())
    assert listener.words.startswith("open out finish in")


def test_closing_twice_is_told_once():
    listener = Listener()
    link = traced(says("Rtp", "A"), listener)

    async def scene() -> None:
        await talk(link, RTP)
        await link.close()

    asyncio.run(scene())
    assert listener.words.count("close") == 1


def test_a_link_that_stays_open_is_told_exchange_by_exchange():
    """Also to one who comes in its midst, and without the whole day being kept."""
    printer, listener = PaperPrinter(), Listener()

    async def script() -> None:
        link = Link(TraceTransport(printer, listener))
        await link.open()
        await link.info()
        assert "close" not in listener.words
        await link.error()
        assert listener.words.count("open") == 2
        assert listener.words.startswith("open out in")
        assert " in end close open out in" in listener.words
        listener.wanted = False
        await link.info()
        told = len(listener.heard)
        await link.info()
        assert len(listener.heard) == told
        listener.wanted = True
        await link.error()
        assert listener.heard[told].what is Happening.OPEN
        await link.close()
        assert listener.words.endswith("in close")

    run_in_virtual_time(script)
