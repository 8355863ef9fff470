"""A trace is read by a person, loaded as TOML, run as vectors, and shows nobody."""

from __future__ import annotations

import hashlib
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.contract import Happening, WireEvent
from protocols.evolis.annotate import annotate
from protocols.evolis.codec import encode, encode_compressed, encode_panel
from protocols.evolis.commands import COMMANDS, Answer, Op
from protocols.registry import UnknownPrinterError, annotated
from tests.protocols import test_evolis_vectors as vectors
from tests.protocols.scripted_link import status

SOURCE = "trace of Primacy 1640, 2026-03-02"
OK = b"OK\x00" + status(inf=0x02000080, war=0x11000000)
IN, OUT = Happening.IN, Happening.OUT


Happened = tuple[Happening, bytes] | Happening


def events(*steps: Happened) -> list[WireEvent]:
    pairs = [step if isinstance(step, tuple) else (step, b"") for step in steps]
    return [
        WireEvent(100.0 + number / 1000, what, data, "")
        for number, (what, data) in enumerate(pairs)
    ]


def whole(request: bytes, reply: bytes) -> list[WireEvent]:
    sent: list[Happened] = [(OUT, request)] if request else []
    came = (IN, reply), Happening.END, Happening.CLOSE
    return events(Happening.OPEN, *sent, Happening.FINISH, *came)


def text_of(told: list[WireEvent], no: int = 7) -> str:
    return annotate(told, no=no, source=SOURCE, began_s=99.0)


def comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.startswith("#"))


def parameters_of(op: Op) -> tuple[int, ...]:
    return tuple(range(2, 2 + COMMANDS[op].free_count))


ALONE = [op for op, row in COMMANDS.items() if row.answer is not Answer.IGNORED]


@pytest.mark.parametrize(
    "op",
    [op for op in ALONE if COMMANDS[op].word not in ("Db", "Dm", "Rmb", "Smr")],
)
def test_each_command_is_told_in_words_and_its_stanza_is_a_vector(op):
    text = text_of(whole(encode(op, *parameters_of(op)), OK))
    assert f" {op.name} ({COMMANDS[op].fact})" in text.splitlines()[0]
    (stanza,) = tomllib.loads(text)["request"]
    assert stanza["source"] == SOURCE
    vectors.test_each_request_is_the_sources_bytes(stanza)


@pytest.mark.parametrize(
    ("begin", "name"), [(b"Psync;1;0", "JOB (EVO-70)"), (b"Pcla;0", "JOB_END (EVO-71)")]
)
def test_a_stream_is_named_and_nothing_of_it_is_shown(begin, name):
    stream = b"\x1b" + begin + b"\r<HEADER>\x1bDm;1;CONTOH\r\x1bSe\r\x00"
    text = text_of(whole(stream, OK * 40))
    assert f"{name}, {len(stream)} bytes" in text
    assert "bytes not shown: not as a job goes on" in text
    assert "CONTOH" not in text
    assert tomllib.loads(text) == {}


@pytest.mark.parametrize(
    "vector", vectors.VECTORS["reply"], ids=lambda vector: vector["name"]
)
def test_each_reply_becomes_a_stanza_that_our_decoder_agrees_with(vector):
    reply = bytes.fromhex(vector["hex"])
    text = text_of(whole(encode(Op.MODEL), reply))
    (stanza,) = tomllib.loads(text)["reply"]
    assert bytes.fromhex(stanza["hex"]) == reply
    vectors.test_each_reply_says_what_the_source_says(stanza)
    for field in ("text", "words", "session", "refusal"):
        assert stanza.get(field) == vector.get(field)


@pytest.mark.parametrize(
    "vector", vectors.VECTORS["broken"], ids=lambda vector: vector["name"]
)
@pytest.mark.parametrize("last", [Happening.END, Happening.FAILURE])
def test_a_broken_reply_becomes_a_stanza_that_our_decoder_refuses(vector, last):
    reply = bytes.fromhex(vector["hex"])
    if last is Happening.FAILURE:
        reply += bytes(3000)  # refused before its end
    told = events(Happening.OPEN, Happening.FINISH, (IN, reply), last, Happening.CLOSE)
    text = text_of(told)
    assert "# broken reply: " in " ".join(comments(text).split())
    (stanza,) = tomllib.loads(text)["broken"]
    vectors.test_each_broken_reply_is_refused_with_its_reason(stanza)


def test_a_status_is_told_by_the_names_of_its_bits():
    text = comments(text_of(whole(b"", OK)))
    assert "status poll: POLL (EVO-06)" in text
    for words in (
        "7: status poll",
        "1.000  open",
        "25 bytes: 4f 4b 00",
        "'OK'",
        "cfg 00102020: CFG_FLIP CFG_FEED_BY_FEEDER CFG_REJECT_SLOT",
        "inf 02000080: INF_CARD_PRINT INF_PRINTING_RUNNING",
        "war 11000000: WAR_RECEPTACLE_OPEN WAR_FEEDER_EMPTY",
        "session 7; media-empty-error, other-warning",
    ):
        assert words in text


def test_a_text_of_many_lines_is_shown_in_part_and_its_stanza_is_whole():
    lines = "\n".join("a:1" for _ in range(500))
    text = text_of(whole(encode(Op.RIBBON), lines.encode() + b"\x00"))
    assert comments(text).count("'a:1'") == 40
    assert "and 460 lines more" in comments(text)
    assert tomllib.loads(text)["reply"][0]["text"] == lines
    assert len(text) < 10_000


def test_a_reserved_bit_is_told_by_its_number():
    text = text_of(whole(b"", b"\x00" + status(war=0x00000030)))
    assert "war 00000030: reserved 00000030" in text


def test_a_refusal_is_called_one():
    text = text_of(whole(encode(Op.FEED), b"ERROR FEEDER\x00"))
    assert "'ERROR FEEDER': refused, FEEDER" in text
    assert "no status" in text


PANELS: list[tuple[str, int, tuple[int, int] | None]] = [
    ("y", 256, None),
    ("k", 2, None),
    ("m", 128, (300, 260)),
]


@pytest.mark.parametrize(("letter", "levels", "resolution"), PANELS)
def test_the_dots_of_a_panel_stay_out(letter, levels, resolution):
    dots = b"12;34;\r\x00" + bytes(range(255, 100, -1)) * 300
    wire = b"".join(encode_panel(letter, levels, dots, resolution))
    text = text_of(whole(wire, OK))
    assert hashlib.sha256(dots).hexdigest() in text
    assert f"{len(dots)} bytes of dots" in text
    shows_no(text, dots)
    (stanza,) = tomllib.loads(text)["panel"]
    vectors.test_each_panel_is_head_dots_and_tail(stanza)


def shows_no(text: str, secret: bytes) -> None:
    """Neither in hex, in part, nor as it is."""
    plain = text.replace(" ", "")
    for at in range(0, len(secret) - 4, 4):
        assert secret[at : at + 4].hex() not in plain
    assert secret[:12].decode("latin-1") not in text


def test_a_panel_that_comes_in_pieces_is_told_as_one():
    dots = bytes(range(200)) * 50
    wire = b"".join(encode_panel("y", 256, dots))
    happened = [(OUT, wire[at : at + 1000]) for at in range(0, len(wire), 1000)]
    told = events(Happening.OPEN, *happened, Happening.FINISH, (IN, OK), Happening.END)
    text = text_of(told)
    assert hashlib.sha256(dots).hexdigest() in text
    assert text.count("62 3b 79") == 2, (
        "the head: of the first piece, and in the stanza"
    )
    shows_no(text, dots)


def test_a_panel_that_is_cut_short_says_so_and_is_no_vector():
    wire = b"".join(encode_panel("y", 256, bytes(range(200))))
    told = events(Happening.OPEN, (OUT, wire[:100]), Happening.FAILURE, Happening.CLOSE)
    text = text_of(told)
    assert "bytes of dots so far: the panel is cut short" in text
    assert "no answer: the printer did not end its reply" in text
    assert tomllib.loads(text) == {}
    shows_no(text, wire[20:100])


def test_a_compressed_panel_stays_out_too():
    data = bytes(range(1, 250))
    text = text_of(whole(encode_compressed("k", data), OK))
    assert "Dbc k, 2 levels" in text
    assert list(tomllib.loads(text)) == ["reply"]
    shows_no(text, data)


@pytest.mark.parametrize(
    ("request_", "reply", "said"),
    [
        (b"\x1bDm;1;B00;CONTOH\r^\r\x00", b"OK\x00", "Dm;1: magnetic stripe, 12 bytes"),
        (b"\x1bRmb;2\r\x00", b"B00;CONTOH^\x00", "11 bytes of text, not shown"),
        (b"\x1bRmb;1\r\x00", b"ERRB00;CONTOH\x00", "13 bytes of text, not shown"),
        (b"\x1bRmb;1\r\x00", b"B00;CONTOH\xff\x00", "broken reply of"),
        (b"\x1bRmb;1\r\x00", b"B00;CONTOH", "broken reply of"),
        (
            b"\x1bWt;1;1;2;30;B00;CONTOH\r\x00",
            b"B00;CONTOH\x00",
            "Wt: not in our table",
        ),
        (b"\x1bDbmp;k;1;1;0;B00;CONTOH\r\x00", b"OK\x00", "Dbmp: not in our table"),
        (b"B00;CONTOH", b"OK\x00", "?: not in our table"),
        (b"\x1bDb;y;02;B00;CONTOH\r\x00", b"OK\x00", "Db: not in our table"),
    ],
)
def test_what_names_a_person_stays_out(request_, reply, said):
    text = text_of(whole(request_, reply + status()))
    assert said in text
    assert "CONTOH" not in text
    shows_no(text, b"B00;CONTOH")
    assert tomllib.loads(text) == {} or "OK" in str(tomllib.loads(text))


@pytest.mark.parametrize("number", ["0", "7", "007", "9" * 20, "-1", "1e5", "\u0661"])
def test_a_parameter_that_toml_would_read_otherwise_is_quoted(number):
    text = text_of(whole(f"\x1bPsid;{number};1\r\x00".encode(), OK))
    (stanza,) = tomllib.loads(text)["request"]
    first, second = stanza["parameters"]
    assert str(first) == number.encode().decode("latin-1")
    assert second == 1


def test_a_refusal_of_a_stripe_is_shown():
    text = text_of(whole(b"\x1bRmb;1\r\x00", b"OPTION NOT AVAILABLE\x00"))
    assert "refused, NO_OPTION" in text


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (events(Happening.OPEN, Happening.FAILURE, Happening.CLOSE), "no answer"),
        (
            events(
                Happening.OPEN, Happening.FINISH, (IN, b"OK\x00\x00"), Happening.CLOSE
            ),
            "cut off after 4 bytes: the printer did not end its reply",
        ),
        (
            events(Happening.OPEN, Happening.FINISH, Happening.END, Happening.CLOSE),
            "no answer: closed without a byte",
        ),
        (events(Happening.OPEN), "no answer"),
    ],
)
def test_half_an_exchange_is_called_so(told, said):
    text = text_of(told)
    assert said in text
    assert "reply" not in tomllib.loads(text)


steps = st.one_of(
    st.sampled_from(list(Happening)),
    st.tuples(st.sampled_from([IN, OUT]), st.binary(max_size=60)),
    st.tuples(st.just(OUT), st.sampled_from([b"\x1bDb;y;256;", b"\x1bRtp\r\x00"])),
)


@given(st.lists(steps, max_size=8), st.text(max_size=40), st.text(max_size=40))
def test_whatever_happened_the_file_is_one_toml(happened, source, detail):
    told = [
        WireEvent(event.at_s, event.what, event.data, detail)
        for event in events(*happened)
    ]
    pieces = [
        annotate(told, no=number, source=source, began_s=99.0) for number in range(2)
    ]
    loaded: dict[str, list[dict[str, Any]]] = tomllib.loads("".join(pieces))
    for rows in loaded.values():
        assert all(row["source"] == source for row in rows)


def test_a_family_that_nobody_knows_is_named():
    with pytest.raises(UnknownPrinterError, match="acme"):
        annotated("acme", events(Happening.OPEN), no=1, source="", began_s=0)
