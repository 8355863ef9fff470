"""Job states and attempt stages, and which may follow which, as tables.

Refuses to know who asks for a step; a step that is not in a table is illegal.
"""

from __future__ import annotations

from enum import StrEnum

from agent.contract.events import Stage


class JobState(StrEnum):
    """IPP "job-state" (RFC 8011 section 5.3.7), spelled as there."""

    PENDING = "pending"  # accepted, durable, waiting its turn
    PENDING_HELD = "pending-held"  # must not start
    PROCESSING = "processing"  # an attempt is open
    PROCESSING_STOPPED = "processing-stopped"  # a person must act
    COMPLETED = "completed"  # one good card left the printer
    CANCELED = "canceled"  # withdrawn before a card could be marked
    ABORTED = "aborted"  # given up


class IllegalStepError(Exception):
    """A step that is in no table: a fault of this program, never of its input."""


# A job that waits keeps its state when it is asked about again, so stopped may follow
# stopped; likewise held, where a second hold comes or one of two is taken back. Every
# other state is left for another.
LEAVES_TO: dict[JobState, frozenset[JobState]] = {
    JobState.PENDING: frozenset(
        {
            JobState.PROCESSING,
            JobState.PENDING_HELD,
            JobState.CANCELED,
            JobState.ABORTED,
        }
    ),
    JobState.PENDING_HELD: frozenset(
        {
            JobState.PENDING,
            JobState.PENDING_HELD,
            JobState.CANCELED,
            JobState.ABORTED,
        }
    ),
    JobState.PROCESSING: frozenset(
        {
            JobState.COMPLETED,
            JobState.PENDING,
            JobState.PENDING_HELD,
            JobState.PROCESSING_STOPPED,
            JobState.ABORTED,
        }
    ),
    JobState.PROCESSING_STOPPED: frozenset(
        {
            JobState.PROCESSING,
            JobState.COMPLETED,
            JobState.PENDING,
            JobState.PENDING_HELD,
            JobState.PROCESSING_STOPPED,
            JobState.ABORTED,
        }
    ),
    JobState.COMPLETED: frozenset(),
    JobState.CANCELED: frozenset(),
    JobState.ABORTED: frozenset(),
}

ENDED = frozenset(state for state, next_ones in LEAVES_TO.items() if not next_ones)

# The stages an attempt may be written down in next; it may be closed at any of them.
STAGE_LEAVES_TO: dict[Stage, frozenset[Stage]] = {
    Stage.FEEDING: frozenset({Stage.SENDING, Stage.DELIVERING}),
    Stage.SENDING: frozenset({Stage.LAST, Stage.SENT, Stage.DELIVERING}),
    Stage.LAST: frozenset({Stage.SENT, Stage.DELIVERING}),
    Stage.SENT: frozenset({Stage.DELIVERING}),
    # The command had not run, or a person still sees the card in the printer.
    Stage.DELIVERING: frozenset({Stage.DELIVERING}),
    Stage.CLOSED: frozenset(),
}


def first_stage(*, whole_job: bool) -> Stage:
    """Return the stage that an attempt begins with.

    A printer that feeds by itself may do so from the first byte of its job on, so
    that there is nothing to write down before `sending`.
    """
    return Stage.SENDING if whole_job else Stage.FEEDING


def check_job_step(now: JobState, then: JobState) -> None:
    """Raises: IllegalStepError: a job may not go from `now` to `then`."""
    if then not in LEAVES_TO[now]:
        raise IllegalStepError(f"a job may not go from {now} to {then}")


def check_stage_step(now: Stage, then: Stage) -> None:
    """Raises: IllegalStepError: an attempt may not go from `now` to `then`."""
    if then not in STAGE_LEAVES_TO[now]:
        raise IllegalStepError(f"an attempt may not go from {now} to {then}")
