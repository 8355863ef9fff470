"""Whatever hosts and hands do to a printer: no blank is made or lost, none raises."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.blanks import Place
from simulators.build import PowerUp
from simulators.emulator import Emulator, Settings
from simulators.evolis.firmware import Firmware
from simulators.evolis.models import MODELS
from simulators.faults import FaultKind
from simulators.ribbons import RIBBON_KINDS

LEGACY = (b"c", b"clean", b"card", b"n", b"s;1", b"zz")
WORDS = (
    *(b"Si", b"Sie", b"Ss", b"Sr", b"Sv", b"Se", b"Sce", b"Ser", b"Scs", b"Srs"),
    *(b"Scp", b"Scp;t card", b"Smw", b"Smr", b"Dm;1;CONTOH", b"Mr;s"),
    *(b"Pcla;1", b"Pcla;0", b"Pem;2", b"Psid;5;45", b"Pps;0", b"Pps;1"),
    *(b"Psdc;Force", b"Psdc;E;5", b"Pr;0;t", b"Pcim;M", b"Pmt;2;2"),
    *(b"Rpst", b"Rrt;all", b"Rem", b"Rlr;p", b"Rmb;1", b"Rse;n", b"Rok", b"Clcd;Rfv"),
    *(b"Rco;" + what for what in LEGACY),
)
ROW = b"\x02\xaa\x55"


def panel(letter: str) -> bytes:
    return f"\x1bDbc;{letter};2;{1016 * len(ROW)};".encode() + ROW * 1016 + b"\r"


SENT = st.one_of(
    st.sampled_from(WORDS).map(lambda word: b"\x1b" + word + b"\r\0"),
    st.sampled_from([panel("k"), panel("o"), panel("k")[:1500]]),
    st.binary(max_size=30),
    st.sampled_from(["Db;y;256;", "Db;q;2;", "Dbc;k;2;9;"]).map(
        lambda head: b"\x1b" + head.encode() + b"\x1b" * 40 + b"\r"
    ),
)
DONE = st.one_of(
    st.fixed_dictionaries(
        {"do": st.just("hand"), "act": st.just("take"),
         "from": st.sampled_from([*Place]), "to": st.sampled_from([*Place])}
    ),
    st.fixed_dictionaries(
        {"do": st.just("hand"), "act": st.just("ribbon"),
         "kind": st.sampled_from([*RIBBON_KINDS]), "sets": st.integers(0, 2)}
    ),
    st.fixed_dictionaries(
        {"do": st.just("hand"), "act": st.just("cover"), "open": st.booleans()}
    ),
    st.sampled_from(
        ["insert", "empty-reject-bin", "take-ribbon", "return-ribbon", "cleaning-card"]
    ).map(lambda act: {"do": "hand", "act": act}),
    st.fixed_dictionaries(
        {"do": st.sampled_from(["fault", "clear"]),
         "kind": st.sampled_from([*FaultKind])}
    ),
    st.fixed_dictionaries({"do": st.just("power"), "on": st.booleans()}),
    st.fixed_dictionaries({"do": st.just("step"), "s": st.floats(0, 30)}),
)  # fmt: skip
STEP = st.just({"do": "step", "s": 60})
SETTINGS = st.fixed_dictionaries(
    {
        "model": st.sampled_from([*MODELS]),
        "ribbon_kind": st.sampled_from([*RIBBON_KINDS]),
        "ribbon_sets": st.integers(0, 4),
        "magnetic": st.booleans(),
        "two_sided": st.sampled_from([True, False, None]),
        "power_up": st.sampled_from([*PowerUp]),
        "firmware": st.builds(
            Firmware,
            clean_after=st.integers(0, 2),
            clean_within=st.integers(0, 2),
            names_counters=st.booleans(),
            shows_status=st.booleans(),
        ),
        "faults": st.lists(
            st.tuples(st.sampled_from([*FaultKind]), st.integers(1, 3)), max_size=2
        ),
    }
)


async def carry_out(emulator: Emulator, deed: bytes | dict[str, Any]) -> int:
    """Do one thing; return how many cards it brought in from outside."""
    if isinstance(deed, bytes):
        for answer in emulator.printer.receive(deed):
            emulator.printer.sent(answer)
            if answer.action is None or answer.action.done:
                assert b"\0" in await emulator.printer.reply(answer)
        return 0
    made = emulator.hand.made_count
    await emulator.control.answer(json.dumps(deed).encode())
    return emulator.hand.made_count - made


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(SENT, DONE, STEP), max_size=40), SETTINGS)
def test_no_blank_is_made_or_lost_whatever_is_sent_or_done(deeds, how):
    async def story() -> None:
        emulator = Emulator(Settings(speed=0, hopper_count=3, **how))
        machine, count = emulator.machine, 3
        for deed in deeds:
            fed = machine.cards_fed
            count += await carry_out(emulator, deed)
            ids = Counter(blank.blank_id for blank in machine.blanks)
            assert sum(ids.values()) == len(ids) == count
            assert sum(len(machine.at(place)) for place in Place) == count
            assert machine.cards_fed >= fed
            assert len(emulator.printer.poll()) in (1, 28)
        await emulator.control.answer(b'{"do": "step", "s": 5000}')
        assert not machine.moving
        assert not emulator.printer._panels, "no picture is kept for ever"

    asyncio.run(story())
