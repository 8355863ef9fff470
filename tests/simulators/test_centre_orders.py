"""Orders: files on disk, the demo's batch, and what stays the same for ever."""

import hashlib
from datetime import UTC, datetime
from io import BytesIO

import pytest
from PIL import Image

from simulators.centre import orders
from simulators.centre.batch import batch
from simulators.centre.orders import Addressee, OrderError
from simulators.centre.store import Store, parts_of

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def test_the_batch_has_eight_pictures_three_layouts_and_one_badge():
    made = batch(12, "t")
    forms = [
        (order.fields["sides"]["front"]["kind"], "back" in order.fields["sides"])
        for order in made
    ]
    assert forms.count(("image", False)) == 8
    assert forms.count(("layout", False)) == 3
    assert forms.count(("image", True)) == 1
    fronts = [order.files[0].media_type for order in made if len(order.files) == 1]
    assert set(fronts) == {"image/png", "image/jpeg"}


def test_every_finished_picture_of_the_batch_has_the_cards_size():
    for order in batch(12, "t"):
        for file in order.files:
            if file.name in ("front", "back"):
                assert Image.open(BytesIO(file.data)).size == (1011, 638)


def test_orders_come_back_from_disk_as_they_were(tmp_path):
    made = batch(12, "t")
    for order in made:
        orders.write(order, tmp_path)
    assert orders.read_all(tmp_path) == made


def test_a_document_names_its_reader_and_every_part(tmp_path):
    order = batch(2, "t")[1]
    made = orders.document(order, Addressee("s", "p", "k"), NOW)
    assert (made["station"], made["printer"], made["rkid"]) == ("s", "p", "k")
    assert made["issued_at"] == "2026-03-04T05:06:07Z"
    assert [part["name"] for part in made["parts"]] == ["front", "back"]
    for part, file in zip(made["parts"], order.files, strict=True):
        assert part["sha256"] == hashlib.sha256(file.data).hexdigest()
        assert part["size"] == len(file.data)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ('{"job_id": "J"}', "queue_no is missing"),
        ('{"job_id": "J", "job_id": "J", "queue_no": 1}', "twice"),
        ('{"job_id": "J", "queue_no": 1, "files": {"a": "x.gif"}}', "must end in"),
        ('{"job_id": "J", "queue_no": 1, "files": {"a": "no.png"}}', r"no\.png"),
    ],
)
def test_an_order_that_cannot_be_used_is_named(tmp_path, text, said):
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(OrderError, match=said):
        orders.read_all(tmp_path)


def test_an_empty_directory_is_no_batch(tmp_path):
    with pytest.raises(OrderError, match="no order"):
        orders.read_all(tmp_path)


def test_a_kept_job_gives_back_its_bytes_and_parts(tmp_path):
    store = Store(tmp_path)
    order = batch(2, "t")[1]
    payload = b'{"parts":[{"name":"front","size":2},{"name":"back","size":3}]}'
    assert not store.has_job(order.job_id)
    store.keep_job(order.job_id, payload, b"aabbb")
    assert store.has_job(order.job_id)
    _, parts = parts_of(*store.job(order.job_id))
    assert parts == {"front": b"aa", "back": b"bbb"}


def test_a_line_cut_short_by_a_crash_is_taken_off_the_file(tmp_path):
    store = Store(tmp_path)
    store.append(b"one\ntwo\n")
    store.append(b"thr")
    assert store.lines() == [b"one\n", b"two\n"]
    assert store.events.read_bytes() == b"one\ntwo\nthr"  # it may be in the making
    store.mend()
    assert store.events.read_bytes() == b"one\ntwo\n"
    store.append(b"three\n")
    assert store.lines() == [b"one\n", b"two\n", b"three\n"]
