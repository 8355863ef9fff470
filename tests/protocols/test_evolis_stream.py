"""A whole job in a trace: each command named, each panel measured, no dot shown."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.contract import PreparedCard
from protocols.evolis.job import first_part, second_part
from protocols.evolis.models import MODELS
from protocols.evolis.stream import told
from protocols.vocabulary import CardSide, Panel

DOTS = {panel: bytes(range(256)) * (1 + number) for number, panel in enumerate(Panel)}
DYE_SIZES = {"Primacy": 658_368, "Badgy200": 499_618}


def job(model: str) -> tuple[bytes, tuple[tuple[Panel, bytes], ...]]:
    dye = (b"\r\x1bDb" * 200_000)[: DYE_SIZES[model]]
    panels = (
        (Panel.YELLOW, dye),
        (Panel.MAGENTA, dye),
        (Panel.CYAN, dye),
        (Panel.BLACK, DOTS[Panel.BLACK]),
        (Panel.OVERLAY, DOTS[Panel.OVERLAY]),
    )
    sides = ((CardSide.FRONT, panels), (CardSide.BACK, panels))
    card = PreparedCard(sides=sides, ribbon_kind="YMCKO", digest="")
    return b"".join(first_part(MODELS[model], card, 1_770_000_000)), panels


@pytest.mark.parametrize("model", ["Primacy", "Badgy200"])
def test_a_job_is_told_command_by_command_and_its_panels_by_their_digests(model):
    stream, panels = job(model)
    lines = list(told(stream))
    assert lines[0] == "Psync;1;0"
    assert {"Ss", "Mr;s", "Sr", "Sv", "Se", "Pcla;1"} <= set(lines)
    assert lines[-1] == "Psync;4;0"
    measured = [line for line in lines if "dots" in line]
    assert len(measured) == 2 * len(panels)
    for line, (panel, dots) in zip(measured, panels * 2, strict=True):
        word = "Dbx" if model == "Badgy200" else "Db"
        assert line.startswith(f"{word};{panel.value};")
        digest = hashlib.sha256(dots).hexdigest()
        assert line.endswith(f": {len(dots)} bytes of dots, SHA-256 {digest}")
    assert next(told(second_part())) == "Pcla;0"


def test_a_job_that_is_cut_in_a_panel_tells_the_rest_by_its_size():
    stream, _ = job("Primacy")
    *_, last = told(stream[:900_000])
    assert last.endswith(" bytes not shown: not as a job goes on")
    assert "\x1b" not in last


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_no_bytes_of_chance_are_ever_shown(before, secret):
    stream = before + b"\x1bDm;1;" + secret + b"\r" + secret
    for line in told(stream):
        assert line.isprintable()
        assert len(line) < 200
