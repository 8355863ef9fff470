"""The verdict over a whole small world: one job, one card, five blanks."""

import hashlib
import json

import pytest
from PIL import Image

from simulators.centre.batch import batch
from simulators.centre.book import BookError
from simulators.centre.store import Store
from simulators.demo.pictures import Face
from simulators.demo.verdict import reach_verdict

DIGEST = "d" * 64
FACE = Face((2, 5))
STOCK = {"received": 5, "hopper": 4, "path": 0, "output": 1, "reject-bin": 0}


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "centre")
    [order] = batch(1, "t")
    [file] = order.files
    parts = [{"name": file.name, "size": len(file.data)}]
    document = {**order.fields, "parts": parts}
    store.keep_job("t-01", json.dumps(document).encode(), order.parts)
    prev = "0" * 64
    for no, data in enumerate(
        [
            moved("received", "hopper", 5),
            {"kind": "attempt-stage", "stage": "feeding", "digest": DIGEST},
            moved("hopper", "path", 1),
            moved("path", "output", 1),
            {"kind": "attempt-closed", "outcome": "good", "stage": "delivering"},
            {"kind": "job-completed", "attempts": 1},
        ],
        1,
    ):
        event = {"ledger": "L", "no": no, "prev": prev, "data": data}
        body = json.dumps({**event, "job": "t-01", "attempt": 1}).encode()
        prev = hashlib.sha256(body).hexdigest()
        store.append(prev.encode() + b" " + body + b"\n")
    return store


def moved(source, destination, count):
    names = {"source": source, "destination": destination, "count": count}
    return {"kind": "stock-moved", **names}


@pytest.fixture
def cards(tmp_path, store):
    """The folder with the printed card."""
    sent = tmp_path / "sent.png"
    sent.write_bytes(store.job("t-01")[1])
    printed = Image.new("RGB", (1016, 648))
    with Image.open(sent) as picture:
        printed.paste(picture, FACE.margin)
    folder = tmp_path / "cards"
    folder.mkdir()
    printed.save(folder / "card-000001-front.png")
    return folder


@pytest.fixture
def truth():
    blank: dict[str, object] = {
        "place": "hopper",
        "state": "blank",
        "digest": None,
        "png": [],
    }
    printed = {"place": "output", "state": "complete", "digest": DIGEST}
    return {
        "cards": [
            {"id": "card-000001", **printed, "png": ["card-000001-front.png"]},
            *({"id": f"card-{number:06d}", **blank} for number in range(2, 6)),
        ],
        "places": {"hopper": 4, "path": 0, "output": 1, "reject-bin": 0, "hand": 0},
    }


def test_an_honest_world_has_no_finding(store, cards, truth):
    verdict = reach_verdict(["t-01"], store, STOCK, truth, cards, FACE)
    assert verdict.findings == []
    [row] = verdict.rows
    assert (row.outcome, row.attempts, row.card_id) == ("completed", 1, "card-000001")
    assert (row.form, row.digest, row.picture) == ("image", "same", "exact")


def test_one_changed_dot_of_a_card_is_found(store, cards, truth):
    path = cards / "card-000001-front.png"
    with Image.open(path) as image:
        image.load()
    image.putpixel((500, 300), (1, 2, 3))
    image.save(path)
    verdict = reach_verdict(["t-01"], store, STOCK, truth, cards, FACE)
    assert verdict.findings == [
        "card-000001: front differs from the picture of t-01, first at 498, 295"
    ]
    assert verdict.rows[0].picture == "OTHER"


def test_a_card_with_other_panels_is_found(store, cards, truth):
    truth["cards"][0]["digest"] = "e" * 64
    verdict = reach_verdict(["t-01"], store, STOCK, truth, cards, FACE)
    assert verdict.findings == [
        "card-000001: other panels than the agent sent for t-01"
    ]
    assert verdict.rows[0].digest == "OTHER"


def test_a_job_without_a_card_is_shown_and_found(store, cards, truth):
    (cards / "card-000001-front.png").unlink()
    verdict = reach_verdict(["t-01"], store, STOCK, truth, cards, FACE)
    assert verdict.findings == ["card-000001: no picture of the front of t-01"]


@pytest.mark.parametrize("line", [0, 2, 5])
def test_a_changed_event_breaks_the_chain(store, cards, truth, line):
    lines = store.lines()
    lines[line] = lines[line].replace(b"t-01", b"t-02")
    store.events.write_bytes(b"".join(lines))
    with pytest.raises(BookError):
        reach_verdict(["t-01"], store, STOCK, truth, cards, FACE)


def test_a_removed_event_is_missed(store, cards, truth):
    lines = store.lines()
    store.events.write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(BookError):
        reach_verdict(["t-01"], store, STOCK, truth, cards, FACE)
