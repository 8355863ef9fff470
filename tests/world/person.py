"""Who stands at the printer: removes what is in the way, and answers what is asked.

Sees what can be seen, and says the truth; a liar does not always.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from agent.contract.events import Found
from agent.contract.events import Place as StockPlace
from agent.contract.operation_events import Operation
from agent.journal.journal import JobView, Journal, Refusal, Resolution
from agent.lifecycle.ledger import COUNTED, Signers
from simulators.blanks import Blank, Place
from simulators.faults import FaultKind
from simulators.hand import causes, clear
from tests.agent.virtual_time import elapse
from tests.world.machine import Machine
from tests.world.notary import Key, Notary

LOOK_S = 5.0
REFILL_COUNT = 4
RIBBON_SETS = 20
OUT_OF_STEP_LOOKS = 8  # that the agent finds no printer, then it is switched off and on
REJECT_ASKS_MAX = 2  # then the card is taken out by hand
COUNTABLE = {
    StockPlace.HOPPER: Place.HOPPER,
    StockPlace.OUTPUT: Place.OUTPUT,
    StockPlace.REJECT_BIN: Place.REJECT_BIN,
}
_ASK_FOR_BLANKS = frozenset(
    {"media-empty-error", "media-needed-error", "x-stock-mismatch-error"}
)
INVISIBLE = (FaultKind.DOUBLE_FEED,)


@dataclass
class Deeds:
    """What people did that no book was told, and what they said that is not so."""

    strayed: dict[str, str] = field(default_factory=dict)  # blank id to what befell it
    lies: dict[Key, str] = field(default_factory=dict)
    fed: dict[Key, list[str]] = field(default_factory=dict)  # blanks of each attempt
    alone: bool = False  # somebody prints behind the agent's back now
    received_count: int = 0  # blanks that came, and the agent is to know of
    carried: dict[str, str] = field(default_factory=dict)
    """Blank id to the place off the machine where people have brought it."""


class Person:
    def __init__(
        self,
        machine: Machine,
        notary: Notary,
        deeds: Deeds,
        dice: Random,
        lies: float,
    ) -> None:
        self._machine = machine
        self._notary = notary
        self._deeds = deeds
        self._dice = dice
        self._lies = lies
        self.signers = Signers("person")  # as they sign what they say
        self.counts_anew = False  # for an answer; else they go by the book
        self._asked: dict[Key, int] = {}
        self._instead: dict[Key, Blank] = {}
        self._unreachable_looks = 0
        self._ribbon_out = False  # for a cleaning

    async def look(self, journal: Journal, reasons: list[str]) -> None:
        """Look once at printer and agent, and do what is to be done."""
        self._remove_causes()
        await self.report_blanks(journal)
        await self._refill(journal, reasons)
        self._change_ribbon(reasons)
        await self._clean(journal, reasons)
        self._bring_back_in_step(reasons)
        job = journal.doubtful()
        if job is not None and not job.reject_asked:
            await self._answer(journal, job)
        elif job is None and journal.open_attempt() is None:
            self._clear_path(reasons)

    def _say(self, what: str) -> None:
        self._notary.story.tell("person", what)

    def _remove_causes(self) -> None:
        mechanism = self._machine.mechanism
        if self._ribbon_out and mechanism.ribbon is None:
            return
        for kind in causes(mechanism):
            empty = kind is FaultKind.HOPPER_EMPTY and not mechanism.at(Place.HOPPER)
            if kind in INVISIBLE or empty or mechanism.moving:
                continue
            if kind is FaultKind.JAM_PATH and not mechanism.cover_open:
                self._say("opens the cover")
                mechanism.open_cover(is_open=True)
                return  # it takes a moment
            if kind is FaultKind.JAM_PATH:
                self._take_out_the_jammed()
            self._say(f"sets right: {kind}")
            clear(self._machine.hand, kind)
            self._machine.touched("person")

    def _take_out_the_jammed(self) -> None:
        """Where the printer cannot be told to move a card out, a hand does."""
        if not self._machine.family.capabilities.reject_bin:
            for blank in self._machine.mechanism.at(Place.PATH):
                self._put_aside(blank)

    async def _refill(self, journal: Journal, reasons: list[str]) -> None:
        there = bool(self._machine.mechanism.at(Place.HOPPER))
        booked = journal.stock()[StockPlace.HOPPER] > 0
        if not _ASK_FOR_BLANKS & set(reasons) or (there and booked):
            return
        self._say(f"loads {REFILL_COUNT} blanks and says so")
        self._machine.hand.load(REFILL_COUNT)
        self._machine.touched("person")
        self._deeds.received_count += REFILL_COUNT
        await self.report_blanks(journal)

    def count_everything(self) -> dict[str, int]:
        """Count what lies at every place, for a ledger that begins with it."""
        counts = {str(place): self._count(place) for place in COUNTED}
        self._say(f"counts {counts}")
        return counts

    def _count(self, place: StockPlace) -> int:
        if place in COUNTABLE:
            return len(self._machine.mechanism.at(COUNTABLE[place]))
        return sum(at == place for at in self._deeds.carried.values())

    async def count_all(self, journal: Journal) -> None:
        """Count what can be counted, and say so."""
        for place, there in COUNTABLE.items():
            count = len(self._machine.mechanism.at(there))
            self._say(f"counts {count} in {place}")
            await journal.count_stock(place, count, Signers("person"))

    async def report_blanks(self, journal: Journal) -> None:
        """Say how many blanks were loaded that the agent does not know of."""
        count = self._deeds.received_count - journal.stock()[StockPlace.RECEIVED]
        if count:
            await journal.load_stock(count, "person")

    def _change_ribbon(self, reasons: list[str]) -> None:
        asked_for = "marker-print-ribbon-empty-error" in reasons
        if asked_for and not (self._machine.mechanism.moving or self._ribbon_out):
            self._say("puts a new ribbon in")
            self._machine.hand.change_ribbon("YMCKO", RIBBON_SETS)
            self._machine.touched("person")

    async def _clean(self, journal: Journal, reasons: list[str]) -> None:
        """Once it is overdue: ribbon out, cleaning card in, ask; then the ribbon in."""
        mechanism, hand = self._machine.mechanism, self._machine.hand
        if mechanism.moving or mechanism.cleaning or journal.operation() is not None:
            return
        if self._ribbon_out:
            self._ribbon_out = False
            if mechanism.ribbon is None:
                self._say("puts the ribbon in again")
                hand.return_ribbon()
                self._machine.touched("person")
        elif "cleaner-life-over-error" in reasons:
            self._say("takes the ribbon out, and asks for a cleaning")
            if mechanism.ribbon is not None:
                hand.take_ribbon()
                self._ribbon_out = True
            if not mechanism.cleaning_card:
                hand.lay_cleaning_card()
            self._machine.touched("person")
            await journal.ask_operation(Operation.CLEAN, Signers("person"))

    def _bring_back_in_step(self, reasons: list[str]) -> None:
        lost = bool(self._machine.family.out_of_step & set(reasons))
        self._unreachable_looks = self._unreachable_looks + 1 if lost else 0
        if self._unreachable_looks >= OUT_OF_STEP_LOOKS:
            self._unreachable_looks = 0
            self._say("switches the printer off and on")
            self._machine.power(on=False)
            self._machine.power(on=True)

    def _clear_path(self, reasons: list[str]) -> None:
        """Take out what stands in the path and belongs to no card under way."""
        mechanism = self._machine.mechanism
        in_the_way = self._machine.family.card_in_the_way & set(reasons)
        if not in_the_way or mechanism.moving or self._deeds.alone:
            return
        for blank in mechanism.at(Place.PATH):
            self._put_aside(blank)

    def _put_aside(self, blank: Blank) -> None:
        if blank.strange and blank.blank_id not in self._deeds.strayed:
            to = Place.HAND
        elif blank.state == "blank":
            to = Place.HOPPER
        else:
            to = Place.REJECT_BIN
        self._move(blank, to)

    def _move(self, blank: Blank, to: Place) -> None:
        self._say(f"puts {blank.blank_id} from {blank.place} to {to}")
        machine = self._machine
        if blank.place is Place.PATH:
            path = machine.mechanism.at(Place.PATH)
            machine.mechanism.put(blank, to)
            if path == [blank]:
                machine.mechanism.jammed = False
        else:
            blank.place = to
        machine.touched("person")

    async def _answer(self, journal: Journal, job: JobView) -> None:
        key = (job.job_id, job.attempts)
        if self._machine.mechanism.moving:
            return
        found, good = self._truth(key, str(job.stage))
        if self._lies and self._dice.random() < self._lies:
            found, good = self._lie(key, (found, good))
        self._say(f"says of {key[0]}/{key[1]}: {found} {_word(good)}")
        try:
            back = found is Found.HOPPER
            where = StockPlace.HOPPER if back else StockPlace.REJECT_BIN
            # What the book would have with this card, where nobody counts anew.
            bin_count = journal.stock()[where] + 1
            if self.counts_anew:
                bin_count = self._count(where)
            counted = back or found is Found.REJECT_BIN or good is False
            answer = Resolution(
                found,
                good,
                "looked",
                self.signers.who,
                proven=self.signers.proven,
                bin_count=bin_count if counted else None,
            )
            await journal.resolve(job.job_id, answer)
        except Refusal as refusal:
            self._say(f"is refused: {refusal.message}")
            if key in self._deeds.lies:
                del self._deeds.lies[key]

    def _lie(
        self, key: Key, truth: tuple[Found, bool | None]
    ) -> tuple[Found, bool | None]:
        claims = [
            (Found.OUTPUT, True),
            (Found.OUTPUT, False),
            (Found.REJECT_BIN, None),
            (Found.MISSING, None),
            (Found.HOPPER, None),
        ]
        claim = self._dice.choice([one for one in claims if one != truth])
        self._deeds.lies[key] = f"{claim[0]} {_word(claim[1])}, but {truth[0]}"
        return claim

    def _truth(self, key: Key, stage: str) -> tuple[Found, bool | None]:
        blank = self._blank_of(key) or self._taken_for_ours(key)
        if blank is None:
            return Found.HOPPER, None
        match blank.place:
            case Place.OUTPUT if self._is_good(key, blank):
                return Found.OUTPUT, True
            case Place.OUTPUT:
                self._move(blank, Place.REJECT_BIN)
                return Found.OUTPUT, False
            case Place.REJECT_BIN:
                return Found.REJECT_BIN, None
            case Place.HAND:
                return Found.MISSING, None
            case Place.HOPPER if self._may_go_again(stage, blank):
                return Found.HOPPER, None
            case Place.HOPPER:
                self._move(blank, Place.REJECT_BIN)
                return Found.REJECT_BIN, None
        return self._in_the_path(key, blank)

    def _may_go_again(self, stage: str, blank: Blank) -> bool:
        """Whether a blank that a hand has put back is taken for one never fed."""
        whole_job = self._machine.family.capabilities.whole_job
        return blank.state == "blank" and (stage == "feeding" or whole_job)

    def _in_the_path(self, key: Key, blank: Blank) -> tuple[Found, bool | None]:
        for other in self._machine.mechanism.at(Place.PATH):
            if other is not blank:
                self._put_aside(other)
        self._asked[key] = self._asked.get(key, 0) + 1
        if self._asked[key] <= REJECT_ASKS_MAX:
            return Found.PRINTER, None
        self._move(blank, Place.REJECT_BIN)
        return Found.REJECT_BIN, None

    def _blank_of(self, key: Key) -> Blank | None:
        blanks = [self._machine.blank(name) for name in self._deeds.fed.get(key, [])]
        marked = [blank for blank in blanks if blank.state != "blank"]
        return next(iter(marked or blanks), None)

    def _taken_for_ours(self, key: Key) -> Blank | None:
        """The card of a stranger, where the feed found it in place and took none."""
        inside = self._machine.mechanism.at(Place.PATH)
        if key not in self._instead and inside:
            self._instead[key] = inside[0]
        return self._instead.get(key)

    def _is_good(self, key: Key, blank: Blank) -> bool:
        """Whole, and with every side that the job asks for."""
        digest = self._machine.digest(blank)
        wanted = self._notary.books.attempts[key].digest
        return digest is not None and digest == wanted


def _word(good: bool | None) -> str:
    return "" if good is None else "good" if good else "bad"


async def pause() -> None:
    """Until the next look."""
    await elapse(LOOK_S)
