"""What is known of the printer at this moment, and the journal told of each change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from agent.contract.events import (
    Data,
    Evidence,
    FaultCleared,
    FaultRaised,
    Incident,
    IncidentRaised,
    Place,
    PrinterCounted,
    SupplyRibbon,
)
from agent.journal.journal import Journal
from agent.lifecycle.decide import hopper_reasons, machine_reasons
from agent.lifecycle.facts import errors_of, evidence_of, fed_since
from agent.printer.upkeep import Upkeep
from protocols.contract import Capabilities, Identity, Observation, Status, Supplies
from protocols.vocabulary import PrinterState, Reason, Severity, StateReason


@dataclass(frozen=True, slots=True)
class PrinterPicture:
    """The printer as the centre and a person should see it."""

    state: PrinterState
    reasons: list[str]  # registered spelling, sorted
    identity: Identity | None
    supplies: Supplies | None
    at: datetime


def error(keyword: StateReason) -> Reason:
    """Return the reason that stops the printer for `keyword`."""
    return Reason(keyword, Severity.ERROR)


def _begins_anew(before: Evidence, now: Evidence) -> bool:
    """Whether other counters speak now: of another machine or head, or at last."""
    parts = [
        (one.printer_serial, one.head_serial, one.cards_counter)
        for one in (before, now)
    ]
    late = before.cards_fed is None and now.cards_fed is not None
    return parts[0] != parts[1] or late


class Watch:
    """Looks are handed in; faults, ribbons and incidents go out, on change only."""

    def __init__(self, journal: Journal, upkeep: Upkeep) -> None:
        self._journal = journal
        self._upkeep = upkeep
        self._status: Status | None = None
        self._identity: Identity | None = None
        self.supplies: Supplies | None = None
        self._holds: set[Reason] = set()
        self._working = False
        self._short = 0  # missed by counts, as the last look at rest found it
        self.reasons: frozenset[Reason] = frozenset()
        self.picture = self._paint()

    @property
    def status(self) -> Status | None:
        """The newest look; None while the printer cannot be reached."""
        return self._status

    @property
    def holds(self) -> frozenset[Reason]:
        """What keeps this agent from new cards, whatever the printer says."""
        holds = set(self._holds)
        if trouble := self._journal.trouble:
            holds.add(error(trouble))
        if self._journal.forked:
            holds.add(error(StateReason.LEDGER_FORK))
        if self._journal.orders.paused_by():
            holds.add(error(StateReason.PAUSED))
        if self._journal.printer_changed():
            holds.add(error(StateReason.PRINTER_CHANGED))
        said = self._status.reasons if self._status is not None else frozenset()
        return frozenset(holds) | self._upkeep.holds(said)

    def hold(self, keyword: StateReason, *, on: bool) -> None:
        """Let no new card start for this reason, or let go of it."""
        if on:
            self._holds.add(error(keyword))
        else:
            self._holds.discard(error(keyword))

    def working(self, on: bool) -> None:
        """Say that a card is under way, or not any more."""
        self._working = on
        self.picture = self._paint()

    def known(self, identity: Identity) -> None:
        """Take in who answered."""
        self._identity = identity

    async def saw(
        self,
        look: Observation | Status,
        can: Capabilities,
        waiting_for: frozenset[Reason] = frozenset(),
    ) -> None:
        """Take in a look at the printer; `waiting_for` is what the next job lacks."""
        if isinstance(look, Observation):
            self.supplies, self._identity = look.supplies, look.identity
            self._status = look.status
            await self.count(look, can)
        else:
            self._status = look
        await self._tell(self._judge(self._status, can) | waiting_for)

    async def count(self, seen: Observation, can: Capabilities) -> None:
        """Compare the counters with where they stood last with no attempt open.

        What moved them since was no card of ours, so it is an incident; not while an
        attempt or an operation is open, whose own evidence is judged.
        """
        operation = self._journal.operation()
        begun = operation is not None and operation.begun
        if self._journal.stopped or begun or self._journal.open_attempt():
            return
        before, now = self._journal.counted(), evidence_of(seen)
        rise = fed_since(before, now, can) if before is not None else None
        if rise:
            text = f"the counter of fed cards moved by {rise} with no attempt open"
            await self._journal.unaccounted(rise, now, text)
            return
        news: list[Data] = []
        if before is not None and before.printer_serial != now.printer_serial:
            text = f"{now.printer_serial} answers, {before.printer_serial} was here"
            changed = Incident.PRINTER_CHANGED
            news.append(IncidentRaised(incident=changed, detail=text))
        if before is None or _begins_anew(before, now) or self._explained(seen):
            await self._journal.record(*news, PrinterCounted(evidence=now))

    def _explained(self, seen: Observation) -> bool:
        """Whether what a count missed was no card of another host: twice at rest since.

        Once is not enough, for the count may have come after that look.
        """
        short, before = self._journal.hopper_short(), self._short
        quiet = not (seen.status.busy or seen.status.session_foreign)
        self._short = short if quiet else 0
        return quiet and 0 < short == before

    async def trouble(self, reasons: frozenset[Reason], *, blind: bool) -> None:
        """Take in that the worker cannot go on; `blind`: nobody answers."""
        if blind:
            self._status = None
        others = self.reasons if self._status is not None else frozenset()
        await self._tell(others | reasons | self._ours())

    def _judge(self, status: Status, can: Capabilities) -> frozenset[Reason]:
        ours = self._ours()
        if self._journal.current() is not None:
            return status.reasons | ours  # the card inside, or missing, is known of
        hopper = hopper_reasons(status, self._journal.stock())
        return status.reasons | ours | machine_reasons(status, can) | hopper

    def _ours(self) -> frozenset[Reason]:
        """Return what stops this agent, whether or not the printer can be seen."""
        if self._journal.doubtful() is None:
            return self.holds
        return self.holds | {error(StateReason.OUTCOME_UNKNOWN)}

    async def _tell(self, reasons: frozenset[Reason]) -> None:
        self.reasons = reasons
        self.picture = self._paint()
        if self._journal.stopped:
            return  # nothing can be written down now: at the next look
        now = {str(one) for one in reasons if one.severity is not Severity.REPORT}
        before = self._journal.faults()
        data: list[Data] = []
        if raised := sorted(now - before):
            data.append(FaultRaised(reasons=raised))
            data += self._incidents(set(raised))
        if cleared := sorted(before - now):
            data.append(FaultCleared(reasons=cleared))
        data += self._new_ribbon()
        if data:
            await self._journal.record(*data)

    def _incidents(self, raised: set[str]) -> list[Data]:
        found: list[Data] = []
        mismatch = str(error(StateReason.STOCK_MISMATCH))
        book = self._journal.stock()[Place.HOPPER]
        if mismatch in raised and book > 0:
            found.append(
                IncidentRaised(
                    incident=Incident.STOCK_MISMATCH,
                    detail="the hopper is empty, the book says it is not",
                    place=Place.HOPPER,
                    book=book,
                    seen=0,
                )
            )
        if str(error(StateReason.FOREIGN_CARD)) in raised:
            detail = "a card stands in the path that no attempt put there"
            foreign = IncidentRaised(
                incident=Incident.FOREIGN_CARD, detail=detail, place=Place.PATH
            )
            found.append(foreign)
        return found

    def _new_ribbon(self) -> list[Data]:
        ribbon = self.supplies
        if ribbon is None or not ribbon.ribbon_kind:
            return []
        if self._journal.ribbon() == (ribbon.ribbon_kind, ribbon.ribbon_serial):
            return []
        return [
            SupplyRibbon(
                ribbon_kind=ribbon.ribbon_kind,
                serial=ribbon.ribbon_serial,
                left=ribbon.ribbon_left,
                capacity=ribbon.ribbon_capacity,
            )
        ]

    def _paint(self) -> PrinterPicture:
        if errors_of(self.reasons):
            state = PrinterState.STOPPED
        elif self._working:
            state = PrinterState.PROCESSING
        else:
            state = PrinterState.IDLE
        return PrinterPicture(
            state=state,
            reasons=sorted(str(one) for one in self.reasons),
            identity=self._identity,
            supplies=self.supplies,
            at=self._journal.now().at,
        )
