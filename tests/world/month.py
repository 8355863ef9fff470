"""An honest month: jams, power cuts and mail that comes again, answered truthfully.

People of the roster look after the printer, count each evening, hand the cards over and
stand for one another. Whatever the agent calls an incident here is a false alarm.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random

from agent.contract.events import Place as StockPlace
from agent.contract.events import StockCause
from agent.contract.topics import Topic
from agent.lifecycle.ledger import Signers
from agent.people.requests import StockConfirm, StockLoad, StockMove
from simulators.blanks import Place
from simulators.faults import FaultKind
from tests.agent.virtual_time import elapse
from tests.world.heist import Heist
from tests.world.plan import Plan
from tests.world.process import Death
from tests.world.staff import STANDING

DAYS = 30
CARDS_A_DAY = 8
BLANKS_A_DAY = CARDS_A_DAY + 10
JAMS_A_DAY = 2
COPIES_A_DAY = 18
RIBBON_SETS = 200
EXPIRES_S = 60 * 86_400.0
NIGHT_S = 16 * 3600.0
POINTS_OF_A_CARD = 70
JAMS = (FaultKind.JAM_PATH, FaultKind.JAM_PATH, FaultKind.JAM_EXIT)


@dataclass
class Totals:
    """What a month came to; `copies`: jobs that were published once more."""

    cards: int = 0
    jams: int = 0
    cuts: int = 0
    copies: int = 0
    answers: int = 0  # that people gave about a card in doubt
    spoiled: int = 0
    incidents: int = 0

    def __str__(self) -> str:
        return (
            f"honest month: {self.cards} cards, {self.jams} jams, {self.cuts} power "
            f"cuts, {self.copies} redeliveries, {self.answers} answers, "
            f"{self.spoiled} spoiled, {self.incidents} incidents"
        )


PLAN = Plan(0, (), hopper_count=0, ribbon_sets=RIBBON_SETS)


class Month:
    """The days of one printer, one after the other."""

    def __init__(self, seed: int) -> None:
        self._dice = Random(f"month {seed}")
        self.totals = Totals()
        self._job_no = 0

    async def script(self, heist: Heist) -> None:
        """Live `DAYS` days; what was named by then stands in the totals."""
        heist.lives_max = 4 * DAYS
        heist.person.signers = Signers("siti", proven=True)
        heist.person.counts_anew = True
        for day in range(DAYS):
            await self._day(heist, cut=day % 5 != 4)
            await self._evening(heist)
        await heist.books_are_true()
        totals, events = self.totals, Counter(heist.kinds())
        totals.incidents = events["incident-raised"] + len(
            heist.centre.suspicions.found
        )
        totals.cuts = events["agent-started"] - 1 - DAYS
        totals.cards = events["job-completed"]
        totals.answers = events["attempt-resolved"]
        totals.jams = sum(
            "media-jam-error" in one["reasons"] for one in heist.events("fault-raised")
        )
        closed = heist.events("attempt-closed")
        totals.spoiled = sum(one["outcome"] == "spoiled" for one in closed)

    async def _day(self, heist: Heist, *, cut: bool) -> None:
        await heist.alive()
        await self._fill(heist)
        heist.attended = True
        faults, fed = heist.machine.mechanism.faults, heist.machine.mechanism.cards_fed
        for at in self._dice.sample(range(1, CARDS_A_DAY + 1), JAMS_A_DAY):
            faults.schedule(self._dice.choice(JAMS), fed + at)
        for _ in range(CARDS_A_DAY):
            self._job_no += 1
            heist.want(f"J{self._job_no}", self._job_no, expires_s=EXPIRES_S, blanks=5)
        if cut:
            self._cut_power(heist)
        for _ in range(COPIES_A_DAY):
            await elapse(self._dice.uniform(1.0, 10.0))
            self._copy(heist)
        await heist.until(lambda: self._all_done(heist), within_s=3 * 3600.0)

    @staticmethod
    async def _fill(heist: Heist) -> None:
        """Two people bring what lacks; then as many as a day may need are loaded."""
        journal = heist.living.journal
        assert journal is not None
        lacking = BLANKS_A_DAY - journal.stock()[StockPlace.DESK]
        receive = StockMove(
            who="siti", second="budi", cause=StockCause.RECEIVE, count=lacking
        )
        await heist.ask(receive)
        await heist.ask(StockLoad(who="siti", count=BLANKS_A_DAY))

    def _cut_power(self, heist: Heist) -> None:
        """Some time today the light goes out, in the midst of a card as a rule."""
        process = heist.living.process
        point = process.points + self._dice.randint(5, 5 * POINTS_OF_A_CARD)
        printer = self._dice.random() < 0.7
        process.death = Death(point, station=True, printer=printer)

    def _copy(self, heist: Heist) -> None:
        """The broker delivers once more what it has delivered before."""
        order = self._dice.choice(heist.plan.orders)
        heist.broker.to_agent(Topic.JOB, order.message)
        self.totals.copies += 1

    @staticmethod
    def _all_done(heist: Heist) -> bool:
        jobs = heist.notary.books.jobs
        done = all(jobs.get(one.job_id) == "completed" for one in heist.plan.orders)
        return done and not heist.broker.waiting

    async def _evening(self, heist: Heist) -> None:
        """Count, hand over, let the second one sign, and go home."""
        await heist.alive()
        process = heist.living.process
        process.death = None  # today the light stayed on
        await heist.idle()
        heist.attended = False  # an empty hopper is nothing to be set right now
        await heist.count(*STANDING)
        cards = len(heist.machine.mechanism.at(Place.OUTPUT))
        hand_over = StockMove(who="siti", cause=StockCause.HAND_OVER, count=cards)
        await heist.ask(hand_over)
        left = len(heist.machine.mechanism.at(Place.HOPPER))
        unload = StockMove(who="siti", cause=StockCause.UNLOAD, count=left)
        await heist.ask(unload)
        journal = heist.living.journal
        assert journal is not None
        for one in journal.unconfirmed():
            await heist.ask(StockConfirm(who="budi", movement=one.no))
        await heist.closes(NIGHT_S)
