"""A log tells what happened and never whom it happened to."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import structlog
from PIL import Image

from agent import log
from agent.contract.messages import JobKind
from agent.contract.private import Private, PrivateBytes

NAME = "CONTOH SATU"


class Person(msgspec.Struct):
    name: str


@dataclasses.dataclass
class Card:
    name: str


@pytest.fixture
def lines():
    stream = io.StringIO()
    handlers = logging.getLogger().handlers
    log.configure(stderr=stream, environ={})
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()
    logging.getLogger().handlers = handlers


@pytest.mark.parametrize(
    "value",
    [
        Private(NAME),
        PrivateBytes(NAME.encode()),
        NAME.encode(),
        bytearray(NAME.encode()),
        memoryview(NAME.encode()),
        Person(name=NAME),
        Card(name=NAME),
        [Private(NAME)],
        {"name": Private(NAME)},
        {Private(NAME): 1},
        {"deep": [{"er": (Person(name=NAME), NAME.encode())}]},
        (Private(NAME),),
        iter([NAME]),
        [[[[NAME]]]],
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_private_never_prints(lines, value):
    structlog.get_logger().warning("card_seen", what=value)
    assert lines()[0]["event"] == "card_seen"
    assert "CONTOH" not in json.dumps(lines())


def test_a_picture_never_prints(lines):
    structlog.get_logger().info("card_seen", picture=Image.new("RGB", (2, 2)))
    assert lines()[0]["picture"] == "<Image>"


def test_plain_values_print_as_they_are(lines):
    at = datetime(2026, 1, 2, tzinfo=UTC)
    structlog.get_logger().info(
        "job_accepted", job="J-1", count=3, kind=JobKind.TEST, path=Path("/a"), at=at
    )
    line = lines()[0]
    assert (line["job"], line["count"], line["kind"]) == ("J-1", 3, "test")
    assert (line["path"], line["at"], line["level"]) == ("/a", at.isoformat(), "info")


def test_debug_is_silent_unless_asked_for(lines):
    structlog.get_logger().debug("byte_seen")
    assert lines() == []


def test_what_libraries_log_is_led_in_and_cut(lines):
    text = f"{'x' * 999}\nsecond line"
    logging.getLogger("mqtt").error(text, exc_info=ValueError("broken"))
    logging.getLogger("mqtt").info("nothing an operator would tell")
    (line,) = lines()
    assert line["event"] == "library_logged"
    assert line["text"] == "x" * 200
    assert "ValueError: broken" in line["exception"]


def test_a_log_that_cannot_be_written_stops_nothing():
    stream = io.StringIO()
    log.configure(stderr=stream, environ={})
    stream.close()
    structlog.get_logger().info("job_accepted")
    structlog.reset_defaults()


def test_the_journal_gets_native_fields(tmp_path):
    path = tmp_path / "journal.sock"
    stream = (tmp_path / "stderr").open("w")
    status = os.fstat(stream.fileno())
    environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal, stream:
        journal.bind(str(path))
        journal.settimeout(5)
        log.configure(stderr=stream, environ=environ, journal=path)
        structlog.get_logger().error("job_failed", job="J-1", detail="two\nlines")
        received = journal.recv(65536)
    structlog.reset_defaults()
    fields = dict(native_fields(received))
    assert fields["MESSAGE"] == "job_failed"
    assert fields["PRIORITY"] == "3"
    assert fields["BLANKO_JOB"] == "J-1"
    assert fields["BLANKO_DETAIL"] == "two\nlines"
    assert (tmp_path / "stderr").read_text() == ""


def native_fields(data: bytes):
    """Take apart what systemd's native protocol says, written from its description."""
    while data:
        name, _, data = data.partition(b"\n")
        size = int.from_bytes(data[:8], "little")
        yield name.decode(), data[8 : 8 + size].decode()
        assert data[8 + size : 9 + size] == b"\n"
        data = data[9 + size :]


def test_a_variable_inherited_from_elsewhere_does_not_swallow_the_log(tmp_path):
    with (tmp_path / "stderr").open("w") as stream:
        environ = {"JOURNAL_STREAM": "1:2"}
        log.configure(stderr=stream, environ=environ, journal=tmp_path)
        structlog.get_logger().error("job_failed")
    structlog.reset_defaults()
    assert "job_failed" in (tmp_path / "stderr").read_text()
