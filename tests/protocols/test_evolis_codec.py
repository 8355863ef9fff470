"""Properties of the codec: cuts, rubbish and limits."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import RemoteProtocolError
from protocols.evolis.codec import (
    REPLY_SIZE_MAX,
    TEXT_SIZE_MAX,
    Decoder,
    Reply,
    Word,
    count_in,
    encode,
    encode_panel,
    pairs,
)
from protocols.evolis.commands import COMMANDS, Answer, Op
from simulators.evolis.wire import Command, Parser

texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60)
words = st.integers(0, 2**32 - 1)


def wire(text: str, status: list[int], session: int, extensions: list[int]) -> bytes:
    """A reply spelled out here, not by the code under test."""
    head = b"\x00\x00\x10" + b"".join(struct.pack(">I", word) for word in status)
    tail = b"".join(b"\x04" + struct.pack(">I", word) for word in extensions)
    return text.encode() + b"\x00" + head + b"\x02" + struct.pack(">H", session) + tail


replies = st.builds(
    wire,
    texts,
    st.lists(words, min_size=4, max_size=4),
    st.integers(0, 0xFFFF),
    st.lists(words, max_size=6),
)


def outcome(pieces: list[bytes]) -> object:
    decoder = Decoder()
    try:
        for piece in pieces:
            decoder.receive(piece)
        return decoder.receive_eof()
    except RemoteProtocolError as error:
        return str(error)


@given(st.one_of(replies, st.binary(max_size=80)), st.data())
def test_chunking_never_changes_what_is_decoded(stream, data):
    pieces, rest = [], stream
    while rest:
        cut = data.draw(st.integers(1, len(rest)))
        pieces.append(rest[:cut])
        rest = rest[cut:]
    assert outcome(pieces) == outcome([stream])


@given(st.binary(max_size=4000))
def test_garbage_raises_only_remote_protocol_error(garbage):
    outcome([garbage])


@given(replies)
def test_a_reply_cut_at_any_byte_never_says_another_thing(stream):
    whole = Decoder()
    whole.receive(stream)
    reply = whole.receive_eof()
    assert reply is not None
    assert reply.trailer is not None
    for cut in range(1, len(stream)):
        decoder = Decoder()
        decoder.receive(stream[:cut])
        try:
            part = decoder.receive_eof()
        except RemoteProtocolError:
            continue
        assert part is not None
        assert part.text == reply.text
        if part.trailer is not None:  # only extension words at the end may be missing
            assert part.trailer.words[:4] == reply.trailer.words[:4]
            assert part.trailer.session == reply.trailer.session


@given(
    texts, st.tuples(*[words] * 4), st.integers(0, 0xFFFF), st.lists(words, max_size=16)
)
def test_a_reply_says_every_bit_that_was_spelled(text, status, session, extensions):
    decoder = Decoder()
    decoder.receive(wire(text, list(status), session, extensions))
    reply = decoder.receive_eof()
    assert reply is not None
    assert reply.text == text.rstrip(" ")
    assert reply.trailer is not None
    named = (*extensions, 0, 0, 0, 0)[:4]
    assert reply.trailer.words == (*status, *named)
    assert [reply.trailer.word(one) for one in Word] == [*status, *named]
    assert reply.trailer.session == session


@given(st.lists(st.binary(min_size=1, max_size=400), max_size=30))
def test_what_is_held_is_bounded_however_much_comes(pieces):
    decoder, taken = Decoder(), 0
    for piece in pieces:
        try:
            decoder.receive(piece)
        except RemoteProtocolError:
            return
        taken += len(piece)
        assert taken <= REPLY_SIZE_MAX


ALONE = [
    op
    for op, row in COMMANDS.items()
    if row.word and op is not Op.PANEL and row.answer is not Answer.IGNORED
]


@pytest.mark.parametrize("op", ALONE)
@settings(max_examples=20)
@given(st.data())
def test_the_emulators_parser_reads_what_is_encoded(op, data):
    """Two parsers that share no code: what one writes the other takes for the same."""
    row = COMMANDS[op]
    given_ = st.integers(0, 0xFFFF) | st.from_regex(r"[A-Za-z0-9]{1,9}", fullmatch=True)
    free = data.draw(st.tuples(*[given_] * row.free_count))
    found = Parser(lambda word, parameters: None).receive(encode(op, *free) * 2)
    parameters = (*row.fixed, *map(str, free))
    assert found == [Command(row.word, parameters)] * 2


@given(st.binary(min_size=1, max_size=200), st.sampled_from([None, (300, 260)]))
def test_the_emulators_parser_counts_the_dots_of_a_panel(dots, resolution):
    sent = b"".join(encode_panel("y", 256, dots, resolution))
    found = Parser(lambda word, parameters: len(dots)).receive(sent + b"\x1bRok\r\x00")
    across = tuple(map(str, resolution or ()))
    word = "Dbx" if resolution else "Db"
    expected = Command(word, ("y", "256", *across), panel=dots)
    assert found == [expected, Command("Rok")]


def test_an_empty_connection_is_no_reply():
    assert Decoder().receive_eof() is None


def test_a_text_without_end_is_refused_at_its_limit():
    decoder = Decoder()
    decoder.receive(b"A" * TEXT_SIZE_MAX)
    with pytest.raises(RemoteProtocolError, match="longer than 2048"):
        decoder.receive(b"A")


def test_a_trailer_without_end_is_refused_at_its_limit():
    decoder = Decoder()
    decoder.receive(b"\x00" * REPLY_SIZE_MAX)
    with pytest.raises(RemoteProtocolError, match=f"longer than {REPLY_SIZE_MAX}"):
        decoder.receive(b"\x00")


def test_a_text_at_its_limit_may_be_followed_by_a_status():
    status = wire("A" * TEXT_SIZE_MAX, [0xFFFF_FFFF] * 4, 0x0101, [])
    decoder = Decoder()
    decoder.receive(status)
    reply = decoder.receive_eof()
    assert reply is not None
    assert len(reply.text) == TEXT_SIZE_MAX
    assert reply.trailer is not None


def test_a_text_that_ends_behind_its_limit_is_refused():
    with pytest.raises(RemoteProtocolError, match=r"^reply text longer than 2048"):
        Decoder().receive(b"A" * (TEXT_SIZE_MAX + 1) + b"\x00")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"INDEX \r\n\x00", "INDEX"),
        (b"qty:300\r\ncount:7\r\n\x00", "qty:300\r\ncount:7"),
        (b"\x00", ""),
    ],
)
def test_only_blanks_and_line_ends_are_taken_off(raw, text):
    assert outcome([raw]) == Reply(text, None)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"OK\x07\x00", "reply text is not plain ASCII: 4f 4b 07"),
        (b"OK\t\x00", "reply text is not plain ASCII: 4f 4b 09"),
        (b"caf\xe9\x00", "reply text is not plain ASCII: 63 61 66 e9"),
        (b"OK", "reply text without its end: 4f 4b (2 bytes)"),
        (
            b"A" * 32,
            f"reply text without its end: {'41 ' * 31}41 (32 bytes)",
        ),
        (
            b"A" * 33,
            f"reply text without its end: {'41 ' * 31}41 … (33 bytes)",
        ),
        (
            wire("", [0] * 4, 0, []) + b"\x04\x00\x00\x00",
            "status extension is cut short",
        ),
    ],
)
def test_what_is_no_reply_is_said_in_its_bytes(raw, says):
    assert outcome([raw]) == says


@pytest.mark.parametrize(
    "line", ["qty:300", "qty: 300", "qty 300", "qty:300\r\ncount:7"]
)
def test_pairs_take_a_colon_or_a_blank(line):
    assert pairs(line)["qty"] == "300"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("qty=300", "expected key:value"),
        (":300", "expected key:value"),
        ("qty:1\nqty:2", "comes twice"),
    ],
)
def test_pairs_that_are_none_are_refused(text, says):
    with pytest.raises(RemoteProtocolError, match=says):
        pairs(text)


@pytest.mark.parametrize("value", ["", "-1", "1.5", "many", "99999999999"])
def test_a_counter_that_is_no_count_is_refused(value):
    with pytest.raises(RemoteProtocolError, match="inserted_head"):
        count_in({"inserted_head": value}, "inserted_head")


def test_a_counter_has_at_most_ten_digits():
    assert count_in({"n": "9999999999"}, "n") == 9_999_999_999
    with pytest.raises(RemoteProtocolError) as caught:
        count_in({"n": "1" * 60}, "n")
    assert str(caught.value) == f"n is '{'1' * 40}', expected a count"


def test_a_missing_counter_names_what_there_is():
    with pytest.raises(RemoteProtocolError, match=r"no 'count', only \['qty'\]"):
        count_in({"qty": "300"}, "count")


@given(st.text(max_size=200))
def test_pairs_raise_only_remote_protocol_error(text):
    try:
        pairs(text)
    except RemoteProtocolError:
        return
