"""What each refusal means and what the makers of a centre do about it."""

from __future__ import annotations

from dataclasses import dataclass

from agent.contract.messages import RETRY, RejectReason, Retry


@dataclass(frozen=True, slots=True)
class Advice:
    """Two sentences about a reason."""

    meaning: str
    remedy: str


_NEW_ID = "A corrected job needs a new `job_id`."

ADVICE: dict[RejectReason, Advice] = {
    RejectReason.MALFORMED: Advice(
        "Token, header, document or parts are not as the contract says; `detail` "
        "says where.",
        f"Correct the centre's program. {_NEW_ID}",
    ),
    RejectReason.TOO_LARGE: Advice(
        "The message has more than 4.5 MiB, or document and parts more than 3 MiB.",
        f"Send smaller images: a PNG of a card has some 600 KB. {_NEW_ID}",
    ),
    RejectReason.WRONG_PRINTER: Advice(
        "`station`, `printer` or `rkid` under the signature are of another agent.",
        f"Seal and address the job for one and the same agent. {_NEW_ID}",
    ),
    RejectReason.EXPIRED: Advice(
        "`expires_at` had passed when the job arrived.",
        "Nothing was printed. Send the card again as a new job, with a new `job_id`.",
    ),
    RejectReason.DUPLICATE_DIFFERS: Advice(
        "Another document was accepted under this `job_id`; that job stands.",
        "Never change a job: withdraw it, and send another under a new `job_id`.",
    ),
    RejectReason.CANCELED: Advice(
        "The job was withdrawn before it arrived.",
        "Nothing to do: it will not be printed.",
    ),
    RejectReason.IMAGE_BAD: Advice(
        "A picture is damaged, of another size or type, or has transparency.",
        f"Send PNG or JPEG, 1011 × 638 pixels for a whole side. {_NEW_ID}",
    ),
    RejectReason.LAYOUT_BAD: Advice(
        "A field of the layout is missing, unknown, or too long for its place.",
        f"Correct the field that `detail` names, or send a finished image. {_NEW_ID}",
    ),
    RejectReason.UNSUPPORTED: Advice(
        "This printer cannot do what the job asks: another side, ribbon or encoder.",
        f"Send it to a printer that can, or ask for less. {_NEW_ID}",
    ),
    RejectReason.VERSION: Advice(
        "The document needs a newer contract than `state.contract` of this agent.",
        f"Send nothing newer than the agent knows, or update the agent. {_NEW_ID}",
    ),
    RejectReason.SECOND_FIRST: Advice(
        "A `first` card for this `subject` was taken already.",
        "If a second card is meant, send kind `replacement` or `correction`.",
    ),
    RejectReason.FATE_OPEN: Advice(
        "The job named by `reprint_of` has not ended here: its card may yet come out "
        "good.",
        "Wait for the event that ends it, cancel it if it waits; then look whether a "
        "replacement is still wanted.",
    ),
    RejectReason.BEFORE_LEDGER: Advice(
        "The agent lost its ledger after this job was issued: it may have been "
        "printed then, and nobody here can know.",
        "Find out what became of the card; if it is still wanted, send it under a "
        "new `job_id`, issued now.",
    ),
    RejectReason.RETIRED: Advice(
        "You have retired this agent: it takes no job any more.",
        "Send the card to another printer, as a new job with a new `job_id`.",
    ),
    RejectReason.STORAGE_FULL: Advice(
        "The agent's disk has no room for the job.",
        "Send the same bytes again after 60 s, then doubling the wait up to 1 h.",
    ),
    RejectReason.CLOCK_UNSURE: Advice(
        "The agent cannot tell whether the job has expired: its clock is not sure; or "
        "the job was issued more than 10 minutes after now, by a clock that is.",
        "Answer its `ask` with the nonce, and look at your own clock if `detail` names "
        "`issued_at`; then send the job again after 60 s or more.",
    ),
    RejectReason.UNKNOWN_KEY: Advice(
        "It is sealed for a key that is not this agent's, or signed with one that is "
        "not in its trust file.",
        "Seal for the agent's present key, or have yours put into the trust file; "
        "then the same job may be sent again.",
    ),
    RejectReason.BAD_SIGNATURE: Advice(
        "It does not decrypt, or the signature is not by the key it names.",
        "Seal and sign again with the right keys; the same job may then be sent.",
    ),
}
"""Every reason has its advice."""


def retry_of(reason: RejectReason) -> Retry:
    """Return what a refusal for this reason says about sending again."""
    return RETRY.get(reason, Retry.NEVER)
