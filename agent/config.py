"""The configuration of one agent: a TOML file to frozen structs, or a clear error.

Relative paths count from the folder of the file. Nothing is created or changed here,
and no key or password is read: whoever uses one reads it when it is needed.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from agent.contract.messages import NAME_PATTERN, Name
from agent.lifecycle.duty import HISTORY_MAX, Limits, Rules

_SOCKET_PATH_MAX = 107  # bytes, sun_path of Linux without its closing NUL
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_NAME = (
    "a name of 1 to 32 lower-case letters, digits and hyphens, "
    "such as bekasi-1, as the centre knows it"
)


class ConfigError(Exception):
    """The file cannot be used: which file, where in it, and what was expected."""

    def __init__(self, path: Path, where: str, message: str) -> None:
        super().__init__(
            ": ".join(part for part in (str(path), where, message) if part)
        )


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table: closed, so that a typing error is not ignored."""


class Endpoint(msgspec.Struct, frozen=True):
    """Where the broker listens."""

    host: str
    port: int
    tls: bool


class Mqtt(Section, frozen=True, kw_only=True):
    """The way to the broker."""

    uri: str
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @property
    def endpoint(self) -> Endpoint:
        """Host, port and whether TLS is spoken; `load` has checked `uri`."""
        parts = urlsplit(self.uri)
        port = parts.port or _PORTS[parts.scheme]
        return Endpoint(parts.hostname or "", port, parts.scheme == "mqtts")


class Keys(Section, frozen=True, kw_only=True):
    """Who may order a card, and with which key it is opened."""

    agent: Path
    trust: Path
    allow_unsigned_jobs: bool = False


class Device(Section, frozen=True, kw_only=True):
    """The printer."""

    family: str
    model: str
    uri: str


_Cards = Annotated[int, msgspec.Meta(ge=1, le=HISTORY_MAX)]
_Minutes = Annotated[int, msgspec.Meta(ge=0, le=24 * 60)]
_Hours = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
_RunCards = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Duty(Section, frozen=True, kw_only=True):
    """How hard the printer may be worked; absent: as hard as it can."""

    cards_an_hour: _Cards | None = None
    rest_after_cards: _Cards | None = None
    rest_minutes: _Minutes | None = None
    cool_minutes: _Minutes = 1  # after the printer has been too hot
    run_cards: _RunCards | None = None  # that it is to make in all, for the end date


class Upkeep(Section, frozen=True, kw_only=True):
    """When the printer is tested, and whether it prints though it needs cleaning."""

    self_test_after_idle_hours: _Hours = 72  # 0: never
    print_though_cleaning_overdue: bool = False


class Config(Section, frozen=True, kw_only=True):
    """One file: one printer, one agent."""

    station: Name
    printer: Name
    state_dir: Path
    control_socket: Path | None = None
    roster: Path | None = None  # who can prove an identity; absent: nobody can
    mqtt: Mqtt
    keys: Keys
    device: Device
    duty: Duty = Duty()
    upkeep: Upkeep = Upkeep()

    @property
    def rules(self) -> Rules:
        """How the printer is spared."""
        duty = self.duty
        limits = Limits(
            cards_an_hour=duty.cards_an_hour,
            rest_after=duty.rest_after_cards,
            rest_s=60.0 * (duty.rest_minutes or 0),
            cool_s=60.0 * duty.cool_minutes,
        )
        hours = self.upkeep.self_test_after_idle_hours
        return Rules(
            limits,
            run_cards=duty.run_cards,
            test_after_s=3600.0 * hours if hours else None,
            print_uncleaned=self.upkeep.print_though_cleaning_overdue,
        )

    @property
    def socket_path(self) -> Path:
        """Where the daemon answers the command line."""
        return self.control_socket or self.state_dir / "control.sock"


def load(path: Path) -> Config:
    """Read and check the whole file, and that the files it names can be read.

    Raises:
        ConfigError: names the file, the line or key, and what was expected.
    """
    config = _convert(path, _parse(path))
    _check_socket(path, config.socket_path)
    _check_broker(path, config.mqtt)
    _check_duty(path, config.duty)
    _check_files(path, config)
    _check_roster(path, config.roster)
    _check_device(path, config.device)
    return config


def socket_path_of(path: Path) -> Path:
    """Where the daemon of this file answers; the other tables are not looked at.

    Raises:
        ConfigError: as `load`.
    """
    document = _parse(path)
    for key in ("control_socket", "state_dir"):
        value = document.get(key)
        if isinstance(value, str):
            socket = path.parent / value
            return socket if key == "control_socket" else socket / "control.sock"
    raise ConfigError(path, "state_dir", "missing; expected the path of a folder")


def _parse(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise ConfigError(path, "", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(path, f"byte {error.start}", "expected UTF-8") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, where = str(error).partition(" (at ")
        message = f"not TOML: {what[:1].lower()}{what[1:]}"
        raise ConfigError(path, where.rstrip(")"), message) from error


def _convert(path: Path, document: dict[str, Any]) -> Config:
    def as_path(kind: type, value: object) -> Path:
        if kind is not Path or not isinstance(value, str):
            raise TypeError(f"Expected `str`, got `{type(value).__name__}`")
        if not value:
            raise ValueError("expected a path, got an empty text")
        return path.parent / value

    try:
        return msgspec.convert(document, Config, dec_hook=as_path)
    except msgspec.ValidationError as error:
        where, message = _say(str(error), document)
        raise ConfigError(path, where, message) from error


def _say(text: str, document: dict[str, Any]) -> tuple[str, str]:
    """Return the key and the complaint of a msgspec message, in the file's words."""
    complaint, _, key = text.partition(" - at `$")
    key = key.strip("`.")
    value: object = document
    for part in key.split(".") if key else ():
        value = value.get(part) if isinstance(value, dict) else None
    if found := re.search(r"(unknown|missing required) field `([^`]*)`", complaint):
        name = f"{key}.{found[2]}".lstrip(".")
        if found[1] != "unknown":
            return name, "missing; this key is required"
        known = _keys_of(key)
        near = difflib.get_close_matches(found[2], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        return name, f"unknown key; {hint}"
    if NAME_PATTERN in complaint:
        return key, f"expected {_NAME}; got {value!r}"
    plain = complaint.replace("`", "").replace("object", "table").replace(" | null", "")
    return key, plain[:1].lower() + plain[1:]


def _keys_of(table: str) -> tuple[str, ...]:
    sections: dict[str, type[Section]] = {
        "mqtt": Mqtt,
        "keys": Keys,
        "device": Device,
        "duty": Duty,
        "upkeep": Upkeep,
    }
    return sections.get(table, Config).__struct_fields__


def _check_socket(path: Path, socket: Path) -> None:
    size = len(str(socket).encode())
    if size > _SOCKET_PATH_MAX:
        message = f"{socket} has {size} bytes; a socket's path has {_SOCKET_PATH_MAX}"
        raise ConfigError(path, "control_socket", f"{message} at most")


def _check_duty(path: Path, duty: Duty) -> None:
    for one, other in (
        ("rest_after_cards", "rest_minutes"),
        ("rest_minutes", "rest_after_cards"),
    ):
        if getattr(duty, one) is not None and getattr(duty, other) is None:
            raise ConfigError(path, f"duty.{one}", f"expected {other} beside it")


def _check_broker(path: Path, mqtt: Mqtt) -> None:
    uri = _split(path, mqtt.uri)
    if uri.scheme not in _PORTS or not uri.hostname:
        message = f"expected mqtts://HOST or mqtts://HOST:PORT, got {mqtt.uri!r}"
        raise ConfigError(path, "mqtt.uri", message)
    if uri.username is not None or uri.password is not None:
        message = "expected no user or password here, but username and password_file"
        raise ConfigError(path, "mqtt.uri", message)
    if uri.path.strip("/") or uri.query or uri.fragment:
        raise ConfigError(path, "mqtt.uri", "expected nothing after the port")
    if uri.scheme == "mqtt" and not _is_loopback(uri.hostname):
        message = f"expected mqtts://: mqtt:// sends in clear, and {uri.hostname} is "
        raise ConfigError(path, "mqtt.uri", f"{message}not this machine")
    for key in ("ca_file", "cert_file", "key_file"):
        if uri.scheme == "mqtt" and getattr(mqtt, key) is not None:
            raise ConfigError(path, f"mqtt.{key}", "has a meaning with mqtts:// only")
    for one, other in (
        ("password_file", "username"),
        ("cert_file", "key_file"),
        ("key_file", "cert_file"),
    ):
        if getattr(mqtt, one) is not None and getattr(mqtt, other) is None:
            raise ConfigError(path, f"mqtt.{one}", f"expected {other} beside it")


def _split(path: Path, uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        port_is_zero = parts.port == 0
    except ValueError as error:
        raise ConfigError(path, "mqtt.uri", f"{error}, in {uri!r}") from error
    if port_is_zero:
        raise ConfigError(path, "mqtt.uri", "expected a port from 1 to 65535, got 0")
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_files(path: Path, config: Config) -> None:
    for table, section in (("mqtt", config.mqtt), ("keys", config.keys)):
        for key in section.__struct_fields__:
            file = getattr(section, key)
            if not isinstance(file, Path):
                continue
            try:
                file.open("rb").close()
            except OSError as error:
                message = f"{file} cannot be read: {error.strerror}"
                raise ConfigError(path, f"{table}.{key}", message) from error


def _check_roster(path: Path, roster: Path | None) -> None:
    if roster is None:
        return
    from agent.people.roster import RosterError
    from agent.people.roster import load as load_roster

    try:
        load_roster(roster)
    except RosterError as error:
        raise ConfigError(path, "roster", str(error)) from error


def _check_device(path: Path, device: Device) -> None:
    # Deferred: this draws Pillow in, which the command line must not wait for.
    from protocols.registry import UnknownPrinterError, make_driver

    try:
        make_driver(device.family, device.model, device.uri, session_id=1)
    except UnknownPrinterError as error:
        got = getattr(device, error.field)
        message = f"expected {error.expected}, got {got!r}"
        raise ConfigError(path, f"device.{error.field}", message) from error
