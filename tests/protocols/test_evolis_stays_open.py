"""The link over a pipe that stays open: where a reply ends, and whose answer it is."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from protocols.errors import DeviceError, PrinterError, RemoteProtocolError
from protocols.evolis.commands import Op
from protocols.evolis.link import Link
from protocols.evolis.session import Session
from protocols.vocabulary import CardFate
from tests.protocols.scripted_link import run_in_virtual_time, status

WORDS = b"00102020" + 3 * b"00000000"
LOOK = WORDS + b"\0" + status()
NAME = b"PRIMACY\0" + status()


class Pipe:
    """Answers each request with the next list of transfers; never ends by itself."""

    name = "pipe"
    exchange_per_connection = False
    beside = None

    def __init__(self, *replies: list[bytes], unread: list[bytes] | None = None):
        self._replies = deque(replies)
        self._coming = deque(unread or [])
        self.sent: list[bytes] = []
        self.open_count = 0
        self.is_open = False

    async def open(self):
        assert not self.is_open
        self.open_count += 1
        self.is_open = True

    async def write(self, data):
        self.sent.append(data)
        if data.endswith(b"\0"):
            self._coming.extend(self._replies.popleft())

    async def finish(self):
        pass

    async def read(self, size_max):
        if not self._coming:
            await asyncio.get_running_loop().create_future()
        return self._coming.popleft()

    async def close(self):
        self.is_open = False


class Chatter(Pipe):
    async def read(self, size_max):
        await asyncio.sleep(0)
        return bytes(size_max)


def link_of(pipe):
    return Link(pipe, Session(), 7)


def failure(pipe, *then: Op) -> tuple[PrinterError, float]:
    caught: list[PrinterError] = []

    async def main():
        link = link_of(pipe)
        with pytest.raises(PrinterError) as error:
            await link.enable_status()
            for op in then:
                await link.ask(op)
        caught.append(error.value)
        await link.close()

    took_s = run_in_virtual_time(main)
    assert not pipe.is_open
    assert caught[0].card is CardFate.UNTOUCHED
    return caught[0], took_s


@pytest.mark.parametrize("cut", range(1, len(NAME)))
def test_a_reply_is_whole_however_it_is_cut_into_transfers(cut):
    async def main():
        pipe = Pipe([LOOK[:cut], LOOK[cut:]], [NAME[:cut], NAME[cut:]])
        link = link_of(pipe)
        await link.enable_status()
        answer = await link.ask(Op.MODEL)
        assert (answer.text, answer.trailer.session) == ("PRIMACY", 7)
        assert pipe.open_count == 1
        await link.close()

    assert run_in_virtual_time(main) < 1


@pytest.mark.parametrize("size", range(1, len(NAME)))
def test_a_reply_that_stops_at_any_byte_is_broken_and_said_so_soon(size):
    error, took_s = failure(Pipe([LOOK], [NAME[:size]]), Op.MODEL)
    assert isinstance(error, RemoteProtocolError)
    assert "bad reply to Rtp" in str(error)
    assert took_s < 5


def test_a_printer_that_gives_no_status_is_asked_to():
    async def main():
        pipe = Pipe([WORDS + b"\0"], [b"OK\0"], [LOOK], [NAME])
        link = link_of(pipe)
        await link.enable_status()
        assert pipe.sent == [b"\x1bRpst\r\0", b"\x1bPps;1\r\0", b"\x1bRpst\r\0"]
        assert (await link.ask(Op.MODEL)).text == "PRIMACY"
        await link.close()

    assert run_in_virtual_time(main) < 2


def test_what_was_left_unread_is_read_away():
    async def main():
        link = link_of(Pipe([LOOK], [NAME], unread=[NAME, b"OK\0", b"\x01\x02"]))
        await link.enable_status()
        assert (await link.ask(Op.MODEL)).text == "PRIMACY"
        await link.close()

    run_in_virtual_time(main)


def test_a_late_answer_to_another_hosts_question_is_no_status():
    error, _ = failure(Pipe([b"OK\0" + status()]))
    assert isinstance(error, RemoteProtocolError)
    assert "another host" in str(error)


def test_a_late_answer_is_seen_by_any_later_look_too():
    error, _ = failure(Pipe([LOOK], [NAME]), Op.POLL)
    assert isinstance(error, RemoteProtocolError)
    assert "expected a status" in str(error)


def test_a_printer_that_talks_without_end_is_given_up():
    error, _ = failure(Chatter())
    assert isinstance(error, RemoteProtocolError)
    assert "without end" in str(error)


def test_a_silent_printer_is_given_up_within_the_commands_limit():
    error, took_s = failure(Pipe([]))
    assert "no answer to Rpst within 10 s" in str(error)
    assert took_s == pytest.approx(10.2)


def test_a_look_that_is_refused_is_a_refusal():
    error, _ = failure(Pipe([LOOK], [b"ERROR CDE\0" + status()]), Op.POLL)
    assert isinstance(error, DeviceError)


def test_beside_a_foreign_host_we_look_and_say_nothing_else():
    foreign = WORDS + b"\0" + status(session=9)
    pipe = Pipe([foreign], [foreign], [foreign])

    async def main():
        link = link_of(pipe)
        await link.enable_status()
        await link.ask(Op.POLL)
        with pytest.raises(DeviceError, match="held by session 9"):
            await link.ask(Op.MODEL)
        await link.ask(Op.POLL)
        assert set(pipe.sent) == {b"\x1bRpst\r\0"}
        await link.close()

    run_in_virtual_time(main)
