"""The driver on a real socket against the emulated printer, a process of its own.

The emulator shares no code with the driver: what one sends, the other must have read
in the same sources. Its control socket tells what physically became of each card.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import tomllib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from protocols.contract import PreparedCard, StepwiseDriver
from protocols.errors import (
    DeviceError,
    PrinterError,
    RemoteProtocolError,
    TransportError,
)
from protocols.raster import separate
from protocols.registry import make_driver
from protocols.vocabulary import CardFate, CardPosition, CardSide, PrinterState
from tests.conftest import Processes

SESSION_ID = 4711
VECTORS = Path(__file__).parents[1] / "vectors" / "evolis.toml"


@dataclass
class Emulator:
    port: int
    control: Path
    cards: Path

    def do(self, what: str, **more: object) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as link, link.makefile("rwb") as lines:
            link.settimeout(10)
            link.connect(str(self.control))
            lines.write(json.dumps({"do": what, **more}).encode() + b"\n")
            lines.flush()
            answer: dict[str, Any] = json.loads(lines.readline())
        assert answer["ok"], answer
        return answer

    def truth(self, number: int = 1) -> dict[str, Any]:
        """What physically became of the card that was fed as the n-th."""
        cards: list[dict[str, Any]] = self.do("truth")["cards"]
        return next(card for card in cards if card["id"] == f"card-{number:06}")

    def driver(self) -> StepwiseDriver:
        uri = f"tcp://127.0.0.1:{self.port}"
        driver = make_driver("evolis", "Primacy", uri, session_id=SESSION_ID)
        return cast(StepwiseDriver, driver)


@pytest.fixture
def emulate(tmp_path: Path, processes: Processes) -> Callable[..., Emulator]:
    def start(*options: str) -> Emulator:
        control, cards = tmp_path / "control", tmp_path / "cards"
        process = processes.start(
            *("-m", "simulators", "printer", "evolis", "--tcp", "127.0.0.1:0"),
            *("--control", str(control), "--cards", str(cards)),
            *("--hopper", "5", "--ribbon", "YMCKO:10", *(options or ("--instant",))),
        )
        assert process.stdout is not None
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        assert process.stdout.readline().startswith("control ")
        return Emulator(port, control, cards)

    return start


def picture(seed: int) -> Image.Image:
    """Coarse noise with pure black in it, and a mark in one corner."""
    tile = random.Random(seed).randbytes(32 * 20 * 3)
    image = Image.frombytes("RGB", (32, 20), tile).resize((1011, 638), resample=0)
    image.paste((0, 0, 0), (40, 30, 400, 90))
    image.paste((255, 0, 0), (0, 0, 5, 5))
    return image


PICTURES = {CardSide.FRONT: picture(1), CardSide.BACK: picture(2)}


def prepared(driver: StepwiseDriver, *sides: CardSide) -> PreparedCard:
    able = driver.capabilities
    planes = [
        separate(
            PICTURES[side],
            side=side,
            panels=able.ribbons["YMCKO"].panels(side),
            width_px=able.width_px,
            height_px=able.height_px,
        )
        for side in sides or (CardSide.FRONT,)
    ]
    return driver.prepare(planes, "YMCKO")


async def print_inside(driver: StepwiseDriver, card: PreparedCard) -> None:
    await driver.open()
    await driver.claim()
    await driver.feed()
    for side, _ in card.sides:
        await driver.print_side(card, side)
    await driver.finish_print()


def run(
    emulator: Emulator, script: Callable[[StepwiseDriver], Awaitable[object]]
) -> None:
    async def main() -> None:
        driver = emulator.driver()
        try:
            async with asyncio.timeout(30):
                await script(driver)
        finally:
            await driver.close()

    asyncio.run(main())


def failure(
    emulator: Emulator, script: Callable[[StepwiseDriver], Awaitable[object]]
) -> Any:
    with pytest.raises(PrinterError) as caught:
        run(emulator, script)
    return caught.value


def decoded(emulator: Emulator, side: CardSide) -> bytes:
    with Image.open(emulator.cards / f"card-000001-{side}.png") as image:
        assert image.size == (1016, 648)
        return image.convert("RGB").crop((2, 5, 1013, 643)).tobytes()


@pytest.mark.parametrize(
    "sides", [(CardSide.FRONT,), (CardSide.FRONT, CardSide.BACK)], ids=["one", "two"]
)
def test_a_card_comes_out_with_the_very_picture_that_was_sent(emulate, sides):
    emulator = emulate()
    digests = []

    async def script(driver: StepwiseDriver) -> None:
        card = prepared(driver, *sides)
        digests.append(card.digest)
        await print_inside(driver, card)
        before = await driver.observe()
        assert before.status.card is CardPosition.INSIDE
        assert before.cards_fed == 1
        assert before.supplies.ribbon_left == 10 - len(sides)
        await driver.deliver()
        await driver.release()
        after = await driver.observe()
        assert after.status.card is CardPosition.NONE
        assert after.status.state is PrinterState.IDLE
        assert after.canary == "2"

    run(emulator, script)
    card = emulator.truth()
    assert (card["place"], card["state"]) == ("output", "complete")
    assert card["digest"] == digests[0]
    for side in sides:
        assert decoded(emulator, side) == PICTURES[side].tobytes()


def test_a_second_card_and_a_rejected_one_go_the_same_way(emulate):
    emulator = emulate()

    async def script(driver: StepwiseDriver) -> None:
        card = prepared(driver)
        await print_inside(driver, card)
        await driver.reject()
        await driver.release()
        await driver.claim()
        await driver.feed()
        await driver.print_side(card, CardSide.FRONT)
        await driver.finish_print()
        await driver.deliver()
        await driver.release()

    run(emulator, script)
    assert emulator.truth(1)["place"] == "reject-bin"
    assert emulator.truth(2)["place"] == "output"
    assert emulator.do("truth")["places"]["hopper"] == 3


def test_the_card_that_a_dead_host_left_printed_is_delivered_by_the_next(emulate):
    emulator = emulate()
    run(emulator, lambda driver: print_inside(driver, prepared(driver)))

    async def recover(driver: StepwiseDriver) -> None:
        await driver.open()
        seen = await driver.observe()
        assert seen.status.card is CardPosition.INSIDE
        assert not seen.status.session_foreign
        assert seen.canary == "2"
        await driver.claim()
        await driver.deliver()
        await driver.release()

    run(emulator, recover)
    assert emulator.truth()["place"] == "output"


def test_a_jam_under_the_head_is_named_and_its_card_rejected_after_clearing(emulate):
    emulator = emulate("--instant", "--fault", "jam-path@1")
    error = failure(emulator, lambda driver: print_inside(driver, prepared(driver)))
    assert isinstance(error, DeviceError)
    assert "media-jam-error" in {str(reason) for reason in error.reasons}
    assert error.card is CardFate.UNKNOWN
    card = emulator.truth()
    assert (card["place"], card["state"]) == ("path", "part-printed")
    emulator.do("clear", kind="jam-path")

    async def recover(driver: StepwiseDriver) -> None:
        await driver.open()
        assert (await driver.status()).state is PrinterState.STOPPED
        await driver.clear_fault()
        await driver.claim()
        await driver.reject()
        await driver.release()

    run(emulator, recover)
    assert emulator.truth()["place"] == "reject-bin"


@pytest.mark.parametrize("options", [("--instant", "--hopper", "0"), None])
def test_an_empty_hopper_touches_nothing(emulate, options):
    emulator = emulate(*(options or ("--instant", "--fault", "hopper-empty@1")))
    error = failure(emulator, lambda driver: print_inside(driver, prepared(driver)))
    assert isinstance(error, DeviceError)
    assert "media-empty-error" in {str(reason) for reason in error.reasons}
    assert error.card is CardFate.UNTOUCHED
    assert emulator.do("truth")["counters"]["cards_fed"] == 0


def test_an_ended_ribbon_stops_the_next_card_before_it_moves(emulate):
    emulator = emulate("--instant", "--ribbon", "YMCKO:1")

    async def script(driver: StepwiseDriver) -> None:
        await print_inside(driver, prepared(driver))
        await driver.deliver()
        await driver.release()

    run(emulator, script)
    error = failure(emulator, script)
    words = {str(reason) for reason in error.reasons}
    assert "marker-print-ribbon-empty-error" in words
    assert error.card is CardFate.UNTOUCHED
    assert emulator.do("truth")["counters"]["cards_fed"] == 1


def test_an_open_cover_stops_the_card_under_the_head(emulate):
    emulator = emulate("--instant", "--fault", "cover-open@1")
    error = failure(emulator, lambda driver: print_inside(driver, prepared(driver)))
    assert "cover-open-error" in {str(reason) for reason in error.reasons}
    assert error.card is CardFate.UNKNOWN


@pytest.mark.parametrize("kind", ["link-cut", "power-cut"])
def test_a_link_that_ends_in_mid_card_leaves_it_unknown(emulate, kind):
    emulator = emulate("--instant", "--fault", f"{kind}@1")
    error = failure(emulator, lambda driver: print_inside(driver, prepared(driver)))
    assert type(error) is TransportError
    assert error.card is CardFate.UNKNOWN
    assert f"tcp 127.0.0.1:{emulator.port}" in str(error)
    assert emulator.truth()["place"] == "path"


def test_garbage_is_the_printers_fault_and_says_so(emulate):
    emulator = emulate()
    emulator.do("fault", kind="garbage")
    error = failure(emulator, lambda driver: driver.open())
    assert type(error) is RemoteProtocolError
    assert error.card is CardFate.UNTOUCHED


def test_a_silent_printer_is_given_up_within_the_commands_limit(emulate):
    emulator = emulate()
    emulator.do("fault", kind="silent")
    error = failure(emulator, lambda driver: driver.open())
    assert type(error) is TransportError
    assert "no answer to a status poll within 4 s" in str(error)


def test_another_hosts_reservation_is_respected(emulate):
    emulator = emulate()

    async def reserve(driver: StepwiseDriver) -> None:
        await driver.open()
        await driver.claim()

    run(emulator, reserve)
    uri = f"tcp://127.0.0.1:{emulator.port}"
    second = make_driver("evolis", "Primacy", uri, session_id=SESSION_ID + 1)
    with pytest.raises(DeviceError, match=f"session {SESSION_ID}") as caught:
        asyncio.run(second.open())
    assert {str(one) for one in caught.value.reasons} == {"x-printer-in-use-error"}


def test_the_emulator_understands_each_vector(emulate):
    """Third witness: bytes of the sources, which neither side has made."""
    emulator = emulate()
    for vector in tomllib.loads(VECTORS.read_text())["request"]:
        with socket.create_connection(("127.0.0.1", emulator.port), 10) as link:
            link.sendall(bytes.fromhex(vector["hex"]))
            link.shutdown(socket.SHUT_WR)
            with link.makefile("rb") as stream:
                reply = stream.read()
        text = reply.partition(b"\x00")[0]
        assert not text.startswith((b"ERROR CDE", b"ERROR PARAM")), vector["name"]
        assert reply.count(b"\x00") > 3, vector["name"]
