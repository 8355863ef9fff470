"""The books against the physical truth: the eight invariants, in words. Pure.

The books are what the events add up to, read by the notary; the truth is every card
with its place and its marks. What people did behind the agent's back is known here, and
excuses the one difference it must make, and no other.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from tests.world.notary import ENDED, Attempt, Books, Key

AT_REST = (*ENDED, "held", "rejected")

# Where the books have a blank once its attempt has this outcome.
BOOKED = {
    "good": "output",
    "spoiled": "reject-bin",
    "untouched": "hopper",
    "missing": "missing",
    "unknown": "suspense",
    None: "open",
}
ANYWHERE = ("suspense", "open")
MACHINE_PLACES = ("hopper", "path", "output", "reject-bin")
CARRIED_TO = ("desk", "waste", "issued", "destroyed", "returned")


@dataclass
class Card:
    """One physical blank, at the end."""

    card_id: str
    place: str
    state: str
    digest: str | None
    arrivals: list[str | None] = field(default_factory=list)  # in the output
    strange: bool = False  # never a blank of this office's


@dataclass
class Truth:
    cards: dict[str, Card]
    fed: dict[Key, list[str]]  # the blanks each attempt took
    strayed: dict[str, str]  # blanks that people moved behind the agent's back
    lies: dict[Key, str]
    by_strangers: set[str] = field(default_factory=set)  # printed by another host
    counters_struck: bool = False  # a counter of the printer's went wrong
    carried: dict[str, str] = field(default_factory=dict)
    """Blank id to the place where people brought it, and said so."""

    @property
    def meddled(self) -> bool:
        """Somebody did, or something broke, what no book can know of."""
        fed_more = any(len(blanks) > 1 for blanks in self.fed.values())
        outsiders = any(card.strange for card in self.cards.values())
        hands = self.by_strangers or self.strayed or self.lies or outsiders
        return bool(hands or fed_more or self.counters_struck)


def judge(books: Books, truth: Truth, job_ids: list[str]) -> list[str]:
    """Return every complaint."""
    return [
        *never_twice(books, truth, job_ids),
        *completed_is_a_card(books, truth, job_ids),
        *places(books, truth),
        *nothing_unauthorised(books, truth),
    ]


def jobs_at_rest(books: Books, job_ids: list[str]) -> list[str]:
    """Each job has ended, or waits for the centre's word; nothing is in doubt."""
    return [
        f"{job}: not at rest, last word {books.jobs.get(job, 'none')}"
        for job in job_ids
        if books.jobs.get(job) not in AT_REST
    ]


def never_twice(books: Books, truth: Truth, job_ids: list[str]) -> list[str]:
    """Invariant 1: at most one good card of a job ever arrived in the output.

    A false answer can buy a second one; then the books hold a card in the reject bin
    or missing that is not there, so the next count shows it.
    """
    found = []
    for job in job_ids:
        good = _good_cards(books, truth, job)
        lies = [key for key in truth.lies if key[0] == job]
        if len(good) > 1 + len(lies):
            found.append(f"{job}: {len(good)} good cards were made: {', '.join(good)}")
    return found


def completed_is_a_card(books: Books, truth: Truth, job_ids: list[str]) -> list[str]:
    """Invariant 2: completed once, and one good card; not completed, and none."""
    found = []
    for job in job_ids:
        good, times = _good_cards(books, truth, job), books.completed[job]
        if times > 1:
            found.append(f"{job}: completed {times} times")
        if times and not good and not _excused(books, truth, job):
            found.append(f"{job}: completed, and no good card was made")
        doubtful = any(
            attempt.outcome in ("unknown", "missing", None)
            for attempt in _attempts(books, job)
        )
        if good and not times and not doubtful and not _excused(books, truth, job):
            found.append(f"{job}: not completed, and {good[0]} is its good card")
    return found


def places(books: Books, truth: Truth) -> list[str]:
    """Invariant 3: each blank is where its attempts put it, and the sums say the same.

    A second blank taken by one feed stays the hopper's in the books: a double feed
    shows at `hopper empty` and at no counter.
    """
    if books.anew:
        return _balance(books)
    booked = _booked(books, truth)
    found = []
    for card_id, place in booked.items():
        card = truth.cards[card_id]
        seen = place == card.place or place in ANYWHERE
        gone = place == "missing" and card.place in ("hand", "path")
        swapped = _swapped(books, truth, card.place, place)
        if not (seen or gone or swapped or _explained(books, truth, card_id)):
            found.append(f"{card_id}: booked in {place}, lies in {card.place}")
    sums = _sums(books, truth)
    idle = _attempts_without_a_blank(books, truth)
    for place in ("hopper", "output", "reject-bin", "missing", *CARRIED_TO):
        off = books.stock[place] - books.counted[place] - sums[place]
        if off and not idle and not truth.lies:
            found.append(
                f"{place}: the books say {books.stock[place]}, "
                f"the cards' own stories {sums[place]}"
            )
    found += _balance(books)
    in_doubt = books.stock["suspense"] - books.unaccounted + books.explained
    if in_doubt not in (0, 1):
        found.append(f"{in_doubt} blanks in doubt at once")
    if books.unaccounted and not truth.meddled:
        found.append(f"{books.unaccounted} blanks unaccounted for, and none left")
    return found


def _balance(books: Books) -> list[str]:
    """Each blank that came is in one place."""
    inside = sum(n for place, n in books.stock.items() if place != "received")
    if books.stock["received"] == inside:
        return []
    return [f"received {books.stock['received']}, accounted for {inside}"]


def counted(books: Books, truth: Truth) -> list[str]:
    """Invariant 3, once people have counted: each place is as the books say.

    What the count had to put right is nought unless somebody meddled.
    """
    real = Counter(card.place for card in truth.cards.values())
    gone = () if books.anew else ("issued", "destroyed", "returned")
    found = [
        f"{place}: counted, and the books say {books.stock[place]} for {real[place]}"
        for place in ("hopper", "output", "reject-bin", "desk", "waste", *gone)
        if books.stock[place] != real[place]
    ]
    off = {place: count for place, count in books.counted.items() if count}
    if off and not (truth.meddled or books.anew):
        found.append(f"the count put right what nobody did: {off}")
    return found


def nothing_unauthorised(books: Books, truth: Truth) -> list[str]:
    """Invariant 6: each mark was made by an attempt; a good card has that job's panels.

    Cards that people or another host laid hands on are theirs. One that a hand put in
    the place of ours, while no agent was alive to see it, may bear what ours was to; so
    may one that was in place as our feed was asked for, which then took none.
    """
    found = []
    not_on_ours = {
        attempt.digest
        for key, attempt in books.attempts.items()
        if not truth.fed.get(key) or truth.strayed.keys() & set(truth.fed[key])
    }
    job_of = {b: key for key, blanks in truth.fed.items() for b in blanks}
    for card in truth.cards.values():
        theirs = card.card_id in truth.by_strangers or card.card_id in truth.strayed
        if theirs or card.state == "blank":
            continue
        if card.strange and card.digest in not_on_ours:
            continue
        key = job_of.get(card.card_id)
        if key is None or not books.attempts[key].may_have_marked:
            found.append(f"{card.card_id}: {card.state}, and no attempt printed on it")
    for key, attempt in books.attempts.items():
        if attempt.outcome != "good" or key in truth.lies:
            continue
        mine = _card_of(attempt, truth)
        if mine is None:
            found.append(f"{key[0]}: good, and no blank was taken for it")
        elif mine.digest != attempt.digest and mine.card_id not in truth.strayed:
            found.append(f"{mine.card_id}: good for {key[0]}, with other panels")
    return found


def reported(books: Books, centre_lines: list[bytes]) -> list[str]:
    """Invariant 5, after peace has come: the centre holds each line, in order."""
    if centre_lines == books.lines:
        return []
    return [
        f"the agent wrote {len(books.lines)} events, the centre holds "
        f"{len(centre_lines)}, or others"
    ]


def erased(books: Books, raw: bytes, canaries: dict[str, bytes]) -> list[str]:
    """Invariant 7: of a job that has ended no byte of its person is left."""
    return [
        f"{job}: {books.jobs[job]}, and its data is still in the files"
        for job, canary in canaries.items()
        if books.jobs.get(job) in ENDED and canary in raw
    ]


def _attempts(books: Books, job: str) -> list[Attempt]:
    return [one for key, one in books.attempts.items() if key[0] == job]


def _good_cards(books: Books, truth: Truth, job: str) -> list[str]:
    """Cards that ever arrived in the output as this job's, complete."""
    digests = {one.digest for one in _attempts(books, job)} - {None}
    return [
        card.card_id for card in truth.cards.values() if digests & set(card.arrivals)
    ]


def _excused(books: Books, truth: Truth, job: str) -> bool:
    """A lie, or a hand at one of the job's blanks, stands between books and truth."""
    if any(key[0] == job for key in truth.lies):
        return True
    blanks = [b for key, all_ in truth.fed.items() if key[0] == job for b in all_]
    return any(blank in truth.strayed for blank in blanks)


def _booked(books: Books, truth: Truth) -> dict[str, str]:
    """Where the books have each blank, by the story of its attempts."""
    booked = {
        card.card_id: "hopper" for card in truth.cards.values() if not card.strange
    }
    for attempt in books.attempts.values():
        card = _card_of(attempt, truth)
        if card is not None and card.card_id in booked:
            booked[card.card_id] = BOOKED[attempt.outcome]
    return booked | truth.carried


def _sums(books: Books, truth: Truth) -> Counter[str]:
    """Blanks by place, by the story of the attempts; one put back may be in two."""
    own = sum(not card.strange for card in truth.cards.values())
    sums = Counter({"hopper": own - books.unaccounted})
    for attempt in books.attempts.values():
        if _card_of(attempt, truth) is not None:
            sums["hopper"] -= 1
            sums[BOOKED[attempt.outcome]] += 1
    story = _booked(books, replace(truth, carried={}))
    for card_id, place in truth.carried.items():
        sums[story[card_id]] -= 1
        sums[place] += 1
    return sums


def _card_of(attempt: Attempt, truth: Truth) -> Card | None:
    """The blank that an attempt speaks of, when it took more than one."""
    blanks = truth.fed.get((attempt.job, attempt.number), [])
    cards = [truth.cards[card_id] for card_id in blanks]
    mine = [card for card in cards if card.digest == attempt.digest]
    there = [card for card in cards if card.place == BOOKED[attempt.outcome]]
    marked = [card for card in cards if card.state != "blank"]
    return next(iter(mine or there or marked or cards), None)


def _explained(books: Books, truth: Truth, card_id: str) -> bool:
    if card_id in truth.strayed or card_id in truth.by_strangers:
        return True
    for key, blanks in truth.fed.items():
        if card_id in blanks and (key in truth.lies or len(blanks) > 1):
            return True
    return False


def _swapped(books: Books, truth: Truth, lies: str, booked: str) -> bool:
    """Another's card was taken for ours, and the count of where ours lies has shown it.

    Slid in while nobody looked, it is what the agent found in the path.
    """
    stranger = any(
        card.strange and card.place == booked for card in truth.cards.values()
    )
    return stranger and bool(books.counted[lies])


def _attempts_without_a_blank(books: Books, truth: Truth) -> list[Key]:
    """Attempts that the books gave a blank to, and none was taken for them."""
    return [
        key
        for key, attempt in books.attempts.items()
        if BOOKED[attempt.outcome] != "hopper" and not truth.fed.get(key)
    ]
