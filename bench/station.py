"""A whole station on this machine: broker, emulated printer, agent, each a process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import ECKey

from bench.centre import PRINTER, STATION, Centre
from simulators.broker import plan_broker
from simulators.centre.keys import TRUST_NAME, centre_key

_CONFIG = """
station = "{station}"
printer = "{printer}"
state_dir = "state"
[mqtt]
uri = "mqtt://127.0.0.1:{broker_port}"
[keys]
agent = "agent.jwk"
trust = "keys/{trust}"
[device]
family = "{family}"
model = "{model}"
uri = "tcp://127.0.0.1:{printer_port}"
"""
_BLANKS = "500"
_RIBBON = "YMCKO:500"
_WAIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Make:
    """Whose printer it is; `driven` is the agent's name for the emulator's model."""

    family: str
    model: str
    driven: str


EVOLIS = Make("evolis", "Primacy", "Primacy")
MAGICARD = Make("magicard", "Tango 2e", "Tango 2e two-sided")


@dataclass(slots=True)
class Station:
    """What a measurement needs of it."""

    agent: subprocess.Popen[bytes]
    centre: Centre
    broker_name: str
    broker_port: int
    folder: Path


def write_config(
    folder: Path, *, broker_port: int, printer_port: int, make: Make = EVOLIS
) -> Path:
    """Write an agent's configuration with keys of its own; return its path."""
    centre_key(folder / "keys")
    key_file = folder / "agent.jwk"
    if not key_file.exists():
        key = ECKey.generate_key("P-256", private=True)
        document = {**key.as_dict(private=True), "kid": key.thumbprint()}
        key_file.write_text(json.dumps(document))
        key_file.chmod(0o600)
    path = folder / "agent.toml"
    text = _CONFIG.format(
        station=STATION,
        printer=PRINTER,
        trust=TRUST_NAME,
        broker_port=broker_port,
        printer_port=printer_port,
        family=make.family,
        model=make.driven,
    )
    path.write_text(text)
    return path


@contextmanager
def running(
    arguments: list[str], folder: Path, name: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A process with its output in `folder`/NAME.log; ended afterwards."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def emulated_printer(folder: Path, make: Make = EVOLIS) -> Iterator[int]:
    """An instant printer full of blanks; gives its port."""
    arguments = [
        *(sys.executable, "-m", "simulators", "printer", make.family),
        *("--model", make.model, "--tcp", "127.0.0.1:0", "--instant"),
        *("--hopper", _BLANKS, "--ribbon", _RIBBON),
    ]
    with running(arguments, folder, "printer"):
        yield int(_first_line(folder / "printer.log").rpartition(":")[2])


@contextmanager
def station(
    folder: Path, *, printer_port: int | None = None, make: Make = EVOLIS
) -> Iterator[Station]:
    """Broker, printer (unless one is given), agent and centre; ended afterwards."""
    with ExitStack() as stack:
        plan = plan_broker(folder)
        stack.enter_context(running(list(plan.argv), folder, "broker"))
        _wait_for_port(plan.port)
        if printer_port is None:
            printer_port = stack.enter_context(emulated_printer(folder, make))
        config = write_config(
            folder, broker_port=plan.port, printer_port=printer_port, make=make
        )
        centre = Centre(plan.port, folder / "keys", folder / "agent.jwk")
        stack.callback(centre.close)
        agent = stack.enter_context(
            running(
                [sys.executable, "-m", "agent", "run", str(config)], folder, "agent"
            )
        )
        centre.wait_for_agent(_WAIT_S)
        _load_stock(config)
        yield Station(agent, centre, plan.name, plan.port, folder)


def _load_stock(config: Path) -> None:
    """Tell the books what the emulated hopper holds."""
    subprocess.run(
        [
            *(sys.executable, "-m", "agent", "stock", "load", _BLANKS),
            *("--config", str(config)),
        ],
        check=True,
        capture_output=True,
        timeout=_WAIT_S,
    )


def _first_line(path: Path) -> str:
    end = time.monotonic() + _WAIT_S
    while time.monotonic() < end:
        line, newline, _ = path.read_text().partition("\n")
        if newline:
            return line
        time.sleep(0.02)
    raise RuntimeError(f"{path.name}: no line in {_WAIT_S:g} s")


def _wait_for_port(port: int) -> None:
    end = time.monotonic() + _WAIT_S
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port} after {_WAIT_S:g} s")
