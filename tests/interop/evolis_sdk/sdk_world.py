"""An emulated printer in a thread, the vendor's SDK in a process, and the test between.

Every wait has an end: an SDK that hangs is killed, and the test that hung it fails.
"""

from __future__ import annotations

import asyncio
import json
import queue
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.simulators.emulator_world import Reply, World, living

PROGRAM = Path(__file__).with_name("sdk_program.py")
ANSWER_S = 30.0
PRINT_MS = 20_000
PROCESSES = 4  # of the SDK, side by side: it mostly waits

Key = TypeVar("Key")
Result = TypeVar("Result")


class Machine:
    """An emulator that lives in a thread of its own, and the hand that touches it."""

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self._born: queue.Queue[World | BaseException] = queue.Queue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread.start()
        world = self._born.get(timeout=10)
        if isinstance(world, BaseException):
            raise world
        self.world = world

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._live())
        finally:
            self._loop.close()

    async def _live(self) -> None:
        try:
            async with living(**self._settings) as world:
                self._born.put(world)
                await self._end.wait()
        except BaseException as error:
            self._born.put(error)
            raise

    def uri(self, model: str = "Primacy") -> str:
        return f"socket://127.0.0.1:{self.world.port}?model={model}"

    def do(self, **request: object) -> dict[str, Any]:
        """A request of the control socket; one that is refused fails the test."""
        waiting = asyncio.run_coroutine_threadsafe(self.world.do(**request), self._loop)
        answer = waiting.result(timeout=10)
        assert answer["ok"], answer
        return answer

    def poll(self) -> Reply:
        """The printer's status, as a host that sends nothing gets it."""
        waiting = asyncio.run_coroutine_threadsafe(self.world.poll(), self._loop)
        return waiting.result(timeout=10)

    def hand(self, act: str, **how: object) -> dict[str, Any]:
        return self.do(do="hand", act=act, **how)

    def truth(self) -> dict[str, Any]:
        return self.do(do="truth")

    def card(self, number: int = 1) -> dict[str, Any]:
        name = f"card-{number:06d}"
        return next(card for card in self.truth()["cards"] if card["id"] == name)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(timeout=10)
        assert not self._thread.is_alive()


class Sdk:
    """The vendor's client in its process; one request at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )
        self.missing: str = self._answer()["missing"]

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def begin(self, **request: object) -> None:
        """Ask and do not wait; `end` returns the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")

    def end(self) -> Any:
        return self._answer()

    def ask(self, **request: object) -> Any:
        self.begin(**request)
        return self.end()

    def answers_within(self, limit_s: float) -> bool:
        """Whether `end` would have an answer by then; it is not taken."""
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], limit_s)[0])

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        if not self.answers_within(ANSWER_S):
            self.close()
            raise AssertionError(f"the SDK gave no answer within {ANSWER_S} s")
        line = self._process.stdout.readline()
        assert line, f"the SDK's process ended: {self._process.wait(5)}"
        return json.loads(line)

    def close(self) -> None:
        self._process.kill()
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


class Client:
    """One connection of the SDK to one printer."""

    def __init__(self, sdk: Sdk, uri: str, name: str = "a") -> None:
        self._sdk = sdk
        self._name = name
        self.opened: str = sdk.ask(do="open", on=name, uri=uri)

    def __call__(self, what: str, *arguments: object) -> Any:
        """Return the value of a method; enum arguments as `EnumName.MEMBER`."""
        return self.result(what, *arguments)["value"]

    def result(self, what: str, *arguments: object) -> dict[str, Any]:
        """As `__call__`, with the error the SDK keeps: {value, error}."""
        self.begin(what, *arguments)
        return self.end()

    def begin(self, what: str, *arguments: object) -> None:
        """Call a method and do not wait; `end` returns what `result` would."""
        self._sdk.begin(do="call", on=self._name, what=what, **{"with": arguments})

    def end(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._sdk.end()
        return answer

    @property
    def state(self) -> str:
        state: str = self("get_state")
        return state

    def begin_print(
        self,
        front: Path,
        back: Path | None = None,
        ribbon: str = "YMCKO",
        limit_ms: int = PRINT_MS,
    ) -> None:
        self._sdk.begin(
            do="print",
            on=self._name,
            ribbon=ribbon,
            front=str(front),
            back=str(back) if back else "",
            limit_ms=limit_ms,
        )

    def answers_within(self, limit_s: float) -> bool:
        """Whether `end` or `end_print` would have an answer by then."""
        return self._sdk.answers_within(limit_s)

    def end_print(self) -> str:
        code: str = self._sdk.end()
        return code

    def print(
        self,
        front: Path,
        back: Path | None = None,
        ribbon: str = "YMCKO",
        limit_ms: int = PRINT_MS,
    ) -> str:
        """Return the SDK's own word for how it went: `OK`, `PRINT_…`."""
        self.begin_print(front, back, ribbon, limit_ms)
        return self.end_print()

    def write_tracks(self, *tracks: tuple[str, str], coercivity: str = "HICO") -> str:
        code: str = self._sdk.ask(
            do="write-tracks", on=self._name, tracks=tracks, coercivity=coercivity
        )
        return code

    def read_tracks(self, *formats: str) -> list[str]:
        answer: list[str] = self._sdk.ask(
            do="read-tracks", on=self._name, formats=formats
        )
        return answer

    def close(self) -> None:
        self._sdk.ask(do="close", on=self._name)

    def kill(self) -> None:
        """End the whole process, with whatever it waits for."""
        self._sdk.close()


@contextmanager
def side_by_side(
    jobs: Mapping[Key, Callable[[Sdk], Result]],
) -> Iterator[dict[Key, Future[Result]]]:
    """Begin all jobs at once, as far as processes go; each may kill the one it has."""
    idle: queue.Queue[Sdk] = queue.Queue()
    for _ in range(PROCESSES):
        idle.put(Sdk())

    def one(job: Callable[[Sdk], Result]) -> Result:
        sdk = idle.get()
        try:
            return job(sdk)
        finally:
            idle.put(sdk if sdk.alive else Sdk())

    with ThreadPoolExecutor(PROCESSES) as pool:
        try:
            yield {key: pool.submit(one, job) for key, job in jobs.items()}
        finally:
            pool.shutdown(cancel_futures=True)
            while not idle.empty():
                idle.get().close()
