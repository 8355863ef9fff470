"""The roster: who may stand for a movement, and a scrypt of each one's PIN.

A TOML file, read whenever an identity is to be proven; no PIN is in it or comes out.

    [[person]]
    id = "siti"
    role = "operator"
    pin = "scrypt:14:8:1:<salt, hex>:<hash, hex>"     n = 2 ** 14, r = 8, p = 1
"""

from __future__ import annotations

import hmac
import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from agent.errors import AgentError

PIN_DIGITS_MIN = 6
PIN_DIGITS_MAX = 12
LINE_OF_PIN = re.compile(
    r"scrypt:([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2}):([0-9a-f]{32}):([0-9a-f]{64})"
)
PERSON = re.compile(r"[a-z][a-z0-9.-]{0,31}")

_LOG_N, _R, _P = 14, 8, 1  # 16 MiB and some 50 ms for each try
_LOG_N_MAX, _R_MAX, _P_MAX = 17, 8, 4
_SALT_SIZE, _HASH_SIZE = 16, 32
_FILE_SIZE_MAX = 256 * 2**10


class Role(StrEnum):
    """What a person does at the station; no rule rests on it, an auditor reads it."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    TECHNICIAN = "technician"
    AUDITOR = "auditor"


class RosterError(AgentError):
    """The roster cannot be used; which file, which entry, and what was expected."""


@dataclass(frozen=True, slots=True)
class Person:
    """One entry."""

    person_id: str
    role: Role
    pin: str  # the scrypt line

    def __repr__(self) -> str:
        return f"Person({self.person_id!r}, {self.role!r})"


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody who can prove an identity, and the SHA-256 of the file they are in."""

    sha256: str
    people: dict[str, Person]


def load(path: Path) -> Roster:
    """Read the whole roster.

    Raises:
        RosterError: it cannot be read, is no TOML, or an entry is not as it must be.
    """
    import hashlib

    try:
        with path.open("rb") as file:
            raw = file.read(_FILE_SIZE_MAX + 1)
        if len(raw) > _FILE_SIZE_MAX:
            size = f"{_FILE_SIZE_MAX} bytes at most"
            raise RosterError("it is too long", where=str(path), expected=size)
        document = tomllib.loads(raw.decode())
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise RosterError(what, where=str(path)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RosterError("it is no TOML in UTF-8", where=str(path)) from error
    entries = document.pop("person", None)
    if document or not isinstance(entries, list) or not entries:
        tables = "[[person]] tables and nothing else"
        raise RosterError("not a roster", where=str(path), expected=tables)
    people: dict[str, Person] = {}
    for number, entry in enumerate(entries, 1):
        person = _person(entry, f"{path}: person {number}")
        if person.person_id in people:
            where = f"{path}: person {number}"
            raise RosterError(f"{person.person_id} stands there twice", where=where)
        people[person.person_id] = person
    return Roster(hashlib.sha256(raw).hexdigest(), people)


def _person(entry: Any, where: str) -> Person:
    if not isinstance(entry, dict) or set(entry) != {"id", "role", "pin"}:
        raise RosterError("not an entry", where=where, expected="id, role and pin")
    texts = [entry[key] for key in ("id", "role", "pin")]
    if not all(isinstance(text, str) for text in texts):
        raise RosterError("not an entry", where=where, expected="three texts")
    person_id, role, pin = texts
    if not PERSON.fullmatch(person_id):
        raise RosterError("not an id", where=where, expected="such as siti or s.dewi")
    if role not in set(Role):
        raise RosterError("not a role", where=where, expected=", ".join(Role))
    if _numbers(pin) is None:
        wish = "scrypt:14:8:1:<salt>:<hash>, as `blanko roster add` writes it"
        raise RosterError("not a scrypt of a PIN", where=where, expected=wish)
    return Person(person_id, Role(role), pin)


def _numbers(line: str) -> tuple[int, int, int] | None:
    found = LINE_OF_PIN.fullmatch(line)
    if found is None:
        return None
    log_n, r, p = (int(found[group]) for group in (1, 2, 3))
    in_reach = 1 <= log_n <= _LOG_N_MAX and 1 <= r <= _R_MAX and 1 <= p <= _P_MAX
    return (log_n, r, p) if in_reach else None


def is_right(person: Person, pin: str) -> bool:
    """True when this is the person's PIN; takes some 50 ms, whatever it is."""
    numbers, found = _numbers(person.pin), LINE_OF_PIN.fullmatch(person.pin)
    assert numbers is not None
    assert found is not None
    made = _scrypt(pin, bytes.fromhex(found[4]), numbers)
    return hmac.compare_digest(made, bytes.fromhex(found[5]))


def weakness(pin: str) -> str:
    """Return why a PIN may not be used; empty when it may."""
    if not (pin.isascii() and pin.isdigit()):
        return "a PIN is made of digits"
    if not PIN_DIGITS_MIN <= len(pin) <= PIN_DIGITS_MAX:
        return f"a PIN has {PIN_DIGITS_MIN} to {PIN_DIGITS_MAX} digits"
    steps = {int(b) - int(a) for a, b in pairwise(pin)}
    if len(steps) == 1 and steps <= {-1, 0, 1}:
        return "a PIN is no row such as 111111 or 123456"
    return ""


def entry(person_id: str, role: Role, pin: str) -> str:
    """Return the text of a new entry; its salt is drawn, so no two are the same."""
    import secrets

    salt = secrets.token_bytes(_SALT_SIZE)
    made = _scrypt(pin, salt, (_LOG_N, _R, _P))
    line = f"scrypt:{_LOG_N}:{_R}:{_P}:{salt.hex()}:{made.hex()}"
    return f'[[person]]\nid = "{person_id}"\nrole = "{role}"\npin = "{line}"\n'


def _scrypt(pin: str, salt: bytes, numbers: tuple[int, int, int]) -> bytes:
    # Deferred: its part of OpenSSL is not needed before the first PIN.
    from hashlib import scrypt

    log_n, r, p = numbers
    return scrypt(
        pin.encode(),
        salt=salt,
        n=2**log_n,
        r=r,
        p=p,
        maxmem=2**log_n * r * 128 + 2**20,
        dklen=_HASH_SIZE,
    )
