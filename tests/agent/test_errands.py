"""What the centre says of cards and blanks: one identity, and never both of two."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.contract.commands import (
    Command,
    Confirm,
    CountPlace,
    Inspect,
    Load,
    Move,
    Resolve,
    Result,
)
from agent.contract.envelope import OpenedCommand
from agent.contract.events import Evidence, Found, Place, StockCause
from agent.contract.messages import Cause
from agent.journal.journal import Refusal
from agent.journal.standing import Told
from agent.journal.verify import Verdict, verify
from agent.lifecycle.ledger import Movement, Note, Signers
from agent.lifecycle.states import JobState
from tests.agent.paper_printer import START, Station, make_job
from tests.agent.test_orders import SITI
from tests.agent.test_worker import in_doubt, kinds

RINA = Signers("rina", proven=True)
RECEIVE = Movement(Place.RECEIVED, Place.DESK, 100, StockCause.RECEIVE)


def drive(test: Coroutine[None, None, None]) -> None:
    asyncio.run(test)


class Centre:
    """Numbers its commands, and signs them with the key that it is told to."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.no = 0

    async def says(
        self, kind: type[Command], key_id: str = "2026", **fields: Any
    ) -> Told:
        self.no += 1
        tag = str(kind.__struct_config__.tag)
        document = {
            "command_id": f"C-{self.no}",
            "command_no": self.no,
            "station": "s",
            "printer": "p",
            "issued_at": START.isoformat(),
            "expires_at": (START + timedelta(days=1)).isoformat(),
            "kind": tag,
            **fields,
        }
        command = msgspec.json.decode(msgspec.json.encode(document), type=kind)
        digest = f"{self.no:064x}"
        opened = OpenedCommand(
            digest, key_id, command.command_id, self.no, tag, command
        )
        return await self.station.journal.orders.take(opened)


def book(station: Station, *places: Place) -> list[int]:
    return [station.journal.stock()[place] for place in places]


def test_a_card_in_doubt_is_resolved_by_the_centres_word(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        centre = Centre(station)
        await station.stock(5)
        await in_doubt(station)
        station.machine.output.append(station.machine.take("path"))
        told = await centre.says(
            Resolve, job_id="J1", found=Found.OUTPUT, good=True, reason="it is whole"
        )
        assert (told.result, told.detail) == (Result.DONE, "the job is completed")
        assert station.state() is JobState.COMPLETED
        assert (await kinds(station, "J1"))[-4:] == [
            "attempt-resolved",
            "stock-moved",
            "job-completed",
            "agent-command",
        ]
        station.check_books()

    drive(test())


def test_a_card_thrown_out_by_the_centres_word_wants_a_count_and_a_person(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        centre = Centre(station)
        await station.stock(5)
        await in_doubt(station)
        station.machine.reject_bin.append(station.machine.take("path"))
        thrown = {"job_id": "J1", "found": Found.REJECT_BIN, "reason": "half"}
        before = (station.journal.head().no, book(station, *Place))

        told = await centre.says(Resolve, **thrown)
        assert told.result is Result.COUNT_NEEDED
        # Nothing of the answer is left behind but the refusal.
        assert station.journal.head().no == before[0] + 1
        assert book(station, *Place) == before[1]
        assert station.journal.doubtful() is not None

        told = await centre.says(Resolve, **thrown, bin_count=1)
        (waits,) = station.journal.unconfirmed()
        assert told.detail == (
            f"the job is pending; event {waits.no} waits for a second identity"
        )
        assert waits.who == "centre:2026"
        told = await centre.says(Confirm, "2027", movement=waits.no)
        assert told.result is Result.SAME_PERSON
        await station.journal.confirm_stock(waits.no, SITI)
        assert station.journal.unconfirmed() == []
        told = await centre.says(Resolve, **thrown, bin_count=1)
        assert told.result is Result.NOT_IN_DOUBT
        await station.journal.close()
        assert verify(tmp_path / "journal.db").verdict is Verdict.GOOD

    drive(test())


def test_who_works_alone_has_the_centre_for_a_second(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        centre = Centre(station)
        await station.journal.move_stock(RECEIVE, SITI, Note())
        (waits,) = station.journal.unconfirmed()
        told = await centre.says(Confirm, movement=waits.no)
        assert told.result is Result.DONE
        assert told.detail == "receive of 100 by siti has its second identity"
        assert station.journal.unconfirmed() == []
        told = await centre.says(Confirm, movement=waits.no)
        assert told.result is Result.NOTHING_TO_CONFIRM
        with pytest.raises(Refusal, match="waits for nobody"):
            await station.journal.confirm_stock(waits.no, RINA)

    drive(test())


def test_blanks_are_loaded_counted_moved_and_explained(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        centre = Centre(station)
        await station.journal.move_stock(RECEIVE, SITI, Note())
        told = await centre.says(Load, count=60)
        assert (told.result, told.detail) == (Result.DONE, "hopper 60")
        told = await centre.says(CountPlace, place=Place.HOPPER, count=59)
        assert told.detail == "hopper 59, difference 1"
        told = await centre.says(
            Move,
            cause=StockCause.MISSING,
            count=1,
            source=Place.DIFFERENCE,
            reason="nobody knows",
        )
        assert told.detail.startswith("difference 0, missing 1; event ")
        assert told.detail.endswith(" waits for a second identity")
        told = await centre.says(Move, cause=StockCause.UNLOAD, count=9)
        assert told.detail == "hopper 50, desk 49"

    drive(test())


@pytest.mark.parametrize(
    ("kind", "fields", "result"),
    [
        (Load, {"count": 0}, Result.COUNT_IMPOSSIBLE),
        (Load, {"count": -5}, Result.COUNT_IMPOSSIBLE),
        (CountPlace, {"place": "hopper", "count": -1}, Result.COUNT_IMPOSSIBLE),
        (CountPlace, {"place": "path", "count": 1}, Result.MOVEMENT_ILLEGAL),
        (Move, {"cause": "unload", "count": 6}, Result.COUNT_IMPOSSIBLE),
        (Move, {"cause": "feed", "count": 1}, Result.MOVEMENT_ILLEGAL),
        (Move, {"cause": "find", "count": 1}, Result.MOVEMENT_UNCLEAR),
        (
            Move,
            {"cause": "destroy", "count": 1, "item": "blank"},
            Result.COUNT_IMPOSSIBLE,
        ),
        (Confirm, {"movement": 1}, Result.NOTHING_TO_CONFIRM),
        (
            Resolve,
            {"job_id": "J9", "found": "hopper", "reason": "-"},
            Result.UNKNOWN_JOB,
        ),
        (
            Resolve,
            {"job_id": "J1", "found": "output", "reason": "-"},
            Result.ANSWER_IMPOSSIBLE,
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason_and_moves_nothing(
    tmp_path: Path, kind: type[Command], fields: dict[str, Any], result: Result
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(5)
        await in_doubt(station)
        before = (station.journal.head().no, book(station, *Place))
        told = await Centre(station).says(kind, **fields)
        assert told.result is result
        assert told.detail
        assert book(station, *Place) == before[1]
        assert station.journal.head().no == before[0] + 1

    drive(test())


def test_a_card_in_suspense_is_explained_with_a_reason(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        centre = Centre(station)
        await station.journal.load_stock(5)
        evidence = Evidence(card="none", reasons=[], cards_fed=1)
        await station.journal.unaccounted(1, evidence, "the counter rose by 1")
        said: dict[str, Any] = {"cause": "explain", "count": 1, "destination": "output"}
        told = await centre.says(Move, **said)
        assert told.result is Result.REASON_NEEDED
        assert book(station, Place.SUSPENSE, Place.OUTPUT) == [1, 0]
        told = await centre.says(Move, **said, reason="a test from the panel")
        assert told.result is Result.DONE
        assert book(station, Place.SUSPENSE, Place.OUTPUT) == [0, 1]

    drive(test())


def test_a_card_that_fails_inspection_leaves_the_output_and_the_job_completed(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        centre = Centre(station)
        await station.stock(5)
        await station.send(make_job("J1"))
        bad: dict[str, Any] = {
            "job_id": "J1",
            "cause": "gagal-cetak",
            "reason": "a stripe",
        }
        told = await centre.says(Inspect, **bad)
        assert told.result is Result.NOT_COMPLETED
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        told = await centre.says(Inspect, **bad, destination="hopper")
        assert told.result is Result.MOVEMENT_ILLEGAL
        station.machine.reject_bin.append(station.machine.take("output"))
        told = await centre.says(Inspect, **bad)
        assert (told.result, told.detail) == (
            Result.DONE,
            "output 0, reject-bin 1",
        )
        station.check_books()
        job = station.journal.job("J1")
        assert job is not None
        assert (job.state, job.reasons) == (JobState.COMPLETED, ["inspection-failed"])
        told = await centre.says(Inspect, **bad)
        assert told.result is Result.NOT_COMPLETED
        with pytest.raises(Refusal, match="thrown out before"):
            await station.journal.inspect(
                "J1", Cause.RUSAK, Place.WASTE, "a dead chip", SITI
            )
        await station.journal.close()
        assert verify(tmp_path / "journal.db").verdict is Verdict.GOOD

    drive(test())


def test_to_destroy_takes_two_at_once_and_the_centre_is_one(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        centre = Centre(station)
        await station.journal.load_stock(5)
        await centre.says(Move, cause=StockCause.UNLOAD, count=3)
        home: dict[str, Any] = {"cause": StockCause.RETURN, "count": 3}
        told = await centre.says(Move, **home)
        assert told.result is Result.RECORD_NEEDED
        told = await centre.says(Move, **home, record="BA-7")
        assert told.result is Result.SECOND_NEEDED
        assert book(station, Place.DESK, Place.RETURNED) == [3, 0]

    drive(test())


def test_the_same_errand_again_gets_the_same_answer(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        centre = Centre(station)
        told = await centre.says(CountPlace, place=Place.HOPPER, count=-1)
        centre.no -= 1
        again = await centre.says(CountPlace, place=Place.HOPPER, count=-1)
        assert again == told
        centre.no = 0
        stale = await centre.says(Load, "2027", count=5)
        assert stale == told  # the same document, by its digest: answered, not done
        assert book(station, Place.HOPPER) == [0]

    drive(test())
