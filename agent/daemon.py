"""Builds the agent's parts from the configuration, joins them, and ends them in order.

The only place that does so. One process, one printer, one TaskGroup.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import structlog

from agent import __version__
from agent.artwork import render
from agent.clock import SystemClock, ThreadExecutor
from agent.clockwatch import watch_clock
from agent.config import Config, ConfigError, load
from agent.contract.envelope import open_ack, open_command, open_job
from agent.contract.events import AgentStarted, AgentStopped
from agent.contract.keyring import KeyFileError, Keyring
from agent.contract.messages import CONTRACT_MINOR, State
from agent.contract.topics import Address
from agent.contract.vault import Vault
from agent.errors import AgentError
from agent.health import Health
from agent.journal.errors import (
    JournalDamagedError,
    JournalError,
    JournalForeignError,
    StorageError,
)
from agent.journal.journal import Journal
from agent.journal.lost import is_bare, remember, salvage
from agent.journal.mending import mend
from agent.journal.outage import word_of
from agent.journal.signing import sign_days
from agent.memory import give_back_when_quiet, keep_out_of_cores, trim
from agent.people.control import Broker, Control
from agent.people.identities import People
from agent.people.stockroom import watch_unconfirmed
from agent.printer.tracing import Tracing
from agent.printer.upkeep import Upkeep
from agent.printer.worker import Worker
from agent.printer.workshop import Workshop
from agent.uplink.commands import Commands
from agent.uplink.door import Door, judge_with
from agent.uplink.first_start import lost_ledger
from agent.uplink.last_opened import LastOpened
from agent.uplink.link import LinkError, MqttLink
from agent.uplink.session import Ends, Uplink
from agent.uplink.state import Standing, state_of
from agent.uplink.without_journal import report_loss, tell
from protocols.contract import Capabilities, Driver
from protocols.registry import capabilities_of, make_driver
from protocols.vocabulary import StateReason

JOURNAL = "journal.db"  # in the state directory

BROKER_RETRY_S = 2.0  # of a first start
DISK_RETRY_S = 10.0  # half of the watchdog's time, and a little less

SIGNALS = (signal.SIGTERM, signal.SIGINT)

STOPPED = 0
FAILED = 1
MISCONFIGURED = 78  # EX_CONFIG of sysexits.h: starting again would not help

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Given:
    """What the configuration names, read and checked."""

    config: Config
    keyring: Keyring
    capabilities: Capabilities


def read(path: Path) -> Given:
    """Read the configuration and the keys it names.

    Raises:
        ConfigError: of the configuration.
        KeyFileError: of a key file.
    """
    config = load(path)
    keys, device = config.keys, config.device
    unsigned = keys.allow_unsigned_jobs
    keyring = Keyring.load(keys.agent, keys.trust, allow_unsigned=unsigned)
    return Given(config, keyring, capabilities_of(device.family, device.model))


def session_of(address: Address) -> int:
    """The same after each start: the printer knows us again by it."""
    return 1 + zlib.crc32(address.client_id.encode()) % 65_535


def run(path: Path) -> int:
    """Be the agent until SIGTERM or SIGINT; return the exit code of the process."""
    os.umask(0o077)
    keep_out_of_cores()
    try:
        given = read(path)
    except (ConfigError, KeyFileError) as error:
        return _failed(error, MISCONFIGURED)
    try:
        folder = given.config.state_dir
        folder.mkdir(mode=0o700, exist_ok=True)
        asyncio.run(_serve(given))
    except KeyFileError as error:
        return _failed(error, MISCONFIGURED)
    except (JournalDamagedError, JournalForeignError) as error:
        return _bereft(given.config, error)
    except (AgentError, OSError) as error:
        return _failed(error, FAILED)
    return STOPPED


def _bereft(config: Config, error: JournalError) -> int:
    """Starting again does not help until a person has decided."""
    try:
        text = report_loss(config, config.state_dir / JOURNAL, error)
    except JournalError as again:
        return _failed(again, FAILED)
    return _failed(AgentError(text), MISCONFIGURED)


def _failed(error: Exception, code: int) -> int:
    log.critical("agent_failed", error=str(error))
    if sys.stderr.isatty():
        sys.stderr.write(f"blanko: {error}\n")
    return code


async def _serve(given: Given) -> None:
    clock, health = SystemClock(), Health()
    waiting = asyncio.current_task()
    assert waiting is not None
    loop = asyncio.get_running_loop()
    for number in SIGNALS:  # until the agent has its own way to end
        loop.add_signal_handler(number, waiting.cancel)
    disk, studio = ThreadExecutor("journal"), ThreadExecutor("artwork")
    try:
        await _require_first(given, clock, health, studio)
        journal = await _opened(given.config, clock, disk, health)
        try:
            agent = Agent(given, journal, clock, health, studio)
            await agent.run()
        finally:
            await _close(journal)
    except BaseExceptionGroup as group:
        _raise_first(group)
    except asyncio.CancelledError:
        log.info("agent_stopped")  # it had not begun
    finally:
        studio.close()
        disk.close()


async def _require_first(
    given: Given, clock: SystemClock, health: Health, studio: ThreadExecutor
) -> None:
    """Begin a ledger in an empty folder only where the broker knows of none.

    Raises:
        JournalDamagedError: there was one: a person must begin the next.
        KeyFileError: the key is none; who installs is told before the broker is there.
    """
    config, path = given.config, given.config.state_dir / JOURNAL
    address = Address(config.station, config.printer)
    opener = partial(open_ack, keyring=given.keyring, to=address)
    if is_bare(path):
        await studio.run(lambda: given.keyring.opener)
    while is_bare(path):
        try:
            lost = await lost_ledger(config, opener)
        except LinkError as error:
            log.warning("first_start_waits_for_broker", reason=str(error))
            health.ready()
            health.status(f"first start, waiting for the broker: {error}")
        else:
            if lost is None:
                return
            remember(path, lost)
            raise JournalDamagedError(
                f"journal {path}: the folder is empty, and the broker knows of ledger"
                f" {lost.ledger} here"
            )
        health.alive()
        await clock.sleep(BROKER_RETRY_S)


async def _opened(
    config: Config, clock: SystemClock, disk: ThreadExecutor, health: Health
) -> Journal:
    """Open the journal, as soon as the disk lets us; till then say why nothing prints.

    Raises:
        JournalError: something else is wrong with it.
    """
    path, told = config.state_dir / JOURNAL, ""
    while True:
        try:
            return await Journal.open(path, clock, disk)
        except StorageError as error:
            log.critical("journal_failed", error=str(error), again_s=DISK_RETRY_S)
            if told != (told := str(error)):
                health.ready()
                health.status(told)
                await tell(config, salvage(path), word_of(error))
        health.alive()
        await clock.sleep(DISK_RETRY_S)


async def _close(journal: Journal) -> None:
    try:
        await journal.close()
    except JournalError as error:  # at the next start it is looked at anew
        log.warning("journal_not_closed", error=str(error))


class Agent:
    """The parts of one running agent."""

    def __init__(
        self,
        given: Given,
        journal: Journal,
        clock: SystemClock,
        health: Health,
        studio: ThreadExecutor,
    ) -> None:
        config, keyring = given.config, given.keyring
        self._given = given
        self._journal = journal
        self._clock = clock
        self._health = health
        self._studio = studio
        journal.keep_in(Vault(keyring))
        address = Address(config.station, config.printer)
        open_sealed = partial(open_job, keyring=keyring, to=address)
        self._traces = Tracing(config.device.family)
        last_opened = LastOpened(open_sealed)
        workshop = Workshop(
            self._driver_maker(address), last_opened.take, render, last_opened.forget
        )
        self._upkeep = Upkeep(journal, config.rules, given.capabilities)
        self._worker = Worker(journal, workshop, clock, studio, health, self._upkeep)
        judge = judge_with(last_opened.open, given.capabilities)
        door = Door(journal, judge, studio, clock, last_opened.forget)
        self._standing = Standing(
            family=config.device.family,
            unsigned_jobs=config.keys.allow_unsigned_jobs,
            tally=door.tally,
        )
        ends = Ends(
            make_link=lambda: MqttLink(config.mqtt, address.client_id),
            address=address,
            door=door,
            commands=Commands(
                journal,
                partial(open_command, keyring=keyring, to=address),
                door,
                self._state_now,
                last_opened.forget,
            ),
            open_ack=partial(open_ack, keyring=keyring, to=address),
            state=self._state,
            duel=self._duel,
        )
        self._uplink = Uplink(ends, journal, clock, health)
        self._people = People(journal, studio, config.roster)
        self._control = Control(
            journal, self._state_now, self._broker, self._traces, self._people
        )
        self._stop = asyncio.Event()
        self._started = False  # on record

    async def run(self) -> None:
        """Work until a signal asks for the end, then end in order."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._stop.set)
        announced = await self._announced()
        log.info("agent_started", version=__version__, boot=self._journal.boot)
        if self._standing.unsigned_jobs:
            log.warning("unsigned_jobs_allowed")
        async with asyncio.TaskGroup() as group:
            uplink = group.create_task(self._uplink.run())
            worker = group.create_task(self._worker.run())
            others = [
                group.create_task(self._control.serve(self._given.config.socket_path)),
                group.create_task(self._health.run()),
                group.create_task(self._announce(announced)),
                group.create_task(mend(self._journal, self._clock)),
                group.create_task(self._prove_keys()),
                group.create_task(watch_unconfirmed(self._journal, self._clock)),
                group.create_task(watch_clock(self._journal, self._clock)),
                group.create_task(
                    give_back_when_quiet(self._journal.changed, self._clock, trim)
                ),
            ]
            self._health.ready()
            await self._stop.wait()
            self._health.stopping()
            log.info("agent_stopping")
            self._worker.stop()  # it finishes the card in the path
            await worker
            with contextlib.suppress(StorageError):  # it has been said why
                await self._journal.record(AgentStopped(reason="asked to stop"))
            self._uplink.stop()
            await uplink
            for task in others:
                task.cancel()
        log.info("agent_stopped")

    async def _announced(self) -> bool:
        """Put on record that we are here; False: the disk does not take it yet."""
        started = AgentStarted(version=__version__, contract=CONTRACT_MINOR)
        try:
            if not self._started:
                await self._journal.record(started)
                self._started = True
            await self._people.announce()
        except StorageError:
            return False
        return True

    async def _announce(self, announced: bool) -> None:
        while not announced:
            await self._journal.writable()
            announced = await self._announced()

    async def _prove_keys(self) -> None:
        """Import what computes with keys, beside the connecting; a bad key ends us.

        Then sign with them, for ever.
        """
        keyring = self._given.keyring
        await self._studio.run(lambda: keyring.opener)
        signer = await self._studio.run(keyring.signer)
        await sign_days(self._journal, self._clock, signer)

    def _driver_maker(self, address: Address) -> Callable[[], Driver]:
        device = self._given.config.device
        return partial(
            make_driver,
            device.family,
            device.model,
            device.uri,
            session_id=session_of(address),
            sink=self._traces,
        )

    def _state(self, connection: int) -> State:
        picture = self._worker.picture
        duty = self._upkeep.duty(self._worker.reasons)
        return state_of(self._journal, picture, self._standing, connection, duty)

    def _state_now(self) -> State:
        return self._state(self._uplink.connection)

    def _broker(self) -> Broker:
        uplink = self._uplink
        return Broker(uplink.connected, uplink.connection, uplink.trouble)

    def _duel(self, on: bool) -> None:
        self._standing.second_agent = on
        self._worker.hold(StateReason.SECOND_AGENT, on=on)


def _raise_first(group: BaseExceptionGroup[BaseException]) -> NoReturn:
    """One cause is enough to end with: damage, else the first of ours, or of all."""
    errors = list(_leaves(group))
    ours = [error for error in errors if isinstance(error, AgentError)]
    damage = [error for error in ours if isinstance(error, JournalDamagedError)]
    raise (damage or ours or errors)[0] from None


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for one in error.exceptions for leaf in _leaves(one)]
    return [error]
