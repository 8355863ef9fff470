"""`blanko-sim printer evolis` as a process: its lines, its port, its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from click.testing import CliRunner

from simulators.cli import main

ROOT = Path(__file__).parents[2]


def start(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "simulators", "printer", "evolis", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def ask(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
        link.sendall(request)
        link.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: link.recv(4096), b""))


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_works_and_ends_when_told(short_folder, sign):
    path = short_folder / "control"
    process = start(
        *("--tcp", "127.0.0.1:0", "--instant", "--control", str(path)),
        *("--cards", str(short_folder / "cards"), "--hopper", "2"),
    )
    try:
        port = int(line(process).removeprefix("listening tcp 127.0.0.1:"))
        assert line(process) == f"control {path}"
        assert ask(port, b"\x1bSi\r\0").startswith(b"OK\0")
        for letter, size in (*((x, 658_368) for x in "ymc"), ("k", 82_296)):
            levels = "2" if letter == "k" else "256"
            head = f"\x1bDb;{letter};{levels};".encode()
            assert ask(port, head + bytes(size) + b"\r\0").startswith(b"OK\0")
        assert ask(port, b"\x1bSv\r\0").startswith(b"OK\0")
        back = b"\x1bDb;k;2;" + bytes(82_296) + b"\r\0"
        assert ask(port, back).startswith(b"OK\0")
        truth = control(path, {"do": "truth"})
        assert truth["places"]["path"] == 1
        assert truth["cards"][0]["state"] == "part-printed"
        assert ask(port, b"\x1bSer\r\0").startswith(b"OK\0")
        process.send_signal(sign)  # its pictures are not drawn yet
        _, errors = process.communicate(timeout=10)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert errors == ""
    assert not path.exists()
    names = [path.name for path in (short_folder / "cards").iterdir()]
    assert sorted(names) == ["card-000001-back.png", "card-000001-front.png"]


def control(path: Path, request: dict[str, object]) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(10)
        link.connect(str(path))
        link.sendall(json.dumps(request).encode() + b"\n")
        answer: dict[str, Any] = json.loads(link.makefile().readline())
        return answer


@pytest.mark.parametrize(
    ("options", "place", "sensed"),
    [
        ((), "path", b"CARD"),
        (("--power-up", "hide"), "path", b"OK"),
        (("--power-up", "flush"), "output", b"OK"),
    ],
)
def test_settings_of_the_machine_are_reached_from_the_command_line(
    short_folder, options, place, sensed
):
    path = short_folder / "control"
    process = start(
        *("--tcp", "127.0.0.1:0", "--speed", "0", "--control", str(path), *options),
        *("--model", "Zenius", "--ribbon", "K:7", "--two-sided", "--cleaning", "0:9"),
        *("--old-counters", "--status-on-request"),
    )
    try:
        port = int(line(process).rpartition(":")[2])
        line(process)
        assert ask(port, b"\x1bRtp\r") == b"Zenius\0"
        assert ask(port, b"\x1bRrt;type\r") == b"100\0"
        assert ask(port, b"\x1bRco;clean\r") == b"ERROR CDE\0"
        assert ask(port, b"\x1bRco;s;1\r") == b"0 9 \0"
        assert int(ask(port, b"\x1bRpst\r")[:8], 16) & 0x0010_0020 == 0x0010_0000
        assert control(path, {"do": "hand", "act": "insert"})["ok"]
        for on in (False, True):
            assert control(path, {"do": "power", "on": on})["ok"]
        control(path, {"do": "step", "s": 30})
        assert control(path, {"do": "truth"})["places"][place] == 1
        assert ask_until_there(port, b"\x1bRlr;p\r") == sensed + b"\0"
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_on_usb_it_has_no_other_port_unless_asked():
    process = start("--usbip", "127.0.0.1:0", "--fault", "usb-nak@1")
    try:
        said = line(process)
        assert said.startswith("listening usbip 127.0.0.1:")
        told = ask(int(said.rpartition(":")[2]), bytes.fromhex("0111800500000000"))
        assert told[:12] == bytes.fromhex("0111 0005 00000000 00000001")
        assert b"\0001-1\0" in told
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=10)
    assert (rest, process.returncode) == ("", 0)


def ask_until_there(port: int, request: bytes) -> bytes:
    """The printer is on already; its port opens a moment later."""
    while True:
        try:
            return ask(port, request)
        except ConnectionRefusedError:
            continue


@pytest.mark.parametrize("link", ["--tcp", "--usbip"])
def test_it_costs_next_to_nothing_while_idle(link):
    process = start(link, "127.0.0.1:0")
    try:
        port = int(line(process).rpartition(":")[2])
        ask(port, b"")
        begun_s, used_before_s = perf_counter(), cpu_s(process.pid)
        while perf_counter() - begun_s < 1.0:
            signal.sigtimedwait([], 1.0)
        assert cpu_s(process.pid) - used_before_s <= 0.02
    finally:
        process.terminate()
        process.communicate(timeout=10)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tcp", "9100"], "'9100': expected HOST:PORT"),
        (["--tcp", "127.0.0.1:99999"], "expected HOST:PORT"),
        (["--ribbon", "ABC:3"], "'ABC': expected one of YMCKO"),
        (["--ribbon", "YMCKO"], "'YMCKO': expected YMCKO:0 to YMCKO:1000"),
        (["--cleaning", "1000"], "'1000': expected CARDS:MORE"),
        (["--fault", "gremlin@2"], "'gremlin': expected one of hopper-empty"),
        (["--fault", "jam-path"], "'jam-path': expected jam-path@N"),
        (["--model", "Tattoo"], "'Tattoo' is not"),
        (["--speed", "2", "--instant"], "exclude each other"),
        (["--speed", "nan"], "expected a number"),
        (["--usbip", "3240"], "'3240': expected HOST:PORT"),
        (["--fault", "usb-stall@1"], "usb-stall: only with --usbip"),
    ],
)
def test_a_wrong_option_is_told_what_was_expected(options, message):
    result = CliRunner().invoke(main, ["printer", "evolis", *options])
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize("link", ["--tcp", "--usbip"])
def test_a_port_or_socket_that_is_not_to_be_had_is_named(link):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = CliRunner().invoke(main, ["printer", "evolis", link, address])
    assert result.exit_code == 1
    assert f"{link[2:]} {address}: " in result.output
    assert "in use" in result.output.lower()


def test_the_group_lists_its_commands_without_importing_them():
    script = (
        "import sys; from simulators.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "assert 'PIL' not in sys.modules and 'asyncio' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for name in ("printer", "centre", "demo", "station"):
        assert name in done.stdout
