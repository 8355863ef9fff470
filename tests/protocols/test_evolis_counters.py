"""Which counter of cards a printer knows, and what it says of its ribbon."""

from __future__ import annotations

import asyncio

import pytest

from protocols.errors import DeviceError, PrinterError, RemoteProtocolError
from protocols.evolis.counters import CardCounter
from protocols.evolis.link import Link
from protocols.evolis.session import Session
from protocols.vocabulary import CardFate
from tests.protocols.scripted_link import ScriptedTransport, Step, says

UNKNOWN = says("Rco;card", "ERROR CDE")
NEW, OLD = says("Rco;card", "inserted_head:41"), says("Rco;c", "9041")


def counter(*steps: Step) -> CardCounter:
    return CardCounter(Link(ScriptedTransport(steps), Session(), 7))


def readings(counter: CardCounter, times: int) -> list[tuple[int, str]]:
    async def main():
        return [(await counter.read(), counter.name) for _ in range(times)]

    return asyncio.run(main())


def test_the_counter_of_the_head_is_asked_and_named():
    assert readings(counter(NEW, NEW), 2) == [(41, "Rco;card")] * 2


def test_older_firmware_is_asked_for_its_own_counter_from_then_on():
    assert readings(counter(UNKNOWN, OLD, OLD), 2) == [(9041, "Rco;c")] * 2


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ((NEW, UNKNOWN), DeviceError),  # it has just known it
        ((says("Rco;card", "ERROR PARAMETRES"),), DeviceError),
        ((UNKNOWN, says("Rco;c", "ERROR CDE")), DeviceError),
        ((UNKNOWN, OLD, says("Rco;c", "ERROR CDE")), DeviceError),
        ((UNKNOWN, says("Rco;c", "9 041")), RemoteProtocolError),
        ((UNKNOWN, says("Rco;c", "-1")), RemoteProtocolError),
        ((UNKNOWN, says("Rco;c", "12345678901")), RemoteProtocolError),
        ((says("Rco;card", "inserted:41"),), RemoteProtocolError),
        ((says("Rco;card", "41"),), RemoteProtocolError),
    ],
)
def test_a_counter_never_changes_to_another_and_nonsense_is_none(steps, kind):
    with pytest.raises(PrinterError) as caught:
        readings(counter(*steps), len(steps))
    assert type(caught.value) is kind
    assert caught.value.card is CardFate.UNTOUCHED
