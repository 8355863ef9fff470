"""`--state`: the machine outlasts its process, whenever that is killed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from simulators.build import PowerUp
from simulators.cli import main
from simulators.emulator import Emulator, Settings
from simulators.keeping import Body
from simulators.mechanism import Mechanism
from tests.simulators.emulator_world import RESET, World, living, panel_bytes, plain
from tests.simulators.test_emulator_process import ask, control, line, start

VOLATILE = {"latched", "ribbon_in_way", "happened", "queue", "current"}
NOT_THE_BODY = {"build", "faults", "clock_s"}  # settings; kept besides; began anew
WORDS = ("Si", "Sr", "Sv", "Se", "Ser", "Scs", "Pcim;M", "Psdc;E;9", "Scp", "Srs")
ACTS: tuple[dict[str, Any], ...] = (
    {"do": "hand", "act": "take", "from": "hopper"},
    {"do": "hand", "act": "take", "from": "path", "to": "reject-bin"},
    {"do": "hand", "act": "take", "from": "output", "to": "path"},
    {"do": "hand", "act": "load", "count": 2},
    {"do": "hand", "act": "insert"},
    {"do": "hand", "act": "cover", "open": True},
    {"do": "hand", "act": "cover", "open": False},
    {"do": "hand", "act": "ribbon", "kind": "YMCKO", "sets": 9},
    {"do": "hand", "act": "take-ribbon"},
    {"do": "hand", "act": "return-ribbon"},
    {"do": "hand", "act": "cleaning-card"},
    {"do": "hand", "act": "empty-reject-bin"},
    {"do": "power", "on": False},
    {"do": "power", "on": True},
    *({"do": "fault", "kind": kind} for kind in ("jam-path", "link-cut", "head-hot")),
    *({"do": "fault", "kind": kind} for kind in ("double-feed", "counter-jump")),
    {"do": "fault", "kind": "hopper-empty"},
    {"do": "fault", "kind": "jam-exit", "card": 5},
    *({"do": "clear", "kind": kind} for kind in ("jam-path", "link-cut", "head-hot")),
)
MENDED: tuple[dict[str, Any], ...] = (
    {"do": "power", "on": True},
    {"do": "hand", "act": "cover", "open": False},
    {"do": "hand", "act": "ribbon", "kind": "YMCKO", "sets": 9},
    {"do": "hand", "act": "load", "count": 1},
    *({"do": "clear", "kind": kind} for kind in ("jam-path", "link-cut", "head-hot")),
)


def asleep(folder: Path) -> Emulator:
    """What a new process would make of the folder as it is now."""
    copy = folder.with_name("copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    return Emulator(Settings(speed=0, state_directory=copy))


async def told(emulator: Emulator) -> tuple[dict[str, Any], object]:
    """The physical world, and what the printer's electronics keep of it."""
    truth: dict[str, Any] = await emulator.control.answer(b'{"do": "truth"}')
    del truth["clock_s"]
    counters = replace(emulator.machine.counters, last_cards=0, last_sets=0)
    kept = (emulator.printer.lasting(), counters)
    return json.loads(json.dumps(truth)), kept


def test_a_new_part_of_the_machine_is_volatile_or_kept():
    body = {part.name for part in fields(Body)}
    assert {part.name for part in fields(Mechanism)} == body | VOLATILE | NOT_THE_BODY


async def something(world: World, dice: Random, value: int) -> None:
    """A word, an act of a hand, a panel, or time: whatever may change the machine."""
    printer = world.emulator.printer
    match dice.randrange(6):
        case 0:
            printer.receive(b"\x1b" + dice.choice(WORDS).encode() + b"\r\0")
        case 1:
            await world.do(**dice.choice(ACTS))
        case 2:  # somebody sets it right
            for deed in MENDED:
                await world.do(**deed)
            printer.receive(b"\x1bSrs\r\x1bSs\r\0")
        case 3:
            letter = dice.choice("ymcko")
            printer.receive(panel_bytes(letter, plain(letter, value)))
        case _:
            await world.step(dice.choice((0.5, 2.5, 6.0)))


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_it_is_the_same_machine_again(short_folder, seed):
    dice = Random(seed)
    folder = short_folder / "state"

    async def story() -> set[str]:
        seen: set[str] = set()
        settings = {"speed": 0, "hopper_count": 5, "state_directory": folder}
        async with living(**settings) as world:
            for value in range(120):
                await something(world, dice, value)
                now = await told(world.emulator)
                assert await told(asleep(folder)) == now
                seen |= {card["state"] for card in now[0]["cards"]}
        return seen

    assert {"blank", "part-printed"} <= asyncio.run(story())


def test_killed_with_its_card_inside_it_warms_up_and_gives_that_very_card(short_folder):
    path, folder = short_folder / "control", short_folder / "state"
    options = ("--speed", "0", "--control", str(path), "--state", str(folder))
    sent = hashlib.sha256()
    first = start(*options, "--tcp", "127.0.0.1:0", "--fault", "jam-exit@2")
    try:
        port = int(line(first).rpartition(":")[2])
        line(first)
        assert ask(port, b"\x1bPem;2\r").startswith(b"OK")
        assert ask(port, b"\x1bSs\r").startswith(b"OK")
        for number, letter in enumerate("ymcko"):
            data = plain(letter, number)
            sent.update(data)
            assert ask(port, panel_bytes(letter, data)).startswith(b"OK")
        control(path, {"do": "step", "s": 2.5 + 5 * 4})
        control(path, {"do": "fault", "kind": "cover-open"})
    finally:
        first.kill()
        first.communicate()
    assert first.returncode == -signal.SIGKILL
    (folder / "card-000009.panels").write_bytes(b"of a card that is not inside")
    second = start(*options, "--tcp", f"127.0.0.1:{port}", "--hopper", "7")
    try:
        line(second), line(second)
        truth = control(path, {"do": "truth"})
        assert truth["places"]["hopper"] == 99
        assert truth["faults"] == ["cover-open"]
        card = next(one for one in truth["cards"] if one["place"] == "path")
        assert (card["state"], card["digest"]) == ("complete", sent.hexdigest())
        assert ask(port, b"\x1bRem\r").startswith(b"0")
        assert ask(port, b"\x1bRco;card\r").startswith(b"inserted_head:1\n")
        assert int(ask(port, b"\x1bRpst\r")[8:16], 16) & RESET
        control(path, {"do": "clear", "kind": "cover-open"})
        control(path, {"do": "step", "s": 5})
        with ThreadPoolExecutor(1) as host:
            ejected = host.submit(ask, port, b"\x1bSe\r")
            while not ejected.done():  # its time goes by steps alone
                control(path, {"do": "step", "s": 1})
        assert ejected.result().startswith(b"OK")
        truth = control(path, {"do": "truth"})
        (out,) = [one for one in truth["cards"] if one["place"] == "output"]
        assert out == card | {"place": "output"}
        assert [file.name for file in folder.iterdir()] == ["machine.json"]
    finally:
        second.terminate()
        second.communicate(timeout=10)


@pytest.mark.parametrize(
    ("settings", "place", "counted"),
    [
        ({}, "path", 1),
        ({"power_up": PowerUp.FLUSH}, "output", 1),
        ({"loses_last_count": True}, "path", 0),
    ],
)
def test_to_be_killed_is_to_lose_the_power(short_folder, settings, place, counted):
    folder = short_folder / "state"

    async def story() -> None:
        async with living(speed=0, state_directory=folder) as world:
            world.emulator.printer.receive(b"\x1bSi\r\0")
            await world.step(9)
        async with living(speed=0, state_directory=folder, **settings) as world:
            assert world.emulator.machine.counters.cards == counted
            await world.step(9)
            assert (await world.card())["place"] == place
            assert (await world.truth())["counters"]["cards_fed"] == 1

    asyncio.run(story())


def test_what_a_kill_cut_short_is_not_read_as_a_panel(short_folder):
    folder = short_folder / "state"
    panels = [plain("y", 1), plain("m", 2)]

    async def story() -> None:
        for letter, data in zip("ym", panels, strict=True):
            async with living(speed=0, state_directory=folder) as world:
                await world.step(9)
                world.emulator.printer.receive(b"\x1bSs\r" + panel_bytes(letter, data))
                await world.step(9)
            with (folder / "card-000001.panels").open("ab") as file:
                file.write(b"the beginning of another")
        inside = asleep(folder).gallery.inside["card-000001"]
        assert [one.data for _, one in inside.pressings] == panels

    asyncio.run(story())


def test_panels_pressed_on_a_magicard_are_counted_on(short_folder):
    async def story(folder: Path) -> None:
        settings = Settings(family="magicard", model="Rio 2e", state_directory=folder)
        emulator = Emulator(settings)
        emulator.printer.panel_count = 7
        await emulator.control.answer(b'{"do": "hand", "act": "insert"}')
        assert Emulator(settings).printer.panel_count == 7

    asyncio.run(story(short_folder))


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "machine.json").write_text('{"body": {}}')
    options = ["printer", "evolis", "--tcp", "127.0.0.1:0", "--state", str(tmp_path)]
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 1
    assert f"state {tmp_path}: " in result.output
