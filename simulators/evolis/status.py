"""The status words of a reply's trailer, from what the machine's sensors see."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from simulators.evolis.models import Model
from simulators.evolis.upkeep import Upkeep
from simulators.faults import FaultKind
from simulators.mechanism import Mechanism
from simulators.motions import Motion, Stop

INF_CLAIM = 0x80000000
INF_CARD_FEEDER = 0x20000000
INF_CARD_FLIP = 0x10000000
INF_CARD_PRINT = 0x02000000
INF_CARD_EJECT = 0x01000000
INF_RIBBON_LOW = 0x00080000
INF_RESET = 0x00010000
INF_PRINTING_RUNNING = 0x00000080
INF_ENCODING_RUNNING = 0x00000040
INF_CLEANING_RUNNING = 0x00000020
INF_BUSY = 0x00000001

WAR_REMOVE_RIBBON = 0x40000000
WAR_REJECT_BOX_FULL = 0x08000000
WAR_COOLING = 0x00200000
WAR_HOPPER_FULL = 0x00100000
WAR_UNSUPPORTED_RIBBON = 0x00008000
WAR_FEEDER_EMPTY = 0x01000000
WAR_RIBBON_ENDED = 0x00080000
WAR_COVER_OPEN = 0x00020000
WAR_NO_RIBBON = 0x00010000

ERR_HEAD_TEMP = 0x20000000
ERR_NO_OPTION = 0x10000000
ERR_FEEDER_ERROR = 0x08000000
ERR_REJECT_BOX_FULL = 0x00800000
ERR_HOPPER_FULL = 0x00100000
ERR_COVER_OPEN = 0x02000000
ERR_MECHANICAL = 0x01000000
ERR_RIBBON_ERROR = 0x04000000
ERR_BAD_RIBBON = 0x00400000
ERR_WRITE_MAGNETIC = 0x00010000
ERR_RIBBON_ENDED = 0x00200000

ERROR_OF = {
    Stop.JAMMED: ERR_MECHANICAL,
    Stop.COVER_OPEN: ERR_COVER_OPEN,
    Stop.NO_RIBBON: ERR_RIBBON_ERROR,
    Stop.WRONG_RIBBON: ERR_BAD_RIBBON,
    Stop.RIBBON_ENDED: ERR_RIBBON_ENDED,
    Stop.RIBBON_BROKEN: ERR_RIBBON_ERROR,
    Stop.FEED_FAILED: ERR_FEEDER_ERROR,
    Stop.STUCK: ERR_MECHANICAL,
    Stop.HEAD_HOT: ERR_HEAD_TEMP,
    Stop.OUTPUT_FULL: ERR_HOPPER_FULL,
    Stop.REJECT_BIN_FULL: ERR_REJECT_BOX_FULL,
    Stop.STRIPE_BAD: ERR_WRITE_MAGNETIC,
    Stop.NO_FLIPPER: ERR_NO_OPTION,
}
WARNING_OF = {
    FaultKind.HEAD_HOT: WAR_COOLING,
    FaultKind.OUTPUT_FULL: WAR_HOPPER_FULL,
    FaultKind.REJECT_BIN_FULL: WAR_REJECT_BOX_FULL,
    FaultKind.WRONG_RIBBON: WAR_UNSUPPORTED_RIBBON,
}
LOW_SHARE = 10  # "low" from a tenth of the ribbon on; the real threshold is not known


@dataclass(frozen=True, slots=True)
class Words:
    config: int
    information: int
    warning: int
    error: int
    extension_1: int = 0

    @property
    def hexadecimal(self) -> str:
        """As `Rpst` answers them."""
        return "".join(
            f"{word:08X}"
            for word in (
                self.config,
                self.information,
                self.warning,
                self.error,
                self.extension_1,
            )
        )

    def trailer(self, session: int) -> bytes:
        """As they follow the NUL of every reply."""
        return struct.pack(
            ">HB4IBHBI",
            0,  # two bytes whose meaning is not known
            16,
            self.config,
            self.information,
            self.warning,
            self.error,
            2,
            session,
            4,
            self.extension_1,
        )


def words(
    machine: Mechanism, model: Model, upkeep: Upkeep, *, claimed: bool, restarted: bool
) -> Words:
    """What the printer says of itself now."""
    information = _card_bits(machine) | upkeep.bits
    if claimed:
        information |= INF_CLAIM
    if restarted:
        information |= INF_RESET
    if machine.moving:
        information |= INF_BUSY
    if machine.pressing:
        information |= INF_PRINTING_RUNNING
    if machine.encoding:
        information |= INF_ENCODING_RUNNING
    if machine.cleaning:
        information |= INF_CLEANING_RUNNING
    ribbon = machine.ribbon
    left = machine.sets_left_by_counter
    if ribbon is not None and left * LOW_SHARE <= ribbon.capacity:
        information |= INF_RIBBON_LOW
    warning = 0
    if machine.hopper_seems_empty:
        warning |= WAR_FEEDER_EMPTY
    if machine.ribbon_in_way:
        warning |= WAR_REMOVE_RIBBON
    if machine.cover_open:
        warning |= WAR_COVER_OPEN
    if ribbon is None:
        warning |= WAR_NO_RIBBON
    elif left == 0:
        warning |= WAR_RIBBON_ENDED
    for kind in machine.standing:
        warning |= WARNING_OF.get(kind, 0)
    error = 0
    for stop in machine.latched:
        error |= ERROR_OF[stop]
    return Words(model.config, information, warning, error)


def _card_bits(machine: Mechanism) -> int:
    if machine.sensed_card is None:
        return 0
    if machine.jammed and FaultKind.JAM_EXIT in machine.standing:
        return INF_CARD_EJECT
    motion = machine.current.motion if machine.current else None
    return {
        Motion.FEED: INF_CARD_FEEDER,
        Motion.FLIP: INF_CARD_FLIP,
        Motion.EJECT: INF_CARD_EJECT,
        Motion.REJECT: INF_CARD_EJECT,
    }.get(motion or Motion.PRESS, INF_CARD_PRINT)
