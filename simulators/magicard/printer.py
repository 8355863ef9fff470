"""The printer: a job that has come whole becomes cards, its troubles become answers.

It feeds, prints and ejects by itself; a host sends pages, and asks. One parser for all
connections, as in the device: half a page waits for its rest.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from simulators.clock import Pacemaker
from simulators.faults import FaultKind, Moment
from simulators.gallery import Gallery
from simulators.magicard import usb
from simulators.magicard.errors import TROUBLE_OF, Trouble
from simulators.magicard.header import Header
from simulators.magicard.jobs import Card, Job, card_of, check, self_test
from simulators.magicard.models import Model
from simulators.magicard.replies import View, reply
from simulators.magicard.texts import DEFAULT
from simulators.magicard.wire import Frame, Page, Parser, Refused, Request
from simulators.mechanism import Mechanism
from simulators.motions import Action, Left, Motion, Pressed, Stop

JOBS_WAITING_MAX = 1  # with planes; another's bytes wait with their host
SMALL_JOBS_MAX = 64  # likewise, where no planes come

_OF_A_JOB = frozenset({Trouble.BAD_JOB, Trouble.NOT_FITTED, Trouble.WRONG_FILM})
"""Troubles that end as another job comes."""


@dataclass(slots=True)
class Printer:
    model: Model
    machine: Mechanism
    pacemaker: Pacemaker
    gallery: Gallery
    serial: str
    parser: Parser = field(init=False)
    language: str = DEFAULT
    panel_count: int = 0  # pressed so far
    _front: Page | None = None  # of a card whose second page has not come
    _jobs: deque[Job] = field(default_factory=deque)
    _card: Card | None = None  # that is being made
    _trouble: Trouble | None = None
    _image_count: int = 0
    _was_powered: bool = True

    def __post_init__(self) -> None:
        self.parser = Parser(self._check)

    # --- for the link ---------------------------------------------------------

    @property
    def reachable(self) -> bool:
        """False while a host finds nobody at the other end."""
        cut = FaultKind.LINK_CUT in self.machine.faults.on_link
        return self.machine.powered and not cut

    def receive(self, data: bytes) -> list[bytes]:
        """Take bytes from any connection; return the replies they call for."""
        self.pacemaker.catch_up()
        if not self.machine.powered:
            return []
        replies = [self._take(frame) for frame in self.parser.receive(data)]
        if self.parser.missing_size:
            self._strike_in_mid_plane()
        self._go_on()
        self.pacemaker.touched()
        return [one for one in replies if one]

    async def room(self) -> None:
        """Return once the printer's memory can take more."""
        await self.pacemaker.until(self._has_room)

    async def reply(self, answer: bytes) -> bytes:
        return answer

    def sent(self, answer: bytes) -> None:
        """Nothing follows from that."""

    def poll(self) -> bytes:
        """Who sends nothing gets nothing."""
        return b""

    # --- for the USB port -----------------------------------------------------

    @property
    def device_id(self) -> str:
        return self.model.device_id

    def port_status(self) -> int:
        self.pacemaker.catch_up()
        if self.trouble is not None:
            return usb.ERROR
        return usb.BUSY if self.busy else usb.IDLE

    def soft_reset(self) -> None:
        """Forget a page that has come in part, or a card's first without its second."""
        self.parser.reset()
        self._front = None

    # --- what it knows of itself ----------------------------------------------

    @property
    def busy(self) -> bool:
        """True from a job's coming until its last card is out."""
        return self.machine.moving or self._card is not None or bool(self._jobs)

    @property
    def trouble(self) -> Trouble | None:
        """What keeps it from printing, the first that happened before all else."""
        machine = self.machine
        if self._trouble is not None:
            return self._trouble
        if machine.cover_open:
            return Trouble.COVER_OPEN
        if machine.ribbon is None:
            return Trouble.NO_FILM
        if machine.moving or machine.sensed_card is None:
            return None
        return Trouble.JAMMED if machine.jammed else Trouble.CARD_INSIDE

    # --- for the pacemaker ----------------------------------------------------

    def settle(self) -> None:
        """Draw the consequences of what the machine did in the time gone by."""
        self._show_what_happened()
        if self._was_powered and not self.machine.powered:
            self._forget()
        self._was_powered = self.machine.powered
        self._end_card()
        if self._trouble is not None and not self._still_there(self._trouble):
            self._trouble = None
            self.machine.acknowledge()
        self._go_on()

    def lasting(self) -> dict[str, str]:
        return {"panels": str(self.panel_count)}

    def remind(self, kept: dict[str, str]) -> None:
        self.panel_count = int(kept["panels"])

    def _show_what_happened(self) -> None:
        for happening in self.machine.happened:
            if isinstance(happening, Pressed):
                mark = happening.mark
                data = self._card.planes[mark.image_no] if self._card else b""
                self.gallery.pressed(happening.blank, happening.side, mark, data)
                self.panel_count += 1
            elif isinstance(happening, Left):
                self.gallery.left(happening.blank)
        self.machine.happened.clear()

    def _end_card(self) -> None:
        """See what became of the card in the making, once nothing more is done."""
        card = self._card
        if card is None or not card.done:
            return
        self._card = None
        stop = next((one.stop for one in card.actions if one.stop), None)
        if stop is None:
            return
        self._jobs.clear()
        if stop in TROUBLE_OF:
            self._trouble = TROUBLE_OF[stop]
        if stop is Stop.STRIPE_BAD and card.reject_faulty:
            self.machine.submit(Action(Motion.EJECT))

    def _go_on(self) -> None:
        """Begin the next card, if there is one to be made and nothing against it."""
        if self._card is not None or not self._jobs or self.machine.moving:
            return
        if self.trouble is not None:
            self._jobs.clear()
            return
        job = self._jobs[0]
        job.left -= 1
        if not job.left:
            self._jobs.popleft()
        self._make(card_of(self.model, job, self._new_image_no))

    def _still_there(self, trouble: Trouble) -> bool:
        """Whether its cause is there yet; what a job caused stays until another."""
        machine, standing = self.machine, self.machine.standing
        slips = FaultKind.FEED_FAILURE in standing
        film = machine.ribbon
        there = {
            Trouble.NOT_FED: machine.hopper_seems_empty or slips,
            Trouble.JAMMED: machine.jammed or machine.sensed_card is not None,
            Trouble.STUCK: machine.sensed_card is not None,
            Trouble.COVER_OPEN: machine.cover_open,
            Trouble.NO_FILM: film is None,
            Trouble.FILM_ENDED: film is None or film.left == 0,
            Trouble.FILM_BROKEN: FaultKind.RIBBON_BROKEN in standing,
            Trouble.HEAD_HOT: FaultKind.HEAD_HOT in standing,
            Trouble.OUTPUT_FULL: FaultKind.OUTPUT_FULL in standing,
            Trouble.STRIPE_BAD: FaultKind.MAGSTRIPE_WRITE in standing,
        }
        return there.get(trouble, True)

    # --- frames ---------------------------------------------------------------

    def _take(self, frame: Frame) -> bytes:
        """Do as it says; return the reply, if there is one."""
        if isinstance(frame, Request):
            return self._asked(frame.words)
        if self._trouble in _OF_A_JOB:
            self._trouble = None
            self.machine.acknowledge()
        if isinstance(frame, Refused):
            self._front = None
            self._refuse(Trouble.BAD_JOB)
        else:
            self._take_page(frame)
        return b""

    def _asked(self, words: tuple[str, ...]) -> bytes:
        deed = words[1] if words[0] == "REQ" and len(words) == 2 else words[0]
        if deed == "RST":
            self._reset()
        elif deed == "EJT":
            if self.machine.sensed_card is not None and not self.machine.moving:
                self._make(Card([Action(Motion.EJECT)]))
        elif deed == "TST":
            film = self.machine.ribbon
            if film is not None and not self.busy and self.trouble is None:
                self._make(self_test(self.model, film.kind, self._new_image_no))
        else:
            return reply(self._view(), words)
        return b""

    def _take_page(self, page: Page) -> None:
        header = page.header
        self.language = header.language or self.language
        front, self._front = self._front, None
        if header.page_no == 1 and header.duplex:
            self._front = page
            return
        if header.page_no == 2 and front is None:
            self._refuse(Trouble.BAD_JOB)
            return
        job = Job([front, page] if front and header.page_no == 2 else [page], 0)
        job.left = job.header.copies
        both = len(job.pages) > 1 or header.back_only
        if (both and not self.model.two_sided) or (
            job.tracks and not self.model.magnetic
        ):
            self._refuse(Trouble.NOT_FITTED)
        elif job.left and self.trouble is None and len(self._jobs) < SMALL_JOBS_MAX:
            self._jobs.append(job)

    def _refuse(self, trouble: Trouble) -> None:
        self._trouble = self._trouble or trouble

    def _check(self, header: Header) -> None:
        check(self.model, header)

    # --- beneath --------------------------------------------------------------

    def _make(self, card: Card) -> None:
        self._card = card
        for action in card.actions:
            self.machine.submit(action)

    def _new_image_no(self) -> int:
        self._image_count += 1
        return self._image_count

    def _has_room(self) -> bool:
        if self.parser.in_page:
            return len(self._jobs) < JOBS_WAITING_MAX
        return len(self._jobs) < SMALL_JOBS_MAX

    def _reset(self) -> None:
        self.machine.reset()
        self._show_what_happened()
        self._card = None
        self._forget()

    def _forget(self) -> None:
        """Lose all that was sent, as without power; what is physical stays."""
        self.parser.reset()
        self._front = self._trouble = None
        self._jobs.clear()
        self.language = DEFAULT

    def _strike_in_mid_plane(self) -> None:
        if self.parser.missing_size > self.parser.plane_size // 2:
            return
        unfed = sum(job.left for job in self._jobs)
        unfed += self._card is not None and not self._card.fed
        card_no = self.machine.cards_fed + unfed + 1
        due = self.machine.faults.take_due(Moment.RECEIVING, card_no)
        if due is not None:
            self.machine.strike(due)

    def _view(self) -> View:
        return View(
            self.machine,
            self.model,
            self.serial,
            self.trouble,
            self.language,
            self.panel_count,
        )
