"""The centre's book: an honest ledger, and what each job still needs."""

import hashlib
import json

import pytest

from simulators.centre.book import RESEND_S, ZEROS, Book, BookError, Ledger, Progress


def raw_line(no: int, prev: str, kind: str = "fault-raised", **more: object) -> bytes:
    event = {"ledger": "L1", "no": no, "prev": prev, "data": {"kind": kind}, **more}
    body = json.dumps(event, sort_keys=True).encode()
    return hashlib.sha256(body).hexdigest().encode() + b" " + body + b"\n"


def chain(*kinds: str, **more: object) -> list[bytes]:
    lines, prev = [], ZEROS
    for no, kind in enumerate(kinds, 1):
        lines.append(raw_line(no, prev, kind, **more))
        prev = lines[-1][:64].decode()
    return lines


def told(book: Book, kind: str, now_s: float = 0.0, **data: object) -> None:
    no, prev = book.ledger.no + 1, book.ledger.hash
    raw = raw_line(no, prev, job="J1", data={"kind": kind, **data})
    assert book.add(book.ledger.read(raw), now_s)


def test_lines_in_order_are_taken_once():
    ledger = Ledger()
    lines = [ledger.read(raw) for raw in chain("agent-started", "fault-raised")]
    assert [ledger.add(line) for line in (*lines, *lines)] == [True, True, False, False]
    assert (ledger.no, ledger.hash) == (2, lines[1].hash)


def test_a_line_after_a_gap_waits_until_the_agent_sends_again():
    ledger = Ledger()
    first, second, third = (ledger.read(raw) for raw in chain("a", "b", "c"))
    assert ledger.add(first)
    assert not ledger.add(third)
    assert ledger.no == 1
    assert ledger.add(second)
    assert ledger.add(third)


def test_one_flipped_byte_in_a_line_is_found():
    for raw in chain("a"):
        for at in (3, 70, len(raw) - 3):
            bad = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
            with pytest.raises(BookError, match="hash"):
                Ledger().read(bad)


@pytest.mark.parametrize("raw", [b"", b"\n", b"0" * 64 + b" {}", b"x" * 80 + b"\n"])
def test_what_is_no_event_line_is_refused(raw):
    with pytest.raises(BookError):
        Ledger().read(raw)


def test_another_line_at_a_known_number_is_a_fork():
    ledger = Ledger()
    ledger.add(ledger.read(raw_line(1, ZEROS, "a")))
    with pytest.raises(BookError, match="another hash"):
        ledger.add(ledger.read(raw_line(1, ZEROS, "b")))


def test_a_line_that_does_not_follow_the_one_before_is_refused():
    ledger = Ledger()
    ledger.add(ledger.read(raw_line(1, ZEROS, "a")))
    with pytest.raises(BookError, match="does not follow"):
        ledger.add(ledger.read(raw_line(2, "1" * 64, "b")))


def test_a_second_ledger_is_refused():
    ledger = Ledger()
    ledger.add(ledger.read(raw_line(1, ZEROS, "a")))
    with pytest.raises(BookError, match="was followed"):
        ledger.add(ledger.read(raw_line(2, ZEROS, "a", ledger="L2")))


def test_a_job_is_sent_again_until_it_is_answered():
    book = Book()
    book.follow(["J1"])
    assert book.due(0.0) == ["J1"]
    book.sent("J1", b"sealed", 0.0)
    assert book.due(RESEND_S / 2) == []
    assert book.due(RESEND_S) == ["J1"]
    told(book, "job-accepted")
    assert book.due(10 * RESEND_S) == []


def test_the_agents_list_tells_which_jobs_it_lacks():
    book = Book()
    book.follow(["J1", "J2", "J3"])
    told(book, "job-accepted")
    assert book.lacking(["J1"]) == ["J2", "J3"]
    assert book.lacking([]) == ["J1", "J2", "J3"]
    told(book, "job-completed")
    assert book.lacking([]) == ["J2", "J3"]


def test_a_refusal_for_ever_is_the_end_and_one_for_now_is_tried_again_later():
    for retry, progress in (("never", Progress.REJECTED), ("later", None)):
        book = Book()
        book.follow(["J1"])
        told(book, "job-rejected", 5.0, reason="r", retry=retry, message_sha256="0")
        assert book.done is (progress is Progress.REJECTED)
        assert book.due(64.0) == []
        assert book.due(65.0) == ([] if book.done else ["J1"])


def test_a_refusal_without_a_job_is_known_by_the_message_it_names():
    book = Book()
    book.follow(["J1"])
    book.sent("J1", b"sealed", 0.0)
    digest = hashlib.sha256(b"sealed").hexdigest()
    data = {"kind": "job-rejected", "reason": "bad-signature", "retry": "other-key"}
    raw = raw_line(1, ZEROS, data={**data, "message_sha256": digest})
    book.add(book.ledger.read(raw), 0.0)
    assert book.jobs["J1"].progress is Progress.REJECTED
    assert book.jobs["J1"].reason == "bad-signature"


def test_a_refused_copy_does_not_end_the_job_that_stands():
    book = Book()
    book.follow(["J1"])
    told(book, "job-accepted")
    told(book, "job-rejected", reason="r", retry="never", message_sha256="0")
    assert book.jobs["J1"].progress is Progress.ACCEPTED
