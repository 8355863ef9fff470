"""What others say while a card is about to move, and what then does not move."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.contract.events import Found, Incident, IncidentRaised
from agent.journal import attempts
from agent.journal.journal import Refusal, Resolution
from agent.lifecycle.states import JobState
from tests.agent.paper_printer import (
    FEEDING,
    Fault,
    PrinterErrors,
    Station,
    make_job,
)
from tests.agent.test_worker import details, drive, in_doubt


def test_an_answer_that_comes_before_the_reject_that_was_asked_for_stands(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(5)
        await in_doubt(station)
        journal, machine = station.journal, station.machine
        await journal.resolve("J1", Resolution(Found.PRINTER, None, "seen"))

        def taken_out(step: str) -> None:
            """A hand is faster than the command, and says so."""
            if step == "claim" and machine.path is not None:
                machine.reject_bin.append(machine.take("path"))
                answer = station.thrown_out("took it out")
                journal._store.write(
                    lambda tx: attempts.resolve(tx, "J1", answer), journal._stamp()
                )
                machine.load(1)  # no card of ours, where the reject would find one
                machine.path = machine.hopper.pop()

        machine.hook = taken_out
        with capture_logs() as logs:
            await station.work_until(lambda: station.state() is JobState.PENDING)
        assert [one for one in logs if one["event"] == "worker_failed"] == []
        assert machine.path is not None
        assert station.state() is JobState.PENDING
        stages = [one["stage"] for one in await details(station, "attempt-stage")]
        assert "delivering" not in stages

    drive(test)


def test_a_card_that_no_dye_was_sent_for_cannot_be_good_after_its_reject_either(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(5)
        machine, journal = station.machine, station.journal
        machine.faults = [Fault("feed", "after", PrinterErrors.jam())]
        await station.send(make_job("J1"))
        await station.work_until(journal.doubtful)
        station.again()
        await journal.resolve("J1", Resolution(Found.PRINTER, None, "seen"))
        await station.work_until(lambda: machine.reject_bin)
        good = Resolution(Found.OUTPUT, good=True, reason="it looks fine")
        with pytest.raises(Refusal, match="no dye was ever sent"):
            await journal.resolve("J1", good)
        # It buys no second card that a marked one would: one person, and no count.
        bad = Resolution(Found.REJECT_BIN, None, "it lies there", "rina", proven=True)
        assert await journal.resolve("J1", bad) is JobState.PENDING
        assert journal.unconfirmed() == []
        station.check_books()

    drive(test)


@pytest.mark.parametrize("incident", [Incident.LEDGER_FORK, Incident.PRINTER_CHANGED])
def test_what_stops_the_printer_stops_the_card_that_is_chosen_already(
    tmp_path: Path, incident: Incident
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(2)
        await station.send(make_job())
        told = IncidentRaised(incident=incident, detail="just now")
        await station.journal.record(told)
        with pytest.raises(Refusal, match="a person must decide"):
            await station.journal.begin("J1", (), FEEDING)
        assert station.state() is JobState.PENDING
        station.check_books()

    drive(test)
