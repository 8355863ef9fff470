"""A configuration is right, or the technician is told where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import ConfigError, load, socket_path_of
from agent.lifecycle.duty import Limits
from agent.people.roster import Role, entry

GOOD = """\
station = "bekasi-1"
printer = "p1"
state_dir = "state"

[mqtt]
uri = "mqtt://127.0.0.1:1883"

[keys]
agent = "agent.jwk"
trust = "trust.jwks"

[device]
family = "evolis"
model = "Primacy"
uri = "tcp://127.0.0.1:9100"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("agent.jwk", "trust.jwks", "ca.pem", "password"):
        (tmp_path / name).write_text("")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    file = folder / "p1.toml"
    file.write_text(text)
    return file


def test_paths_count_from_the_folder_of_the_file(folder):
    config = load(write(folder, GOOD))
    assert config.keys.agent == folder / "agent.jwk"
    assert config.socket_path == folder / "state/control.sock"
    assert config.mqtt.endpoint.host == "127.0.0.1"
    assert not config.keys.allow_unsigned_jobs


def test_a_roster_is_read_and_checked_with_the_rest(folder):
    (folder / "roster.toml").write_text(entry("siti", Role.OPERATOR, "739214"))
    config = load(write(folder, 'roster = "roster.toml"\n' + GOOD))
    assert config.roster == folder / "roster.toml"
    (folder / "roster.toml").write_text("[[person]]\nid = 'siti'\n")
    with pytest.raises(ConfigError, match=r"roster: .*person 1: not an entry"):
        load(write(folder, 'roster = "roster.toml"\n' + GOOD))
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        load(write(folder, 'roster = "none.toml"\n' + GOOD))


def test_without_a_word_about_duty_only_heat_makes_a_printer_rest(folder):
    rules = load(write(folder, GOOD)).rules
    assert rules.limits == Limits(None, None, 0.0, 60.0)
    assert rules.run_cards is None
    assert rules.test_after_s == 72 * 3_600
    assert not rules.print_uncleaned


def test_what_the_office_asks_of_duty_is_read(folder):
    text = """
        [duty]
        cards_an_hour = 60
        rest_after_cards = 100
        rest_minutes = 10
        cool_minutes = 2
        run_cards = 7977

        [upkeep]
        self_test_after_idle_hours = 0
        print_though_cleaning_overdue = true
    """
    rules = load(write(folder, GOOD + text)).rules
    assert rules.limits == Limits(60, 100, 600.0, 120.0)
    assert rules.run_cards == 7977
    assert rules.test_after_s is None
    assert rules.print_uncleaned


def test_the_command_line_finds_the_socket_without_the_rest(folder):
    file = write(folder, 'state_dir = "/var/lib/blanko/p1"\nprinter = 7\n')
    assert socket_path_of(file) == Path("/var/lib/blanko/p1/control.sock")
    file = write(folder, 'control_socket = "here.sock"\n')
    assert socket_path_of(file) == folder / "here.sock"
    with pytest.raises(ConfigError, match="state_dir: missing"):
        socket_path_of(write(folder, ""))


def test_a_port_is_given_where_the_uri_names_none(folder):
    text = GOOD.replace("mqtt://127.0.0.1:1883", "mqtts://broker.example")
    config = load(write(folder, text))
    assert config.mqtt.endpoint.port == 8883
    assert config.mqtt.endpoint.tls


@pytest.mark.parametrize(
    ("line", "instead", "complaint"),
    [
        ('station = "bekasi-1"', 'station = "Bekasi 1"', "station: expected a name of"),
        ('station = "bekasi-1"', "", "station: missing; this key is required"),
        ('printer = "p1"', "printer = 1", "printer: expected str, got int"),
        ('printer = "p1"', 'pritner = "p1"', "pritner: unknown key; did you mean pri"),
        ("[device]", "[device]\nsize = 3", "device.size: unknown key; known: family"),
        ("[mqtt]", "[mqtt]\nuser = 'a'", "mqtt.user: unknown key; did you mean user"),
        ('uri = "mqtt:', 'uri = "http:', "mqtt.uri: expected mqtts://HOST"),
        ("127.0.0.1:1883", "10.0.0.7", "mqtt.uri: expected mqtts://: mqtt:// sends"),
        ("127.0.0.1:1883", "u:p@127.0.0.1", "mqtt.uri: expected no user or password"),
        ("127.0.0.1:1883", "127.0.0.1:0", "mqtt.uri: expected a port from 1"),
        ("127.0.0.1:1883", "127.0.0.1:99999", "mqtt.uri: Port out of range"),
        ("127.0.0.1:1883", "127.0.0.1/x", "mqtt.uri: expected nothing after the port"),
        ("[keys]", 'ca_file = "ca.pem"\n[keys]', "mqtt.ca_file: has a meaning with"),
        ("[keys]", 'password_file = "ca.pem"\n[keys]', "expected username beside it"),
        ("trust.jwks", "none.jwks", "none.jwks cannot be read: No such file"),
        ('agent = "agent.jwk"', 'agent = ""', "expected a path, got an empty text"),
        ('agent = "agent.jwk"', "agent = 1", "keys.agent: expected str, got int"),
        ('"Primacy"', '"Primax"', "device.model: expected one of: 'Badgy200', "),
        (
            '"evolis"',
            '"epson"',
            "device.family: expected 'evolis' or 'magicard', got 'epson'",
        ),
        ("tcp://127.0.0.1:9100", "ipp://1", "device.uri: expected tcp://HOST:PORT"),
        ("[device]", "[device", "not TOML: expected ']' at the end of a table"),
        ("[keys]", "[duty]\ncards_an_hour = 0\n[keys]", "duty.cards_an_hour: expected"),
        ("[keys]", "[duty]\nrun_cards = '9'\n[keys]", "duty.run_cards: expected int"),
        ("[keys]", "[duty]\ncards_a_hour = 9\n[keys]", "did you mean cards_an_hour?"),
        ("[keys]", "[duty]\nrest_minutes = 9\n[keys]", "expected rest_after_cards bes"),
        ('"state"', f'"{"x" * 100}"', "a socket's path has 107 at most"),
    ],
)
def test_what_is_wrong_is_named_with_what_was_expected(
    folder, line, instead, complaint
):
    assert line in GOOD
    file = write(folder, GOOD.replace(line, instead, 1))
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert str(caught.value).startswith(str(file))
    assert complaint in str(caught.value)


def test_a_syntax_error_is_named_with_its_line(folder):
    with pytest.raises(ConfigError, match=r"line 2, column 9: not TOML"):
        load(write(folder, 'station = "a"\nprinter p1\n'))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9")
    with pytest.raises(ConfigError, match="byte 5: expected UTF-8"):
        load(tmp_path / "latin.toml")
