"""`blanko printer conformance`: what it finds, and that it moves nothing."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.cli import main
from agent.journal.aside import kept_off
from agent.journal.store import Store
from agent.printer.conformance import (
    NEED_A_CARD,
    Found,
    Inspection,
    Verdict,
    another_model,
)
from protocols.contract import Driver, Observation
from protocols.registry import models_of
from tests.conformance import (
    test_conformance,
    test_conformance_faults,
    test_conformance_recovery,
)
from tests.conformance.rigs import IN_PROCESS, Bench, Rig
from tests.simulators.emulator_world import living

NAMES = {"evolis": "Primacy", "magicard": "Tango 2e two-sided"}


async def no_time(seconds: float) -> None:
    del seconds


async def found_by(make: Callable[[str], Driver], rig: Rig) -> list[Found]:
    model = rig.family.configured
    another = another_model(model, models_of(rig.family.name))
    inspection = Inspection(make, model, another, no_time)
    return [one async for one in inspection.run()]


def looked_at(rig: Rig, upset: Callable[[Bench], Any] | None = None) -> list[Found]:
    async def look() -> list[Found]:
        async with asyncio.timeout(60), rig.bench() as bench:
            if upset is not None:
                await upset(bench)
            before = await bench.world.truth()
            found = await found_by(bench.driver, rig)
            assert (await bench.world.truth())["cards"] == before["cards"]
            return found

    return asyncio.run(look())


@pytest.mark.parametrize("rig", IN_PROCESS, ids=str)
def test_a_good_printer_keeps_every_case_and_no_card_moves(rig: Rig) -> None:
    found = looked_at(rig)
    assert {one.verdict for one in found} == {Verdict.YES}, found
    assert len(found) == 7
    assert rig.family.serial in found[0].detail
    assert "before and after" in found[-1].detail


@pytest.mark.parametrize("rig", IN_PROCESS[:2], ids=str)
def test_a_fault_is_told_in_the_words_of_the_field(rig: Rig) -> None:
    async def empty(bench: Bench) -> None:
        await bench.world.do(do="fault", kind="hopper-empty")

    state = looked_at(rig, empty)[1]
    assert state.verdict is Verdict.YES
    assert state.detail == "stopped, media-empty-error, card none"


class Restless:
    """A printer that counts a card at each look; all else is the real driver's."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.looks = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    async def observe(self) -> Observation:
        self.looks += 1
        seen = await self._driver.observe()
        assert seen.cards_fed is not None
        return replace(seen, cards_fed=seen.cards_fed + self.looks)


def test_a_counter_that_moves_is_not_kept_and_blanks_are_to_be_counted() -> None:
    async def look() -> list[Found]:
        async with asyncio.timeout(60), IN_PROCESS[0].bench() as bench:
            return await found_by(
                lambda model: Restless(bench.driver(model)), IN_PROCESS[0]
            )

    found = {one.case: one for one in asyncio.run(look())}
    rest = found["at rest two observations are equal"]
    assert (rest.verdict, rest.detail) == (Verdict.NO, "they differ in cards_fed")


def test_a_printer_that_passes_for_any_model_is_not_kept() -> None:
    async def look() -> list[Found]:
        async with asyncio.timeout(60), IN_PROCESS[0].bench() as bench:
            return await found_by(lambda _: bench.driver(), IN_PROCESS[0])

    (refused,) = [one for one in asyncio.run(look()) if one.verdict is Verdict.NO]
    assert refused.case == "another model than configured is refused"


def test_the_cases_bear_the_names_of_the_suite() -> None:
    suite = {
        name.removeprefix("test_").replace("_", " ")
        for module in (
            test_conformance,
            test_conformance_faults,
            test_conformance_recovery,
        )
        for name in vars(module)
        if name.startswith("test_")
    }
    assert set(NEED_A_CARD) <= suite
    asked = {one.case for one in looked_at(IN_PROCESS[0])}
    assert {
        "it says who it is",
        "another model than configured is refused",
        "at rest two observations are equal",
    } <= asked & suite


# The command


def config_of(folder: Path, uri: str, family: str = "evolis") -> Path:
    file = folder / "p1.toml"
    for name in ("agent.jwk", "trust.jwks"):
        (folder / name).touch()
    file.write_text(
        'station = "bekasi-1"\nprinter = "p1"\nstate_dir = "state"\n'
        '[mqtt]\nuri = "mqtt://127.0.0.1"\n'
        '[keys]\nagent = "agent.jwk"\ntrust = "trust.jwks"\n'
        f'[device]\nfamily = "{family}"\nmodel = "{NAMES[family]}"\nuri = "{uri}"\n'
    )
    return file


def asked(config: Path, *options: str) -> Result:
    arguments = ["printer", "conformance", "--config", str(config), *options]
    return CliRunner().invoke(main, arguments)


def ledger_in(folder: Path) -> Path:
    path = folder / "state" / "journal.db"
    path.parent.mkdir()
    Store(path, "3b4ca8d8-9e0c-4c5f-8b39-5a7d9a0f5a11").close()
    return path


@pytest.mark.parametrize("rig", IN_PROCESS[::2], ids=str)
def test_the_command_says_beforehand_that_it_uses_no_card(
    tmp_path: Path, rig: Rig
) -> None:
    async def scene() -> tuple[Result, Result]:
        family = rig.family
        async with living(family=family.name, model=family.emulated) as world:
            uri = f"tcp://127.0.0.1:{world.port}"
            config = config_of(tmp_path, uri, family.name)
            said = await asyncio.to_thread(asked, config)
            return said, await asyncio.to_thread(asked, config, "--json")

    said, row = asyncio.run(scene())
    assert said.exit_code == row.exit_code == 0, said.output
    assert said.stdout.index("cards it will use: none") < said.stdout.index("yes ")
    assert said.stdout.endswith("\n\nall kept\n")
    assert f"\n       {NEED_A_CARD[0]}\n" in said.stdout
    beside = rig.family.name == "evolis"  # over TCP
    assert ("status beside a job" in said.stdout.partition("absent")[0]) == beside
    report = json.loads(row.stdout)
    assert report["cards_to_use"] == []
    assert [one["verdict"] for one in report["cases"]] == ["yes"] * 7
    assert "cards it will use: none" in row.stderr


def test_what_is_not_kept_ends_with_exit_code_1(tmp_path: Path) -> None:
    done = asked(config_of(tmp_path, "tcp://127.0.0.1:1"))
    assert done.exit_code == 1
    assert "no     it says who it is" in done.stdout
    assert done.stdout.endswith("\n\n1 of 1 not kept\n")


def test_while_its_daemon_runs_the_printer_is_not_touched(tmp_path: Path) -> None:
    config = config_of(tmp_path, "tcp://127.0.0.1:1")
    path = ledger_in(tmp_path)
    lock = os.open(path.with_name("journal.db-lock"), os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = asked(config)
    os.close(lock)
    assert done.exit_code == 1
    assert "its daemon runs" in done.stderr
    assert "blanko printer self-test" in done.stderr
    assert "says who it is" not in done.output


def test_while_it_asks_no_daemon_can_begin(tmp_path: Path) -> None:
    path = ledger_in(tmp_path)
    with kept_off(path) as jobs:
        assert jobs == []
        lock = os.open(path.with_name("journal.db-lock"), os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(lock)


def test_a_card_that_is_not_accounted_for_comes_first(tmp_path: Path) -> None:
    config = config_of(tmp_path, "tcp://127.0.0.1:1")
    path = ledger_in(tmp_path)
    with sqlite3.connect(path) as db:
        db.execute(
            "INSERT INTO attempts VALUES "
            "('J-1', 1, 'sent', NULL, '{}', '{}', '', NULL, NULL, 0)"
        )
    db.close()
    done = asked(config)
    assert done.exit_code == 1
    assert "the card of J-1 is not accounted for" in done.stderr


def test_where_there_never_was_a_daemon_nothing_is_made(tmp_path: Path) -> None:
    asked(config_of(tmp_path, "tcp://127.0.0.1:1"))
    assert not (tmp_path / "state").exists()


def test_a_wrong_configuration_is_refused_by_name(tmp_path: Path) -> None:
    done = asked(tmp_path / "none.toml")
    assert done.exit_code == 1
    assert "none.toml: cannot be read" in done.stderr
