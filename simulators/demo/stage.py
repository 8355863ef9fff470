"""Sets the stage: keys, configuration and the programs of one station.

Used by the demo, which brings its own broker and centre, and by the station alone.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from simulators.demo.children import ROOT, Child, ChildError, Children
from simulators.demo.command import Command, CommandError
from simulators.demo.pictures import Face
from simulators.demo.world import World

READY_S = 30.0
"""How long a program may take until it can be used, on a busy computer."""

_CONFIG = """\
station = "{station}"
printer = "{printer}"
state_dir = "{state_dir}"
control_socket = "{socket}"

[mqtt]
uri = "{broker}"

[keys]
agent = "{agent_key}"
trust = "{trust}"

[device]
family = "{family}"
model = "{model}"
uri = "tcp://127.0.0.1:{port}"
"""


@dataclass(frozen=True, slots=True)
class Site:
    """One station's files, all in one directory."""

    directory: Path
    station: str
    printer: str

    @property
    def config(self) -> Path:
        """The agent's configuration."""
        return self.directory / "agent.toml"

    @property
    def agent_key(self) -> Path:
        """The agent's private key."""
        return self.directory / "agent.jwk"

    @property
    def public_key(self) -> Path:
        """What the centre seals for."""
        return self.directory / "agent.jwk.pub"

    @property
    def state_dir(self) -> Path:
        """The agent's ledger and spool."""
        return self.directory / "state"

    @property
    def socket(self) -> Path:
        """Where the agent's command line finds it."""
        return self.directory / "agent.sock"

    @property
    def emulator_socket(self) -> Path:
        """The emulator's control socket; the agent never learns it."""
        return self.directory / "world.sock"


@dataclass(frozen=True, slots=True)
class Make:
    """Whose printer it is, and what its wire and pictures differ in."""

    family: str
    model: str  # as the emulator knows it
    driven: str  # as the agent knows it
    panel_start: bytes  # what a panel, or a page of panels, begins with on the wire
    panels_before: int  # such beginnings before the one that is to be spoiled
    face: Face


MAKES = {
    make.family: make
    for make in (
        Make("evolis", "Primacy", "Primacy", b"\x1bDb;", 16, Face((2, 5))),
        Make(
            "magicard", "Tango 2e", "Tango 2e two-sided", b"\x01,NOC1,", 3,
            Face((2, 2), levels=64),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Machine:
    """How the emulated printer is set up."""

    make: Make
    hopper: int
    ribbon_sets: int
    speed: float
    cards: Path | None  # None: no pictures of them are drawn
    faults: tuple[str, ...] = ()
    state: Path | None = None  # None: killed, its cards are gone with it
    port: int = 0  # its raw port; 0: any free one


async def make_agent_key(site: Site) -> None:
    """Let the agent make its key, unless there is one, with its public half beside it.

    Raises:
        ChildError: `blanko keys` failed.
    """
    if not site.agent_key.exists():
        await _blanko("keys", "new", "--out", str(site.agent_key))


def write_config(
    site: Site, broker: str, trust: Path, make: Make, printer_port: int
) -> None:
    """Write the agent's configuration."""
    site.state_dir.mkdir(mode=0o700, exist_ok=True)
    text = _CONFIG.format(
        station=site.station,
        printer=site.printer,
        state_dir=site.state_dir,
        socket=site.socket,
        broker=broker,
        agent_key=site.agent_key,
        trust=trust,
        family=make.family,
        model=make.driven,
        port=printer_port,
    )
    site.config.write_text(text)


async def start_emulator(
    children: Children, site: Site, machine: Machine
) -> tuple[Child, int]:
    """Start the emulated printer; return it with its TCP port.

    Raises:
        ChildError: it does not come up.
    """
    argv = [
        sys.executable, "-m", "simulators", "printer", machine.make.family,
        "--model", machine.make.model,
        "--tcp", f"127.0.0.1:{machine.port}", "--hopper", str(machine.hopper),
        "--ribbon", f"YMCKO:{machine.ribbon_sets}", "--speed", f"{machine.speed:g}",
        "--control", str(site.emulator_socket),
    ]  # fmt: skip
    if machine.cards is not None:
        argv += ["--cards", str(machine.cards)]
    if machine.state is not None:
        argv += ["--state", str(machine.state)]
    for fault in machine.faults:
        argv += ["--fault", fault]
    emulator = await children.start("emulator", argv)
    line = await children.line(emulator, "listening tcp", READY_S)
    await children.line(emulator, "control ", READY_S)
    return emulator, int(line.rpartition(":")[2])


async def start_agent(children: Children, site: Site) -> Child:
    """Start the agent and wait until its command line is answered.

    Raises:
        ChildError: it does not come up.
    """
    argv = [sys.executable, "-m", "agent", "run", str(site.config)]
    agent = await children.start("agent", argv)
    command = Command(site.config)
    try:
        async with asyncio.timeout(READY_S):
            while agent.process.returncode is None:
                try:
                    await command("status")
                except CommandError:
                    await asyncio.sleep(0.2)
                else:
                    return agent
    except TimeoutError:
        pass
    raise ChildError(f"the agent does not answer:\n{agent.last_words()}")


async def broker_listens(child: Child, port: int) -> bool:
    """Whether the broker is up, and is ours: one that found its port taken ends."""
    for _ in range(100):
        await asyncio.sleep(0.1)
        if child.process.returncode is not None:
            return False
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            continue
        writer.close()
        await asyncio.sleep(0.3)
        return child.process.returncode is None
    return False


def world_of(site: Site) -> World:
    """The emulator's control socket."""
    return World(site.emulator_socket)


async def _blanko(*words: str) -> None:
    """Run one command of the agent that needs no daemon."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent", *words, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, err = await process.communicate()
    if process.returncode != 0:
        raise ChildError(f"blanko {' '.join(words)}: {err.decode().strip()}")
