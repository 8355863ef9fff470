"""Opening what the centre sends: who may make a card.

    job      JWE for this agent { JWS by the centre of the document, LF, raw parts }
    ack      JWS by the centre of the document
    command  likewise

Everything is checked that can be without a clock, a journal or a picture: expiry,
repetition and artwork are judged elsewhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.contract.commands import KINDS, Command, Result
from agent.contract.documents import DocumentError, convert, parse
from agent.contract.keyring import SIGNATURES, CentreKey, Keyring
from agent.contract.messages import (
    CONTRACT_MINOR,
    ID_PATTERN,
    JOB_SIZE_MAX,
    KEYWORD_PATTERN,
    Ack,
    Job,
    RejectReason,
)
from agent.contract.parts import cut
from agent.contract.tokens import (
    ACK_JWS,
    COMMAND_JWS,
    JOB_JWS,
    MESSAGE_SIZE_MAX,
    ShapeError,
    jwe_header,
    jws_header,
)
from agent.contract.topics import Address
from agent.errors import AgentError

if TYPE_CHECKING:
    from agent.contract.jose import Verifier

__all__ = [
    "Address",
    "EnvelopeRefused",
    "Keyring",
    "OpenedCommand",
    "OpenedJob",
    "open_ack",
    "open_command",
    "open_job",
]

SIGNED_SIZE_MAX = 8 * 2**10
"""Bytes of an ack or a command."""

_ID = re.compile(ID_PATTERN)
_KEYWORD = re.compile(KEYWORD_PATTERN)


@dataclass(frozen=True, slots=True)
class OpenedJob:
    """A job whose signature, address and parts are what they must be."""

    job: Job
    parts: dict[str, bytes]  # by name, in the order of the manifest
    payload_sha256: str  # of the signed document: what makes a job the same


@dataclass(frozen=True, slots=True)
class OpenedCommand:
    """What the centre did sign as a command; `command` None: why it is none for us."""

    payload_sha256: str  # of the signed document: what makes a command the same
    key_id: str  # of the centre, that signed it
    command_id: str
    command_no: int | None  # as far as it can be read
    kind: str | None  # likewise
    command: Command | None
    refused: Result | None = None
    detail: str = ""


class EnvelopeRefused(AgentError):  # noqa: N818 - an answer to the centre, not a fault
    """The message must not become a job, or moves no ledger.

    `detail` is for the programmer of the centre. `payload_sha256` is set when the
    signature was good (or none was asked for), `job_id` when the document then had one.
    """

    def __init__(
        self,
        reason: RejectReason,
        detail: str,
        job_id: str | None = None,
        payload_sha256: str | None = None,
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.job_id = job_id
        self.payload_sha256 = payload_sha256

    @property
    def verified(self) -> bool:
        """True when the centre itself made the message, so that it gets an event."""
        return self.payload_sha256 is not None


def open_job(message: bytes, keyring: Keyring, to: Address) -> OpenedJob:
    """Return the job in the MQTT payload `message`, if it is for the printer `to`.

    CPU only (some 9 ms for 840 KB): call it in a thread.

    Raises:
        EnvelopeRefused: with the reason that the centre is told.
        KeyFileError: the keyring holds a key that is none.
    """
    if len(message) > MESSAGE_SIZE_MAX:
        raise EnvelopeRefused(
            RejectReason.TOO_LARGE,
            f"the message has {len(message)} bytes, {MESSAGE_SIZE_MAX} at most",
        )
    if message.startswith(b"{"):
        payload, binary = _unsealed(message, keyring)
    else:
        payload, binary = _unseal(message, keyring)
    payload_sha256 = hashlib.sha256(payload).hexdigest()
    tree: dict[str, Any] = {}
    try:
        _require_job_size(len(payload) + len(binary))
        tree = parse(payload)
        job = _job(tree, keyring, to)
        parts = cut(job, binary)
    except (DocumentError, _RefusedError) as error:
        raise EnvelopeRefused(
            _reason(error), str(error), _job_id(tree), payload_sha256
        ) from error
    return OpenedJob(job, parts, payload_sha256)


def open_ack(message: bytes, keyring: Keyring, to: Address) -> Ack:
    """Return the ack in the MQTT payload `message`, if it is for the printer `to`.

    Acks are signed always, also where jobs need not be.

    Raises:
        EnvelopeRefused: nothing of it may be believed.
        KeyFileError: the keyring holds a key that is none.
    """
    payload, _ = _signed(message, ACK_JWS, keyring)
    return _ack(payload, to)


def read_ack(message: bytes, trust: Mapping[str, CentreKey]) -> Ack:
    """Return a stored ack that one of these keys has signed, whomever it was for.

    Raises:
        EnvelopeRefused: none of them has.
        KeyFileError: `trust` holds a key that is none.
    """
    from agent.contract.jose import Verifier

    payload, _ = _verify(message, ACK_JWS, trust, Verifier(trust))
    return _ack(payload, None)


def _ack(payload: bytes, to: Address | None) -> Ack:
    payload_sha256 = hashlib.sha256(payload).hexdigest()
    try:
        ack = convert(parse(payload), Ack)
        if to is not None:
            _require_address(ack.station, ack.printer, to)
    except (DocumentError, _RefusedError) as error:
        raise EnvelopeRefused(
            _reason(error), str(error), payload_sha256=payload_sha256
        ) from error
    return ack


def open_command(message: bytes, keyring: Keyring, to: Address) -> OpenedCommand:
    """Return the command in the MQTT payload `message`, or why it is none for `to`.

    Commands are signed always, also where jobs need not be.

    Raises:
        EnvelopeRefused: the centre did not make it, or it has no id to answer to.
        KeyFileError: the keyring holds a key that is none.
    """
    payload, key_id = _signed(message, COMMAND_JWS, keyring)
    payload_sha256 = hashlib.sha256(payload).hexdigest()
    tree: dict[str, Any] = {}
    command, refused, detail = None, None, ""
    try:
        tree = parse(payload)
        command = _command(tree)
        _require_address(command.station, command.printer, to)
    except (DocumentError, _RefusedError) as error:
        command, refused, detail = None, _result(error, tree), str(error)
    command_id = _text(tree, "command_id", _ID)
    if command_id is None:
        raise EnvelopeRefused(
            RejectReason.MALFORMED, detail, payload_sha256=payload_sha256
        )
    number = tree.get("command_no")
    return OpenedCommand(
        payload_sha256=payload_sha256,
        key_id=key_id,
        command_id=command_id,
        command_no=number if _is_natural(number) else None,
        kind=_text(tree, "kind", _KEYWORD),
        command=command,
        refused=refused,
        detail=detail,
    )


def _command(tree: dict[str, Any]) -> Command:
    # mypy takes a union for no type; msgspec does.
    command: Command = convert(tree, Command)  # type: ignore[arg-type]
    return command


def _result(error: DocumentError | _RefusedError, tree: dict[str, Any]) -> Result:
    if isinstance(error, _RefusedError):  # the address alone is judged so
        return Result.WRONG_PRINTER
    kind = tree.get("kind")
    unknown = isinstance(kind, str) and kind not in KINDS
    return Result.UNKNOWN_KIND if unknown else Result.MALFORMED


def _is_natural(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _signed(message: bytes, typ: str, keyring: Keyring) -> tuple[bytes, str]:
    """Return a small document, and which key of the trust file has signed it."""
    if len(message) > SIGNED_SIZE_MAX:
        raise EnvelopeRefused(
            RejectReason.TOO_LARGE,
            f"the message has {len(message)} bytes, {SIGNED_SIZE_MAX} at most",
        )
    return _verify(message, typ, keyring.trust, keyring.opener)


class _RefusedError(Exception):
    """A reason to refuse, found where job id and digest are not at hand."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def _unseal(message: bytes, keyring: Keyring) -> tuple[bytes, bytes]:
    """Return document and parts of a sealed job whose signature is good."""
    from agent.contract.jose import DoesNotOpenError

    header = _shaped(jwe_header, message)
    agent = keyring.agent
    if header["kid"] != agent.kid:
        raise EnvelopeRefused(
            RejectReason.UNKNOWN_KEY, f"sealed for another key than {agent.kid}"
        )
    if (header["epk"]["kty"], header["epk"]["crv"]) != (agent.kty, agent.crv):
        raise EnvelopeRefused(
            RejectReason.MALFORMED,
            f"the outer header: epk must be on {agent.crv}, as the agent's key is",
        )
    try:
        # Not kept by name: it is as large as the pictures, and cut into two right here.
        signed, separator, binary = keyring.opener.decrypt(message).partition(b"\n")
    except DoesNotOpenError:
        raise EnvelopeRefused(
            RejectReason.BAD_SIGNATURE, f"it does not decrypt with {agent.kid}"
        ) from None
    if not separator:
        raise EnvelopeRefused(
            RejectReason.MALFORMED, "the plaintext has no line feed after the JWS"
        )
    payload, _ = _verify(signed, JOB_JWS, keyring.trust, keyring.opener)
    return payload, binary


def _unsealed(message: bytes, keyring: Keyring) -> tuple[bytes, bytes]:
    """Return document and parts of a bare job, where the setting allows one."""
    if not keyring.allow_unsigned:
        raise EnvelopeRefused(
            RejectReason.MALFORMED, "a bare document; jobs here must be signed, sealed"
        )
    payload, separator, binary = message.partition(b"\n")
    if not separator:
        raise EnvelopeRefused(
            RejectReason.MALFORMED, "no line feed after the document, which is one line"
        )
    return payload, binary


def _verify(
    token: bytes, typ: str, trust: Mapping[str, CentreKey], verifier: Verifier
) -> tuple[bytes, str]:
    """Return the document, and which key of the trust file has signed it."""
    from agent.contract.jose import DoesNotOpenError

    header = _shaped(lambda raw: jws_header(raw, typ), token)
    key = trust.get(header["kid"])
    if key is None:
        raise EnvelopeRefused(
            RejectReason.UNKNOWN_KEY, "the inner header: kid is not in the trust file"
        )
    if header["alg"] not in SIGNATURES[key.alg]:
        raise EnvelopeRefused(
            RejectReason.BAD_SIGNATURE,
            f"the inner header: alg of {key.kid} must be {key.alg}",
        )
    try:
        return verifier.verify(token, key.kid), key.kid
    except DoesNotOpenError:
        raise EnvelopeRefused(
            RejectReason.BAD_SIGNATURE, f"the signature is not by {key.kid}"
        ) from None


def _shaped(
    header_of: Callable[[bytes], dict[str, Any]], token: bytes
) -> dict[str, Any]:
    try:
        return header_of(token)
    except ShapeError as error:
        raise EnvelopeRefused(RejectReason.MALFORMED, str(error)) from error


def _job(tree: dict[str, Any], keyring: Keyring, to: Address) -> Job:
    minor = tree.get("contract", 0)
    if type(minor) is int and minor > CONTRACT_MINOR:
        raise _RefusedError(
            RejectReason.VERSION,
            f"it needs contract minor {minor}, this agent knows {CONTRACT_MINOR}",
        )
    job = convert(tree, Job)
    _require_address(job.station, job.printer, to)
    if job.rkid != keyring.agent.kid:
        raise _RefusedError(
            RejectReason.WRONG_PRINTER,
            f"rkid is not {keyring.agent.kid}, the key of this agent",
        )
    return job


def _reason(error: DocumentError | _RefusedError) -> RejectReason:
    if isinstance(error, _RefusedError):
        return error.reason
    return RejectReason.MALFORMED


def _require_job_size(size: int) -> None:
    if size > JOB_SIZE_MAX:
        raise _RefusedError(
            RejectReason.TOO_LARGE,
            f"document and parts have {size} bytes, {JOB_SIZE_MAX} at most",
        )


def _require_address(station: str, printer: str, to: Address) -> None:
    if (station, printer) != (to.station, to.printer):
        raise _RefusedError(
            RejectReason.WRONG_PRINTER,
            f"it is for {station}/{printer}, this is {to.station}/{to.printer}",
        )


def _job_id(tree: dict[str, Any]) -> str | None:
    return _text(tree, "job_id", _ID)


def _text(tree: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str | None:
    value = tree.get(name)
    return value if isinstance(value, str) and pattern.match(value) else None
