"""Every kind of trouble, as a host meets it and a hand removes it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from simulators.build import PowerUp
from simulators.faults import FaultKind, Faults, Moment
from tests.simulators.emulator_world import (
    CARD_PRINT,
    CLAIM,
    ERR_COVER_OPEN,
    ERR_MECHANICAL,
    ERR_RIBBON_ENDED,
    PRINTING,
    RESET,
    WAR_COVER_OPEN,
    WAR_FEEDER_EMPTY,
    WAR_RIBBON_ENDED,
    World,
    living,
    panel_bytes,
    plain,
    refused,
)


async def one_card(world: World) -> str:
    """A card as a host prints it that looks at nothing; the text to `Se`."""
    await world.ask("Si")
    await world.ask("Ss")
    await world.print_side()
    return await world.text("Se")


def test_the_same_seed_strikes_at_the_same_place():
    runs = []
    for _ in range(2):
        faults = Faults(seed=7)
        for card_no in range(1, 9):
            faults.schedule(FaultKind.JAM_PATH, card_no)
        runs.append([entry.panel_index for entry in faults.scheduled])
    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 1


def test_a_fault_strikes_once_and_only_its_card():
    faults = Faults()
    faults.schedule(FaultKind.HOPPER_EMPTY, 2)
    assert faults.take_due(Moment.PICK, 1) is None
    assert faults.take_due(Moment.PICK, 2) is FaultKind.HOPPER_EMPTY
    assert faults.take_due(Moment.PICK, 2) is None


def test_hopper_empty_is_a_warning_that_goes_with_its_cause():
    async def story() -> None:
        async with living(faults=[(FaultKind.HOPPER_EMPTY, 1)]) as world:
            assert await world.text("Si") == "ERROR FEEDER"
            status = await world.poll()
            assert status.warning == WAR_FEEDER_EMPTY
            assert status.error == 0
            assert (await world.truth())["places"]["hopper"] == 100
            await world.do(do="clear", kind="hopper-empty")
            assert not (await world.poll()).warning
            assert await world.text("Si") == "OK"

    asyncio.run(story())


def test_a_jam_stays_until_the_card_is_out_and_the_fault_acknowledged():
    async def story() -> None:
        async with living(faults=[(FaultKind.JAM_PATH, 1)]) as world:
            assert await one_card(world) == "ERROR MECHANICAL"
            status = await world.poll()
            assert status.error == ERR_MECHANICAL
            assert status.information & CARD_PRINT
            card = await world.card()
            assert (card["place"], card["state"]) == ("path", "part-printed")
            assert card["digest"] is None
            assert await world.text("Ser") == "ERROR MECHANICAL"

            await world.do(do="hand", act="take", **{"from": "path"})
            assert (await world.poll()).error == ERR_MECHANICAL, "it is latched"
            assert await world.text("Si") == "ERROR MECHANICAL"
            assert await world.text("Scs") == "OK"
            assert (await world.poll()).error == 0
            assert await one_card(world) == "OK"
            assert (await world.card())["place"] == "hand"

    asyncio.run(story())


def test_an_acknowledged_jam_that_is_still_there_comes_back():
    async def story() -> None:
        async with living(faults=[(FaultKind.JAM_PATH, 1)]) as world:
            await one_card(world)
            await world.ask("Scs")
            assert await world.text("Ser") == "ERROR MECHANICAL"
            assert (await world.poll()).error == ERR_MECHANICAL

    asyncio.run(story())


def test_panels_are_refused_while_a_fault_is_latched():
    async def story() -> None:
        async with living() as world:
            await world.ask("Si")
            await world.do(do="fault", kind="jam-path")
            await world.ask("Se")
            reply = await world.panel("y", plain("y", 1))
            assert reply.text == "ERROR MECHANICAL"

    asyncio.run(story())


def test_an_open_cover_warns_and_a_motion_against_it_latches():
    async def story() -> None:
        async with living(faults=[(FaultKind.COVER_OPEN, 1)]) as world:
            assert await one_card(world) == "ERROR MECHANICAL"
            status = await world.poll()
            assert status.warning == WAR_COVER_OPEN
            assert status.error == ERR_COVER_OPEN
            await world.ask("Scs")
            assert (await world.poll()).error == 0
            assert (await world.poll()).warning == WAR_COVER_OPEN
            assert await world.text("Ser") == "ERROR MECHANICAL"
            await world.do(do="hand", act="cover", open=False)
            assert not (await world.poll()).warning
            assert await world.text("Ser") == "OK"
            assert (await world.card())["state"] == "part-printed"

    asyncio.run(story())


def test_a_ribbon_that_ends_in_mid_card_latches_and_warns_until_changed():
    async def story() -> None:
        async with living(faults=[(FaultKind.RIBBON_ENDED, 1)]) as world:
            await one_card(world)
            status = await world.poll()
            assert status.error == ERR_RIBBON_ENDED
            assert status.warning & WAR_RIBBON_ENDED
            assert await world.text("Rrt;count") == "0"
            serial = await world.text("Rrt;evosn")
            await world.do(do="hand", act="ribbon", kind="YMCKO", sets=50)
            assert await world.text("Rrt;evosn") != serial
            assert (await world.poll()).error == ERR_RIBBON_ENDED
            assert not (await world.poll()).warning
            await world.ask("Scs")
            assert await one_card(world) == "OK"

    asyncio.run(story())


def test_a_used_up_ribbon_warns_before_a_print():
    async def story() -> None:
        async with living(ribbon_sets=1) as world:
            assert await one_card(world) == "OK"
            status = await world.poll()
            assert status.warning == WAR_RIBBON_ENDED
            assert status.error == 0

    asyncio.run(story())


@pytest.mark.parametrize("way", [*PowerUp])
def test_a_power_cut_drops_the_job_and_power_up_treats_the_card_by_setting(way):
    async def story() -> None:
        async with living(faults=[(FaultKind.POWER_CUT, 1)], power_up=way) as world:
            await world.ask("Psid;9;180")
            await world.ask("Si")
            await world.ask("Ss")
            await world.raw(b"".join(panel_bytes(x, plain(x, 1)) for x in "ymcko"))
            await world.emulator.pacemaker.until(
                lambda: not world.emulator.machine.powered
            )
            await asyncio.sleep(0)
            assert refused(world.port)
            truth = await world.truth()
            assert truth["power"] is False
            assert truth["faults"] == ["power-cut"]

            await world.do(do="power", on=True)
            await answers(world)
            status = await world.poll()
            assert status.information & RESET
            assert status.session == 0
            assert status.error == 0
            kept = way is PowerUp.KEEP
            assert bool(status.information & CARD_PRINT) is kept
            card = await world.card()
            assert card["place"] == ("output" if way is PowerUp.FLUSH else "path")
            assert card["state"] == "part-printed"

    asyncio.run(story())


async def answers(world: World) -> None:
    """Wait until the port is there again and the machine has come to rest."""
    async with asyncio.timeout(10):
        while refused(world.port) or world.emulator.machine.moving:
            await asyncio.sleep(0)


@pytest.mark.parametrize(("loses", "text"), [(False, "1"), (True, "0")])
def test_counters_may_lose_the_card_inside_at_a_power_cut(loses, text):
    async def story() -> None:
        async with living(loses_last_count=loses) as world:
            await world.ask("Si")
            assert await world.text("Rco;c") == "1"
            await world.do(do="power", on=False)
            await world.do(do="power", on=True)
            await answers(world)
            assert await world.text("Rco;c") == text
            assert (await world.truth())["counters"]["cards_fed"] == 1

    asyncio.run(story())


def test_a_link_cut_in_mid_panel_leaves_the_printer_waiting_for_picture():
    async def story() -> None:
        async with living(faults=[(FaultKind.LINK_CUT, 1)]) as world:
            await world.ask("Si")
            await world.ask("Ss")
            with suppress(ConnectionError):
                assert await world.raw(panel_bytes("y", plain("y", 1))) == b""
            assert refused(world.port)
            missing = world.emulator.printer.parser.missing_size
            assert 0 < missing < 658_368
            await world.do(do="clear", kind="link-cut")
            await answers(world)
            assert (await world.poll()).information & CARD_PRINT
            assert await world.raw(b"\x1bRok\r\0") == b"", "taken for picture"
            rest = bytes(missing - 6) + b"\r"
            assert (await world.raw(rest)).startswith(b"OK\0")
            assert await world.text("Rok") == "OK"
            assert (await world.card())["marks"] == {"front": ["y"]}

    asyncio.run(story())


def test_a_host_that_dies_in_mid_panel_leaves_the_same():
    async def story() -> None:
        async with living() as world:
            _, writer = await asyncio.open_connection("127.0.0.1", world.port)
            writer.write(b"\x1bDb;k;2;" + bytes(80_000))
            await writer.drain()
            while world.emulator.printer.parser.missing_size != 2296:
                await asyncio.sleep(0)
            writer.transport.abort()
            assert (await world.poll()).text == ""
            assert await world.raw(b"\x1bSrs\r\0") == b""
            assert world.emulator.printer.parser.missing_size == 2296 - 6

    asyncio.run(story())


def test_memory_goes_on_printing_after_the_link_has_died():
    async def story() -> None:
        async with living(speed=0) as world:
            feeding = await world.asking("Si")
            await world.step(3)
            await feeding
            await world.print_side()
            await world.do(do="fault", kind="link-cut")
            await world.step(30)
            assert (await world.card())["state"] == "complete"
            await world.do(do="clear", kind="link-cut")
            await answers(world)
            assert not (await world.poll()).information & PRINTING

    asyncio.run(story())


def test_a_silent_printer_does_as_told_and_never_says_so():
    async def story() -> None:
        async with living() as world:
            await world.do(do="fault", kind="silent")
            answer = asyncio.create_task(world.raw(b"\x1bSi\r\0"))
            await world.emulator.pacemaker.until(
                lambda: world.emulator.machine.cards_fed == 1
            )
            assert (await world.truth())["places"]["path"] == 1
            assert await asyncio.wait({answer}, timeout=0.1) == (set(), {answer})
            await world.do(do="clear", kind="silent")
            assert await answer == b"", "closed, never answered"
            assert (await world.poll()).information & CARD_PRINT

    asyncio.run(story())


def test_more_unanswered_hosts_than_sockets_push_the_oldest_out():
    async def story() -> None:
        async with living() as world:
            await world.do(do="fault", kind="silent")
            hosts = []
            for count in range(17):
                hosts.append(
                    asyncio.create_task(world.raw(f"\x1bRse;{count}\r".encode()))
                )
                await asyncio.wait(hosts[:1], timeout=0.01)
            assert await hosts[0] == b""
            assert not any(host.done() for host in hosts[1:])
            await world.do(do="clear", kind="silent")
            assert set(await asyncio.gather(*hosts)) == {b""}

    asyncio.run(story())


def test_garbage_is_no_reply_and_goes_away_when_cleared():
    async def story() -> None:
        async with living(faults=[(FaultKind.GARBAGE, 1)]) as world:
            await world.ask("Si")
            await world.ask("Ss")
            await world.ask("Sr")
            await world.raw(panel_bytes("y", plain("y", 1)))
            rubbish = [await world.raw(b"\x1bRok\r\0") for _ in range(5)]
            assert all(not raw.startswith(b"OK\0") for raw in rubbish)
            assert len(set(rubbish)) == 5
            await world.do(do="clear", kind="garbage")
            assert await world.text("Rok") == "OK"

    asyncio.run(story())


def test_a_fault_takes_the_claim_down():
    async def story() -> None:
        async with living() as world:
            await world.ask("Si")
            assert (await world.ask("Pcla;1")).information & CLAIM
            await world.do(do="fault", kind="jam-path")
            await world.ask("Se")
            assert not (await world.poll()).information & CLAIM

    asyncio.run(story())


def test_a_hidden_card_jams_the_next_feed():
    async def story() -> None:
        async with living(power_up=PowerUp.HIDE) as world:
            await world.ask("Si")
            await world.do(do="power", on=False)
            await world.do(do="power", on=True)
            await answers(world)
            assert await world.text("Rlr;p") == "OK"
            assert await world.text("Si") == "ERROR MECHANICAL"
            assert (await world.truth())["places"]["path"] == 2

    asyncio.run(story())
