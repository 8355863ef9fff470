"""Commands of the centre: done once, answered as often as they come, over a restart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agent.contract.agent_events import LedgerBegun
from tests.agent.envelope_by_hand import World, compact, jws
from tests.agent.test_uplink import WORLD, Session, job, scene
from tests.agent.virtual_time import START, LoopClock, elapse

STRANGER = World()


def command(number: int, kind: str, /, **changes: Any) -> bytes:
    """One of the centre, valid for a day from the session's start."""
    times = {
        "issued_at": START.isoformat(),
        "expires_at": (START + timedelta(days=1)).isoformat(),
    }
    fields = {"command_id": f"C-{number}", "command_no": number, "kind": kind}
    return WORLD.command(**{**times, **fields, **changes})


async def reply_to(session: Session, message: bytes) -> Any:
    """Send it and return the reply, when it has been acknowledged too."""
    replies, acked = len(session.broker.of("reply")), len(session.broker.acked)
    session.broker.link.deliver("command", message)
    await elapse(1)
    assert len(session.broker.acked) == acked + 1
    found = session.broker.of("reply")[replies:]
    assert len(found) <= 1
    return found[0].document if found else None


def events(session: Session) -> list[str]:
    return session.broker.kinds()


def test_a_pause_is_on_disk_before_it_is_acknowledged_and_then_answered(tmp_path):
    async def play(session: Session) -> None:
        packet = session.broker.link.deliver("command", command(1, "pause"))
        await elapse(1)
        assert session.broker.acked == [(0, packet, 2)]
        assert events(session) == ["agent-paused", "agent-command"]
        (reply,) = session.broker.of("reply")
        assert not reply.retain
        assert (reply.document["command_id"], reply.document["result"]) == (
            "C-1",
            "done",
        )
        assert reply.document["event"] == 2
        assert session.journal.orders.paused_by() == ["centre"]

    scene(play, tmp_path)


def test_the_same_command_again_gets_the_same_answer_and_does_nothing(tmp_path):
    async def play(session: Session) -> None:
        first = await reply_to(session, command(1, "pause"))
        await reply_to(session, command(2, "resume"))
        again = await reply_to(session, command(1, "pause"))
        assert {**again, "at": first["at"]} == first
        assert session.journal.orders.paused_by() == []
        assert events(session).count("agent-command") == 2

    scene(play, tmp_path)


def test_it_is_not_done_again_after_a_restart_either(tmp_path):
    async def before(session: Session) -> None:
        await reply_to(session, command(1, "pause"))
        await reply_to(session, command(2, "resume"))

    async def after(session: Session) -> None:
        again = await reply_to(session, command(1, "pause"))
        assert again["result"] == "done"
        stale = await reply_to(session, command(2, "pause", command_id="C-other"))
        assert stale["result"] == "stale"
        assert session.journal.orders.paused_by() == []
        assert (await reply_to(session, command(9, "pause")))["result"] == "done"

    scene(before, tmp_path)
    scene(after, tmp_path)


def test_a_pause_outlives_a_restart(tmp_path):
    async def before(session: Session) -> None:
        await reply_to(session, command(1, "pause"))

    async def after(session: Session) -> None:
        assert session.journal.orders.paused_by() == ["centre"]

    scene(before, tmp_path)
    scene(after, tmp_path)


@pytest.mark.parametrize(
    ("message", "result"),
    [
        (command(1, "pause", printer="p2"), "wrong-printer"),
        (command(1, "shake"), "unknown-kind"),
        (command(1, "pause", loudly=True), "malformed"),
        (command(1, "pause", command_no=0), "malformed"),
        (command(1, "pause", command_no="1"), "malformed"),
        (command(1, "hold"), "malformed"),
        (command(1, "hold", job_id="J-9"), "unknown-job"),
        (command(1, "query", job_id="J-9"), "unknown-job"),
        (command(1, "pause", expires_at=START.isoformat()), "malformed"),
        (
            command(1, "pause", expires_at=(START + timedelta(days=32)).isoformat()),
            "malformed",
        ),
        (
            command(
                1,
                "pause",
                issued_at=(START - timedelta(hours=2)).isoformat(),
                expires_at=(START - timedelta(hours=1)).isoformat(),
            ),
            "expired",
        ),
    ],
)
def test_what_cannot_be_done_is_answered_recorded_and_changes_nothing(
    tmp_path, message, result
):
    async def play(session: Session) -> None:
        reply = await reply_to(session, message)
        assert (reply["command_id"], reply["result"]) == ("C-1", result)
        assert reply["detail"]
        assert events(session) == ["agent-command"]
        again = await reply_to(session, message)
        assert (again["result"], again["event"]) == (result, reply["event"])
        assert events(session) == ["agent-command"]
        assert session.journal.orders.paused_by() == []

    scene(play, tmp_path)


@pytest.mark.parametrize(
    "message",
    [
        b"rubbish",
        b"x" * 9000,
        WORLD.ack(),
        STRANGER.command(),
        WORLD.command(compact({"kind": "pause"})),
        jws(
            WORLD.inner_header(typ="blanko-command+jws"),
            compact(WORLD.command_document()),
            STRANGER.centre,
        ),
    ],
    ids=["rubbish", "too long", "an ack", "another's key", "no id", "forged"],
)
def test_what_the_centre_did_not_make_is_counted_and_gets_no_reply(tmp_path, message):
    async def play(session: Session) -> None:
        assert await reply_to(session, message) is None
        assert events(session) == []
        await elapse(61)
        assert await reply_to(session, message) is None
        assert "agent-refusals" in events(session)
        assert session.journal.orders.paused_by() == []

    scene(play, tmp_path)


def test_the_same_id_with_other_content_is_refused(tmp_path):
    async def play(session: Session) -> None:
        await reply_to(session, command(1, "pause"))
        other = await reply_to(session, command(2, "resume", command_id="C-1"))
        assert other["result"] == "duplicate-differs"
        assert session.journal.orders.paused_by() == ["centre"]
        assert (await reply_to(session, command(2, "resume")))["result"] == "done"

    scene(play, tmp_path)


def test_a_command_that_may_be_over_waits_for_a_clock_that_is_sure(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(LoopClock, "synchronised", lambda _: False)
    old = command(
        1,
        "pause",
        issued_at=(START - timedelta(hours=2)).isoformat(),
        expires_at=(START - timedelta(hours=1)).isoformat(),
    )

    async def play(session: Session) -> None:
        for _ in range(2):
            assert (await reply_to(session, old))["result"] == "clock-unsure"
        assert events(session) == ["agent-command"]
        nonce = session.broker.of("ask")[0].document["nonce"]
        now = LoopClock().wall().isoformat()
        session.broker.link.deliver("ack", session.ack(1, nonce=nonce, at=now))
        await elapse(1)
        assert (await reply_to(session, old))["result"] == "expired"

    scene(play, tmp_path)


def test_a_waiting_job_is_canceled_and_one_that_ended_is_not(tmp_path):
    async def play(session: Session) -> None:
        session.broker.link.deliver("job", job())
        await elapse(1)
        reply = await reply_to(session, command(1, "cancel", job_id="J-1"))
        assert reply["result"] == reply["job"]["state"] == "canceled"
        assert session.journal.open_job_ids() == []
        again = await reply_to(session, command(2, "cancel", job_id="J-1"))
        assert again["result"] == "canceled"

    scene(play, tmp_path)


def test_a_job_canceled_before_it_came_is_refused_until_the_cancel_expires(tmp_path):
    async def before(session: Session) -> None:
        reply = await reply_to(session, command(1, "cancel", job_id="J-1"))
        assert reply["result"] == "remembered"

    async def after(session: Session) -> None:
        session.broker.link.deliver("job", job())
        await elapse(1)
        line = session.broker.of("event")[-1].payload.splitlines()[-1]
        assert b'"reason":"canceled"' in line
        assert session.journal.open_job_ids() == []
        await elapse(timedelta(days=1).total_seconds())
        session.broker.link.deliver("job", job())
        await elapse(1)
        assert session.journal.open_job_ids() == ["J-1"]

    scene(before, tmp_path)
    scene(after, tmp_path)


def test_a_held_job_waits_until_it_is_released(tmp_path):
    async def play(session: Session) -> None:
        session.broker.link.deliver("job", job())
        await elapse(1)
        held = await reply_to(session, command(1, "hold", job_id="J-1", reason="name"))
        assert held["job"]["state"] == "pending-held"
        assert held["job"]["reasons"] == ["held-by-centre"]
        free = await reply_to(session, command(2, "release", job_id="J-1"))
        assert (free["result"], free["job"]["state"]) == ("done", "pending")
        once_more = await reply_to(session, command(3, "release", job_id="J-1"))
        assert once_more["detail"] == "it was not held"

    scene(play, tmp_path)


def test_a_query_shows_the_job_or_the_whole_picture_as_it_is_now(tmp_path):
    async def play(session: Session) -> None:
        session.broker.link.deliver("job", job())
        await elapse(1)
        one = await reply_to(session, command(1, "query", job_id="J-1"))
        assert (one["job"]["state"], one["state"]) == ("pending", None)
        whole = await reply_to(session, command(2, "query"))
        assert (whole["job"], whole["state"]["printer_state"]) == (None, "idle")
        await reply_to(session, command(3, "cancel", job_id="J-1"))
        again = await reply_to(session, command(1, "query", job_id="J-1"))
        assert (again["event"], again["job"]["state"]) == (one["event"], "canceled")

    scene(play, tmp_path)


def acked(session: Session) -> bytes:
    return session.ack(session.journal.head().no)


def test_a_retired_agent_delivers_its_events_and_then_leaves_for_good(tmp_path):
    async def play(session: Session) -> None:
        broker = session.broker
        assert (await reply_to(session, command(1, "retire")))["result"] == "done"
        broker.link.deliver("job", job())
        await elapse(1)
        assert events(session) == ["agent-retired", "agent-command", "job-rejected"]
        assert broker.sessions_ended == 0
        broker.link.deliver("ack", acked(session))
        await elapse(5)
        assert [one.payload for one in broker.sent[-2:]] == [b"", b""]
        assert {one.topic.rpartition("/")[2] for one in broker.sent[-2:]} == {
            "state",
            "online",
        }
        assert all(one.retain for one in broker.sent[-2:])
        assert broker.sessions_ended == 1
        assert session.uplink.trouble == "the centre has retired this agent"
        await elapse(600)
        assert len(broker.links) == 1

    async def after(session: Session) -> None:
        await elapse(600)
        assert session.broker.links == []

    scene(play, tmp_path)
    scene(after, tmp_path)


def test_a_retired_agent_that_was_stopped_before_leaving_leaves_later(tmp_path):
    async def before(session: Session) -> None:
        await reply_to(session, command(1, "retire"))

    async def after(session: Session) -> None:
        session.broker.link.deliver("ack", acked(session))
        await elapse(5)
        assert session.broker.sessions_ended == 1

    scene(before, tmp_path)
    scene(after, tmp_path)


def test_an_agent_with_open_jobs_is_not_retired(tmp_path):
    async def play(session: Session) -> None:
        session.broker.link.deliver("job", job())
        await elapse(1)
        reply = await reply_to(session, command(1, "retire"))
        assert reply["result"] == "jobs-open"
        await reply_to(session, command(2, "cancel", job_id="J-1"))
        assert (await reply_to(session, command(3, "retire")))["result"] == "done"

    scene(play, tmp_path)


def test_a_command_older_than_a_ledger_that_took_a_lost_ones_place_is_stale(tmp_path):
    """Its number may have been executed by the old one."""
    begun = LedgerBegun(because="lost", counts={}, identity="unproven")

    async def play(session: Session) -> None:
        old = command(7, "pause")
        await session.journal.record(begun)
        assert (await reply_to(session, old))["result"] == "stale"
        now = session.clock.wall() + timedelta(seconds=1)
        new = command(1, "pause", command_id="C-new", issued_at=now.isoformat())
        await elapse(2)
        assert (await reply_to(session, new))["result"] == "done"

    scene(play, tmp_path)
