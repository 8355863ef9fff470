"""The printer: what its wire says becomes motions, what stops them becomes its answers.

One parser and one memory for all connections, as in the device: a job goes on when
the link that brought it is gone, and a half panel waits for its rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.blanks import Side
from simulators.clock import Pacemaker
from simulators.evolis import usb
from simulators.evolis.firmware import Firmware
from simulators.evolis.magnetic import BAD_DATA, NOT_FITTED
from simulators.evolis.memory import BAD_PARAMETER, OK, UNKNOWN_COMMAND, Memory
from simulators.evolis.models import Model
from simulators.evolis.panels import rows_unpacked
from simulators.evolis.reads import View, read
from simulators.evolis.status import Words, words
from simulators.evolis.upkeep import CYCLES, Upkeep
from simulators.evolis.wire import PANEL_WORDS, Command, Parser
from simulators.faults import FaultKind, Moment
from simulators.gallery import Gallery
from simulators.mechanism import Mechanism
from simulators.motions import Action, Left, Motion, Pressed, Stop

WAITING_MAX = 24  # motions asked for and not begun; beyond, the host must wait

_TEXT_OF = {
    None: OK,
    Stop.HOPPER_EMPTY: "ERROR FEEDER",
    Stop.NO_CARD: "ERROR CARD",
    Stop.JAMMED: "ERROR MECHANICAL",
    Stop.COVER_OPEN: "ERROR MECHANICAL",
    Stop.NO_RIBBON: "ERROR MECHANICAL",
    Stop.WRONG_RIBBON: "ERROR MECHANICAL",
    Stop.RIBBON_ENDED: "ERROR MECHANICAL",
    Stop.RIBBON_BROKEN: "ERROR MECHANICAL",
    Stop.FEED_FAILED: "ERROR FEEDER",
    Stop.STUCK: "ERROR MECHANICAL",
    Stop.HEAD_HOT: "ERROR MECHANICAL",
    Stop.OUTPUT_FULL: "ERROR MECHANICAL",
    Stop.REJECT_BIN_FULL: "ERROR MECHANICAL",
    Stop.STRIPE_BAD: "ERROR MAGN",
    Stop.RIBBON_IN: "ERROR MECHANICAL",
    Stop.PATH_TAKEN: "ERROR CARD",
    Stop.NO_FLIPPER: NOT_FITTED,
    Stop.NO_REJECT_BIN: NOT_FITTED,
    Stop.RESET: "ERROR MECHANICAL",
    Stop.POWER_OFF: "",
}
_MOTIONS_OF = {
    "Si": (Motion.FEED,),
    "Sie": (Motion.FEED, Motion.EJECT),
    "Se": (Motion.EJECT,),
    "Sce": (Motion.EJECT,),
    "Ser": (Motion.REJECT,),
}

_OF_A_JOB = frozenset({"Ss", "Sr", "Sv", "Se"})  # `Sce` and `Ser` are for recovery too


@dataclass(slots=True)
class Answer:
    """An answer that will be: once `action`, if any, is done."""

    text: Callable[[], str]
    action: Action | None = None
    at_begin: bool = False  # or as soon as that is known to have begun
    then: Callable[[], None] | None = None  # what is done once it was given


@dataclass(slots=True)
class Printer:
    model: Model
    machine: Mechanism
    pacemaker: Pacemaker
    gallery: Gallery
    serial: str
    head_serial: str
    firmware: Firmware = field(default_factory=Firmware)
    memory: Memory = field(init=False)
    parser: Parser = field(init=False)
    _panels: dict[int, tuple[Action, bytes]] = field(default_factory=dict)
    _panel_count: int = 0
    _was_powered: bool = True

    def __post_init__(self) -> None:
        self.parser = Parser(self.model.panel_size)
        self.memory = Memory(answers_status=self.firmware.shows_status)

    # --- for the link ---------------------------------------------------------

    @property
    def reachable(self) -> bool:
        """False while a host finds nobody at the other end."""
        cut = FaultKind.LINK_CUT in self.machine.faults.on_link
        return self.machine.powered and not cut

    def receive(self, data: bytes) -> list[Answer]:
        """Take bytes from any connection; return the answers they call for."""
        self.pacemaker.catch_up()
        if not self.machine.powered:
            return []
        answers = [self._carry_out(command) for command in self.parser.receive(data)]
        if self.parser.missing_size:
            self._strike_in_mid_panel()
        self.pacemaker.touched()
        return answers

    async def room(self) -> None:
        """Return once the printer's memory can take more."""
        await self.pacemaker.until(lambda: len(self.machine.queue) < WAITING_MAX)

    async def reply(self, answer: Answer) -> bytes:
        """Return the whole reply, as soon as it can be given."""
        action = answer.action
        if action is not None:
            early = answer.at_begin
            await self.pacemaker.until(lambda: action.done or (early and action.begun))
        return answer.text().encode("latin-1") + self.poll()

    def sent(self, answer: Answer) -> None:
        """The answer is out, or its host is gone."""
        if answer.then is not None:
            self.pacemaker.catch_up()
            answer.then()
            self.pacemaker.touched()

    def poll(self) -> bytes:
        """Return what an empty request gets: an empty text and the status."""
        self.pacemaker.catch_up()
        if not self.memory.answers_status:
            return b"\0"
        session = self.memory.session.at(self.pacemaker.clock.host_s())
        return b"\0" + self._words().trailer(session)

    # --- for the USB port -----------------------------------------------------

    @property
    def device_id(self) -> str:
        return usb.device_id(self.model)

    def port_status(self) -> int:
        self.pacemaker.catch_up()
        return usb.port_status(self.machine)

    def soft_reset(self) -> None:
        """Forget a command or panel that has come in part."""
        self.parser.reset()

    # --- for the pacemaker ----------------------------------------------------

    def settle(self) -> None:
        """Draw the consequences of what the machine did in the time gone by."""
        machine = self.machine
        for happening in machine.happened:
            if isinstance(happening, Pressed):
                _, data = self._panels.pop(happening.mark.image_no)
                mark = happening.mark
                self.gallery.pressed(happening.blank, happening.side, mark, data)
            elif isinstance(happening, Left):
                self.gallery.left(happening.blank)
        machine.happened.clear()
        for image_no in [n for n, (action, _) in self._panels.items() if action.done]:
            del self._panels[image_no]
        if machine.latched:
            self.memory.job_broken |= self.memory.claimed
            self.memory.claimed = self.memory.claim_ending = False
        elif self.memory.claim_ending and not machine.moving:
            self.memory.claimed = self.memory.claim_ending = False
        if self._was_powered and not machine.powered:
            self._restart()
        self._was_powered = machine.powered

    def lasting(self) -> dict[str, str]:
        return self.memory.lasting()

    def remind(self, kept: dict[str, str]) -> None:
        self.memory.remind(kept)

    # --- commands -------------------------------------------------------------

    def _carry_out(self, command: Command) -> Answer:
        now_s = self.pacemaker.clock.host_s()
        self.memory.session.command_came(now_s)
        if command.malformed:
            bad = command.word in PANEL_WORDS
            return _said(BAD_PARAMETER if bad else UNKNOWN_COMMAND)
        if command.word.startswith("R"):
            return Answer(lambda: read(self._view(), command))
        if command.word == "Psdc" and command.parameters == ("Force",):
            return Answer(lambda: OK, then=self._switch_off)
        if command.word.startswith("P"):
            return _said(self.memory.set_parameter(command, now_s))
        if command.word.startswith("S"):
            return self._sequence(command)
        if command.word in PANEL_WORDS:
            return self._panel(command)
        if command.word == "Dm":
            return self._track(command)
        return _said(OK if command.word == "Mr" else UNKNOWN_COMMAND)

    def _sequence(self, command: Command) -> Answer:
        word = command.word
        if self.memory.job_broken and word in _OF_A_JOB:
            return _said(self._broken)
        if word in _MOTIONS_OF:
            self.memory.may_feed = False
            self.memory.restarted = False
            return [self._move(Action(motion)) for motion in _MOTIONS_OF[word]][-1]
        if word == "Ss":
            self.memory.may_feed = True
            return _said(OK)
        if word in ("Smw", "Smr"):
            return self._stripe(word)
        if word == "Scp":
            return self._clean(command.parameters)
        if word in ("Sr", "Sv"):
            return self._turn(Side.FRONT if word == "Sr" else Side.BACK)
        if word == "Scs":
            self.machine.acknowledge()
            self.memory.restarted = self.memory.job_broken = False
            return _said(OK)
        if word == "Srs":
            self.machine.reset()
            self._restart()
            return _said(OK)
        return _said(UNKNOWN_COMMAND)

    def _clean(self, parameters: tuple[str, ...]) -> Answer:
        if parameters not in CYCLES:
            return _said(BAD_PARAMETER)
        action = Action(Motion.CLEAN, thorough=CYCLES[parameters])
        self.machine.submit(action)
        return Answer(lambda: _TEXT_OF[action.stop], action, at_begin=True)

    def _switch_off(self) -> None:
        self.machine.switch_power(on=False)

    def _turn(self, side: Side) -> Answer:
        if self.machine.facing_when_idle is side:
            return _said(OK)
        return self._move(Action(Motion.FLIP, may_feed=self._take_may_feed()))

    def _track(self, command: Command) -> Answer:
        if not self.model.has_encoder:
            return _said(NOT_FITTED)
        return _said(OK if self.memory.encoder.take(command.parameters) else BAD_DATA)

    def _stripe(self, word: str) -> Answer:
        if not self.model.has_encoder:
            return _said(NOT_FITTED)
        encoder = self.memory.encoder
        writing = word == "Smw"
        action = Action(
            Motion.WRITE_STRIPE if writing else Motion.READ_STRIPE,
            tracks=dict(encoder.to_write) if writing else {},
            may_feed=self._take_may_feed(),
        )
        encoder.to_write.clear()

        def text() -> str:
            if action.stop is None and not writing:
                encoder.was_read = action.tracks
            return _TEXT_OF[action.stop]

        self.machine.submit(action)
        return Answer(text, action)

    def _panel(self, command: Command) -> Answer:
        dots = self._dots(command)
        if dots is None:
            return _said(BAD_PARAMETER)
        if self.machine.latched or self.memory.job_broken:
            return _said(self._broken)
        self._panel_count += 1
        action = Action(
            Motion.PRESS,
            panel=command.parameters[0],
            image_no=self._panel_count,
            may_feed=self._take_may_feed(),
        )
        self._panels[self._panel_count] = (action, dots)
        self.machine.submit(action)
        return _said(OK)

    def _dots(self, command: Command) -> bytes | None:
        """The panel as it would have come uncompressed; None: it is none."""
        if command.panel is None or command.word != "Dbc":
            return command.panel
        model = self.model
        return rows_unpacked(command.panel, model.row_count, model.row_dots // 8)

    def _take_may_feed(self) -> bool:
        may_feed, self.memory.may_feed = self.memory.may_feed, False
        return may_feed

    def _move(self, action: Action) -> Answer:
        self.machine.submit(action)
        return Answer(lambda: _TEXT_OF[action.stop], action)

    def _restart(self) -> None:
        self.memory = self.memory.after_restart(
            answers_status=self.firmware.shows_status
        )
        self.parser.reset()

    @property
    def _broken(self) -> str:
        """What everything of a job is answered after the fault that ended it."""
        latched = self.machine.latched
        return _TEXT_OF[latched[0] if latched else Stop.STUCK]

    def _strike_in_mid_panel(self) -> None:
        sensed = self.machine.sensed_card
        card_no = sensed.fed_no if sensed else self.machine.cards_fed + 1
        if self.parser.missing_size > self.parser.panel_size_now // 2:
            return
        due = self.machine.faults.take_due(Moment.RECEIVING, card_no)
        if due is not None:
            self.machine.strike(due)

    def _words(self) -> Words:
        return words(
            self.machine,
            self.model,
            self._upkeep,
            claimed=self.memory.claimed,
            restarted=self.memory.restarted,
        )

    @property
    def _upkeep(self) -> Upkeep:
        return Upkeep(self.machine.counters, self.firmware)

    def _view(self) -> View:
        return View(
            self.machine,
            self.model,
            self.memory,
            self._words(),
            self._upkeep,
            self.serial,
            self.head_serial,
        )


def _said(text: str) -> Answer:
    return Answer(lambda: text)
