"""Pauses and holds have an owner, and a cancel never costs a card that was begun."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.contract.commands import Cancel, Command, Hold, Owner, Pause, Release, Resume
from agent.contract.envelope import OpenedCommand
from agent.contract.events import Place
from agent.journal.journal import Refusal
from agent.journal.orders import Orders
from agent.journal.standing import Told
from agent.lifecycle.ledger import Signers
from agent.lifecycle.states import JobState
from protocols.vocabulary import PrinterState
from tests.agent.paper_printer import START, Station, make_job
from tests.agent.test_worker import in_doubt, kinds

SITI = Signers("siti", proven=True)
PAUSED = "paused-error"


def drive(test: Coroutine[None, None, None]) -> None:
    asyncio.run(test)


class Centre:
    """Numbers its commands."""

    def __init__(self) -> None:
        self._no = 0

    async def orders(self, orders: Orders, kind: type[Command], **fields: Any) -> Told:
        self._no += 1
        command = kind(
            command_id=f"C-{self._no}",
            command_no=self._no,
            station="s",
            printer="p",
            issued_at=START,
            expires_at=START + timedelta(days=1),
            **fields,
        )
        digest = f"{self._no:064x}"
        opened = OpenedCommand(digest, "k", command.command_id, self._no, "x", command)
        return await orders.take(opened)


def test_only_its_owner_or_the_centre_takes_a_pause_back(tmp_path: Path) -> None:
    async def test() -> None:
        station, centre = await Station.make(tmp_path), Centre()
        orders = station.journal.orders
        await orders.pause(SITI, "lunch")
        await centre.orders(orders, Pause, reason="noon")
        assert orders.paused_by() == [Owner.CENTRE, Owner.OPERATOR]
        await orders.resume(SITI)
        assert orders.paused_by() == [Owner.CENTRE]
        with pytest.raises(Refusal, match="paused by centre") as refused:
            await orders.resume(SITI)
        assert refused.value.code == "not-yours"
        await orders.pause(SITI, "lunch")
        await centre.orders(orders, Resume)
        assert orders.paused_by() == []
        with pytest.raises(Refusal, match="not paused"):
            await orders.resume(SITI)

    drive(test())


def test_only_its_owner_or_the_centre_takes_a_hold_back(tmp_path: Path) -> None:
    async def test() -> None:
        station, centre = await Station.make(tmp_path), Centre()
        orders = station.journal.orders
        await station.send(make_job())
        await orders.hold("J1", SITI, "wrong name")
        await centre.orders(orders, Hold, job_id="J1")
        await orders.release("J1", SITI)
        assert station.state() is JobState.PENDING_HELD
        with pytest.raises(Refusal, match="held by centre"):
            await orders.release("J1", SITI)
        await orders.hold("J1", SITI, "wrong name")
        await centre.orders(orders, Release, job_id="J1")
        assert station.state() is JobState.PENDING
        with pytest.raises(Refusal, match="not held"):
            await orders.release("J1", SITI)
        with pytest.raises(Refusal, match="no job J9"):
            await orders.hold("J9", SITI, "wrong name")

    drive(test())


def test_no_card_starts_while_printing_is_paused_over_a_restart_too(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station, centre = await Station.make(tmp_path), Centre()
        await station.stock(2)
        await station.journal.orders.pause(SITI, "lunch")
        await station.send(make_job())
        await station.work_for(60)
        assert station.state() is JobState.PENDING
        station = await station.restart()
        await station.work_for(60)
        assert station.state() is JobState.PENDING
        assert station.worker.picture.state is PrinterState.STOPPED
        assert PAUSED in station.worker.picture.reasons
        station.again()
        await centre.orders(station.journal.orders, Resume)
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        assert PAUSED not in station.worker.picture.reasons
        station.check_books()

    drive(test())


def test_a_held_job_lets_the_next_one_pass(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(2)
        await station.send(make_job("J1", queue_no=1))
        await station.send(make_job("J2", queue_no=2, subject="S2"))
        await station.journal.orders.hold("J1", SITI, "wrong name")
        await station.work_until(lambda: station.state("J2") is JobState.COMPLETED)
        assert station.state("J1") is JobState.PENDING_HELD
        station.again()
        await station.journal.orders.release("J1", SITI)
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)

    drive(test())


@pytest.mark.parametrize("order", [Cancel, Hold, Pause])
def test_an_order_between_the_choice_and_the_feed_keeps_the_blank_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: type[Command]
) -> None:
    async def test() -> None:
        station, centre = await Station.make(tmp_path), Centre()
        await station.stock(2)
        await station.send(make_job())
        journal, begin = station.journal, station.journal.begin
        fields = {} if order is Pause else {"job_id": "J1"}
        told: list[Told] = []

        async def ordered_first(*arguments: Any) -> int:
            told.append(await centre.orders(journal.orders, order, **fields))
            return await begin(*arguments)

        monkeypatch.setattr(journal, "begin", ordered_first)
        await station.work_until(lambda: told)
        station.again()
        await station.work_for(60)
        assert "job-started" not in await kinds(station)
        assert journal.stock()[Place.HOPPER] == 2
        station.check_books()

    drive(test())


def test_a_job_canceled_before_its_panels_are_made_needs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        station, centre = await Station.make(tmp_path), Centre()
        await station.stock(2)
        await station.send(make_job())
        journal, spooled = station.journal, station.journal.spooled

        async def canceled_first(job_id: str) -> bytes | None:
            await centre.orders(journal.orders, Cancel, job_id=job_id)
            return await spooled(job_id)

        monkeypatch.setattr(journal, "spooled", canceled_first)
        await station.work_until(lambda: station.state() is JobState.CANCELED)
        station.again()
        await station.work_for(60)
        assert station.worker.picture.state is PrinterState.IDLE
        assert await kinds(station, "J1") == [
            "job-accepted",
            "job-canceled",
            "agent-command",
        ]

    drive(test())


def test_a_cancel_while_the_card_is_made_is_too_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every stage from the feed on."""

    async def test() -> None:
        station, centre = await Station.make(tmp_path), Centre()
        await station.stock(2)
        await station.send(make_job())
        told: list[Told] = []
        advance, begin = station.journal.advance, station.journal.begin
        orders = station.journal.orders

        async def cancel() -> None:
            told.append(await centre.orders(orders, Cancel, job_id="J1"))

        async def begun(*arguments: Any) -> int:
            number = await begin(*arguments)
            await cancel()
            return number

        async def advanced(*arguments: Any, **more: Any) -> None:
            await advance(*arguments, **more)
            await cancel()

        monkeypatch.setattr(station.journal, "begin", begun)
        monkeypatch.setattr(station.journal, "advance", advanced)
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        assert len(told) == 4
        assert {one.result for one in told} == {"too-late"}
        assert told[0].detail == "the job is processing"
        late = await centre.orders(orders, Cancel, job_id="J1")
        assert (late.result, late.detail) == ("too-late", "the job is completed")
        station.check_books()

    drive(test())


def test_after_all_blanks_were_spoiled_the_centre_may_allow_one_more(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station, centre = await Station.make(tmp_path), Centre()
        await station.stock(5)
        await station.send(make_job(blanks=1))
        await in_doubt(station)
        station.machine.reject_bin.append(station.machine.take("path"))
        answer = station.thrown_out("cleared the jam", "rina")
        assert await station.journal.resolve("J1", answer) is JobState.PENDING_HELD
        orders = station.journal.orders
        with pytest.raises(Refusal, match="held by system"):
            await orders.release("J1", SITI)
        await centre.orders(orders, Release, job_id="J1")
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        station.check_books()

    drive(test())
