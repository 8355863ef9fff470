"""Lines go out once, and again exactly when the centre or patience asks for it."""

from __future__ import annotations

from agent.uplink.outbox import LINES_MAX, PATIENCE_MS, REPEATED_MS, Outbox


def test_no_more_than_the_window_is_on_its_way():
    outbox = Outbox(acked=7, now_ms=0)
    assert outbox.room == LINES_MAX
    outbox.published(7 + LINES_MAX, now_ms=0)
    assert outbox.room == 0
    outbox.acknowledged(17, now_ms=1)
    assert outbox.room == 10


def test_without_progress_the_lines_go_out_again_after_a_minute():
    outbox = Outbox(acked=0, now_ms=0)
    assert outbox.wait_ms(PATIENCE_MS * 9) is None
    outbox.published(5, now_ms=100_000)
    assert outbox.wait_ms(100_000) == PATIENCE_MS
    assert not outbox.rewind_if_stuck(100_000 + PATIENCE_MS - 1)
    assert outbox.rewind_if_stuck(100_000 + PATIENCE_MS)
    assert outbox.sent == 0


def test_progress_prolongs_the_patience():
    outbox = Outbox(acked=0, now_ms=0)
    outbox.published(5, now_ms=0)
    outbox.acknowledged(3, now_ms=50_000)
    outbox.published(6, now_ms=59_000)
    assert not outbox.rewind_if_stuck(60_000)
    outbox.acknowledged(3, now_ms=100_000)  # the same once more is no progress
    assert outbox.rewind_if_stuck(110_000)
    assert outbox.sent == 3


def test_an_ack_with_a_lower_number_is_a_replay():
    outbox = Outbox(acked=9, now_ms=0)
    outbox.published(12, now_ms=0)
    outbox.acknowledged(4, now_ms=1)
    assert outbox.sent == 4
    assert outbox.room == LINES_MAX


def test_the_same_ack_again_shortens_the_patience_once_until_there_is_progress():
    outbox = Outbox(acked=0, now_ms=0)
    outbox.acknowledged(0, now_ms=0)  # nothing is on its way: nothing to repeat
    outbox.published(5, now_ms=0)
    assert outbox.wait_ms(0) == PATIENCE_MS
    outbox.acknowledged(0, now_ms=1)
    assert outbox.wait_ms(1) == REPEATED_MS - 1
    assert outbox.rewind_if_stuck(REPEATED_MS)
    outbox.published(5, now_ms=REPEATED_MS)
    outbox.acknowledged(0, now_ms=REPEATED_MS)
    assert outbox.wait_ms(REPEATED_MS) == PATIENCE_MS
    outbox.acknowledged(3, now_ms=REPEATED_MS)
    outbox.acknowledged(3, now_ms=REPEATED_MS)
    assert outbox.wait_ms(REPEATED_MS) == REPEATED_MS


def test_an_ack_ahead_of_what_was_sent_is_followed():
    """The lines went out on the connection before; their ack comes on this one."""
    outbox = Outbox(acked=0, now_ms=0)
    outbox.acknowledged(8, now_ms=1)
    assert outbox.sent == 8
    assert outbox.wait_ms(2) is None
