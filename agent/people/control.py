"""The local socket: one JSON line in, one JSON line out (docs/control.md); a trace is
the one request that is answered by many.

Who may connect is decided by the socket's owner, group and mode alone; who a person is,
by a PIN of the roster.
"""

from __future__ import annotations

import asyncio
import contextlib
import pwd
import socket
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import structlog

from agent.clock import InlineExecutor
from agent.contract.messages import Id, State
from agent.errors import AgentError
from agent.journal.journal import Journal, JournalError, Refusal
from agent.people.identities import People
from agent.people.requests import Request, Written
from agent.people.stockroom import Stockroom, operations_of
from agent.printer.tracing import Title, Tracing, stream

LINE_SIZE_MAX = 64 * 1024
JOBS_MAX = 100  # of each kind, open and ended
IDLE_S = 30  # then a client that says nothing is let go
CLIENTS_MAX = 16

log = structlog.get_logger(__name__)


class Status(Request, frozen=True, kw_only=True, tag="status"):
    """The whole picture."""


class Jobs(Request, frozen=True, kw_only=True, tag="jobs"):
    """Jobs that have not ended, by queue number, then the newest that have."""


class JobOf(Request, frozen=True, kw_only=True, tag="job"):
    """One job as it stands."""

    job: Id


class Why(Request, frozen=True, kw_only=True, tag="why"):
    """The events of one job, oldest first."""

    job: Id


class Stock(Request, frozen=True, kw_only=True, tag="stock"):
    """Blanks by place, as the books have them."""


class Operations(Request, frozen=True, kw_only=True, tag="operations"):
    """The cleaning or test that is asked for, and how the last one ended."""


class Trace(Request, frozen=True, kw_only=True, tag="trace"):
    """Read along with the printer, until the client goes or the time is over."""

    seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] | None = None


_Answered = Status | Jobs | JobOf | Why | Stock | Operations | Written
AnyRequest = _Answered | Trace


_decoder = msgspec.json.Decoder(AnyRequest)


class ControlError(AgentError):
    """The socket cannot be opened; the message names it."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message, where=f"control socket {path}")


class Broker(msgspec.Struct, frozen=True):
    """How the session with the broker stands."""

    connected: bool
    connection: int
    trouble: str  # why there is none


class Control:
    """Answers the command line from the journal and the daemon's picture."""

    def __init__(
        self,
        journal: Journal,
        state: Callable[[], State],
        broker: Callable[[], Broker],
        traces: Tracing,
        people: People | None = None,
    ) -> None:
        """Without `people` nobody can prove an identity."""
        self._journal = journal
        self._state = state
        self._broker = broker
        self._traces = traces
        people = people or People(journal, InlineExecutor())
        self._stockroom = Stockroom(journal, people)
        self._clients: dict[asyncio.Task[object], asyncio.StreamWriter] = {}
        self._reading_along: set[asyncio.Task[object]] = set()

    async def serve(self, path: Path) -> None:
        """Answer for ever; the socket is gone afterwards.

        Raises:
            ControlError: the socket cannot be made, or another daemon answers on it.
        """
        _make_way(path)
        try:
            listener = _listen(path)
        except OSError as error:
            raise ControlError(path, error.strerror or str(error)) from error
        try:
            server = await asyncio.start_unix_server(
                self._client, sock=listener, limit=LINE_SIZE_MAX
            )
            try:
                # Not `serve_forever`: from Python 3.12 its end waits for all clients.
                await asyncio.get_running_loop().create_future()
            finally:
                server.close()
        finally:
            listener.close()
            _forget(path)
            # Closed and not cancelled: what was asked for is still done and answered.
            for task, writer in self._clients.items():
                writer.close()
                if task in self._reading_along:
                    task.cancel()
            if self._clients:
                await asyncio.wait(self._clients)

    async def _client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients[task] = writer
        try:
            if len(self._clients) <= CLIENTS_MAX:
                await self._talk(reader, writer)
        except (TimeoutError, OSError):
            pass  # it said nothing for too long, or is gone
        except Exception as failure:
            # A fault of ours costs one client; older asyncio would not even name it.
            log.exception("client_failed", error=str(failure))
        finally:
            del self._clients[task]
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        fits = True
        while fits:
            async with asyncio.timeout(IDLE_S):
                line, fits = await _line(reader)
            if not line:
                return
            peer = _peer(writer)
            reply = await self._answer(line, peer) if fits else _LONG
            if isinstance(reply, Trace):
                await self._trace(reply, reader, writer, peer)
                return
            writer.write(msgspec.json.encode(reply) + b"\n")
            async with asyncio.timeout(IDLE_S):
                await writer.drain()

    async def _trace(
        self,
        request: Trace,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: str,
    ) -> None:
        log.info("trace_began", who=peer, seconds=request.seconds)
        state, task = self._state(), asyncio.current_task()
        assert task is not None
        title = Title.of(state.printer, state.at)
        self._reading_along.add(task)
        try:
            with self._traces.reader(title) as trace:
                family = self._traces.family
                await stream(trace, family, (reader, writer), request.seconds)
        finally:
            self._reading_along.discard(task)
            # What a slow client has not taken by now would hold up the daemon's end.
            writer.transport.abort()
            log.info("trace_ended", exchanges=trace.exchanges, dropped=trace.dropped)

    async def _answer(self, line: bytes, peer: str) -> dict[str, object] | Trace:
        try:
            request = _decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return _error("bad-request", str(error))
        if isinstance(request, Trace):
            return request
        try:
            return {"ok": True, **await self._do(request, peer)}
        except Refusal as refusal:
            return _error(refusal.code, refusal.message)
        except JournalError as error:
            return _error("storage-failed", str(error))

    async def _do(self, request: _Answered, peer: str) -> dict[str, object]:
        journal = self._journal
        match request:
            case Status():
                return {"broker": self._broker(), "state": self._state()}
            case Jobs():
                ended = journal.jobs_ended(JOBS_MAX)
                return {"jobs": [*journal.jobs_open(JOBS_MAX), *ended]}
            case JobOf(job=job):
                return {"job": self._view(job)}
            case Why(job=job):
                self._view(job)
                return {"events": _last_fitting(journal.why(job))}
            case Operations():
                return operations_of(journal)
            case Stock():
                return self._stockroom.show()
            case _:
                return await self._stockroom.take(request, peer)

    def _view(self, job_id: str) -> object:
        view = self._journal.job(job_id)
        if view is None:
            raise Refusal("unknown-job", f"no job {job_id} was ever accepted here")
        return view


def _last_fitting(events: Sequence[bytes]) -> list[msgspec.Raw]:
    """The newest events that fit into a line."""
    kept: list[msgspec.Raw] = []
    size = 1_000  # of what stands around them
    for event in reversed(events):
        size += len(event) + 1
        if size > LINE_SIZE_MAX:
            break
        kept.append(msgspec.Raw(event))
    return kept[::-1]


_LONG = {
    "ok": False,
    "error": "too-long",
    "message": f"a request has at most {LINE_SIZE_MAX} bytes and ends with a newline",
}


def _error(code: str, message: str) -> dict[str, object]:
    return {"ok": False, "error": code, "message": message}


async def _line(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    """Return the next line and whether it was within the limit; empty at the end."""
    try:
        return await reader.readuntil(b"\n"), True
    except asyncio.IncompleteReadError:
        return b"", True
    except asyncio.LimitOverrunError:
        return b"?", False


def _peer(writer: asyncio.StreamWriter) -> str:
    """The login name of the other side, as the kernel vouches for its process."""
    sock = writer.get_extra_info("socket")
    size = struct.calcsize("3i")
    packed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    uid = struct.unpack("3i", packed)[1]
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(path))
        path.chmod(0o660)
        listener.listen()  # at once: whoever sees the socket is not refused
    except OSError:
        listener.close()
        raise
    return listener


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)


def _make_way(path: Path) -> None:
    """Remove a socket that a dead daemon left; never one that answers."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise ControlError(path, "another daemon answers on it")
