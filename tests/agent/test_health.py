"""systemd hears what is true, and nothing once a loop hangs."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.health import Health


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


def environ_of(systemd: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": systemd.getsockname(), **more}


def test_ready_status_and_stopping_are_told(systemd):
    health = Health(environ_of(systemd))
    health.ready()
    health.status("printing\n" + "x" * 300)
    health.stopping()
    assert systemd.recv(1000) == b"READY=1"
    assert systemd.recv(1000) == b"STATUS=printing " + b"x" * 191
    assert systemd.recv(1000) == b"STOPPING=1"


def test_an_abstract_socket_is_understood():
    name = f"blanko-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name)
        listener.settimeout(5)
        Health({"NOTIFY_SOCKET": "@" + name}).ready()
        assert listener.recv(100) == b"READY=1"


def test_without_systemd_nothing_happens():
    health = Health({})
    health.ready()
    asyncio.run(health.run())  # ends at once: there is no watchdog to feed


def test_a_systemd_that_is_gone_stops_nothing(tmp_path):
    Health({"NOTIFY_SOCKET": str(tmp_path / "none")}).ready()


def test_a_watchdog_meant_for_another_process_is_not_fed():
    environ = {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
    asyncio.run(Health(environ).run())


def test_a_loop_is_late_only_after_its_own_limit():
    now_s = 0.0
    health = Health({}, lambda: now_s)
    health.beat("worker", 10)
    health.beat("uplink", 100)
    now_s = 10.5
    assert health.late() == ["worker"]
    health.beat("worker", 10)
    assert health.late() == []
    health.rest("uplink")
    now_s = 1000
    health.beat("worker", 10)
    assert health.late() == []


def test_the_watchdog_is_fed_until_a_loop_hangs(systemd):
    now_s = 0.0
    environ = environ_of(systemd, WATCHDOG_USEC="2000")
    health = Health(environ, lambda: now_s)
    health.beat("worker", 10)
    systemd.setblocking(False)

    async def pings() -> int:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(5):
            return len(await loop.sock_recv(systemd, 100))

    async def scene() -> None:
        nonlocal now_s
        feeding = asyncio.create_task(health.run())
        assert await pings() == len(b"WATCHDOG=1")
        assert await pings() == len(b"WATCHDOG=1")
        now_s = 11
        for _ in range(3):  # what was under way may still come
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    while True:
                        await pings()
        health.beat("worker", 10)
        assert await pings() == len(b"WATCHDOG=1")
        feeding.cancel()

    asyncio.run(scene())
