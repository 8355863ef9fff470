"""Memory is given back once after each spell of work, and never in the midst of it."""

from __future__ import annotations

import asyncio

from agent.journal.changed import Changed
from agent.memory import QUIET_S, give_back_when_quiet, trim


class StoppedClock:
    """A clock whose sleepers wake when the test says so."""

    def __init__(self) -> None:
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleepers.append((seconds, waiting))
        await waiting

    async def wake(self) -> None:
        assert [seconds for seconds, _ in self.sleepers] == [QUIET_S]
        self.sleepers.pop()[1].set_result(None)
        await settle()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_memory_is_given_back_once_the_commits_have_ended():
    async def main() -> None:
        changed, clock, given = Changed(), StoppedClock(), []
        task = asyncio.ensure_future(
            give_back_when_quiet(changed, clock, lambda: given.append(changed.version))  # type: ignore[arg-type] # only sleeps
        )
        await settle()
        assert not clock.sleepers  # idle: it does not even wake
        changed.move()
        await settle()
        changed.move()  # while it waits: the spell goes on
        await clock.wake()
        assert given == []
        await clock.wake()
        assert given == [2]
        assert not clock.sleepers
        changed.move()
        await settle()
        await clock.wake()
        assert given == [2, 3]
        task.cancel()

    asyncio.run(main())


def test_giving_back_harms_nothing():
    kept = bytearray(b"x" * 2**20)
    trim()
    assert kept == b"x" * 2**20
