"""Event lines: their bytes are RFC 8785, whatever is in them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from agent.contract.events import Event
from agent.journal.chain import canonical, open_line, seal

OURS = datetime(2000, 1, 1), datetime(2199, 1, 1)  # noqa: DTZ001 - zone added below


def values_of(node: inspect.Type) -> st.SearchStrategy[Any]:
    """Return what may stand where `node` does, limits included."""
    match node:
        case inspect.Metadata():
            return values_of(node.type)
        case inspect.StructType():
            fields = {field.name: values_of(field.type) for field in node.fields}
            return st.builds(node.cls, **fields)
        case inspect.UnionType():
            return st.one_of([values_of(one) for one in node.types])
        case inspect.ListType():
            return st.lists(values_of(node.item_type), max_size=3)
        case inspect.VarTupleType():
            return st.lists(values_of(node.item_type), max_size=3).map(tuple)
        case inspect.DictType():
            keys = st.sampled_from(["hopper", "path", "output", "Z", "a-b", "a_b"])
            return st.dictionaries(keys, values_of(node.value_type))
        case inspect.StrType(pattern=str() as pattern):
            return st.from_regex(pattern)
        case inspect.StrType():
            return st.text(max_size=20)
        case inspect.IntType():
            return st.integers(node.ge, node.le)
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case inspect.EnumType():
            return st.sampled_from(node.cls)
        case inspect.DateTimeType():
            return st.datetimes(*OURS, timezones=st.just(UTC))
    raise AssertionError(f"events have no {node}")


events = values_of(inspect.type_info(Event))


@given(events)
@settings(max_examples=400)
def test_a_line_is_its_hash_and_canonical_json(event):
    head, line = seal(event)

    digest, _, body = line[:-1].partition(b" ")
    assert line.endswith(b"\n")
    assert digest.decode() == head.hash == hashlib.sha256(body).hexdigest()
    assert body == rfc8785.dumps(json.loads(body))
    assert b"\n" not in body


@given(events)
def test_a_line_reads_back_as_the_event_it_was(event):
    assert open_line(seal(event)[1], event.no)[1] == event


def test_no_event_can_hold_a_float_or_a_name_beyond_ascii():
    def walk(node: inspect.Type) -> None:
        assert not isinstance(node, inspect.FloatType | inspect.AnyType)
        match node:
            case inspect.StructType():
                for field in node.fields:
                    assert field.encode_name.isascii()
                    walk(field.type)
            case inspect.UnionType():
                for one in node.types:
                    walk(one)
            case inspect.ListType() | inspect.VarTupleType():
                walk(node.item_type)
            case inspect.DictType():
                walk(node.value_type)

    walk(inspect.type_info(Event))


def test_integers_stay_where_every_reader_of_json_keeps_them_exact():
    def walk(node: inspect.Type) -> None:
        match node:
            case inspect.IntType():
                assert node.ge is not None
                assert node.le is not None
                assert node.le <= 2**53 - 1
            case inspect.StructType():
                for field in node.fields:
                    walk(field.type)
            case inspect.UnionType():
                for one in node.types:
                    walk(one)
            case inspect.DictType():
                walk(node.value_type)

    walk(inspect.type_info(Event))
    assert isinstance(msgspec.json.schema(Event), dict)


@given(events)
def test_a_line_of_old_that_names_what_goes_without_saying_is_canonical(event):
    tree = json.loads(seal(event)[1][65:-1])
    tree["attempt"] = event.attempt  # null where a line of today has no such name
    for body, right in (
        (rfc8785.dumps(tree), True),
        (json.dumps(tree, sort_keys=True).encode(), False),  # with white space
    ):
        line = hashlib.sha256(body).hexdigest().encode() + b" " + body + b"\n"
        assert canonical(line, open_line(line, event.no)[1]) is right
