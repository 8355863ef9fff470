"""The event lines about orders: commands of the centre, pauses, holds, retirement."""

from __future__ import annotations

from agent.contract.commands import Owner, Result
from agent.contract.messages import (
    Id,
    Keyword,
    Message,
    Natural,
    Sha256,
    Text,
    Time,
)
from agent.contract.stock_events import Identity


class AgentCommand(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="agent-command"
):
    """A command of the centre and its answer; what it changed stands just before."""

    command_id: Id
    command_no: Natural | None  # null: it could not be read
    command: Keyword | None  # its kind, likewise
    payload_sha256: Sha256  # of the signed document: what makes a command the same
    result: Result
    detail: str = ""
    until: Time | None = None  # `remembered`: the job is refused until then


class AgentPaused(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="agent-paused"
):
    """No new card starts, until its owner or the centre takes it back."""

    owner: Owner
    reason: Text | None = None
    identity: Identity | None = None  # of `who`, for an operator


class AgentResumed(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="agent-resumed"
):
    """Pauses that were taken back; cards start again once `still` names nobody."""

    owners: list[Owner]
    still: list[Owner]
    identity: Identity | None = None


class AgentRetired(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="agent-retired"
):
    """From here on it takes no job; it leaves once the centre holds every line."""


class JobHeld(Message, frozen=True, kw_only=True, tag_field="kind", tag="job-held"):
    """Must not start; `x-blanks-used` when it spoiled all it was allowed."""

    reason: str
    owner: Owner = Owner.SYSTEM
    identity: Identity | None = None  # of `who`, for an operator


class JobReleased(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="job-released"
):
    """Holds that were taken back; it is pending again once `still` names nobody."""

    owners: list[Owner]
    still: list[Owner]
    identity: Identity | None = None


OrderData = (
    AgentCommand | AgentPaused | AgentResumed | AgentRetired | JobHeld | JobReleased
)
