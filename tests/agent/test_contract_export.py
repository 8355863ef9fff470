"""docs/contract is what the code says, and its examples are what it means."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from agent.contract.documents import DocumentError, convert, parse
from agent.contract.events import Data
from agent.contract.export import export, files
from agent.contract.messages import Job, RejectReason
from agent.contract.reasons import ADVICE
from agent.contract.schemas import MESSAGES, schema_of
from agent.contract.topics import ROOT, Topic
from agent.journal.chain import verify
from tests.agent.envelope_by_hand import World

DIRECTORY = Path(__file__).parents[2] / "docs" / "contract"
EXAMPLES = sorted((DIRECTORY / "examples").glob("*.json"))
EVENTS = (DIRECTORY / "examples" / "events.txt").read_bytes().splitlines(keepends=True)

KINDS = {kind.__struct_config__.tag for kind in get_args(Data)}


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((DIRECTORY / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def message_of(path: Path) -> str:
    return path.stem.partition("-")[0]


def event_documents() -> list[dict[str, Any]]:
    return [json.loads(line[65:]) for line in EVENTS]


def test_the_committed_files_are_what_the_code_writes():
    drifted = [
        name
        for name, text in files().items()
        if not (DIRECTORY / name).exists() or (DIRECTORY / name).read_text() != text
    ]
    assert not drifted, "run `make contract` and look at what changed"


def test_nothing_generated_lies_there_that_the_code_does_not_write():
    found = {
        str(path.relative_to(DIRECTORY))
        for path in DIRECTORY.rglob("*")
        if path.is_file() and "sealed" not in path.parts
    }
    assert found - set(files()) == {"README.md"}


def test_exporting_twice_writes_the_same_bytes(tmp_path):
    first, second = export(tmp_path / "a"), export(tmp_path / "b")
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    assert len(first) == len(files())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_fits_its_schema_and_the_agent_reads_it(path):
    document = json.loads(path.read_text())
    validator(message_of(path)).validate(document)

    kind = MESSAGES[message_of(path)]
    assert isinstance(convert(parse(path.read_bytes()), kind), kind)


def test_every_message_has_an_example():
    shown = {message_of(path) for path in EXAMPLES} | {"event"}
    assert shown == set(MESSAGES) == {str(topic) for topic in Topic}


def test_the_example_events_are_one_chain_of_every_kind_and_reason():
    check = validator("event")
    for document in event_documents():
        check.validate(document)
    assert verify(EVENTS).no == len(EVENTS)

    data = [document["data"] for document in event_documents()]
    assert len(KINDS) == len(get_args(Data))
    assert {one["kind"] for one in data} == KINDS
    assert {one["reason"] for one in data if one["kind"] == "job-rejected"} == {
        str(reason) for reason in RejectReason
    }


def test_the_example_ack_and_state_speak_of_the_example_events():
    last = verify(EVENTS)
    ack = json.loads((DIRECTORY / "examples/ack.json").read_text())
    state = json.loads((DIRECTORY / "examples/state-printing.json").read_text())
    assert (ack["no"], ack["hash"]) == (last.no, last.hash)
    assert (state["head"]["no"], state["head"]["hash"]) == (last.no, last.hash)


@pytest.mark.parametrize("reason", RejectReason)
def test_every_reason_has_advice_and_stands_on_the_pages(reason):
    assert ADVICE[reason].meaning.strip()
    assert ADVICE[reason].remedy.strip()
    assert f"`{reason}`" in (DIRECTORY / "reasons.md").read_text()


def objects_of(schema: Any) -> list[dict[str, Any]]:
    """Return every sub-schema of an object with named fields."""
    if isinstance(schema, list):
        return [found for item in schema for found in objects_of(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if "properties" in schema and "type" in schema else []
    return own + [found for value in schema.values() for found in objects_of(value)]


@pytest.mark.parametrize("name", MESSAGES)
def test_every_object_of_a_schema_is_closed_but_for_x_names(name):
    objects = objects_of(schema_of(name))
    assert objects
    for one in objects:
        assert one["additionalProperties"] is False
        assert one["patternProperties"] == {"^x-": True}


def edits() -> list[tuple[str, Any]]:
    """Changes to one field of a job that both schema and agent must refuse."""
    longest = {"kind": "layout", "layout": "e" * 33, "fields": {}}
    return [
        ("job_id", "J 1"),
        ("job_id", "J" * 65),
        ("queue_no", -1),
        ("queue_no", 2**53),
        ("station", "Bekasi"),
        ("station", "-x"),
        ("rkid", ""),
        ("rkid", "k" * 65),
        ("issued_at", "24-11-2026"),
        ("issued_at", "2026-11-24T01:00:00+07:00"),
        ("issued_at", "1999-11-24T01:00:00Z"),
        ("kind", "fourth"),
        ("subject", ""),
        ("blanks", 0),
        ("blanks", 10),
        ("blanks", "2"),
        ("contract", -1),
        ("reason", "r" * 201),
        ("ribbon", ""),
        ("overlay", 1),
        ("sides", {}),
        ("sides", {"front": longest}),
        ("sides", {"front": {"kind": "image"}}),
        ("sides", {"front": {"kind": "image", "part": "Front"}}),
        ("magstripe", {"track_2": "1" * 38}),
        ("parts", [{}] * 9),
        ("parts", [{"name": "a", "type": "image/gif", "size": 1, "sha256": "0" * 64}]),
        ("parts", [{"name": "a", "type": "image/png", "size": 0, "sha256": "0" * 64}]),
        ("parts", [{"name": "a", "type": "image/png", "size": 1, "sha256": "0" * 63}]),
        ("copies", 2),
    ]


@pytest.mark.parametrize(("field", "value"), edits(), ids=repr)
def test_schema_and_agent_refuse_the_same(field, value):
    honest = World().document()
    changed = {**honest, field: value}
    check = validator("job")

    assert check.is_valid(honest)
    assert not check.is_valid(changed)
    with pytest.raises(DocumentError):
        convert(changed, MESSAGES["job"])


def test_schema_and_agent_both_ignore_x_names():
    changed = {**World().document(), "x-note": {"any": [1.5]}}
    assert validator("job").is_valid(changed)
    assert convert(changed, Job).job_id == "J-1"


def references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if "$ref" in node else []
    return own + [found for value in node.values() for found in references(value)]


def test_the_asyncapi_document_names_every_topic_and_all_it_refers_to_is_there():
    document = json.loads((DIRECTORY / "asyncapi.json").read_text())
    addresses = {one["address"] for one in document["channels"].values()}
    assert addresses == {f"{ROOT}/{{station}}/{{printer}}/{topic}" for topic in Topic}
    assert len(document["operations"]) == len(Topic)
    for reference in references(document):
        file, _, pointer = reference.partition("#")
        if file:
            assert (DIRECTORY / file).is_file()
            continue
        node = document
        for step in pointer.strip("/").split("/"):
            node = node[step]


def test_the_patterns_of_the_asyncapi_document_fit_the_examples():
    document = json.loads((DIRECTORY / "asyncapi.json").read_text())
    payload = {
        name: message["payload"]["schema"].get("pattern")
        for name, message in document["components"]["messages"].items()
    }
    assert re.fullmatch(payload["event"], b"".join(EVENTS).decode())
    world = World()
    assert re.fullmatch(payload["job"], world.message().decode())
    assert re.fullmatch(payload["ack"], world.ack().decode())
