"""A cleaning or a test is asked for once, begun once, and closed by one event."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path

import pytest

from agent.contract.commands import Clean, Owner, Result, SelfTest
from agent.contract.events import Evidence, Expected
from agent.contract.operation_events import Operation, OperationResult
from agent.journal.journal import Refusal
from agent.journal.verify import Verdict, verify
from tests.agent.paper_printer import FEEDING, Station, make_job
from tests.agent.test_orders import SITI, Centre
from tests.agent.test_worker import kinds

AT_10 = Evidence(card="none", reasons=[], cards_fed=10, cards_counter="fed")
AT_11 = Evidence(card="none", reasons=[], cards_fed=11, cards_counter="fed")


def drive(test: Coroutine[None, None, None]) -> None:
    asyncio.run(test)


async def lines(station: Station) -> list[dict[str, object]]:
    found = await station.journal.lines_after(0, 1_000, 2**20)
    return [json.loads(line[65:]) for _, line in found]


def test_the_same_wish_again_is_one_request_and_another_one_is_refused(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station, centre = await Station.make(tmp_path), Centre()
        journal = station.journal
        told = await centre.orders(journal.orders, Clean, reason="stripes")
        assert told.result is Result.DONE
        assert not await journal.ask_operation(Operation.CLEAN, SITI)
        told = await centre.orders(journal.orders, SelfTest)
        assert told.result is Result.BUSY
        with pytest.raises(Refusal, match="waits its turn"):
            await journal.ask_operation(Operation.SELF_TEST, SITI)
        assert await kinds(station) == [
            "operation-asked",
            "agent-command",
            "agent-command",
        ]
        asked = (await lines(station))[0]
        assert asked["who"] == "centre:k"
        assert asked["data"] == {
            "kind": "operation-asked",
            "operation": "clean",
            "owner": "centre",
            "command_id": "C-1",
            "reason": "stripes",
            "identity": "proven",
        }

    drive(test())


def test_it_is_open_until_its_end_is_written_over_a_restart_too(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.journal.ask_operation(Operation.CLEAN, SITI)
        asked = station.journal.operation()
        assert asked is not None
        assert (asked.owner, asked.begun) == (Owner.OPERATOR, False)
        whole = Expected(cards=1, sets=0)
        await station.journal.begin_operation(asked.request, whole, AT_10)
        with pytest.raises(Refusal, match="begun before"):
            await station.journal.begin_operation(asked.request)

        station = await station.restart()
        begun = station.journal.operation()
        assert begun is not None
        assert begun.begun
        assert (begun.expected, begun.evidence) == (whole, AT_10)
        result = OperationResult.INTERRUPTED
        await station.journal.end_operation(begun.request, result, "power", AT_11)
        assert station.journal.operation() is None
        assert station.journal.counted() == AT_11
        with pytest.raises(Refusal, match="no request"):
            await station.journal.end_operation(begun.request, OperationResult.DONE)
        await station.journal.close()
        assert verify(tmp_path / "journal.db").verdict is Verdict.GOOD

    drive(test())


def test_none_begins_while_a_card_is_on_its_way(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        journal = station.journal
        await station.stock(2)
        await station.send(make_job())
        await journal.begin("J1", (), FEEDING)
        await journal.ask_operation(Operation.SELF_TEST)
        asked = journal.operation()
        assert asked is not None
        assert asked.owner is Owner.SYSTEM
        with pytest.raises(Refusal, match="on its way") as refused:
            await journal.begin_operation(asked.request)
        assert refused.value.code == "card-under-way"
        assert not asked.begun

    drive(test())
