"""`blanko contract`: the files it writes, and what it says of a job."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli import main
from agent.contract.check import Finding, check_message
from agent.contract.envelope import OpenedJob, open_job
from agent.contract.messages import RejectReason
from tests.agent.envelope_by_hand import PICTURE, TO, World, compact

SEALED = Path(__file__).parents[2] / "docs/contract/examples/sealed"
NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)


def blanko(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["contract", *map(str, arguments)])


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding


def judge_of(world: World):
    def judge(message: bytes) -> OpenedJob:
        return open_job(message, world.keyring(), TO)

    return judge


def test_a_good_message_has_no_findings():
    world = World()
    opened, findings = check_message(world.message(), judge_of(world), NOW)

    assert opened is not None
    assert opened.job.job_id == "J-1"
    assert findings == []


def test_a_refusal_is_a_finding_with_the_agents_own_words():
    world = World()
    opened, findings = check_message(world.message(printer="p2"), judge_of(world), NOW)

    assert opened is None
    assert only(findings).reason is RejectReason.WRONG_PRINTER
    assert "bekasi-1/p2" in only(findings).detail


def test_an_expired_job_is_found():
    world = World()
    late = datetime(2026, 12, 24, 1, tzinfo=UTC)
    _, findings = check_message(world.message(), judge_of(world), late)

    assert only(findings).reason is RejectReason.EXPIRED


def test_a_document_alone_is_checked_for_its_form():
    document = World().document()
    pretty = json.dumps(document, indent=2).encode()
    for message in (
        compact(document),
        compact(document) + b"\n",
        pretty,
        compact(document) + b"\n" + PICTURE,
    ):
        opened, findings = check_message(message, None, NOW)
        assert opened is not None
        assert findings == []


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "no JSON object"),
        (compact({**World().document(), "copies": 2}), "copies"),
        (compact(World().document()) + b"\n" + PICTURE[:-1], "bytes follow"),
        (compact({**World().document(), "parts": []}), "part `front`"),
        (b'{"a":1,"a":2}', "`a` stands twice"),
    ],
)
def test_what_is_wrong_with_a_document_is_said(message, said):
    opened, findings = check_message(message, None, NOW)

    assert opened is None
    assert only(findings).reason is RejectReason.MALFORMED
    assert said in only(findings).detail


def test_the_command_checks_the_published_example_as_an_agent_would(tmp_path):
    """Copied, so that a date in the far future does not matter to anybody else."""
    folder = tmp_path / "sealed"
    shutil.copytree(SEALED / "p256-es256", folder)

    done = blanko("check", folder / "message.jwe", "--config", folder / "blanko.toml")

    expired = datetime.now(UTC) >= datetime(2027, 11, 20, 1, tzinfo=UTC)
    assert done.exit_code == (1 if expired else 0), done.output
    assert ("refused: expired" if expired else "good: job J-2026-000101") in done.output


def test_the_command_says_what_to_do_about_a_refusal(tmp_path):
    folder = tmp_path / "sealed"
    shutil.copytree(SEALED / "p256-es256", folder)
    message = folder / "message.jwe"
    message.write_bytes(message.read_bytes()[:-4] + b"AAAA")

    done = blanko("check", message, "--config", folder / "blanko.toml")

    assert done.exit_code == 1
    assert "refused: bad-signature (retry: other-key)" in done.output
    assert "Seal and sign again" in done.output


def test_the_command_finds_what_is_wrong_with_a_picture(tmp_path):
    folder = tmp_path / "sealed"
    shutil.copytree(SEALED / "p256-es256", folder)
    config = folder / "blanko.toml"
    bare = config.read_text().replace("[keys]", "[keys]\nallow_unsigned_jobs = true")
    config.write_text(bare)
    kid = json.loads((folder / "agent.TEST-KEY.jwk").read_text())["kid"]
    world = World(agent_kid=kid)
    late = "2099-01-01T00:00:00Z"
    times = {"issued_at": "2098-12-01T00:00:00Z", "expires_at": late}
    message = folder / "job"
    message.write_bytes(compact(world.document(**times)) + b"\n" + PICTURE)

    done = blanko("check", message, "--config", config)

    assert done.exit_code == 1
    assert "refused: image-bad" in done.output
    two = {"front": {"kind": "image", "part": "front"}, "back": None}
    document = world.document(**times, sides=two, ribbon="KO-unheard")
    message.write_bytes(compact(document) + b"\n" + PICTURE)
    assert "refused: unsupported" in blanko("check", message, "--config", config).output


def test_the_command_without_a_configuration_says_how_far_it_looked(tmp_path):
    done = blanko("check", SEALED / "x25519-ed25519" / "document.json")

    assert done.exit_code == 0
    assert "form only" in done.output
    assert "2 parts" in done.output


def test_a_missing_file_or_configuration_is_named(tmp_path):
    done = blanko("check", tmp_path / "none")
    assert done.exit_code == 1
    assert "none cannot be read" in done.stderr

    done = blanko("check", SEALED / "README.md", "--config", tmp_path / "none.toml")
    assert done.exit_code == 1
    assert "none.toml" in done.stderr


def test_a_bad_key_file_is_named(tmp_path):
    folder = tmp_path / "sealed"
    shutil.copytree(SEALED / "p256-es256", folder)
    (folder / "trust.jwks").write_text("{}")

    done = blanko("check", folder / "message.jwe", "--config", folder / "blanko.toml")

    assert done.exit_code == 1
    assert "trust.jwks" in done.stderr


def test_export_writes_what_it_lists(tmp_path):
    done = blanko("export", tmp_path / "contract")

    assert done.exit_code == 0
    listed = [Path(line) for line in done.output.splitlines()]
    assert len(listed) > 15
    assert all(path.is_file() for path in listed)


def test_export_says_why_it_cannot_write(tmp_path):
    (tmp_path / "file").write_text("")

    done = blanko("export", tmp_path / "file" / "contract")

    assert done.exit_code == 1
    assert "cannot be written" in done.stderr
