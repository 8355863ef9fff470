"""Adversaries: what each does, when that can be known first, and what names it then.

They act as hands, wire, broker or files, and never as the centre's key. `TABLE` is what
is promised; each script lets pass what cannot show its deed, and fails when anything is
named too early, too late or otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.world import frauds, thefts
from tests.world.heist import HISTORY, Heist, Moment, Script, perform
from tests.world.plan import Plan
from tests.world.post import BARE
from tests.world.sealed import SealedPost

Record = Callable[[str, object], None]


@dataclass(frozen=True)
class Row:
    """One script of the table; `named`: in what order of moments, and by what."""

    thief: str
    play: Script
    named: tuple[tuple[Moment, tuple[str, ...]], ...]
    hopper_count: int = 6
    family: str = "evolis"
    sealed: bool = False  # the mail is sealed, and opened by the agent's own code
    true_at_last: bool = True  # once people have counted, books and truth are one

    @property
    def refused(self) -> bool:
        """Nothing comes of it but a count in `state`."""
        return self.named[-1][0] is Moment.AT_THE_DOOR


def at(moment: Moment, *names: str) -> tuple[tuple[Moment, tuple[str, ...]], ...]:
    return ((moment, names),)


def refused(thief: str, play: Script, *reasons: str) -> Row:
    named = at(Moment.AT_THE_DOOR, *[f"refused {why}" for why in reasons])
    return Row(thief, play, named, sealed=True)


MISMATCH = "stock-mismatch"
AGAIN = at(Moment.AT_THE_DOOR, "redelivered")

TABLE = (
    # The broker: refused without effect.
    Row("a job replayed", frauds.replayed_job, AGAIN + AGAIN, sealed=True),
    Row("replayed in the queue", frauds.replayed_while_it_waits, AGAIN, sealed=True),
    Row("copies of a reprint", frauds.copies_of_a_replacement, AGAIN, sealed=True),
    refused(
        "a forged signature",
        frauds.forged_signature,
        "bad-signature",
        "unknown-key",
    ),
    refused("changed on the way", frauds.changed_on_the_way, "bad-signature"),
    refused("an unsealed job", frauds.unsealed_job, "malformed"),
    refused(
        "a job for another printer", frauds.job_for_another_printer, "wrong-printer"
    ),
    refused("a second first", frauds.second_first, "second-first"),
    refused("a forged command", frauds.forged_command, "bad-signature"),
    refused("a forged ack", frauds.forged_ack, "bad-signature"),
    # The wire and the printer.
    Row(
        "a print behind the agent",
        thefts.print_behind_the_agent,
        at(Moment.COUNTER_READ, "unaccounted-card hopper"),
    ),
    Row(
        "a print behind the agent, no counters",
        thefts.print_without_counters,
        at(Moment.COUNT, f"{MISMATCH} hopper"),
        family="evolis-silent",
    ),
    Row(
        "a counter reset",
        thefts.counter_reset,
        at(Moment.COUNTER_READ, "counter-mismatch hopper"),
    ),
    Row(
        "another printer",
        thefts.another_printer,
        at(Moment.COUNTER_READ, "printer-changed"),
    ),
    # Hands.
    Row(
        "a blank from the hopper",
        thefts.blank_from_hopper,
        at(Moment.EMPTY, f"{MISMATCH} hopper"),
        hopper_count=4,
    ),
    Row(
        "a blank from the hopper, counted",
        thefts.blank_from_hopper_counted,
        at(Moment.COUNT, f"{MISMATCH} hopper"),
    ),
    Row(
        "a blank from the path",
        thefts.blank_from_path,
        at(Moment.AT_ONCE, "in doubt"),
    ),
    Row(
        "a good card from the output",
        thefts.card_from_output,
        at(Moment.COUNT, f"{MISMATCH} output"),
    ),
    Row(
        "a good card claimed jammed",
        thefts.card_claimed_jammed,
        at(Moment.COUNT, f"{MISMATCH} reject-bin"),
    ),
    Row(
        "a good card claimed jammed, the bin counted",
        thefts.card_claimed_jammed_and_counted,
        at(Moment.COUNT, f"{MISMATCH} reject-bin"),
    ),
    Row(
        "a good card claimed jammed by one alone",
        thefts.card_claimed_jammed_alone,
        at(Moment.SHIFT, "unconfirmed"),
    ),
    Row(
        "a good card claimed bad",
        thefts.card_claimed_bad,
        at(Moment.COUNT, f"{MISMATCH} reject-bin"),
    ),
    Row(
        "a spoiled card not in the bin",
        thefts.spoiled_card_not_in_bin,
        at(Moment.COUNT, f"{MISMATCH} reject-bin"),
    ),
    Row(
        "every blank of a job claimed",
        thefts.all_blanks_claimed,
        at(Moment.COUNT, f"{MISMATCH} reject-bin"),
    ),
    Row(
        "a burst of claims",
        thefts.many_claims,
        at(Moment.LINES, "reprint burst"),
    ),
    Row(
        "a strange card",
        thefts.strange_card,
        at(Moment.STATUS, "foreign-card path"),
    ),
    # The files, and the clock.
    Row("the clock set back", frauds.clock_set_back, at(Moment.CLOCK, "clock-jump")),
    Row(
        "a backup restored",
        frauds.restored_from_a_backup,
        at(Moment.START, "the agent does not start"),
    ),
    Row(
        "a backup of all files restored",
        frauds.whole_folder_restored,
        at(Moment.ACK, "ledger-fork", HISTORY),
        true_at_last=False,
    ),
    Row(
        "an event deleted",
        frauds.deleted_event,
        at(Moment.START, "the agent does not start"),
    ),
    Row(
        "events edited, verified",
        frauds.edited_and_verified,
        at(Moment.VERIFY, "verify: signature"),
    ),
    Row(
        "events edited, connected",
        frauds.edited_and_connected,
        at(Moment.ACK, "ledger-fork", HISTORY),
        true_at_last=False,
    ),
    Row(
        "a place in the queue sold",
        frauds.sold_place_in_the_queue,
        # The centre, which has not seen the end of J2, sends it again.
        at(Moment.LINES, "passed over without a reason", "redelivered"),
        true_at_last=False,
    ),
)


def played(row: Row) -> Heist:
    async def whole(heist: Heist) -> None:
        await row.play(heist)
        if row.true_at_last:
            await heist.books_are_true()

    post = SealedPost() if row.sealed else BARE
    plan = Plan(0, (), hopper_count=row.hopper_count, family=row.family)
    return perform(plan, whole, post)


def test_the_table_has_every_thief_that_is_told_of(record_property: Record) -> None:
    names = [row.thief for row in TABLE]
    assert len(set(names)) == len(names) >= 15
    told = sum(row.refused for row in TABLE)
    record_property(
        "figure",
        f"thieves: {len(TABLE)} scripts, {told} refused without effect, "
        f"{len(TABLE) - told} named",
    )


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.thief)
def test_a_thief_is_refused_or_named_at_the_first_moment_it_can_be_known(row):
    heist = played(row)
    found = tuple((one.moment, one.names) for one in heist.found)
    assert found == row.named, heist.ending
    if row.refused:
        assert not heist.events("incident-raised")
