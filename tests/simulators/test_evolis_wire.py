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
        size = parameters[2]
        return int(size) if size in ("4", "9", "77") else None
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


def of_size(size: int, head: bytes) -> st.SearchStrategy[bytes]:
    data = st.binary(min_size=size, max_size=size)
    return data.map(lambda data: head + data + b"\r")


WHOLE = st.one_of(
    st.sampled_from([b"\x1bRok\r", b"\x1bPem;2\r", b"\x1bScp;t card\r"]),
    of_size(8, b"\x1bDb;k;2;"),
    of_size(64, b"\x1bDb;y;256;"),
    of_size(5, b"\x1bDbx;k;2;3;2;"),
    of_size(9, b"\x1bDbc;k;2;9;"),
)
HEADS = st.sampled_from(
    [b"\x1b", b"\x1bDb;k;2;", b"\x1bDbc;k;2;77;", b"\x1bDbx;k;", b"\r", b"\x1bP" * 200]
)
NOISE = st.one_of(
    st.sampled_from([b"", b"\0" * 64, b"<BINARY Size=1975137>", b"\r\n", b"\x1cn\0"]),
    st.binary(max_size=24).map(lambda data: data.replace(b"\x1b", b"")),
)
COMMANDS = st.one_of(WHOLE, HEADS, NOISE, st.binary(max_size=12))


def cut(data: st.DataObject, stream: bytes) -> list[bytes]:
    pieces = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        pieces.append(stream[:size])
        stream = stream[size:]
    return pieces


@given(st.lists(COMMANDS, max_size=8), st.data())
def test_chunking_never_changes_what_is_parsed(parts, data):
    stream = b"".join(parts)
    assert parse(*cut(data, stream)) == parse(stream)


@given(st.lists(WHOLE, max_size=6), st.data())
def test_noise_between_commands_never_changes_them(commands, data):
    noisy = [data.draw(NOISE)]
    for command in commands:
        noisy += [command, data.draw(NOISE)]
    parsed = parse(*cut(data, b"".join(noisy)))
    assert parsed == [parse(command)[0] for command in commands]
    assert not any(command.malformed for command in parsed)


@given(st.lists(COMMANDS, max_size=12))
def test_no_bytes_make_it_hold_more_than_a_head_and_a_panel(parts):
    taking = parser()
    for part in parts:
        taking.receive(part)
        assert len(taking._head or b"") <= HEAD_SIZE_MAX
        assert len(taking._panel) <= taking.panel_size_now <= 77


@given(st.lists(COMMANDS, max_size=12), st.integers(0, 8))
def test_after_any_garbage_a_command_outside_a_panel_is_understood(parts, nul_count):
    taking = parser()
    for part in parts:
        taking.receive(part)
    taking.receive(b"x" * taking.missing_size)
    commands = taking.receive(bytes(nul_count) + b"\x1bRok\r")
    assert commands[-1] == Command("Rok")
    assert all(command.malformed for command in commands[:-1])


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
