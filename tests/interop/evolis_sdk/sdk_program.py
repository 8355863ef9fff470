"""The vendor's SDK in a process of its own: a JSON request a line in, an answer out.

Its calls block in C, so that only a process can be ended when one never returns. It is
imported by name: nothing of it is known here but what its users call.
"""

from __future__ import annotations

import enum
import importlib
import json
import os
import sys
from typing import Any

import_error = ""
try:
    sdk: Any = importlib.import_module("evolis")
except (ImportError, OSError) as error:  # no wheel for this platform, or no library
    import_error = str(error)

connections: dict[str, Any] = {}


def plain(value: Any) -> Any:
    """What JSON can hold of a value of the SDK."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, bytes | bytearray):
        return value.decode("latin-1")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return {
        name: plain(one)
        for name, one in vars(value).items()
        if not name.startswith("_")
    }


def argument(value: Any) -> Any:
    """A number, a text, or `EnumName.MEMBER` of the SDK."""
    if isinstance(value, str) and "." in value:
        enum_name, _, member = value.partition(".")
        return getattr(sdk, enum_name)[member]
    return value


def state_of(connection: Any) -> str:
    state = connection.get_state()
    return f"{state.major.name}/{state.minor.name}"


def open_connection(request: dict[str, Any]) -> Any:
    connection = sdk.Connection(request["uri"], sdk.OpenMode.DIRECT)
    connections[request["on"]] = connection
    return connection.get_last_error().name


def call(request: dict[str, Any]) -> Any:
    """Any method of the connection; also what went wrong, as the SDK names it."""
    connection = connections[request["on"]]
    if request["what"] == "get_state":
        return {"value": state_of(connection)}
    arguments = [argument(value) for value in request["with"]]
    value = getattr(connection, request["what"])(*arguments)
    return {"value": plain(value), "error": connection.get_last_error().name}


def print_card(request: dict[str, Any]) -> Any:
    session = sdk.PrintSession(connections[request["on"]])
    session.init_with_ribbon(sdk.RibbonType[request["ribbon"]])
    for face in ("front", "back"):
        if request.get(face):
            assert session.set_image(sdk.CardFace[face.upper()], request[face])
    return session.print(request["limit_ms"]).name


def write_tracks(request: dict[str, Any]) -> Any:
    session = sdk.MagSession(connections[request["on"]])
    session.set_coercivity(sdk.MagCoercivity[request["coercivity"]])
    for number, (layout, text) in enumerate(request["tracks"]):
        session.set_track(number, sdk.MagFormat[layout], text)
    return session.write().name


def read_tracks(request: dict[str, Any]) -> Any:
    session = sdk.MagSession(connections[request["on"]])
    for number, layout in enumerate(request["formats"]):
        session.set_format(number, sdk.MagFormat[layout])
    result = session.read().name
    return [result, *[session.get_data(number) for number in range(3)]]


def numbers(_: dict[str, Any]) -> Any:
    """What the SDK's words for an outcome are as numbers."""
    return {code.name: code.value for code in sdk.ReturnCode}


def close(request: dict[str, Any]) -> Any:
    connections.pop(request["on"]).close()


DEEDS = {
    "open": open_connection,
    "call": call,
    "print": print_card,
    "write-tracks": write_tracks,
    "read-tracks": read_tracks,
    "numbers": numbers,
    "close": close,
}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the SDK chats on stdout
    answers.write(json.dumps({"missing": import_error}) + "\n")
    answers.flush()
    for line in sys.stdin:
        request = json.loads(line)
        answers.write(json.dumps(DEEDS[request["do"]](request)) + "\n")
        answers.flush()


main()
