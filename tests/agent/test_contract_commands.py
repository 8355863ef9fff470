"""Commands and replies: the contract's pages, schema and agent say the same."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from agent.contract.commands import KINDS, Command, Result
from agent.contract.documents import DocumentError, convert
from tests.agent.envelope_by_hand import World
from tests.agent.test_contract_export import DIRECTORY, validator

PAGE = (DIRECTORY / "README.md").read_text()
EXAMPLES = DIRECTORY / "examples"


def test_every_kind_has_an_example_and_stands_on_the_page():
    found = {
        json.loads(path.read_text())["kind"] for path in EXAMPLES.glob("command-*.json")
    }
    assert found == KINDS
    assert all(f"| `{kind}` |" in PAGE for kind in KINDS)


def test_every_result_has_an_example_and_stands_on_the_page():
    found = {
        json.loads(path.read_text())["result"] for path in EXAMPLES.glob("reply-*.json")
    }
    assert found == {str(result) for result in Result}
    assert all(f"`{result}`" in PAGE for result in Result)


@pytest.mark.parametrize(
    "changes",
    [
        {"command_id": "C 1"},
        {"command_no": 0},
        {"command_no": 2**53},
        {"command_no": 1.5},
        {"station": "Bekasi"},
        {"issued_at": "24-11-2026"},
        {"kind": "shake"},
        {"kind": "cancel"},
        {"kind": "hold", "job_id": ""},
        {"kind": "resume", "job_id": "J-1"},
        {"reason": "r" * 201},
        {"loudly": True},
    ],
    ids=repr,
)
def test_schema_and_agent_refuse_the_same_commands(changes: dict[str, Any]):
    honest = World().command_document()
    check = validator("command")
    assert check.is_valid(honest)
    assert not check.is_valid({**honest, **changes})
    with pytest.raises(DocumentError):
        convert({**honest, **changes}, Command)  # type: ignore[arg-type]


def test_the_pattern_of_the_asyncapi_document_fits_a_command():
    document = json.loads((DIRECTORY / "asyncapi.json").read_text())
    schema = document["components"]["messages"]["command"]["payload"]["schema"]
    assert re.fullmatch(schema["pattern"], World().command().decode())
