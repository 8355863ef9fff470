"""A citizen's data never shows, whatever prints the struct that holds it."""

from __future__ import annotations

import logging
import pprint
import traceback

import msgspec
import pytest

from agent.contract.documents import DocumentError, convert
from agent.contract.envelope import EnvelopeRefused, OpenedJob, open_job
from agent.contract.examples import examples
from agent.contract.messages import Job, LedgerHead
from agent.contract.private import Private, PrivateBytes, reveal
from tests.agent.envelope_by_hand import TO, World, compact

SECRET = "BUDI RAHASIA"
TRACK = "7777778888"


def secret_job() -> Job:
    tree = {
        **World().document(),
        "sides": {
            "front": {"kind": "layout", "layout": "e-ktp", "fields": {"nama": SECRET}},
            "back": {"kind": "layout", "layout": "e-ktp", "fields": {"alamat": SECRET}},
        },
        "magstripe": {"track_1": SECRET, "track_2": TRACK, "track_3": TRACK},
        "parts": [],
    }
    return convert(tree, Job)


def shown_forms(value: object) -> list[str]:
    return [
        repr(value),
        str(value),
        f"{value}",
        f"{value!r:>40}",
        "%s %r" % (value, value),  # noqa: UP031 - logging does it so
        pprint.pformat(value),
        logging.LogRecord("n", 20, "f", 1, "%s", (value,), None).getMessage(),
    ]


def test_no_struct_shows_a_name_or_a_track():
    job = secret_job()
    opened = OpenedJob(job, {"foto": PrivateBytes(SECRET.encode())}, "0" * 64)
    front = job.sides.front
    head = LedgerHead(ledger="l", no=0, hash="0" * 64, acked=0)
    others = [message for _, message in examples(head).values()]
    for value in [job, job.sides, front, job.magstripe, opened, opened.parts, *others]:
        for text in shown_forms(value):
            assert SECRET not in text
            assert TRACK not in text
            assert "ANGGREK" not in text
            assert "0001024503870000" not in text
    assert "•••" in repr(job)


def test_the_data_itself_is_there_for_who_means_to_use_it():
    front = secret_job().sides.front
    fields = msgspec.structs.asdict(front)["fields"]

    assert fields["nama"] == SECRET
    assert fields["nama"].lower() == SECRET.lower()
    assert ", ".join([fields["nama"], "x"]) == f"{SECRET}, x"
    assert PrivateBytes(b"picture")[:3] == b"pic"


def test_private_data_cannot_be_encoded_by_accident():
    with pytest.raises(TypeError):
        msgspec.json.encode(secret_job())
    assert SECRET.encode() in msgspec.json.encode(secret_job(), enc_hook=reveal)
    with pytest.raises(TypeError):
        reveal(object())


@pytest.mark.parametrize(
    "value", [Private(SECRET), PrivateBytes(SECRET.encode())], ids=["text", "bytes"]
)
def test_a_private_value_shows_three_dots_in_every_form(value):
    for text in shown_forms(value):
        assert SECRET not in text
        assert "•••" in text


def free_texts(node: msgspec.inspect.Type, path: str) -> set[str]:
    """Where in a message a text may stand that no pattern bounds."""
    match node:
        case msgspec.inspect.StructType():
            fields = [(f.encode_name, f.type) for f in node.fields]
            found = (free_texts(kind, f"{path}.{name}") for name, kind in fields)
            return set().union(*found)
        case msgspec.inspect.UnionType():
            return set().union(*(free_texts(one, path) for one in node.types))
        case msgspec.inspect.ListType():
            return free_texts(node.item_type, f"{path}[]")
        case msgspec.inspect.DictType():
            return free_texts(node.value_type, f"{path}[]")
        case msgspec.inspect.StrType(pattern=None):
            return {path}
    return set()


def test_every_free_text_of_a_job_is_private_or_known_to_be_none_of_a_citizens():
    harmless = {"job.reason", "job.ribbon"} | {
        f"job.sides.{side}.layout" for side in ("front", "back")
    }
    hidden = {
        "job.sides.front.fields[]",
        "job.sides.back.fields[]",
        "job.magstripe.track_1",
        "job.magstripe.track_2",
        "job.magstripe.track_3",
    }
    assert free_texts(msgspec.inspect.type_info(Job), "job") == harmless | hidden


def layout(**changes: object) -> dict[str, object]:
    return {"kind": "layout", "layout": "e-ktp", "fields": {}, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": SECRET},
        {"kind": f"O'{SECRET}"},
        {"kind": f"O'{SECRET}'S \"{SECRET}\""},
        {"subject": SECRET},
        {"blanks": SECRET},
        {"sides": {"front": {"kind": SECRET}}},
        {"sides": {"front": layout(layout=SECRET * 9)}},
        {"sides": {"front": layout(fields={SECRET: "x"})}},
        {"sides": {"front": layout(fields={"nama": SECRET * 30})}},
        {"parts": [{"name": SECRET}]},
        {"expires_at": SECRET},
        {"magstripe": {"track_2": SECRET * 9}},
    ],
    ids=repr,
)
def test_no_refusal_repeats_a_value_of_the_document(changes):
    world = World()
    with pytest.raises(EnvelopeRefused) as refused:
        open_job(world.message(compact(world.document(**changes))), world.keyring(), TO)

    told = "".join(traceback.format_exception(refused.value)) + refused.value.detail
    assert SECRET not in told


def test_a_document_error_says_where_and_what_was_expected():
    with pytest.raises(DocumentError, match=r"int.*blanks"):
        convert({**World().document(), "blanks": "2"}, Job)
