"""The `usb://` addresses of a configuration, and the ids they are compared with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.ieee1284 import VALUE_SIZE_MAX, DeviceId
from protocols.transports.usb_address import Attached, UsbAddress

PRIMACY = Attached(
    *(0x0F49, 0x1234, 1, 5, "1-2.4"),
    serial="SN 1/2",
    device_id=DeviceId("EVOLIS", "Primacy 2"),
)


@pytest.mark.parametrize(
    ("uri", "matches"),
    [
        ("usb://EVOLIS/Primacy%202", True),
        ("usb://evolis/primacy%202?serial=SN%201/2", True),
        ("usb://EVOLIS/Primacy", False),
        ("usb://EVOLIS/Primacy%202?serial=SN%201", False),
        ("usb://0f49", True),
        ("usb://0F49:1234", True),
        ("usb://0f49:0a00", False),
        ("usb://0c1f", False),
        ("usb://?serial=SN+1/2", True),
        ("usb://?port=1-2.4", True),
        ("usb://0f49?port=1-2", False),
    ],
)
def test_what_is_written_is_compared_and_nothing_else(uri, matches):
    assert UsbAddress.parse(uri).matches(PRIMACY) is matches


@pytest.mark.parametrize(
    "uri",
    [
        "usb://",
        "usb:0f49",
        "usb:/EVOLIS/Primacy",
        "usb://EVOLIS",
        "usb://0f4",
        "usb://0f49:",
        "usb:///Primacy",
        "usb://?model=Primacy",
        "usb://?serial",
        "usb://0f49?port=left",
        "usb://0f49#1",
        "tcp://0f49:0a00",
    ],
)
def test_what_is_no_address_is_refused(uri):
    with pytest.raises(ValueError):
        UsbAddress.parse(uri)


@pytest.mark.parametrize("alone", [True, False])
def test_the_address_written_for_a_printer_finds_it_again(alone):
    written = str(UsbAddress.of(PRIMACY, alone=alone))
    assert UsbAddress.parse(written).matches(PRIMACY)
    assert ("port=1-2.4" in written) is not alone


def test_a_printer_without_names_is_written_by_its_numbers():
    nameless = Attached(0x0F49, 0x0A00, 1, 5, "1-2", serial="7")
    assert str(UsbAddress.of(nameless)) == "usb://0f49:0a00?serial=7"


@given(st.text(max_size=20), st.text(min_size=1, max_size=20))
def test_any_name_survives_being_written(maker, model):
    said = DeviceId.parse(f"MFG:{maker};MDL:{model};")
    found = Attached(1, 2, 1, 5, "1-2", device_id=said)
    assert UsbAddress.parse(str(UsbAddress.of(found))).matches(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MFG:EVOLIS;MDL:Primacy;CLS:PRINTER;", DeviceId("EVOLIS", "Primacy")),
        (
            "MFG:Magicard ;CMD:PCL,MPL;MDL:RioTango2D",
            DeviceId("Magicard", "RioTango2D", "", "PCL,MPL"),
        ),
        ("MANUFACTURER:A;model: B ;SERN:3;SN:4", DeviceId("A", "B", "3")),
        (";;:;MFG;nonsense", DeviceId()),
        ("", DeviceId()),
    ],
)
def test_an_id_is_read_whatever_its_keys_are_called(text, expected):
    assert DeviceId.parse(text) == expected


@given(st.text(max_size=2000))
def test_no_id_is_too_odd(text):
    said = DeviceId.parse(text)
    for value in (said.manufacturer, said.model, said.serial, said.commands):
        assert len(value) <= VALUE_SIZE_MAX
        assert value == value.strip()
        assert value == "" or value.isprintable()
