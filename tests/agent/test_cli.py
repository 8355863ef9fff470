"""The command line is quick, plain, and says where it went wrong."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.cli import COMMANDS, main
from agent.cli.roster import ROLES
from agent.cli.stock import CAUSES, COUNTED, PLACES
from agent.lifecycle import ledger
from agent.lifecycle.ledger import ASKED
from agent.people.roster import Role, is_right, load
from tests.conftest import ROOT

HEAVY = (
    "aiomqtt",
    "asyncio",
    "cryptography",
    "joserfc",
    "paho",
    "PIL",
    "pydantic",
    "rich",
    "sqlite3",
    "structlog",
)


class PaperDaemon:
    """Answers each request with the reply that was laid out for it."""

    def __init__(self, path: Path, replies: list[bytes]) -> None:
        self.path = path
        self.asked: list[dict[str, Any]] = []
        self._replies = replies
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        for reply in self._replies:
            client, _ = self._listener.accept()
            with client, client.makefile("rb") as lines:
                self.asked.append(json.loads(lines.readline()))
                client.sendall(reply)

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()
        self.path.unlink()


def blanko(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


def spoken(
    folder: Path, replies: list[Any], typed: str, *arguments: object
) -> tuple[Result, list[dict[str, Any]]]:
    """Run a command against replies in a row, with what a person types."""
    daemon = PaperDaemon(
        folder / "s", [json.dumps(r).encode() + b"\n" for r in replies]
    )
    words = [str(one) for one in (*arguments, "--socket", folder / "s")]
    result = CliRunner().invoke(main, words, input=typed)
    daemon.close()
    return result, daemon.asked


def answered(folder: Path, reply: object, *arguments: object) -> tuple[Result, Any]:
    raw = reply if isinstance(reply, bytes) else json.dumps(reply).encode() + b"\n"
    daemon = PaperDaemon(folder / "s", [raw])
    result = blanko(*arguments, "--socket", folder / "s")
    daemon.close()
    return result, daemon.asked[0]


STATUS: dict[str, Any] = {
    "ok": True,
    "broker": {"connected": False, "connection": 3, "trouble": "Connection refused"},
    "state": {
        "printer_state": "stopped",
        "state_reasons": ["media-empty-error", "marker-print-ribbon-empty-error"],
        "queued": 4,
        "printer": {"family": "evolis", "model": "Primacy", "serial": "E1"},
        "ribbon": {"kind": "YMCKO", "left": 0},
        "current": {"job": "J-1", "state": "processing", "attempt": 2, "stage": "sent"},
        "stock": {"hopper": 7, "reject-bin": 1},
        "head": {"no": 9, "acked": 5},
        "unsigned_jobs": True,
    },
}
JOB = {"job_id": "J-1", "queue_no": 3, "state": "pending", "spoiled": 1, "reasons": []}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["status", "--socket", "/none"], ["job", "--help"]],
    ids=" ".join,
)
def test_nothing_heavy_is_imported_to_answer(arguments):
    command = [sys.executable, "-X", "importtime", "-m", "agent", *arguments]
    log = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stderr
    loaded = {line.rpartition("|")[2].strip() for line in log.splitlines()}
    assert "agent.cli" in loaded
    assert not [name for name in HEAVY if name in loaded]


def test_every_command_is_in_the_help_with_its_own_line():
    text = blanko("--help").output
    for name, line in COMMANDS.items():
        assert f"  {name:9} {line}" in text
        own = blanko(name, "--help").output
        assert own.startswith(f"Usage: main {name}")
        assert max(map(len, own.splitlines())) <= 80


def test_status_says_when_a_card_may_start_and_when_all_can_be_done(tmp_path):
    duty = {
        "rests_for": "x-resting-report",
        "rests_until": "2026-02-09T10:42:31Z",
        "cards_a_day": 912,
        "queue_ends_at": "2026-02-09T11:30:10Z",
        "run_left": 7892,
        "run_ends_at": "2026-02-18T08:00:00Z",
    }
    state = STATUS["state"] | {"duty": duty}
    result, _ = answered(tmp_path, STATUS | {"state": state}, "status")
    page = (ROOT / "docs/upkeep.md").read_text().split("```\n")
    example = next(one for one in page if one.startswith("rests "))
    assert example in result.output


def test_an_unknown_command_is_a_wrong_use():
    result = blanko("statsu")
    assert result.exit_code == 2
    assert "No such command 'statsu'" in result.output


def test_status_fits_a_small_screen(tmp_path):
    result, asked = answered(tmp_path, STATUS, "status")
    assert asked == {"do": "status"}
    assert result.exit_code == 0
    assert max(map(len, result.output.splitlines())) <= 80
    for words in (
        "stopped",
        "media-empty-error",
        "evolis Primacy, serial E1",
        "YMCKO, 0 sets left",
        "not connected: Connection refused",
        "J-1: processing, attempt 2, sent",
        "9 written, 5 at the centre",
        "nobody signed",
    ):
        assert words in result.output


def test_json_is_the_reply_itself(tmp_path):
    result, _ = answered(tmp_path, STATUS, "status", "--json")
    assert json.loads(result.output) == STATUS


def test_jobs_are_listed(tmp_path):
    result, asked = answered(tmp_path, {"ok": True, "jobs": [JOB]}, "job", "list")
    assert asked == {"do": "jobs"}
    assert result.output.splitlines()[1].split() == ["3", "J-1", "pending", "1"]


def test_the_story_of_a_job_is_told_in_short_lines(tmp_path):
    event = {
        "no": 7,
        "at": "2026-11-24T08:00:00.5Z",
        "attempt": 2,
        "who": "siti",
        "data": {
            "kind": "attempt-stage",
            "stage": "sending",
            "digest": "a" * 64,
            "evidence": {"card": "inside", "cards_fed": 0, "reasons": []},
            "detail": "word " * 30,
        },
    }
    reply = {"ok": True, "events": [event]}
    result, asked = answered(tmp_path, reply, "job", "why", "J-1")
    assert asked == {"do": "why", "job": "J-1"}
    lines = result.output.splitlines()
    assert lines[0] == "    7 2026-11-24T08:00:00Z attempt-stage #2 by siti"
    assert "digest=aaaaaaaaaaaa..." in lines[1]
    assert "evidence.cards_fed=0" in result.output, "a zero is evidence too"
    assert "reasons" not in result.output
    assert max(map(len, lines)) <= 80


def test_an_answer_about_a_card_is_passed_on_whole(tmp_path):
    reply = {"ok": True, "job": JOB, "state": "completed"}
    arguments = ["job", "resolve", "J-1", "--found", "output", "--good"]
    more = ["--reason", "whole", "--as", "siti"]
    result, asked = answered(tmp_path, reply, *arguments, *more)
    assert result.exit_code == 0
    assert asked == {
        "do": "resolve",
        "job": "J-1",
        "found": "output",
        "good": True,
        "reason": "whole",
        "who": "siti",
    }


def test_what_was_not_said_is_not_passed_on(tmp_path):
    reply = {"ok": True, "job": JOB, "state": "pending"}
    arguments = ["job", "resolve", "J-1", "--found", "hopper", "--reason", "x"]
    _, asked = answered(tmp_path, reply, *arguments)
    assert asked == {"do": "resolve", "job": "J-1", "found": "hopper", "reason": "x"}
    _, asked = answered(tmp_path, {"ok": True, "stock": {"hopper": 9}}, *LOAD)
    assert asked == {"do": "stock-load", "count": 9}


LOAD = ["stock", "load", 9]


def test_a_refusal_goes_to_stderr_with_exit_code_1(tmp_path):
    reply = {"ok": False, "error": "unknown-job", "message": "no job J-9 \x1b[31m"}
    result, _ = answered(tmp_path, reply, "job", "show", "J-9")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "blanko: no job J-9 ?[31m\n"


@pytest.mark.parametrize("reply", [b"rubbish\n", b"", b"[]\n", b'{"ok":false}\n'])
def test_what_is_no_daemon_is_called_so(tmp_path, reply):
    result, _ = answered(tmp_path, reply, "status")
    assert result.exit_code == 3
    assert "is not a blanko daemon" in result.stderr


def test_a_daemon_that_is_not_there_is_exit_code_3(tmp_path):
    result = blanko("status", "--socket", tmp_path / "none")
    assert result.exit_code == 3
    assert "none: No such file or directory" in result.stderr


def test_one_must_say_which_daemon():
    result = CliRunner(env={"BLANKO_SOCKET": None}).invoke(main, ["status"])
    assert result.exit_code == 2
    assert "--config FILE or --socket PATH" in result.output


def test_the_configuration_names_the_socket(tmp_path):
    file = tmp_path / "p1.toml"
    file.write_text('control_socket = "s"\n')
    daemon = PaperDaemon(tmp_path / "s", [b'{"ok":true,"stock":{"hopper":1}}\n'])
    result = blanko("stock", "show", "--config", file)
    daemon.close()
    assert result.output.split() == ["hopper", "1"]
    result = blanko("stock", "show", "--config", tmp_path / "none.toml")
    assert result.exit_code == 1
    assert "none.toml: cannot be read" in result.stderr


def test_a_wrong_configuration_is_refused(tmp_path):
    result = blanko("config", "check", tmp_path / "none.toml")
    assert result.exit_code == 1
    assert "none.toml: cannot be read: No such file" in result.stderr


PIN_NEEDED = {"ok": False, "error": "pin-needed", "message": "a PIN is needed"}
BOOK = {
    "ok": True,
    "stock": {"hopper": 9},
    "old_cards": {"waste": 3},
    "unconfirmed": [],
}


def test_a_pin_is_asked_for_on_the_terminal_only_when_the_daemon_wants_it(tmp_path):
    words = ["stock", "load", 9, "--as", "siti"]
    result, asked = spoken(tmp_path, [PIN_NEEDED, BOOK], "739214\n", *words)
    assert result.exit_code == 0
    load = {"do": "stock-load", "count": 9, "who": "siti"}
    assert asked == [load, load | {"pin": "739214"}]
    assert "739214" not in result.output
    assert "old cards: waste            3" in result.output


def test_both_pins_are_asked_for_where_two_are_named(tmp_path):
    words = ["stock", "move", "destroy", 2, "--record", "BA-1", "--as", "siti"]
    more = ["--second", "rina"]
    typed = "739214\n260481\n"
    _, asked = spoken(tmp_path, [PIN_NEEDED, BOOK], typed, *words, *more)
    assert asked[1] == asked[0] | {"pin": "739214", "second_pin": "260481"}
    assert asked[0]["second"] == "rina"


def test_a_wrong_pin_is_refused_and_not_asked_for_again(tmp_path):
    wrong = {
        "ok": False,
        "error": "pin-wrong",
        "message": "that is not the PIN of siti",
    }
    words = ["stock", "confirm", 7, "--as", "siti"]
    result, asked = spoken(tmp_path, [PIN_NEEDED, wrong], "1\n", *words)
    assert result.exit_code == 1
    assert len(asked) == 2
    assert result.stderr.endswith("not the PIN of siti\n")


@pytest.mark.parametrize("command", ["load", "move", "count", "explain", "confirm"])
def test_no_option_takes_a_pin(command):
    text = blanko("stock", command, "--help").output
    assert "--pin" not in text
    assert "--as ID" in text


def test_what_a_person_says_of_blanks_becomes_one_request(tmp_path):
    record = tmp_path / "record.pdf"
    record.write_bytes(b"signed")
    for words, expected in (
        (["count", "desk", 5], {"do": "stock-count", "place": "desk", "count": 5}),
        (["count", "--", "desk", -5], {"place": "desk", "count": -5}),
        (["move", "unload", 4], {"do": "stock-move", "cause": "unload", "count": 4}),
        (["move", "hand-in", 1], {"cause": "hand-in", "item": "old-card"}),
        (["move", "destroy", 1, "--old-cards"], {"item": "old-card"}),
        (
            ["move", "return", 1, "--record", "R-1", "--record-file", record],
            {"record": "R-1", "record_sha256": sha256(b"signed").hexdigest()},
        ),
        (
            ["explain", 1, "--to", "hopper", "--reason", "stuck"],
            {"cause": "explain", "source": "suspense", "destination": "hopper"},
        ),
        (["confirm", 7], {"do": "stock-confirm", "movement": 7}),
    ):
        socket_first = ["--socket", tmp_path / "s"]
        name, *rest = words
        daemon = PaperDaemon(tmp_path / "s", [json.dumps(BOOK).encode() + b"\n"])
        result = blanko("stock", name, *socket_first, *rest)
        daemon.close()
        assert result.exit_code == 0, result.output
        assert expected.items() <= daemon.asked[0].items()


def test_the_command_line_knows_every_cause_and_place_a_person_may_name():
    assert set(CAUSES) == set(ASKED)
    assert set(COUNTED) == set(ledger.COUNTED)
    assert {str(r.source) for r in ledger.RULES if r.cause in ASKED} <= set(PLACES)
    assert set(ROLES) == set(Role)


def test_what_waits_for_a_second_person_is_listed_with_its_number(tmp_path):
    waits = {
        "no": 7, "at": "2026-11-24T08:00:00Z", "who": "siti", "cause": "load",
        "count": 50, "overdue": True,
    }  # fmt: skip
    reply = BOOK | {"unconfirmed": [waits]}
    result, _ = answered(tmp_path, reply, "stock", "show")
    line = "7 waits for a second person: load 50 by siti, 2026-11-24T08:00Z, overdue"
    assert result.output.splitlines()[-1] == line


def add(file: Path, person: str, typed: str) -> Result:
    words = ["roster", "add", str(file), person, "--role", "supervisor"]
    return CliRunner().invoke(main, words, input=typed)


def test_a_person_is_added_to_the_roster_with_a_pin_typed_twice(tmp_path):
    file = tmp_path / "roster.toml"
    results = [add(file, one, "739214\n739214\n") for one in ("siti", "rina")]
    assert [one.exit_code for one in results] == [0, 0]
    assert "739214" not in "".join(one.output for one in results) + file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    people = load(file).people
    assert [is_right(one, "739214") for one in people.values()] == [True, True]
    assert not is_right(people["siti"], "739215")
    assert "rina                 supervisor" in blanko("roster", "list", file).output


@pytest.mark.parametrize(
    ("person", "typed", "complaint"),
    [
        ("siti", "739214\n739214\n", "siti is in"),
        ("Rina", "", "'Rina' is not an id"),
        ("rina", "739214\n739215\n", "do not match"),
        ("rina", "1234\n1234\n", "a PIN has 6 to 12 digits"),
        ("rina", "123456\n123456\n", "no row such as"),
    ],
)
def test_a_wrong_entry_is_refused_and_the_roster_stays(
    tmp_path, person, typed, complaint
):
    file = tmp_path / "roster.toml"
    add(file, "siti", "739214\n739214\n")
    before = file.read_bytes()
    result = add(file, person, typed)
    assert result.exit_code == 1
    assert complaint in result.output
    assert file.read_bytes() == before


def test_a_hold_and_a_pause_become_one_request_each(tmp_path):
    job = {"job_id": "J-1", "state": "pending-held", "reasons": ["held-by-operator"]}
    words = ["job", "hold", "J-1", "--reason", "wrong name", "--as", "siti"]
    result, asked = spoken(tmp_path, [{"ok": True, "job": job}], "", *words)
    assert "held-by-operator" in result.output
    assert asked == [
        {"do": "hold", "job": "J-1", "reason": "wrong name", "who": "siti"}
    ]
    paused = {"ok": True, "paused_by": ["centre", "operator"]}
    words = ["printer", "pause", "--reason", "lunch"]
    result, asked = spoken(tmp_path, [paused], "", *words)
    assert result.output == "paused by centre and operator\n"
    assert asked == [{"do": "pause", "reason": "lunch"}]
    result, asked = spoken(
        tmp_path, [{**paused, "paused_by": []}], "", "printer", "resume"
    )
    assert (result.output, asked) == ("not paused\n", [{"do": "resume"}])
    words = ["job", "release", "J-1"]
    result, asked = spoken(tmp_path, [{"ok": True, "job": job}], "", *words)
    assert asked == [{"do": "release", "job": "J-1"}]


OPEN = {"request": 9, "operation": "clean"}


def ended(result: str, detail: str = "") -> dict[str, Any]:
    one = {"request": 9, "operation": "clean", "result": result, "detail": detail}
    return {"ok": True, "operation": None, "ended": one}


def test_a_cleaning_is_asked_for_and_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr("agent.cli.printer.LOOK_S", 0)
    waits = {"ok": True, "news": True, "operation": OPEN, "ended": None}
    words = ["printer", "clean", "--as", "siti", "--reason", "stripes"]
    replies = [waits, waits, ended("done")]
    result, asked = spoken(tmp_path, replies, "", *words)
    assert (result.exit_code, result.output) == (0, "clean done\n")
    request = {"do": "operate", "operation": "clean", "who": "siti"}
    assert asked == [request | {"reason": "stripes"}, *[{"do": "operations"}] * 2]


def test_a_cleaning_that_failed_says_why(tmp_path):
    said = ended("failed", "refused Scp")
    result, _ = spoken(tmp_path, [said], "", "printer", "clean")
    assert result.exit_code == 1
    assert "clean failed: refused Scp" in result.output


def test_a_self_test_is_asked_for_likewise(tmp_path):
    done = ended("done", "serial P1")
    done["ended"]["operation"] = "self-test"
    result, asked = spoken(tmp_path, [done], "", "printer", "self-test")
    assert result.output == "self-test done: serial P1\n"
    assert asked == [{"do": "operate", "operation": "self-test"}]


def test_what_does_not_end_is_not_waited_for_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("agent.cli.printer.OPERATION_WAIT_S", -1)
    waits = {"ok": True, "news": True, "operation": OPEN, "ended": None}
    result, _ = spoken(tmp_path, [waits], "", "printer", "clean")
    assert result.exit_code == 1
    assert "the clean has not ended" in result.output


def test_two_people_stand_for_another_printer(tmp_path):
    words = ["printer", "confirm", "PR-0002", "--reason", "repair", "--as", "siti"]
    pins = {"ok": False, "error": "pin-needed", "message": "the PIN of siti is needed"}
    replies = [pins, {"ok": True, "serial": "PR-0002"}]
    words += ["--second", "rina"]
    result, asked = spoken(tmp_path, replies, "1234\n5678\n", *words)
    assert "PR-0002 is the printer from here on" in result.output
    assert asked[1] == {
        "do": "printer-confirm",
        "serial": "PR-0002",
        "reason": "repair",
        "who": "siti",
        "second": "rina",
        "pin": "1234",
        "second_pin": "5678",
    }


def test_a_card_that_fails_inspection_is_named_with_its_cause(tmp_path: Path) -> None:
    options = ["--failed", "gagal-cetak", "--reason", "a stripe", "--as", "siti"]
    reply = {"ok": True, "job": JOB | {"state": "completed"}}
    result, asked = answered(tmp_path, reply, "job", "inspect", "J-1", *options)
    assert result.exit_code == 0
    assert asked == {
        "do": "inspect",
        "job": "J-1",
        "cause": "gagal-cetak",
        "reason": "a stripe",
        "who": "siti",
    }
    assert "completed" in result.output
