"""Finding printers: on the bus, or where one is told to look, and moving nothing."""

from __future__ import annotations

import asyncio
import json
import socket
import tomllib

import pytest
from click.testing import CliRunner

from agent.cli.discover import lines
from agent.cli.printer import printer
from protocols.contract import Confidence, Recognised, Sighting
from protocols.discovery import attached, reached
from protocols.evolis.recognise import recognise as evolis
from protocols.ieee1284 import DeviceId
from protocols.magicard.recognise import recognise as magicard
from protocols.registry import make_driver
from protocols.transports.tcp import TcpTransport
from protocols.transports.usb import UsbTransport
from protocols.transports.usb_address import UsbAddress
from tests.simulators.emulator_world import living
from tests.simulators.usb_world import in_loop, plugged

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW


@pytest.mark.parametrize(
    ("recognise", "numbers", "said", "expected"),
    [
        (evolis, (0x0F49, 1), ("EVOLIS", "Primacy 2"), ("Primacy 2", HIGH)),
        (evolis, (1, 1), ("evolis", "PRIMACY"), ("Primacy", HIGH)),
        (evolis, (0x0F49, 0x0A00), ("", ""), ("Zenius", MEDIUM)),
        (evolis, (0x0F49, 1), ("EVOLIS", "Avansia"), (None, LOW)),
        (evolis, (1, 1), ("ACME", "Primacy"), None),
        (magicard, (0x0C1F, 1), ("Magicard", "Enduro+"), ("Enduro+", HIGH)),
        (magicard, (0x0C1F, 0x4800), ("", ""), (None, LOW)),
        (magicard, (0x0C1F, 0x1800), ("Magicard", "RioTango2D"), (None, LOW)),
        (magicard, (0x0F49, 1), ("EVOLIS", "Primacy"), None),
    ],
)
def test_what_the_ids_say_is_believed_as_far_as_it_goes(
    recognise, numbers, said, expected
):
    found = recognise(*numbers, DeviceId(*said))
    assert (found and (found.model, found.confidence)) == expected


def test_a_product_number_of_several_models_leaves_those_to_choose_from():
    found = magicard(0x0C1F, 0x2800, DeviceId())
    assert found is not None
    assert found.candidates == ("Alto", "Opera", "Tempo")
    sighting = Sighting("usb://0c1f:2800", "printer", "", found)
    assert lines(sighting)[-2:] == [
        "# model = one of: Alto, Opera, Tempo",
        'uri = "usb://0c1f:2800"',
    ]


async def on_the_bus(plug):
    return await asyncio.to_thread(attached, plug.backend)


def stanza(sighting):
    return tomllib.loads("\n".join(lines(sighting)))["device"]


@in_loop
async def test_a_printer_on_usb_is_named_with_the_lines_that_configure_it():
    async with plugged() as plug:
        (one,) = await on_the_bus(plug)
        assert one.recognised == Recognised("evolis", "Primacy", HIGH)
        assert (one.serial, one.note) == ("E100000", "")
        device = stanza(one)
        assert device["uri"] == "usb://EVOLIS/Primacy?serial=E100000"
        assert make_driver(**device, session_id=1).capabilities.model == "Primacy"
        assert plug.port.usblp_bound
        assert plug.port.holder is None
        assert plug.device.received_size == 0


@in_loop
async def test_a_printer_at_work_is_found_and_not_disturbed():
    async with plugged() as plug:
        link = UsbTransport(UsbAddress(0x0F49), plug.backend)
        await link.open()
        holder = plug.port.holder
        (one,) = await on_the_bus(plug)
        assert one.recognised == Recognised("evolis", "Primacy", HIGH)
        assert plug.port.holder is holder
        await link.close()


@in_loop
async def test_two_that_say_the_same_are_told_apart_by_their_sockets():
    async with plugged() as plug, plugged() as other:
        plug.backend.plug(other.device)
        found = await on_the_bus(plug)
        uris = [stanza(one)["uri"] for one in found]
        assert uris[0].endswith("?serial=E100000&port=1-1")
        assert uris[1].endswith("?serial=E100000&port=1-2")
        assert "told apart by port" in found[0].note


@in_loop
async def test_a_printer_that_may_not_be_asked_is_shown_with_the_rule_that_lets_us():
    async with plugged(model="Zenius") as plug:
        plug.port.permitted = False
        (one,) = await on_the_bus(plug)
        assert one.recognised == Recognised("evolis", "Zenius", LOW)
        assert 'ATTR{idVendor}=="0f49", ATTR{idProduct}=="0a00"' in one.note


@in_loop
async def test_an_evolis_on_the_network_says_how_it_is_fitted():
    async with living(two_sided=False) as world:
        uri = f"tcp://127.0.0.1:{world.port}"
        one = await reached(TcpTransport("127.0.0.1", world.port), uri)
        assert stanza(one) == {
            "family": "evolis",
            "model": "Primacy one-sided",
            "uri": uri,
        }
        assert (await world.truth())["counters"]["cards_fed"] == 0


@in_loop
async def test_an_evolis_that_another_host_holds_is_only_looked_at():
    async with living() as world:
        await world.ask("Psid;9;45")
        uri = f"tcp://127.0.0.1:{world.port}"
        one = await reached(TcpTransport("127.0.0.1", world.port), uri)
        assert one.recognised == Recognised("evolis", None, LOW)
        assert "in use" in one.told
        assert "# model = one of: Badgy200" in "\n".join(lines(one))


@in_loop
async def test_a_magicard_on_usb_and_one_on_the_network():
    async with plugged(family="magicard", model="Enduro") as plug:
        (one,) = await on_the_bus(plug)
        assert one.recognised == Recognised("magicard", "Enduro", HIGH)
        device = stanza(one)
        assert make_driver(**device, session_id=1).capabilities.model == "Enduro"
    async with living(family="magicard", model="Enduro", two_sided=True) as world:
        uri = f"tcp://127.0.0.1:{world.port}"
        link = TcpTransport("127.0.0.1", world.port)
        asked = await reached(link, uri, "magicard")
        assert asked.recognised == Recognised("magicard", "Enduro two-sided", HIGH)
        assert stanza(asked)["model"] == "Enduro two-sided"


@in_loop
async def test_what_is_not_there_or_no_evolis_is_shown_as_unknown():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        one = await reached(TcpTransport("127.0.0.1", port), f"tcp://h:{port}")
    assert one.recognised is None
    assert "cannot connect" in one.note
    assert "--family magicard" in one.note
    assert all(line.startswith("#") for line in lines(one))


def discover(*arguments):
    return CliRunner().invoke(printer, ["discover", *arguments])


def test_the_command_shows_what_answers_where_it_is_told_to_look():
    done = discover("127.0.0.1:1")
    assert done.exit_code == 0
    assert "# tcp 127.0.0.1:1\n# confidence none" in done.stdout


def test_as_json_each_printer_is_a_row_with_the_same_keys():
    (row,) = json.loads(discover("--json", "tcp://127.0.0.1:1").stdout)
    keys = {"uri", "told", "serial", "note", "family", "model", "confidence"}
    keys |= {"candidates"}
    assert set(row) == keys
    assert (row["family"], row["confidence"]) == (None, "none")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--family", "acme", "h:1"), "family 'acme' is not known"),
        (("h",), "uri 'tcp://h' is not known, expected tcp://HOST:PORT"),
        (("usb://h",), "uri 'usb://h' is not known, expected usb://MANUFACTURER"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(arguments, complaint):
    done = discover(*arguments)
    assert done.exit_code == 1
    assert complaint in done.stderr
