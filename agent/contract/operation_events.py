"""The event lines about cleaning and self-tests: what moves no blank of a job."""

from __future__ import annotations

from enum import StrEnum

from agent.contract.attempt_events import Evidence, Expected
from agent.contract.commands import Owner
from agent.contract.messages import Id, Message, Natural, Text
from agent.contract.stock_events import Identity


class Operation(StrEnum):
    """What a printer is asked to do besides printing."""

    CLEAN = "clean"  # with a cleaning card, which is no blank
    SELF_TEST = "self-test"  # takes no blank


class OperationResult(StrEnum):
    """What became of an operation."""

    DONE = "done"
    FAILED = "failed"  # the printer said so, or did not do it
    UNSUPPORTED = "unsupported"  # this model cannot
    INTERRUPTED = "interrupted"  # the agent or the printer went away in the middle


class OperationAsked(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="operation-asked"
):
    """To be done between two cards; at most one waits or is under way."""

    operation: Operation
    owner: Owner  # whose wish it is
    command_id: Id | None = None  # of the centre's command
    reason: Text | None = None
    identity: Identity | None = None  # of `who`, for a person


class OperationBegun(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="operation-begun"
):
    """Written before the command that begins it."""

    operation: Operation
    request: Natural  # the number of its `operation-asked`
    expected: Expected | None = None  # what the counters will have moved by
    evidence: Evidence | None = None


class OperationEnded(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="operation-ended"
):
    """Nothing more comes of the request; also of one that was never begun."""

    operation: Operation
    request: Natural  # the number of its `operation-asked`
    result: OperationResult
    detail: str = ""
    evidence: Evidence | None = None  # where the counters stand from here on


OperationData = OperationAsked | OperationBegun | OperationEnded
