"""The centre's desk, against the contract's own schema files."""

import base64
import hashlib
import json
from datetime import UTC, datetime

import pytest
from joserfc.jwk import ECKey

from simulators.centre.batch import batch
from simulators.centre.book import ZEROS, BookError, Progress
from simulators.centre.commands import CommandError
from simulators.centre.contract import Contract, ContractError
from simulators.centre.desk import Clocks, Desk
from simulators.centre.keys import AgentKey, centre_key
from simulators.centre.orders import Addressee
from simulators.centre.store import Store

LEDGER = "3b0c7d52-5b3e-4f0e-9a55-0d8f6f1b2c3d"
ASK = {"nonce": "n-1", "boot": "b-1", "ledger": LEDGER, "accepted": []}


@pytest.fixture(scope="module")
def orders():
    return batch(3, "t")


@pytest.fixture
def said():
    return []


@pytest.fixture
def make_desk(tmp_path, said, orders):
    times = iter([100.0])  # opened then, and everything else is later

    def clock():
        return next(times, 200.0)

    def make(*commands):
        agent = ECKey.generate_key("P-256")
        desk = Desk(
            contract=Contract(),
            store=Store(tmp_path / "store"),
            key=centre_key(tmp_path / "keys"),
            agent=AgentKey(agent, agent.thumbprint()),
            to=Addressee("station-1", "p1", agent.thumbprint()),
            clocks=Clocks(lambda: datetime(2026, 3, 4, tzinfo=UTC), clock),
            say=said.append,
        )
        desk.open(orders, commands)
        return desk

    return make


def event(no, prev, data, **more):
    line = {
        "ledger": LEDGER, "no": no, "prev": prev, "boot": "b-1",
        "at": "2026-03-04T05:06:07Z", "clock": "sure", "mono": 5, "data": data, **more,
    }  # fmt: skip
    body = json.dumps(line, sort_keys=True).encode()
    return hashlib.sha256(body).hexdigest().encode() + b" " + body + b"\n"


def accepted(no, prev, job):
    data = {
        "kind": "job-accepted", "payload_sha256": "0" * 64, "queue_no": no,
        "subject": f"s-{no}", "job_kind": "first", "blanks": 2, "side_count": 1,
        "expires_at": "2026-04-01T00:00:00Z",
    }  # fmt: skip
    return event(no, prev, data, job=job)


def document_of(ack):
    middle = ack.payload.split(b".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + b"=" * (-len(middle) % 4)))


def test_every_job_goes_out_once_and_then_waits_for_an_answer(make_desk):
    desk = make_desk()
    assert [each.topic for each in desk.due()] == ["job"] * 3
    assert desk.due() == []


def test_jobs_wait_a_moment_for_an_agent_that_may_ask(make_desk):
    desk = make_desk()
    desk.greeting_s = 1000
    assert desk.due() == []
    online = {"online": True, "connection": 1, "boot": "b-1"}
    desk.receive("online", json.dumps(online).encode())
    assert len(desk.due()) == 3


def test_events_are_on_disk_before_they_are_acknowledged(make_desk, said):
    desk = make_desk()
    desk.receive("ask", json.dumps(ASK).encode())
    first = accepted(1, ZEROS, "t-01")
    second = accepted(2, first[:64].decode(), "t-02")
    [ack] = desk.receive("event", first + second)
    assert desk.store.events.read_bytes() == first + second
    assert (ack.topic, ack.retain) == ("ack", True)
    told = document_of(ack)
    assert (told["no"], told["hash"]) == (2, second[:64].decode())
    assert (told["ledger"], told["nonce"]) == (LEDGER, "n-1")
    assert said[-2:] == ["t-01 accepted", "t-02 accepted"]


def test_an_ask_is_answered_with_an_ack_and_the_jobs_it_lacks(make_desk):
    desk = make_desk()
    ask = {**ASK, "accepted": ["t-02"]}
    ack, *jobs = desk.receive("ask", json.dumps(ask).encode())
    assert (document_of(ack)["no"], document_of(ack)["hash"]) == (0, ZEROS)
    assert [each.topic for each in jobs] == ["job", "job"]


def test_a_gap_is_answered_with_the_lower_number(make_desk):
    desk = make_desk()
    first = accepted(1, ZEROS, "t-01")
    late = accepted(3, "5" * 64, "t-03")
    desk.receive("event", first)
    [ack] = desk.receive("event", late)
    assert document_of(ack)["no"] == 1
    assert desk.store.lines() == [first]


def test_the_desk_knows_after_a_restart_what_it_knew(make_desk):
    make_desk().receive("event", accepted(1, ZEROS, "t-01"))
    desk = make_desk()
    desk.greeting_s = 0
    assert desk.book.jobs["t-01"].progress is Progress.ACCEPTED
    assert len(desk.due()) == 2


def test_a_store_that_lost_a_line_is_refused(make_desk):
    desk = make_desk()
    first = accepted(1, ZEROS, "t-01")
    second = accepted(2, first[:64].decode(), "t-02")
    desk.receive("event", first + second)
    desk.store.events.write_bytes(second)
    with pytest.raises(BookError, match="out of order"):
        make_desk()


def test_a_job_sent_again_has_the_same_signed_bytes(make_desk, tmp_path):
    make_desk()
    before = Store(tmp_path / "store").job("t-01")
    make_desk()
    assert Store(tmp_path / "store").job("t-01") == before


@pytest.mark.parametrize(
    ("topic", "payload", "complaint"),
    [
        ("ask", b"{", "not JSON"),
        ("ask", b"[]", "not a JSON object"),
        ("ask", json.dumps({**ASK, "accepted": "t-01"}).encode(), "accepted"),
        ("online", b'{"online": true}', "online"),
        ("state", b"{}", "state"),
    ],
)
def test_a_message_against_the_contract_is_refused_loudly(
    make_desk, topic, payload, complaint
):
    with pytest.raises(ContractError, match=complaint):
        make_desk().receive(topic, payload)


def test_an_event_against_the_contract_is_not_stored(make_desk):
    desk = make_desk()
    with pytest.raises(ContractError, match=r"event\.schema\.json"):
        desk.receive("event", event(1, ZEROS, {"kind": "fault-raised"}))
    assert desk.store.lines() == []


def test_half_a_line_is_refused(make_desk):
    with pytest.raises(BookError, match="middle of a line"):
        make_desk().receive("event", accepted(1, ZEROS, "t-01") + b"abc")


def test_an_emptied_topic_is_no_message(make_desk):
    assert make_desk().receive("state", b"") == []


def test_a_missing_contract_is_named(tmp_path):
    with pytest.raises(ContractError, match="--contract DIR"):
        Contract(tmp_path)


def reply(desk, number, result, detail=""):
    document = {
        "command_id": f"C-{number:06d}", "command_no": number, "command": None,
        "result": result, "detail": detail, "at": "2026-03-04T05:06:07Z", "event": 9,
    }  # fmt: skip
    return desk.receive("reply", json.dumps(document).encode())


def test_a_command_is_sent_until_it_is_answered_and_its_answer_is_told(make_desk, said):
    desk = make_desk("cancel t-01", "pause")
    desk.receive("ask", json.dumps(ASK).encode())
    desk.greeting_s = 0
    sent = [each for each in desk.due() if each.topic == "command"]
    assert [document_of(one)["kind"] for one in sent] == ["cancel", "pause"]
    assert [document_of(one)["command_no"] for one in sent] == [1, 2]
    reply(desk, 1, "too-late", "the job is processing")
    assert said[-1] == "cancel t-01: too-late (the job is processing)"
    assert not desk.commands.done
    reply(desk, 2, "clock-unsure")
    assert not desk.commands.done
    reply(desk, 2, "done")
    reply(desk, 2, "done")
    assert said.count("pause: done") == 1
    assert desk.commands.done
    assert not desk.commands.good(2)
    assert desk.commands.good(1)


def test_after_a_restart_the_open_command_has_the_same_bytes_and_numbers_rise(
    make_desk,
):
    desk = make_desk("pause", "resume")
    reply(desk, 1, "done")
    again = make_desk("query")
    again.greeting_s = 0
    sent = [each for each in again.due() if each.topic == "command"]
    assert document_of(sent[0]) == desk.commands.sent[2].document
    assert [document_of(one)["command_no"] for one in sent] == [2, 3]


def test_a_command_has_its_fields_by_name(make_desk):
    desk = make_desk(
        'resolve J-1 found=output good=true reason="it is whole"',
        "count place=hopper count=96",
        "move cause=seal count=2",
        "confirm movement=5",
        "load count=100",
    )
    told = [one.document for one in desk.commands.sent.values()]
    assert told[0]["good"] is True
    assert told[0]["reason"] == "it is whole"
    assert (told[1]["place"], told[1]["count"]) == ("hopper", 96)
    assert [one["kind"] for one in told[2:]] == ["move", "confirm", "load"]


@pytest.mark.parametrize(
    "words", ["", "pause now please", "count=3", "count place=hopper count=many"]
)
def test_words_that_are_no_command_are_refused(make_desk, words):
    with pytest.raises(CommandError):
        make_desk(words)


@pytest.mark.parametrize(
    "words", ["shake", "cancel", "pause J-1", "count place=path", "load count=1 to=me"]
)
def test_a_command_that_the_contract_does_not_allow_is_not_sent(make_desk, words):
    with pytest.raises(ContractError):
        make_desk(words)


def test_a_retired_agent_is_followed_until_its_topics_are_empty(make_desk, said):
    desk = make_desk("retire")
    desk.book.jobs.clear()
    reply(desk, 1, "done")
    assert not desk.done
    assert desk.receive("state", b"") == []
    [emptied] = desk.receive("online", b"")
    assert (emptied.topic, emptied.payload, emptied.retain) == ("ack", b"", True)
    assert desk.done
    assert said[-1] == "agent retired"
