"""Identities: a PIN proves one, nothing else does, and none is ever written down."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.clock import InlineExecutor
from agent.contract.events import Place, Stage
from agent.contract.messages import Outcome
from agent.journal import chain
from agent.journal.journal import Closing, Journal, Refusal
from agent.people import identities, roster
from agent.people.identities import People
from agent.people.requests import Written
from agent.people.stockroom import LOOK_S, Stockroom, watch_unconfirmed
from tests.agent.paper_printer import FEEDING, VirtualClock, make_job, opened

PINS = {"siti": "739214", "rina": "260481", "budi": "918273"}
DAY = timedelta(hours=24)
SHIFT_MS = 12 * 3_600_000


def entry(person: str, pin: str, role: str = "operator") -> str:
    """Made by hand, at the lowest price, so that the tests are quick."""
    salt = hashlib.md5(person.encode()).digest()
    made = hashlib.scrypt(pin.encode(), salt=salt, n=2, r=1, p=1, dklen=32)
    line = f"scrypt:1:1:1:{salt.hex()}:{made.hex()}"
    return f'[[person]]\nid = "{person}"\nrole = "{role}"\npin = "{line}"\n'


class Desk:
    """A stockroom with three people, a journal on a file, and a virtual clock."""

    def __init__(self, folder: Path, journal: Journal, clock: VirtualClock) -> None:
        self.folder = folder
        self.journal = journal
        self.clock = clock
        self.roster = folder / "roster.toml"
        self.people = People(journal, InlineExecutor(), self.roster)
        self.room = Stockroom(journal, self.people)

    @classmethod
    async def make(cls, folder: Path, clock: VirtualClock | None = None) -> Desk:
        clock = clock or VirtualClock()
        journal = await Journal.open(folder / "journal.db", clock, InlineExecutor())
        if not (folder / "roster.toml").exists():
            text = "\n".join(entry(*one) for one in PINS.items())
            (folder / "roster.toml").write_text(text)
        return cls(folder, journal, clock)

    async def restart(self) -> Desk:
        await self.journal.close()
        return await self.make(self.folder, self.clock)

    async def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        request = msgspec.convert({"do": do} | fields, Written)
        return await self.room.take(request, "login")

    async def refused(self, do: str, **fields: Any) -> str:
        with pytest.raises(Refusal) as caught:
            await self.ask(do, **fields)
        return caught.value.code

    async def events(self, kind: str = "") -> list[dict[str, Any]]:
        lines = await self.journal.lines_after(0, 99_999, 2**26)
        chain.verify([line for _, line in lines])
        found = [json.loads(line[65:]) for _, line in lines]
        return [one for one in found if one["data"]["kind"].startswith(kind)]


def by(*names: str) -> dict[str, str]:
    fields = {"who": names[0], "pin": PINS[names[0]]}
    if len(names) == 2:
        fields |= {"second": names[1], "second_pin": PINS[names[1]]}
    return fields


def drive(
    folder: Path, scene: Callable[[Desk], Awaitable[Any]], before: int = 0
) -> None:
    async def whole() -> None:
        desk = await Desk.make(folder)
        if before:
            await desk.ask("stock-load", count=before, **by("siti", "rina"))
        await scene(desk)

    asyncio.run(whole())


def test_a_pin_proves_who_stands_for_a_movement(tmp_path):
    async def scene(desk: Desk) -> None:
        await desk.ask("stock-load", count=5, **by("siti", "rina"))
        (moved,) = await desk.events("stock-moved")
        assert moved["who"] == "siti"
        assert moved["data"]["second"] == "rina"
        assert moved["data"]["identity"] == "proven"
        assert "unconfirmed" not in moved["data"]

    drive(tmp_path, scene)


@pytest.mark.parametrize(
    ("fields", "code", "recorded"),
    [
        ({}, "identity-needed", 1),
        ({"who": "siti"}, "pin-needed", 0),
        ({"who": "siti", "second": "rina"}, "pin-needed", 0),
        ({"who": "siti", "pin": "739214", "second": "rina"}, "pin-needed", 0),
        ({"who": "739214", "pin": "siti"}, "person-unknown", 1),
        ({"who": "dewi", "pin": "739214"}, "person-unknown", 1),
        ({"who": "siti", "pin": "739215"}, "pin-wrong", 1),
        ({"who": "siti", "pin": "260481"}, "pin-wrong", 1),
        (by("siti") | {"second": "siti", "second_pin": "739214"}, "same-person", 1),
        (by("siti") | {"second": "rina", "second_pin": "739214"}, "pin-wrong", 1),
        (by("siti") | {"second": "dewi", "second_pin": "739214"}, "person-unknown", 1),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "wish",
    [
        {"do": "stock-load", "count": 3},
        {"do": "stock-move", "cause": "seal", "count": 1},
        {"do": "stock-move", "cause": "return", "count": 1, "record": "R-1"},
        {"do": "resolve", "job": "J1", "found": "missing", "reason": "gone"},
    ],
    ids=lambda wish: str(wish["do"]),
)
def test_whoever_is_not_proven_is_refused_on_record_and_nothing_is_changed(
    tmp_path, wish, fields, code, recorded
):
    async def scene(desk: Desk) -> None:
        before = desk.journal.stock()
        assert await desk.refused(**wish, **fields) == code
        assert desk.journal.stock() == before
        denied = await desk.events("agent-denied")
        assert [one["data"]["error"] for one in denied] == [code] * recorded
        assert all(one["data"]["request"] == wish["do"] for one in denied)
        assert all(one["data"]["login"] == "login" for one in denied)
        everything = json.dumps(await desk.events())
        assert not [pin for pin in PINS.values() if pin in everything]

    drive(tmp_path, scene, before=4)


def test_a_wrong_pin_names_whose_it_was(tmp_path):
    async def scene(desk: Desk) -> None:
        wrong = by("siti") | {"second": "rina", "second_pin": "000000"}
        await desk.refused("stock-load", count=1, **wrong)
        (denied,) = await desk.events("agent-denied")
        assert denied["who"] == "rina"

    drive(tmp_path, scene)


def test_five_wrong_pins_lock_an_identity_for_ten_minutes_and_a_restart_does_not_help(
    tmp_path,
):
    async def scene(desk: Desk) -> None:
        bad = {"who": "siti", "pin": "0"}
        for _ in range(4):
            assert await desk.refused("stock-load", count=1, **bad) == "pin-wrong"
        desk = await desk.restart()
        assert await desk.refused("stock-load", count=1, **bad) == "pin-wrong"
        desk = await desk.restart()
        assert (
            await desk.refused("stock-load", count=1, **by("siti", "rina"))
            == "pin-locked"
        )
        assert await desk.refused("stock-load", count=1, **by("siti")) == "pin-locked"
        await desk.ask("stock-load", count=1, **by("rina", "budi"))
        desk.clock.ms += 10 * 60 * 1000 - 1000
        assert await desk.refused("stock-load", count=1, **by("siti")) == "pin-locked"
        desk.clock.ms += 1000
        await desk.ask("stock-load", count=1, **by("siti", "rina"))

    drive(tmp_path, scene)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    tries=st.lists(
        st.tuples(
            st.sampled_from(["siti", "rina"]),
            st.booleans(),
            st.sampled_from([0, 1, 200, 601]),
        ),
        max_size=40,
    )
)
def test_whatever_is_tried_nobody_has_more_than_five_tries_in_ten_minutes(
    tmp_path_factory, tries
):
    """Compared with a count kept by hand: in a row, five at most, then ten minutes."""
    folder = tmp_path_factory.mktemp("people")

    async def scene(desk: Desk) -> None:
        wrong: dict[str, int] = {}
        until: dict[str, int] = {}
        await desk.ask("stock-load", count=100, **by("budi", "siti"))
        for who, right, wait_s in tries:
            desk.clock.ms += wait_s * 1000
            pin = PINS[who] if right else "0"
            unload = {"cause": "unload", "count": 1, "who": who, "pin": pin}
            try:
                await desk.ask("stock-move", **unload)
                code = ""
            except Refusal as refusal:
                code = refusal.code
            if desk.clock.ms < until.get(who, 0):
                assert code == "pin-locked"
            elif right:
                assert code == ""
                wrong[who] = 0
            else:
                assert code == "pin-wrong"
                wrong[who] = wrong.get(who, 0) + 1
                if wrong[who] == 5:
                    wrong[who], until[who] = 0, desk.clock.ms + 600_000

    drive(folder, scene)


def test_many_tries_at_once_do_not_outrun_the_lock(tmp_path):
    async def scene(desk: Desk) -> None:
        tries = [
            desk.refused("stock-load", count=1, who="siti", pin=f"{n:06}")
            for n in range(20)
        ]
        codes = await asyncio.gather(*tries)
        assert sorted(codes) == ["pin-locked"] * 15 + ["pin-wrong"] * 5

    drive(tmp_path, scene)


def test_a_flood_of_refusals_does_not_fill_the_ledger(tmp_path):
    async def scene(desk: Desk) -> None:
        for _ in range(identities.DENIED_MAX + 40):
            await desk.refused("stock-load", count=1)
        denied = await desk.events("agent-denied")
        assert len(denied) == identities.DENIED_MAX
        assert denied[-1]["data"]["message"].endswith("written this minute)")
        desk.clock.ms += 60_000
        await desk.refused("stock-load", count=1)
        *_, newest = await desk.events("agent-denied")
        assert newest["no"] == denied[-1]["no"] + 1
        assert newest["data"]["message"].endswith(
            "(40 before it were not written down)"
        )

    drive(tmp_path, scene)


def test_what_needs_two_waits_for_the_second_and_is_confirmed_by_another(tmp_path):
    async def scene(desk: Desk) -> None:
        reply = await desk.ask("stock-load", count=5, **by("siti"))
        (waits,) = reply["unconfirmed"]
        assert (waits.who, waits.cause, waits.count) == ("siti", "load", 5)
        no = waits.no
        siti = by("siti")
        assert await desk.refused("stock-confirm", movement=no, **siti) == "same-person"
        wrong = {"who": "rina", "pin": "1"}
        assert await desk.refused("stock-confirm", movement=no, **wrong) == "pin-wrong"
        other = await desk.refused("stock-confirm", movement=no + 1, **by("rina"))
        assert other == "nothing-to-confirm"
        desk = await desk.restart()
        assert [one.no for one in desk.journal.unconfirmed()] == [no]
        reply = await desk.ask("stock-confirm", movement=no, **by("rina"))
        assert reply["unconfirmed"] == []
        (event,) = await desk.events("stock-confirmed")
        assert event["who"] == "rina"
        assert event["data"]["movement"] == no
        assert not event["data"]["late"]
        again = await desk.refused("stock-confirm", movement=no, **by("budi"))
        assert again == "nothing-to-confirm"

    drive(tmp_path, scene)


def test_a_second_identity_that_does_not_come_in_a_day_is_an_incident_once(tmp_path):
    async def scene(desk: Desk) -> None:
        await desk.ask("stock-load", count=5, **by("siti"))
        no = desk.journal.unconfirmed()[0].no
        watch = asyncio.ensure_future(watch_unconfirmed(desk.journal, desk.clock))
        start_ms = desk.clock.ms
        day_ms = round(DAY.total_seconds() * 1000)
        while desk.clock.ms < start_ms + day_ms - LOOK_S * 1000:
            await asyncio.sleep(0)
        assert await desk.events("incident") == []
        while desk.clock.ms < start_ms + 2 * day_ms:
            await asyncio.sleep(0)
        watch.cancel()
        (incident,) = await desk.events("incident")
        assert incident["data"]["incident"] == "unconfirmed"
        assert incident["data"]["movement"] == no
        assert desk.journal.unconfirmed()[0].overdue
        await desk.ask("stock-confirm", movement=no, **by("budi"))
        assert (await desk.events("stock-confirmed"))[0]["data"]["late"]

    drive(tmp_path, scene)


@pytest.mark.parametrize(
    ("cause", "place"), [("destroy", Place.WASTE), ("return", Place.DESK)]
)
def test_what_leaves_for_good_needs_both_at_once_and_a_signed_record(
    tmp_path, cause, place
):
    async def scene(desk: Desk) -> None:
        if place is Place.WASTE:
            await desk.ask("stock-count", place="waste", count=3, **by("siti"))
        else:
            await desk.ask("stock-move", cause="unload", count=3, **by("siti"))
        wish = {"cause": cause, "count": 2}
        record = {"record": "BA-7", "record_sha256": "ab" * 32}
        alone = await desk.refused("stock-move", **wish, **record, **by("siti"))
        assert alone == "second-needed"
        bare = await desk.refused("stock-move", **wish, **by("siti", "rina"))
        assert bare == "record-needed"
        await desk.ask("stock-move", **wish, **record, **by("siti", "rina"))
        moved = (await desk.events("stock-moved"))[-1]
        assert moved["data"]["record"] == "BA-7"
        assert moved["data"]["record_sha256"] == "ab" * 32
        assert moved["data"]["second"] == "rina"
        assert desk.journal.stock()[place] == 1
        too_many = wish | record | {"count": 2}
        code = await desk.refused("stock-move", **too_many, **by("siti", "rina"))
        assert code == "count-impossible"
        denied = (await desk.events("agent-denied"))[-1]
        assert denied["data"]["identity"] == "proven"
        assert denied["who"] == "siti"

    drive(tmp_path, scene, before=4)


async def in_doubt(desk: Desk, stage: Stage) -> None:
    """Job J1's card has gone somewhere; its attempt had come to `stage`."""
    journal = desk.journal
    await journal.accept(opened(make_job()), b"sealed")
    attempt = await journal.begin("J1", (), FEEDING)
    if stage is not Stage.FEEDING:
        await journal.advance("J1", attempt, Stage.SENDING)
    await journal.close_attempt("J1", attempt, Closing(Outcome.UNKNOWN, "dark"))


def test_a_card_thrown_out_after_dye_wants_the_bin_counted_and_a_second_person(
    tmp_path,
):
    async def scene(desk: Desk) -> None:
        await in_doubt(desk, Stage.SENDING)
        answer = {"job": "J1", "found": "reject-bin", "reason": "jam"}
        assert await desk.refused("resolve", **answer, **by("siti")) == "count-needed"
        assert desk.journal.stock()[Place.SUSPENSE] == 1
        reply = await desk.ask("resolve", **answer, bin_count=1, **by("siti"))
        assert reply["state"] == "pending"
        (waits,) = desk.journal.unconfirmed()
        assert (waits.cause, waits.job) == ("resolve-marked", "J1")
        assert await desk.events("incident") == []
        assert desk.journal.stock()[Place.DIFFERENCE] == 0
        desk.clock.ms += SHIFT_MS - 1
        await desk.journal.report_unconfirmed()
        assert await desk.events("incident") == []
        desk.clock.ms += 1
        await desk.journal.report_unconfirmed()
        (incident,) = await desk.events("incident")
        assert incident["data"]["detail"] == (
            "no second identity for resolve-marked of 1 by siti within 12 hours"
        )
        await desk.ask("stock-confirm", movement=waits.no, **by("budi"))
        assert (await desk.events("stock-confirmed"))[0]["data"]["late"]

    drive(tmp_path, scene, before=3)


def test_a_false_answer_shows_at_the_count_that_goes_with_it(tmp_path):
    """The card is in somebody's pocket; the bin is as empty as it was."""

    async def scene(desk: Desk) -> None:
        await in_doubt(desk, Stage.SENDING)
        answer = {"job": "J1", "found": "output", "good": False, "reason": "streak"}
        await desk.ask("resolve", **answer, bin_count=0, **by("siti", "rina"))
        (incident,) = await desk.events("incident")
        assert incident["data"]["incident"] == "stock-mismatch"
        assert (incident["data"]["book"], incident["data"]["seen"]) == (1, 0)
        assert desk.journal.stock()[Place.DIFFERENCE] == 1
        assert desk.journal.unconfirmed() == []

    drive(tmp_path, scene, before=3)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"job": "J9", "found": "missing"}, "unknown-job"),
        ({"job": "J2", "found": "missing"}, "not-in-doubt"),
        ({"job": "J1", "found": "output"}, "answer-impossible"),
        ({"job": "J1", "found": "hopper"}, "answer-impossible"),
        ({"job": "J1", "found": "missing", "good": True}, "answer-impossible"),
        ({"job": "J1", "found": "reject-bin", "bin_count": -1}, "count-impossible"),
    ],
    ids=str,
)
def test_an_answer_that_cannot_be_is_refused_and_stands_in_the_story_of_its_job(
    tmp_path, answer, code
):
    async def scene(desk: Desk) -> None:
        await in_doubt(desk, Stage.SENDING)
        await desk.journal.accept(opened(make_job("J2", queue_no=2)), b"sealed")
        before = desk.journal.stock()
        wish = answer | {"reason": "seen"}
        assert await desk.refused("resolve", **wish, **by("siti", "rina")) == code
        assert desk.journal.stock() == before
        job = desk.journal.job("J1")
        assert job is not None
        assert job.in_doubt
        (denied,) = await desk.events("agent-denied")
        assert (denied["job"], denied["data"]["error"]) == (answer["job"], code)
        assert denied["data"]["identity"] == "proven"
        assert denied["who"] == "siti"

    drive(tmp_path, scene, before=3)


def test_a_card_never_marked_needs_no_second_person(tmp_path):
    async def scene(desk: Desk) -> None:
        await in_doubt(desk, Stage.FEEDING)
        answer = {"job": "J1", "found": "reject-bin", "reason": "torn"}
        await desk.ask("resolve", **answer, **by("siti"))
        assert desk.journal.unconfirmed() == []

    drive(tmp_path, scene, before=3)


@pytest.mark.parametrize("names", [("siti",), ("siti", "rina")])
def test_a_card_not_found_needs_two(tmp_path, names):
    async def scene(desk: Desk) -> None:
        await in_doubt(desk, Stage.SENDING)
        answer = {"job": "J1", "found": "missing", "reason": "looked everywhere"}
        reply = await desk.ask("resolve", **answer, **by(*names))
        assert reply["state"] == "aborted"
        assert len(desk.journal.unconfirmed()) == 2 - len(names)
        assert desk.journal.stock()[Place.MISSING] == 1
        found = {"cause": "find", "count": 1, "destination": "desk", "reason": "shelf"}
        await desk.ask("stock-move", **found, **by("siti"))
        assert desk.journal.stock()[Place.MISSING] == 0

    drive(tmp_path, scene, before=3)


def test_the_card_of_a_job_in_doubt_leaves_suspense_by_its_answer_alone(tmp_path):
    async def scene(desk: Desk) -> None:
        await in_doubt(desk, Stage.SENDING)
        wish = {"count": 1, "source": "suspense", "reason": "x"}
        for cause, to in (("explain", "output"), ("missing", "missing")):
            fields = wish | {"cause": cause, "destination": to}
            code = await desk.refused("stock-move", **fields, **by("siti", "rina"))
            assert code == "in-doubt"
        assert desk.journal.stock()[Place.SUSPENSE] == 1

    drive(tmp_path, scene, before=3)


def test_no_count_is_taken_of_a_place_a_card_is_moving_through(tmp_path):
    async def scene(desk: Desk) -> None:
        await desk.journal.accept(opened(make_job()), b"sealed")
        await desk.journal.begin("J1", (), FEEDING)
        count = {"place": "hopper", "count": 2} | by("siti")
        assert await desk.refused("stock-count", **count) == "card-under-way"
        await desk.ask("stock-count", place="desk", count=0, **by("siti"))

    drive(tmp_path, scene, before=3)


def test_a_roster_in_force_is_on_record_and_so_is_each_change_of_it(tmp_path):
    async def scene(desk: Desk) -> None:
        await desk.people.announce()
        await desk.people.announce()
        (event,) = await desk.events("agent-roster")
        assert event["data"]["people"] == [f"{one} operator" for one in PINS]
        text = desk.roster.read_text()
        assert event["data"]["sha256"] == hashlib.sha256(text.encode()).hexdigest()
        desk.roster.write_text(text + entry("dewi", "554433", "auditor"))
        dewi = {"who": "dewi", "pin": "554433"}
        await desk.ask("stock-move", cause="hand-in", item="old-card", count=1, **dewi)
        last = (await desk.events("agent-roster"))[-1]
        assert last["data"]["people"][-1] == "dewi auditor"
        await People(desk.journal, InlineExecutor(), None).announce()
        assert (await desk.events("agent-roster"))[-1]["data"]["sha256"] is None

    drive(tmp_path, scene)


def test_a_roster_that_is_gone_or_broken_lets_nobody_through(tmp_path):
    async def scene(desk: Desk) -> None:
        desk.roster.write_text("[[person]]\n")
        code = await desk.refused("stock-load", count=1, **by("siti"))
        assert code == "roster-unusable"
        desk.roster.unlink()
        code = await desk.refused("stock-load", count=1, **by("siti"))
        assert code == "roster-unusable"

    drive(tmp_path, scene)


def test_no_pin_is_in_a_log_line_or_in_what_a_request_shows_of_itself(tmp_path):
    async def scene(desk: Desk) -> None:
        with structlog.testing.capture_logs() as logs:
            await desk.ask("stock-load", count=1, **by("siti", "rina"))
            await desk.refused("stock-load", count=1, who="siti", pin="918273")
            await desk.refused("stock-load", count=0, **by("siti", "rina"))
        request = {"do": "stock-load", "count": 1} | by("siti", "rina")
        shown = repr(logs) + repr(msgspec.convert(request, Written))
        assert "siti" in shown
        assert not [pin for pin in PINS.values() if pin in shown]

    drive(tmp_path, scene)


def test_an_entry_that_was_made_takes_its_pin_and_no_other() -> None:
    text = roster.entry("siti", roster.Role.OPERATOR, "739214")
    assert "739214" not in text
    assert text != roster.entry("siti", roster.Role.OPERATOR, "739214")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", r"not a roster; expected \[\[person\]\]"),
        ("x = 1\n" + entry("siti", "1"), "not a roster"),
        ("person = 3", "not a roster"),
        ("[[person]]\nid = 'x'", "person 1: not an entry; expected id, role and pin"),
        (entry("siti", "1").replace('"operator"', "7"), "expected three texts"),
        (entry("Siti", "1"), "person 1: not an id"),
        (entry("siti", "1", "boss"), "not a role; expected operator, supervisor"),
        (entry("siti", "1") * 2, "person 2: siti stands there twice"),
        (entry("siti", "1").replace("scrypt:1:", "scrypt:40:"), "not a scrypt"),
        (entry("siti", "1").replace(":1:1:1:", ":1:99:1:"), "not a scrypt"),
        ("[[person", "no TOML"),
        ("#" * 300_000, "too long"),
    ],
)
def test_a_roster_that_is_not_one_is_refused_with_what_was_expected(
    tmp_path, text, complaint
):
    file = tmp_path / "roster.toml"
    file.write_text(text)
    with pytest.raises(roster.RosterError, match=complaint) as caught:
        roster.load(file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("pin", "good"),
    [
        ("739214", True),
        ("73921", False),
        ("7392140000000", False),
        ("abcdef", False),
        ("٣٤٥٦٧٨", False),
        ("111111", False),
        ("123456", False),
        ("987654", False),
        ("135790", True),
    ],
)
def test_a_pin_anybody_would_guess_is_not_taken(pin, good):
    assert (roster.weakness(pin) == "") == good
