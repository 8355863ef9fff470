"""Why a job's pictures or fields cannot become a card."""

from __future__ import annotations

from agent.contract.messages import RejectReason
from agent.errors import AgentError


class ArtworkError(AgentError):
    """The job must be refused: nothing in it changes by trying again.

    `detail` is for the programmer of the centre. It names parts, fields and limits,
    never a field's value and nothing that was read out of a picture.
    """

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
