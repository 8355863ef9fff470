"""Every message, sent or received, against the JSON Schemas of `docs/contract`.

Nothing here repeats what the files say: a message that they do not allow ends the
stand-in centre, whoever made it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

CONTRACT_DIR = Path(__file__).parents[2] / "docs" / "contract"
"""Where the schemas stand in a clone of the repository."""

MESSAGES = ("job", "command", "ack", "ask", "event", "state", "online", "reply")

Document = dict[str, Any]
"""One message as JSON."""


class ContractError(Exception):
    """A message, or the contract's files, are not as agreed."""


class Contract:
    """The schemas of one directory.

    Raises:
        ContractError: a file is missing or is not a JSON Schema of 2020-12.
    """

    def __init__(self, directory: Path = CONTRACT_DIR) -> None:
        self._validators = {
            name: Draft202012Validator(_schema(directory / f"{name}.schema.json"))
            for name in MESSAGES
        }
        self.stock = _table(directory / "stock.json")
        """Which movements of blanks may be."""

    def check(self, name: str, document: Document, who: str) -> None:
        """Refuse a message that its schema does not allow; `who` made it.

        Raises:
            ContractError: names the message, the place in it and what was expected.
        """
        error = best_match(self._validators[name].iter_errors(document))
        if error is not None:
            raise ContractError(
                f"{who} made a message against {name}.schema.json: "
                f"{error.json_path}: {error.message}"
            )

    def read(self, name: str, payload: bytes, who: str) -> Document:
        """Parse and check one JSON message.

        Raises:
            ContractError: it is no JSON object, or its schema does not allow it.
        """
        document = parse(payload, f"{name} message of {who}")
        self.check(name, document, who)
        return document


def parse(payload: bytes, what: str) -> Document:
    """Parse one JSON object, refusing a name that stands in it twice.

    Raises:
        ContractError: names `what`.
    """
    try:
        document = json.loads(payload, object_pairs_hook=_once)
    except ValueError as error:
        raise ContractError(f"{what} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ContractError(f"{what} is not a JSON object")
    return document


def _once(pairs: list[tuple[str, object]]) -> Document:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return document


def _schema(path: Path) -> Document:
    document = _table(path)
    Draft202012Validator.check_schema(document)
    return document


def _table(path: Path) -> Document:
    try:
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise ContractError(
            f"cannot read {path}: {error.strerror}; "
            "--contract DIR names the directory with the contract's schemas"
        ) from error
