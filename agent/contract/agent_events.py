"""The event lines about the agent: its keys, its ledger, what it refused."""

from __future__ import annotations

from typing import Annotated

import msgspec

from agent.contract.messages import END, Count, Id, KeyId, Message, Natural, Sha256
from agent.contract.stock_events import Identity, PersonId


class SigningKey(Message, frozen=True, kw_only=True):
    """The public half of the key that signs an agent's checkpoints, as a JWK."""

    kty: Annotated[str, msgspec.Meta(pattern="^OKP" + END)] = "OKP"
    crv: Annotated[str, msgspec.Meta(pattern="^Ed25519" + END)] = "Ed25519"
    x: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{43}" + END)]
    kid: KeyId  # the RFC 7638 thumbprint


class AgentKey(Message, frozen=True, kw_only=True, tag_field="kind", tag="agent-key"):
    """The keys from here on: `kid` is what jobs are sealed for."""

    kid: KeyId
    signing: SigningKey


class LedgerBegun(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="ledger-begun"
):
    """The first line of a ledger that takes a lost one's place: people said so.

    What became of jobs accepted before is unknown here. The old names and numbers are
    those that could still be read.
    """

    because: str
    counts: dict[str, Count]  # blanks by place, as a person counted them now
    old_ledger: Id | None = None
    old_no: Natural | None = None  # the last event that the centre had signed for
    old_hash: Sha256 | None = None  # its hash
    set_aside: str | None = None  # name of the file that holds what is left of it
    identity: Identity
    second: PersonId | None = None  # the other person who stands for it
    unconfirmed: bool = False  # a second person has 24 hours for `stock-confirmed`


class Checkpoint(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="checkpoint"
):
    """The agent's signature over the line before this one: a compact JWS.

    Its payload is `{"hash":…,"ledger":…,"no":…}`, its `typ` blanko-checkpoint+jws.
    """

    signature: Annotated[str, msgspec.Meta(max_length=1024)]


class AgentMended(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="agent-mended"
):
    """The disk takes again what is written; for so long it did not, and why."""

    detail: str
    stopped_s: Natural


class AgentRefusals(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="agent-refusals"
):
    """Messages of the last minute that did not verify, by reason."""

    counts: dict[str, Natural]
