"""JSON Schemas (2020-12) of the messages, out of the types that read and write them."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.contract.commands import Command, Reply
from agent.contract.events import Event
from agent.contract.messages import END, Ack, Ask, Job, Online, State

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

MESSAGES: dict[str, Any] = {
    "job": Job,
    "command": Command,
    "ack": Ack,
    "ask": Ask,
    "event": Event,
    "state": State,
    "online": Online,
    "reply": Reply,
}
"""The type of every message by the last word of its topic.

`event` is the JSON of one line; a command is a union of its kinds.
"""


def schema_of(name: str) -> Schema:
    """Return the schema of one message, closed but for names that begin with `x-`."""
    (root,), definitions = msgspec.json.schema_components([MESSAGES[name]])
    if "$ref" in root:
        root = definitions.pop(root["$ref"].rpartition("/")[2])
    whole = {"$schema": DIALECT, **root}
    if definitions:
        whole["$defs"] = dict(sorted(definitions.items()))
    return _portable(whole)


def _portable(node: Schema) -> Schema:
    """Make what msgspec wrote plain: `$`, `const`, no OpenAPI words, open to `x-`."""
    found = {key: _portable_value(value) for key, value in node.items()}
    found.pop("discriminator", None)
    if isinstance(text := found.get("description"), str):
        found["description"] = " ".join(text.split())
    if isinstance(pattern := found.get("pattern"), str):
        found["pattern"] = pattern.replace(END, "$")
    if isinstance(one_of := found.get("enum"), list) and len(one_of) == 1:
        del found["enum"]
        found["const"] = one_of[0]
    if found.get("additionalProperties") is False:
        found["patternProperties"] = {"^x-": True}
    return found


def _portable_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_portable_value(item) for item in value]
    return _portable(value) if isinstance(value, dict) else value
