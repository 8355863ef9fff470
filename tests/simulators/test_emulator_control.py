"""The control socket, as documented: each example of docs/emulator.md is tried."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.simulators.emulator_world import living

PAGE = Path(__file__).parents[2] / "docs" / "emulator.md"


def examples() -> list[tuple[str, str]]:
    blocks = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return list(zip(lines[::2], lines[1::2], strict=True))


def resembles(shown: str, answer: str) -> bool:
    """Equal, where `…` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in shown.split("…"))
    return re.fullmatch(pattern, answer) is not None


def test_every_documented_request_is_answered_as_documented(short_folder):
    async def story() -> None:
        path = short_folder / "control"
        async with living(hopper_count=3, ribbon_sets=20, control_path=path):
            reader, writer = await asyncio.open_unix_connection(path)
            for request, shown in examples():
                writer.write(request.encode() + b"\n")
                answer = (await reader.readline()).decode().rstrip("\n")
                assert resembles(shown, answer), f"{request}\n{answer}"
            writer.close()
            await writer.wait_closed()
        assert not path.exists()

    asyncio.run(story())


def test_every_deed_and_act_has_an_example():
    from simulators.control import _ACTS, _DEEDS

    requests = [json.loads(request) for request, _ in examples()]
    assert {request["do"] for request in requests} == set(_DEEDS)
    acts = {request["act"] for request in requests if request["do"] == "hand"}
    assert acts == set(_ACTS)


@pytest.mark.parametrize(
    ("request_line", "error"),
    [
        (b"{", "not one line of JSON"),
        (b"\xff", "not one line of JSON"),
        (b"[" * 30_000, "not one line of JSON"),
        (b"[]", "expected a JSON object"),
        (b"{}", "do: expected one of truth, fault"),
        (b'{"do": "truth", "x": 1}', "x: no such field"),
        (b'{"do": 5}', "do: expected one of"),
        (b'{"do": "step", "s": -1}', "s: expected 0 to"),
        (b'{"do": "step", "s": NaN}', "s: expected 0 to"),
        (b'{"do": "step", "s": true}', "s: expected seconds"),
        (b'{"do": "power", "on": 1}', "on: expected true or false"),
        (b'{"do": "hand", "act": "load", "count": 0}', "count: expected a number"),
        (b'{"do": "hand", "act": "load", "count": 1.5}', "count: expected a number"),
        (b'{"do": "hand", "act": "take"}', "from: expected one of hopper"),
        (
            b'{"do": "hand", "act": "take", "from": "hopper", "to": "hopper"}',
            "is no move",
        ),
        (b'{"do": "hand", "act": "ribbon", "kind": "X", "sets": 1}', "one of YMCKO"),
        (b'{"do": "fault", "kind": "jam-path", "card": 0}', "card: expected a number"),
        (b'{"do": "fault", "kind": "usb-nak"}', "usb-nak needs a printer with a USB"),
    ],
)
def test_a_request_that_makes_no_sense_is_told_why_and_does_nothing(
    request_line, error
):
    async def story() -> None:
        async with living(speed=0) as world:
            before = await world.truth()
            answer = await world.emulator.control.answer(request_line + b"\n")
            assert answer["ok"] is False
            assert error in str(answer["error"])
            assert await world.truth() == before

    asyncio.run(story())


def test_a_line_without_end_is_refused(short_folder):
    async def story() -> None:
        path = short_folder / "control"
        async with living(control_path=path) as world:
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"x" * 70_000)
            answer = json.loads(await reader.readline())
            assert answer == {
                "ok": False,
                "error": "a request is one line of at most 65536 bytes",
            }
            assert await reader.read() == b""
            writer.close()
            assert (await world.poll()).text == ""

    asyncio.run(story())


def test_a_fault_for_a_card_that_is_through_is_refused():
    async def story() -> None:
        async with living() as world:
            await world.ask("Si")
            assert (await world.do(do="fault", kind="jam-path", card=1))["ok"]
            answer = await world.do(do="fault", kind="hopper-empty", card=1)
            assert "1 cards have been taken already" in answer["error"]
            await world.ask("Se")
            answer = await world.do(do="fault", kind="jam-path", card=1)
            assert "expected a later one" in answer["error"]

    asyncio.run(story())


def test_clearing_needs_something_to_clear_it_with():
    async def story() -> None:
        async with living(hopper_count=0, ribbon_sets=0) as world:
            answer = await world.do(do="clear", kind="hopper-empty")
            assert answer["error"] == "there is no blank in the hopper: load some"
            answer = await world.do(do="clear", kind="ribbon-ended")
            assert "change the ribbon" in answer["error"]

    asyncio.run(story())


def test_a_card_taken_back_to_the_hopper_keeps_its_marks():
    async def story() -> None:
        async with living(hopper_count=1) as world:
            await world.ask("Si")
            await world.ask("Ss")
            await world.print_side()
            digest = (await world.card())["digest"]
            assert digest is not None
            await world.do(do="hand", act="take", **{"from": "path", "to": "hopper"})
            card = await world.card()
            assert (card["place"], card["state"]) == ("hopper", "complete")
            assert card["digest"] == digest
            await world.ask("Si")
            await world.ask("Ss")
            await world.print_side(letters="y")
            card = await world.card()
            assert (card["state"], card["digest"]) == ("part-printed", None)

    asyncio.run(story())


def test_the_ribbon_cannot_be_changed_under_the_head():
    async def story() -> None:
        async with living(speed=0) as world:
            feeding = await world.asking("Si")
            await world.step(3)
            await feeding
            await world.print_side(letters="y")
            answer = await world.do(do="hand", act="ribbon", kind="YMCKO", sets=5)
            assert answer["error"] == "the head is down: the machine is printing"

    asyncio.run(story())
