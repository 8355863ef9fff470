"""Cleaning and self-tests: one request, taken between two cards, closed by an event."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from agent.contract.attempt_events import Evidence, Expected
from agent.contract.commands import Owner
from agent.contract.operation_events import (
    Operation,
    OperationAsked,
    OperationBegun,
    OperationEnded,
    OperationResult,
)
from agent.journal import stock
from agent.journal.errors import Refusal
from agent.journal.operations import EndedOperation, OpenOperation, ended, opened
from agent.journal.part import Part
from agent.journal.store import Transaction
from agent.lifecycle.ledger import Signers


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose wish an operation is: the centre's command, a person, or the agent."""

    owner: Owner
    who: str | None = None
    identity: str | None = None
    command_id: str | None = None
    reason: str | None = None


def ask(tx: Transaction, operation: Operation, wish: Wish) -> bool:
    """Ask for an operation; False: the same one is asked for already.

    Raises:
        Refusal: another one waits or is under way.
    """
    before = opened(tx.db)
    if before is not None and before.operation is operation:
        return False
    if before is not None:
        words = "is under way" if before.begun else "waits its turn"
        raise Refusal("busy", f"a {before.operation} {words}; ask when it has ended")
    asked = OperationAsked(
        operation=operation,
        owner=wish.owner,
        command_id=wish.command_id,
        reason=wish.reason,
        identity=wish.identity,
    )
    tx.append(asked, who=wish.who)
    return True


def begin(
    tx: Transaction,
    request: int,
    expected: Expected | None,
    evidence: Evidence | None,
) -> None:
    """Write down that it begins, before its command.

    Raises:
        Refusal: it has ended, or was begun, or a card is on its way.
    """
    asked = _of(tx.db, request)
    if asked.begun:
        raise Refusal("begun-before", f"request {request} was begun before")
    row = tx.db.execute("SELECT job_id FROM attempts WHERE outcome IS NULL").fetchone()
    if row is not None:
        raise Refusal("card-under-way", f"a card of job {row[0]} is on its way")
    begun = OperationBegun(
        operation=asked.operation, request=request, expected=expected, evidence=evidence
    )
    tx.append(begun)


def end(
    tx: Transaction,
    request: int,
    result: OperationResult,
    detail: str,
    evidence: Evidence | None,
) -> None:
    """Write down what became of it; the counters are compared from `evidence` on.

    Raises:
        Refusal: it has ended before.
    """
    asked = _of(tx.db, request)
    ended = OperationEnded(
        operation=asked.operation,
        request=request,
        result=result,
        detail=detail,
        evidence=evidence,
    )
    tx.append(ended)


def _of(db: sqlite3.Connection, request: int) -> OpenOperation:
    asked = opened(db)
    if asked is None or asked.request != request:
        raise Refusal("no-operation", f"no request {request} waits or is under way")
    return asked


class OperationBook(Part):
    """The journal's part about operations."""

    def operation(self) -> OpenOperation | None:
        """Return the request that has not ended; None: nothing is asked for."""
        return self._read(opened)

    def operation_ended(self) -> EndedOperation | None:
        """Return what became of the newest request that has ended."""
        return self._read(ended)

    async def ask_operation(
        self, operation: Operation, by: Signers | None = None, reason: str | None = None
    ) -> bool:
        """Ask for an operation, by a person or (`by` None) by the agent itself.

        False: the same one is asked for already.

        Raises:
            Refusal: another one waits or is under way.
        """
        wish = Wish(Owner.SYSTEM, reason=reason)
        if by is not None:
            identity = "proven" if by.proven else "unproven"
            wish = Wish(Owner.OPERATOR, by.who, identity, reason=reason)
        return await self._write(lambda tx: ask(tx, operation, wish))

    async def begin_operation(
        self,
        request: int,
        expected: Expected | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        """Write down that it begins; on return its command may be sent.

        Raises:
            Refusal: it has ended, or was begun, or a card is on its way.
        """
        await self._write(lambda tx: begin(tx, request, expected, evidence))

    async def end_operation(
        self,
        request: int,
        result: OperationResult,
        detail: str = "",
        evidence: Evidence | None = None,
        *,
        unaccounted: int = 0,
    ) -> None:
        """Write down what became of it.

        `evidence` is where the counters are compared from; None: they stand as before,
        and a card that went through is `unaccounted`. So are as many cards as are
        said to be, in the same commit.

        Raises:
            Refusal: it has ended before.
        """

        def work(tx: Transaction) -> None:
            if unaccounted and evidence is not None:
                stock.unaccounted(tx, unaccounted, evidence, detail)
            end(tx, request, result, detail, evidence)

        await self._write(work)
