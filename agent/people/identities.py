"""Who stands for what is written down: identities proven by PIN, refusals on record.

An account of the computer is no identity. Without a roster nobody can prove one, and
every event says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from agent.clock import Executor
from agent.contract.events import AgentDenied, AgentRoster
from agent.journal.journal import Journal, Refusal
from agent.journal.people import PIN_WRONG
from agent.lifecycle.ledger import Signers
from agent.people import roster
from agent.people.requests import Named, word
from agent.people.roster import Person, Roster, RosterError

DENIED_MAX = 60  # refusals written down in a minute; the rest is counted
MINUTE = timedelta(minutes=1)
MESSAGE_MAX = 200
PIN_NEEDED = "pin-needed"

# A question, or written down where it was found.
_NOT_RECORDED = frozenset({PIN_NEEDED, PIN_WRONG})

log = structlog.get_logger(__name__)


class People:
    """The roster in force; `path` None: there is none."""

    def __init__(
        self, journal: Journal, executor: Executor, path: Path | None = None
    ) -> None:
        """`executor` reads the file and computes with PINs, some 50 ms for each."""
        self._journal = journal
        self._executor = executor
        self._path = path
        # One PIN at a time: many tries at once must not outrun the lock.
        self._turn = asyncio.Lock()
        self._minute: datetime | None = None
        self._denied = 0

    async def announce(self) -> None:
        """Put on record who can prove an identity from here on, if that has changed.

        Raises:
            RosterError: there is a roster, and it cannot be used.
        """
        if self._path is not None:
            await self._load(self._path)
        elif self._journal.roster() is not None:
            await self._journal.record(AgentRoster(sha256=None, people=[]))

    async def prove(self, request: Named, login: str) -> Signers:
        """Return who stands for a request, each proven if there is a roster.

        Raises:
            Refusal: nobody is named, a PIN is lacking or wrong, or both are one person.
        """
        second: str | None = getattr(request, "second", None)
        if self._path is None:
            return Signers(request.who or login, second)
        async with self._turn:
            try:
                found = await self._load(self._path)
            except RosterError as error:
                raise Refusal("roster-unusable", str(error)) from error
            who = _entry(found, request.who)
            if second is None:
                await self._check(who, request.pin, request, login)
                return Signers(who.person_id, proven=True)
            other = _other(found, second, who)
            second_pin: str | None = getattr(request, "second_pin", None)
            for one, pin in ((who, request.pin), (other, second_pin)):
                if pin is None:
                    raise _pin_needed(one)
            await self._check(who, request.pin, request, login)
            await self._check(other, second_pin, request, login)
            return Signers(who.person_id, other.person_id, proven=True)

    async def _load(self, path: Path) -> Roster:
        found = await self._executor.run(roster.load, path)
        if found.sha256 != self._journal.roster():
            await self._journal.record(announced(found))
        return found

    async def _check(
        self, person: Person, pin: str | None, request: Named, login: str
    ) -> None:
        if pin is None:
            raise _pin_needed(person)
        name = person.person_id
        locked_until = self._journal.wrong_pins(name).locked_until
        if locked_until is not None and self._journal.now().at < locked_until:
            raise Refusal(
                "pin-locked",
                f"the PIN of {name} was wrong too often; "
                f"it is tried again from {locked_until:%Y-%m-%dT%H:%M:%SZ}",
            )
        if await self._executor.run(roster.is_right, person, pin):
            return
        denied = AgentDenied(
            request=word(request), error=PIN_WRONG, message="wrong PIN", login=login
        )
        await self._journal.record(denied, who=name)
        log.warning("pin_wrong", who=name, login=login)
        raise _wrong(person)

    async def deny(
        self, request: Named, refusal: Refusal, login: str, by: Signers | None
    ) -> None:
        """Put a refusal on record, but for those that a flood would drown us in."""
        if refusal.code in _NOT_RECORDED:
            return
        now, more = self._journal.now().at, ""
        if self._minute is None or not self._minute <= now < self._minute + MINUTE:
            if (unwritten := self._denied - DENIED_MAX) > 0:
                more = f" ({unwritten} before it were not written down)"
            self._minute, self._denied = now, 0
        self._denied += 1
        if self._denied > DENIED_MAX:
            return
        if self._denied == DENIED_MAX:
            more = " (the last one written this minute)"
        text = refusal.message[: MESSAGE_MAX - len(more)]
        denied = AgentDenied(
            request=word(request),
            error=refusal.code,
            message=text + more,
            login=login,
            identity=None if by is None else "proven" if by.proven else "unproven",
        )
        job = getattr(request, "job", None)
        await self._journal.record(denied, who=by.who if by else None, job=job)
        log.warning("request_denied", request=word(request), error=refusal.code)


def announced(found: Roster) -> AgentRoster:
    """Return the event that puts on record who can prove an identity."""
    people = [f"{one.person_id} {one.role}" for one in found.people.values()]
    return AgentRoster(sha256=found.sha256, people=people)


def prove_at_hand(
    found: Roster, who: str | None, second: str | None, ask_pin: Callable[[str], str]
) -> Signers:
    """Return who stands for what is done beside the daemon, each proven by PIN.

    Wrong PINs are counted in a ledger, and here is none: whoever may begin one can read
    the roster, and try as often as they like elsewhere.

    Raises:
        Refusal: nobody is named, a PIN is wrong, or both are one person.
    """
    people = [_entry(found, who)]
    if second is not None:
        people.append(_other(found, second, people[0]))
    for person in people:
        if not roster.is_right(person, ask_pin(person.person_id)):
            raise _wrong(person)
    first, *rest = [person.person_id for person in people]
    return Signers(first, rest[0] if rest else None, proven=True)


def _entry(found: Roster, person_id: str | None) -> Person:
    if person_id is None:
        raise Refusal(
            "identity-needed",
            "say who stands for it, by an id of the roster; "
            "an account of the computer is no identity",
        )
    person = found.people.get(person_id)
    if person is None:
        # What was typed is not repeated: it may be a PIN in the wrong place.
        raise Refusal("person-unknown", "nobody of that id is in the roster")
    return person


def _other(found: Roster, person_id: str, than: Person) -> Person:
    other = _entry(found, person_id)
    if other is than:
        raise Refusal("same-person", "the second identity must be another one")
    return other


def _wrong(person: Person) -> Refusal:
    return Refusal(PIN_WRONG, f"that is not the PIN of {person.person_id}")


def _pin_needed(person: Person) -> Refusal:
    return Refusal(PIN_NEEDED, f"the PIN of {person.person_id} is needed")
