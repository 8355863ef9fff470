"""Two sides, and a magnetic stripe: the worker, the real driver, the emulated Magicard.

What came of each card is the machine's own truth, dot by dot and sign by sign.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent.artwork import render
from agent.clock import InlineExecutor, SystemClock
from agent.contract.messages import ImageSide, Magstripe, MediaType, Part, Sides
from agent.health import Health
from agent.journal.journal import Journal
from agent.lifecycle.duty import Rules
from agent.lifecycle.states import JobState
from agent.printer.upkeep import Upkeep
from agent.printer.worker import Worker
from agent.printer.workshop import Workshop
from agent.uplink.door import beyond
from protocols.contract import PreparedCard
from protocols.errors import DeviceError, LocalProtocolError
from protocols.magicard.driver import MagicardDriver
from protocols.magicard.models import MODELS
from protocols.registry import capabilities_of, reached
from protocols.transports.tcp import TcpTransport
from protocols.vocabulary import CardFate
from simulators.demo.pictures import Face, first_difference
from simulators.faults import FaultKind
from tests.agent.paper_printer import make_job, opened
from tests.conformance.rigs import IN_PROCESS, Bench, Rig
from tests.simulators.emulator_world import living

MODEL = "Tango 2e two-sided magnetic"
MAGICARD = [rig for rig in IN_PROCESS if rig.family.name == "magicard"]
FACE = Face((2, 2), levels=64)
TRACKS = {1: "CONTOH, UJI^4711", 2: "4711=0815", 3: "99887766"}
STRIPE = Magstripe(track_1=TRACKS[1], track_2=TRACKS[2], track_3=TRACKS[3])
NOTHING = PreparedCard((), "K", "")
LIMIT_S = 60.0


def picture(seed: int) -> Image.Image:
    tile = Image.effect_noise((40, 25), 60 + seed).convert("RGB")
    drawn = tile.resize((1011, 638), resample=0)
    drawn.paste((200, 30 * seed, 90), (100 * seed, 40, 100 * seed + 80, 300))
    drawn.paste((0, 0, 0), (600, 500, 640, 560 + seed))
    return drawn


def black_and_white(drawn: Image.Image) -> Image.Image:
    """What resin alone can show."""
    dark = drawn.convert("L").point(lambda value: 255 * (value >= 128))
    return dark.convert("RGB")


def png(drawn: Image.Image) -> bytes:
    stream = BytesIO()
    drawn.save(stream, "PNG")
    return stream.getvalue()


class Station:
    """One journal, and one emulated printer on its link."""

    def __init__(self, folder: Path, journal: Journal, bench: Bench) -> None:
        self.folder = folder
        self.journal = journal
        self.bench = bench
        self.pictures: dict[str, Image.Image] = {}

    async def send(self, pictures: dict[str, Image.Image], **fields: Any) -> None:
        now = datetime.now(UTC)
        self.pictures = pictures
        parts = {name: png(drawn) for name, drawn in pictures.items()}
        listed = [
            Part(name=name, type=MediaType.PNG, size=len(data), sha256="0" * 64)
            for name, data in parts.items()
        ]
        sides = {name: ImageSide(part=name) for name in pictures}
        until = now + timedelta(days=1)
        fields |= {"sides": Sides(**sides), "parts": listed}
        one = opened(make_job(issued_at=now, expires_at=until, **fields))
        one.parts.update(parts)
        self.known = {b"sealed J1": one}
        await self.journal.accept(one, b"sealed J1")

    async def work_until(self, fact: Callable[[], object]) -> None:
        workshop = Workshop(
            make_driver=lambda: self.bench.driver(MODEL),
            open_spooled=self.known.__getitem__,
            render=render,
            forget=lambda: None,
        )
        rules = Rules(test_after_s=None)
        worker = Worker(
            self.journal,
            workshop,
            SystemClock(),
            InlineExecutor(),
            Health({}),
            Upkeep(self.journal, rules, MODELS[MODEL].capabilities),
        )
        task = asyncio.ensure_future(worker.run())
        async with asyncio.timeout(LIMIT_S):
            version = 0
            while not fact():
                version = await self.journal.changed.beyond(version)
        worker.stop()
        await task

    @property
    def state(self) -> JobState:
        job = self.journal.job("J1")
        assert job is not None
        return job.state

    async def card(self) -> dict[str, Any]:
        """The one that has left the hopper, once its pictures are drawn."""
        await self.bench.world.emulator.gallery.drawn()
        (card,) = await self.bench.moved()
        return card

    def differs(self, card: dict[str, Any]) -> dict[str, object]:
        """Where each side is another than what was ordered."""
        found: dict[str, object] = {}
        for name in card["png"]:
            side = next(side for side in card["marks"] if side in name)
            with Image.open(self.folder / "cards" / Path(name).name) as printed:
                where = first_difference(self.pictures[side], printed, FACE)
            if where is not None:
                found[side] = where
        return found


@asynccontextmanager
async def station(folder: Path, rig: Rig, **settings: Any) -> AsyncIterator[Station]:
    clock = SystemClock()
    journal = await Journal.open(folder / "journal.db", clock, InlineExecutor())
    settings = {"magnetic": True} | settings
    settings |= {"hopper_count": 3, "cards_directory": folder / "cards"}
    async with rig.bench(**settings) as bench:
        await journal.load_stock(3)
        try:
            yield Station(folder, journal, bench)
        finally:
            await journal.close()


async def the_books_agree(here: Station) -> None:
    """One card came of three blanks, and both the books and the machine say so."""
    places = (await here.bench.world.truth())["places"]
    assert (places["hopper"], places["path"], places["output"]) == (2, 0, 1)
    said = books(here)
    assert (said["hopper"], said["path"], said["output"]) == (2, 0, 1)


def books(station: Station) -> dict[str, int]:
    return {str(place): count for place, count in station.journal.stock().items()}


@pytest.mark.parametrize("rig", MAGICARD, ids=str)
@pytest.mark.parametrize("ribbon", ["YMCKO", "YMCKOK"])
def test_both_sides_are_the_pictures_ordered_and_the_books_agree(
    tmp_path: Path, rig: Rig, ribbon: str
) -> None:
    async def scene() -> None:
        async with station(tmp_path, rig, ribbon_kind=ribbon) as here:
            back = picture(2) if ribbon == "YMCKO" else black_and_white(picture(2))
            await here.send({"front": picture(1), "back": back})
            await here.work_until(lambda: here.state is JobState.COMPLETED)
            card = await here.card()
            assert (card["place"], card["state"]) == ("output", "complete")
            assert set(card["marks"]) == {"front", "back"}
            assert here.differs(card) == {}
            assert "tracks" not in card
            await the_books_agree(here)

    asyncio.run(scene())


@pytest.mark.parametrize("rig", MAGICARD, ids=str)
def test_a_stripe_bears_every_sign_that_was_ordered(tmp_path: Path, rig: Rig) -> None:
    async def scene() -> None:
        async with station(tmp_path, rig) as here:
            await here.send({"front": picture(1)}, magstripe=STRIPE)
            await here.work_until(lambda: here.state is JobState.COMPLETED)
            card = await here.card()
            assert card["tracks"] == {
                str(number): "".join(data) for number, data in TRACKS.items()
            }
            assert (card["place"], card["state"]) == ("output", "complete")
            assert here.differs(card) == {}
            await the_books_agree(here)
            told = b"".join(here.journal.why("J1"))
            assert not any(data.encode() in told for data in TRACKS.values())

    asyncio.run(scene())


def test_a_stripe_that_does_not_hold_leaves_its_card_inside_and_the_job_undecided(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        faults = ((FaultKind.MAGSTRIPE_WRITE, 1),)
        async with station(tmp_path, MAGICARD[1], faults=faults) as here:
            await here.send({"front": picture(1)}, magstripe=STRIPE)
            await here.work_until(lambda: "other-error" in here.journal.faults())
            assert here.state is JobState.PROCESSING
            (card,) = await here.bench.moved()
            assert (card["place"], card["state"]) == ("path", "blank")
            assert "tracks" not in card
            said = books(here)
            assert (said["hopper"], said["path"], said["output"]) == (2, 1, 0)

    asyncio.run(scene())


def test_a_track_that_no_stripe_can_bear_fails_the_job_before_a_blank_moves(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with station(tmp_path, MAGICARD[0]) as here:
            await here.send(
                {"front": picture(1)}, magstripe=Magstripe(track_2="RAHASIA")
            )
            await here.work_until(lambda: here.state is JobState.ABORTED)
            assert not await here.bench.moved()
            told = b"".join(here.journal.why("J1"))
            assert b"character 1 for track 2" in told
            assert b"RAHASIA" not in told

    asyncio.run(scene())


@pytest.mark.parametrize("tracks", [{}, {4: "1"}, {1: "a"}, {2: ""}], ids=str)
def test_a_stripe_without_what_it_needs_is_refused(tracks: dict[int, str]) -> None:
    driver = MagicardDriver(MODELS[MODEL], TcpTransport("127.0.0.1", 1))
    with pytest.raises(LocalProtocolError) as caught:
        driver.with_stripe(NOTHING, tracks)
    assert caught.value.card is CardFate.UNTOUCHED


def test_a_job_with_a_stripe_is_taken_only_where_the_model_has_a_unit() -> None:
    job = make_job(magstripe=STRIPE)
    assert beyond(capabilities_of("magicard", MODEL), job) is None
    found = beyond(capabilities_of("magicard", "Tango 2e two-sided"), job)
    assert found == "magstripe: magicard Tango 2e two-sided has no encoder here"


def test_a_unit_that_is_not_fitted_is_found_out_and_the_right_name_is_told() -> None:
    async def scene() -> None:
        async with MAGICARD[0].bench(magnetic=False) as bench:
            with pytest.raises(DeviceError) as caught:
                await bench.driver(MODEL).open()
            assert "configure 'Tango 2e two-sided'" in str(caught.value)
            assert caught.value.card is CardFate.UNTOUCHED

    asyncio.run(scene())


def test_what_answers_over_a_link_is_known_with_its_unit() -> None:
    async def scene() -> None:
        async with living(family="magicard", model="Tango 2e", magnetic=True) as world:
            uri = f"tcp://127.0.0.1:{world.port}"
            one = await reached(uri, "magicard")
            assert one.recognised is not None
            assert one.recognised.model == MODEL

    asyncio.run(scene())
