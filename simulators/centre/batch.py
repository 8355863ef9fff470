"""The demo's batch: finished pictures, three cards by layout, one two-sided badge."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from simulators import cards
from simulators.centre.contract import Document
from simulators.centre.orders import File, Order
from simulators.persons import Person, people
from simulators.portraits import portrait, signature

ROUND = 12
"""Cards until the kinds repeat."""

BADGE = 2
LAYOUTS = (9, 10, 11)
JPEGS = (3, 5, 8)


def batch(count: int, tag: str, seed: int = 1) -> list[Order]:
    """`count` orders; `tag` keeps their ids and subjects apart from other batches."""
    return [_order(person, tag) for person in people(count, seed)]


def _order(person: Person, tag: str) -> Order:
    number = person.number
    place = (number - 1) % ROUND + 1
    if place == BADGE:
        sides, files = _badge(person)
    elif place in LAYOUTS:
        sides, files = _layout(person)
    else:
        sides, files = _finished(person, jpeg=place in JPEGS)
    fields: Document = {
        "job_id": f"{tag}-{number:02d}",
        "queue_no": number,
        "kind": "first",
        "subject": f"{tag}-subject-{number:04d}",
        "sides": sides,
    }
    return Order(fields, files)


def _finished(person: Person, jpeg: bool) -> tuple[Document, tuple[File, ...]]:
    image = cards.identity_card(person)
    file = _jpeg("front", image) if jpeg else _png("front", image)
    return {"front": {"kind": "image", "part": "front"}}, (file,)


def _badge(person: Person) -> tuple[Document, tuple[File, ...]]:
    sides = {
        "front": {"kind": "image", "part": "front"},
        "back": {"kind": "image", "part": "back"},
    }
    front = _png("front", cards.badge_front(person))
    return sides, (front, _png("back", cards.badge_back(person)))


def _layout(person: Person) -> tuple[Document, tuple[File, ...]]:
    front = {
        "kind": "layout",
        "layout": "e-ktp",
        "fields": person.fields(),
        "parts": {"foto": "foto", "tanda_tangan": "tanda_tangan"},
    }
    files = (
        _jpeg("foto", portrait(person)),
        _png("tanda_tangan", signature(person)),
    )
    return {"front": front}, files


def _png(name: str, image: Image.Image) -> File:
    out = BytesIO()
    image.save(out, "PNG")
    return File(name, "image/png", out.getvalue())


def _jpeg(name: str, image: Image.Image) -> File:
    out = BytesIO()
    image.save(out, "JPEG", quality=92, dpi=(300, 300))
    return File(name, "image/jpeg", out.getvalue())
