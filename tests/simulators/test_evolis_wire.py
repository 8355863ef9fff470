"""The parser: what the host's bytes become, however they are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulators.evolis.wire import HEAD_SIZE_MAX, Command, Parser

SIZES = {("Db", "y", "256"): 64, ("Db", "k", "2"): 8, ("Dbx", "k", "2", "3", "2"): 5}


def parser() -> Parser:
    return Parser(_size)


def _size(word: str, parameters: tuple[str, ...]) -> int | None:
    if word == "Dbc":  # it says itself
        return int(parameters[2]) if parameters[2].isdecimal() else None
    return SIZES.get((word, *parameters))


def parse(*pieces: bytes) -> list[Command]:
    taking = parser()
    return [command for piece in pieces for command in taking.receive(piece)]


def test_a_command_is_a_word_and_its_parameters():
    assert parse(b"\x1bPsid;2;180\r") == [Command("Psid", ("2", "180"))]
    assert parse(b"\x1bRok\r") == [Command("Rok")]


def test_a_panel_is_counted_and_not_looked_into():
    dots = b"\x1bRok\r\0\r\r\x1b;;" * 6
    data = dots[:64]
    assert parse(b"\x1bDb;y;256;" + data + b"\r") == [
        Command("Db", ("y", "256"), panel=data)
    ]


def test_noise_between_commands_is_passed_over():
    stream = (
        b"<HEADER>\x1bPsync;2\r</HEADER>\0\0\0\x1cn\0\0<BINARY Size=20>"
        b"\x1bDb;k;2;12345678\r\0</BINARY>\x1bSe\r" + bytes(32)
    )
    assert [command.word for command in parse(stream)] == ["Psync", "Db", "Se"]


def test_a_status_request_cut_into_a_panel_is_picture():
    taking = parser()
    assert taking.receive(b"\x1bDb;k;2;123") == []
    assert taking.missing_size == 5
    (command,) = taking.receive(b"\x1bRok\r" + b"\r")
    assert command.panel == b"123\x1bRok\r"
    assert taking.receive(b"\x1bRok\r") == [Command("Rok")]


def test_a_panel_no_one_can_count_is_refused_and_the_parser_lives_on():
    commands = parse(b"\x1bDb;y;128;\x01\x02\x03\r\x1bRok\r")
    assert commands == [Command("Db", ("y", "128", ""), malformed=True), Command("Rok")]


def test_a_panel_that_no_cr_ends_is_refused():
    commands = parse(b"\x1bDb;k;2;12345678X\x1bRok\r")
    assert [command.malformed for command in commands] == [True, False]


def test_an_escape_begins_anew_where_a_command_was_never_ended():
    assert parse(b"\x1bRs\x1bRok\r") == [Command("Rok")]


def test_a_command_without_end_is_refused_at_the_limit():
    commands = parse(b"\x1b" + b"P" * HEAD_SIZE_MAX * 5 + b"\x1bRok\r")
    assert [command.malformed for command in commands] == [True, False]


def test_power_up_forgets_what_was_begun():
    taking = parser()
    taking.receive(b"\x1bDb;k;2;123")
    taking.reset()
    assert taking.receive(b"\x1bRok\r") == [Command("Rok")]


COMMANDS = st.one_of(
    st.sampled_from([b"\x1bRok\r", b"\x1bPem;2\r\0", b"<CARD>", b"\0" * 3]),
    st.binary(min_size=8, max_size=8).map(lambda data: b"\x1bDb;k;2;" + data + b"\r"),
    st.binary(min_size=64, max_size=64).map(
        lambda data: b"\x1bDb;y;256;" + data + b"\r"
    ),
    st.binary(max_size=12),
)


@given(st.lists(COMMANDS, max_size=8), st.data())
def test_chunking_never_changes_what_is_parsed(parts, data):
    stream = b"".join(parts)
    pieces = []
    rest = stream
    while rest:
        cut = data.draw(st.integers(1, len(rest)))
        pieces.append(rest[:cut])
        rest = rest[cut:]
    assert parse(*pieces) == parse(stream)


def test_each_way_to_send_a_panel_has_its_own_header():
    stream = b"\x1bDbx;k;2;3;2;\r;\x1b;\r\r\x1bDbc;o;2;4;\r\0\x1b;\r\x1bSe\r"
    assert parse(stream) == [
        Command("Dbx", ("k", "2", "3", "2"), panel=b"\r;\x1b;\r"),
        Command("Dbc", ("o", "2", "4"), panel=b"\r\0\x1b;"),
        Command("Se"),
    ]
    refused = parse(b"\x1bDbc;k;2;4x;1234\r\x1bSe\r")
    assert refused == [
        Command("Dbc", ("k", "2", "4x", ""), malformed=True),
        Command("Se"),
    ]
