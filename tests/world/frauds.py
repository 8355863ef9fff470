"""Thieves at the broker, and thieves who reach the agent's files and clock.

What comes over the broker is refused without effect, and counted in `state`; a file
that was touched is told by its chain, a signature, or what the centre holds.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from agent.clockwatch import LOOK_S
from agent.contract.topics import Topic
from agent.journal.verify import Verdict
from agent.people.requests import Hold
from tests.agent import envelope_by_hand as by_hand
from tests.agent.virtual_time import elapse
from tests.world.centre import Order, Wish
from tests.world.files import NAME, Files
from tests.world.forger import (
    END,
    Forgery,
    Forging,
    forge_in_place,
    statements,
    told_anew,
)
from tests.world.heist import Heist, Moment
from tests.world.sealed import SealedPost

PUBLISHED_S = 3.0  # after a message has come, the state is out again
DAY = timedelta(days=1)
COPIES = 100
LEDGER_SIZE = 36  # of the id that the file beside the journal begins with


# At the broker


async def _comes(heist: Heist, *messages: bytes, topic: Topic = Topic.JOB) -> None:
    """Messages arrive; no card may be fed for them, and no job stand."""
    fed, jobs = heist.machine.mechanism.cards_fed, dict(heist.notary.books.jobs)
    completed = +heist.notary.books.completed
    for message in messages:
        heist.broker.to_agent(topic, message)
    await heist.until(lambda: not heist.broker.waiting)
    await elapse(PUBLISHED_S + 60.0)
    assert heist.machine.mechanism.cards_fed == fed, heist.ending
    assert +heist.notary.books.completed == completed
    known = {job: heist.notary.books.jobs.get(job) for job in jobs}
    assert known == jobs, heist.ending


def _post(heist: Heist) -> SealedPost:
    assert isinstance(heist.post, SealedPost)
    return heist.post


async def replayed_job(heist: Heist) -> None:
    """The very bytes again: after the card, and after the agent has begun anew."""
    await heist.card("J1", 10)
    (sealed,) = _post(heist).jobs
    await heist.at(Moment.AT_THE_DOOR, _comes(heist, sealed))
    assert heist.state["redelivered"] == 1
    await heist.restart()
    await heist.connected()
    heist.all_known()
    again = _post(heist).seal(_order(heist, "J1").message)
    await heist.at(Moment.AT_THE_DOOR, _comes(heist, sealed, again, sealed))
    assert heist.state["redelivered"] == 3


async def replayed_while_it_waits(heist: Heist) -> None:
    """Copies of a job that is not printed yet: one card comes of them."""
    heist.machine.power(on=False)
    heist.want("J1", 10)
    await heist.becomes("J1", "accepted")
    (sealed,) = _post(heist).jobs
    await heist.at(Moment.AT_THE_DOOR, _comes(heist, *[sealed] * COPIES))
    heist.machine.power(on=True)
    await heist.becomes("J1", "completed")
    await heist.passes(600.0)
    assert heist.cards == {"output": 1}


async def copies_of_a_replacement(heist: Heist) -> None:
    """A burst of reprints, as far as a broker can make one."""
    await heist.card("J1", 10)
    await heist.card("J2", 20, subject="S-J1", replaces="J1")
    sealed = _post(heist).jobs[-1]
    await heist.at(Moment.AT_THE_DOOR, _comes(heist, *[sealed] * COPIES))
    assert heist.state["redelivered"] == COPIES
    assert heist.cards == {"output": 2}


def _order(heist: Heist, job_id: str) -> Order:
    (order,) = [one for one in heist.plan.orders if one.job_id == job_id]
    return order


async def forged_signature(heist: Heist) -> None:
    """A key of the thief's own, under the centre's name and under none."""
    await heist.card("J1", 10)
    post, message = _post(heist), Order("J9", 90).message
    picture = message.partition(b"\n")[2]
    document = post.document(message)
    thief = by_hand.new_centre_key("ES256")
    named = by_hand.jws(post.hand.inner_header(), document, thief)
    unnamed = by_hand.jws(post.hand.inner_header(kid="thief-1"), document, thief)
    forged = [post.hand.sealed(signed + b"\n" + picture) for signed in (named, unnamed)]
    await heist.at(Moment.AT_THE_DOOR, _comes(heist, *forged))
    assert heist.state["refused"] == {"bad-signature": 1, "unknown-key": 1}


async def changed_on_the_way(heist: Heist) -> None:
    """A few bits of a sealed job are others when it comes; the right ones never do."""
    await heist.card("J1", 10)
    sealed = bytearray(_post(heist).seal(Order("J9", 90).message))
    sealed[-60] = ord("B") if sealed[-60] == ord("A") else ord("A")
    await heist.at(Moment.AT_THE_DOOR, _comes(heist, bytes(sealed)))


async def unsealed_job(heist: Heist) -> None:
    """A bare document, as a bench may take it."""
    await heist.card("J1", 10)
    message = Order("J9", 90).message
    document = _post(heist).document(message)
    bare = document + b"\n" + message.partition(b"\n")[2]
    await heist.at(Moment.AT_THE_DOOR, _comes(heist, bare))


async def job_for_another_printer(heist: Heist) -> None:
    """Signed by the centre for p2; who holds the key of p2 has sealed it for us."""
    await heist.card("J1", 10)
    message = Order("J9", 90).message
    for_p2 = _post(heist).seal(message, printer="p2")
    for_its_key = _post(heist).seal(message, rkid="agent-2")
    await heist.at(Moment.AT_THE_DOOR, _comes(heist, for_p2, for_its_key))
    assert heist.state["refused"] == {"wrong-printer": 2}


async def second_first(heist: Heist) -> None:
    """The centre is talked into a second first card for a person who has one."""
    await heist.card("J1", 10)
    second = _post(heist).seal(Order("J2", 20, subject="S-J1").message)
    await heist.at(Moment.AT_THE_DOOR, _comes(heist, second))
    assert heist.state["refused"] == {"second-first": 1}


async def forged_command(heist: Heist) -> None:
    """The centre has paused the printer; somebody else tells it to go on."""
    await heist.card("J1", 10)
    post = _post(heist)
    pause = Wish(1, "pause").message()
    heist.broker.to_agent(Topic.COMMAND, post.sign_command(pause))
    await heist.until(lambda: bool(heist.events("agent-paused")))
    heist.want("J2", 20)
    await heist.becomes("J2", "accepted")
    header = post.hand.inner_header(typ="blanko-command+jws")
    thief = by_hand.new_centre_key("ES256")
    forged = by_hand.jws(header, Wish(2, "resume").message(), thief)
    comes = _comes(heist, forged, topic=Topic.COMMAND)
    await heist.at(Moment.AT_THE_DOOR, comes)
    assert heist.state["paused_by"] == ["centre"]


async def forged_ack(heist: Heist) -> None:
    """Who makes the agent believe that its events are held has them never sent."""
    await heist.card("J1", 10)
    await elapse(5.0)
    post = _post(heist)
    held = heist.state["head"]["acked"]
    _, payload, _ = post.acks[-1].decode().split(".")
    thief = by_hand.new_centre_key("ES256")
    header = post.hand.inner_header(typ="blanko-ack+jws")
    raw = by_hand.unb64(payload)
    forged = by_hand.jws(header, raw.replace(b'"no":', b'"no":9'), thief)
    heist.broker.to_agent(Topic.ACK, forged)
    await heist.at(Moment.AT_THE_DOOR, elapse(PUBLISHED_S))
    assert heist.state["head"]["acked"] == held


# At the files


def _restored(files: Files, *, with_lock: bool) -> Callable[[Path], None]:
    """Put a copy in the place of what is there; `with_lock`: of every file."""

    def tamper(folder: Path) -> None:
        lock = (folder / f"{NAME}-lock").read_bytes()
        shutil.rmtree(folder)
        files.write(folder)
        if not with_lock:
            (folder / f"{NAME}-lock").write_bytes(lock)

    return tamper


def _rewritten(*changes: Forging) -> Callable[[Path], None]:
    """Do this to the file, and let the one beside it not name its last event."""

    def tamper(folder: Path) -> None:
        for change in changes:
            forge_in_place(folder / NAME, Forgery("", change, Verdict.GOOD))
        lock = folder / f"{NAME}-lock"
        lock.write_bytes(lock.read_bytes()[:LEDGER_SIZE])

    return tamper


async def _once(heist: Heist, tamper: Callable[[Path], None]) -> None:
    """Stop the agent, touch its files, and let it start again."""

    def once(folder: Path) -> None:
        heist.tamper = lambda _: None
        tamper(folder)

    heist.tamper = once
    await heist.restart()


async def _copied_before_a_card(heist: Heist) -> Files:
    """A job waits; the files are copied; then its card is printed."""
    heist.machine.power(on=False)
    heist.want("J1", 10)
    await heist.becomes("J1", "accepted")
    await elapse(5.0)
    backup = heist.copied()
    heist.machine.power(on=True)
    await heist.becomes("J1", "completed")
    await heist.passes(5.0)
    return backup


async def restored_from_a_backup(heist: Heist) -> None:
    """Behind a broken line, where no centre can tell."""
    backup = await _copied_before_a_card(heist)
    heist.broker.fail(up=False)
    tamper = _restored(backup, with_lock=False)
    await heist.at(Moment.START, _once(heist, tamper))
    await elapse(600.0)
    assert heist.cards == {"output": 1}
    heist.broker.fail(up=True)


async def whole_folder_restored(heist: Heist) -> None:
    """With the file that names the last event, while the centre can be heard."""
    backup = await _copied_before_a_card(heist)
    tamper = _restored(backup, with_lock=True)
    await heist.at(Moment.ACK, _once(heist, tamper))
    await elapse(600.0)
    assert heist.state["accepting"] is False
    assert heist.cards == {"output": 1}


async def deleted_event(heist: Heist) -> None:
    """The end of the ledger is cut off, with the card it tells of."""
    await heist.card("J1", 10)
    await heist.passes(600.0)
    gone = statements(f"DELETE FROM events WHERE no = {END}")
    await heist.at(Moment.START, _once(heist, _rewritten(gone)))
    assert heist.told == ["the agent does not start"]


async def edited_and_verified(heist: Heist) -> None:
    """All is told anew, each hash right: an auditor asks for the signatures."""
    await heist.card("J1", 10)
    await heist.all_held()
    await heist.passes(600.0)
    anew = told_anew("job-accepted", subject="S-another")
    copy = heist.folder / "copy"
    heist.copied().write(copy)
    heist.verify(copy)
    heist.nothing_named()
    _rewritten(anew)(copy)
    await heist.at(Moment.VERIFY, _verify(heist, copy))


async def _verify(heist: Heist, folder: Path) -> None:
    heist.verify(folder)


async def edited_and_connected(heist: Heist) -> None:
    """The same, and the agent goes on with it: the centre holds the true lines."""
    await heist.card("J1", 10)
    await heist.passes(600.0)
    anew = told_anew("job-accepted", subject="S-another")
    await heist.at(Moment.ACK, _once(heist, _rewritten(anew)))
    heist.want("J2", 20)
    await elapse(600.0)
    assert heist.cards == {"output": 1}


async def sold_place_in_the_queue(heist: Heist) -> None:
    """J1 is held so that J2 comes first; while the line is cut, that is rubbed out."""
    await heist.idle()
    heist.machine.power(on=False)
    heist.want("J1", 10)
    heist.want("J2", 20)
    await heist.becomes("J2", "accepted")
    await heist.all_held()
    heist.broker.fail(up=False)
    await heist.ask(Hold(who="siti", job="J1", reason="his cousin"))
    heist.machine.power(on=True)
    await heist.becomes("J2", "completed")
    rub_out = told_anew("job-started", passed_over=[])
    await _once(heist, _rewritten(rub_out))
    await heist.passes(60.0)
    heist.broker.fail(up=True)
    await heist.at(Moment.LINES, heist.connected())


async def clock_set_back(heist: Heist) -> None:
    """So that a job that has expired, or a bribe's deadline, is in time again."""
    await heist.card("J1", 10)
    await heist.passes(600.0)
    heist.clock.off = -DAY
    await heist.at(Moment.CLOCK, elapse(LOOK_S))
