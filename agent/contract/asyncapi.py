"""The AsyncAPI 3 document: channels, operations and messages, as the agent has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.contract.envelope import SIGNED_SIZE_MAX
from agent.contract.messages import CONTRACT_MINOR
from agent.contract.tokens import MESSAGE_SIZE_MAX
from agent.contract.topics import RETAINED, ROOT, TO_AGENT, Topic

Document = dict[str, Any]

_SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
_TOKEN = r"[A-Za-z0-9_-]+"  # noqa: S105 - the characters of base64url
_JWS = rf"{_TOKEN}\.{_TOKEN}\.{_TOKEN}"


@dataclass(frozen=True, slots=True)
class _Row:
    title: str
    content_type: str
    summary: str
    payload: Document | None = None  # of what is on the wire, when it is not the schema


_ROWS = {
    Topic.JOB: _Row(
        "A job in its envelope",
        "application/jose",
        "Compact JWE; inside a compact JWS of the document (job.schema.json), one LF, "
        "and the raw parts in the order of the manifest.",
        {
            "type": "string",
            "pattern": rf"^{_JWS}\.{_TOKEN}\.{_TOKEN}$",
            "maxLength": MESSAGE_SIZE_MAX,
        },
    ),
    Topic.COMMAND: _Row(
        "A numbered command",
        "application/jose",
        "Compact JWS of the document (command.schema.json). Answered with a reply, "
        "however often it comes; done once.",
        {"type": "string", "pattern": f"^{_JWS}$", "maxLength": SIGNED_SIZE_MAX},
    ),
    Topic.ACK: _Row(
        "The centre holds every line up to this one",
        "application/jose",
        "Compact JWS of the document (ack.schema.json).",
        {"type": "string", "pattern": f"^{_JWS}$", "maxLength": SIGNED_SIZE_MAX},
    ),
    Topic.ASK: _Row(
        "What the agent has, after each connect",
        "application/json",
        "The centre answers with an ack and with every pending job that is not listed.",
    ),
    Topic.EVENT: _Row(
        "One or more event lines",
        "text/plain",
        "Lines in order: `<sha256 of the JSON> <JSON>` and LF (event.schema.json).",
        {"type": "string", "pattern": r"^([0-9a-f]{64} \{[^\n]*\}\n)+$"},
    ),
    Topic.STATE: _Row(
        "The whole picture",
        "application/json",
        "On connect, on change, and every five minutes.",
    ),
    Topic.ONLINE: _Row(
        "Birth and death of a connection",
        "application/json",
        "Death is the will; it counts only with the connection number of the birth.",
    ),
    Topic.REPLY: _Row(
        "What became of a command",
        "application/json",
        "Once for each time the command comes; the result stays the same.",
    ),
}


def document() -> Document:
    """Return the whole document; it refers to the schema files beside it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "blanko: an agent and its centre",
            "version": f"1.{CONTRACT_MINOR}.0",
            "description": "One agent for each card printer; MQTT 5 or 3.1.1, QoS 1.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {str(topic): _channel(topic) for topic in Topic},
        "operations": {_operation_name(topic): _operation(topic) for topic in Topic},
        "components": {
            "messages": {
                str(topic): _message(topic, row) for topic, row in _ROWS.items()
            }
        },
    }


def _channel(topic: Topic) -> Document:
    return {
        "address": f"{ROOT}/{{station}}/{{printer}}/{topic}",
        "messages": {str(topic): {"$ref": f"#/components/messages/{topic}"}},
        "parameters": {
            "station": {"description": "The station, as the agent's file names it."},
            "printer": {"description": "One of its printers, likewise."},
        },
    }


def _operation_name(topic: Topic) -> str:
    return f"{'receive' if topic in TO_AGENT else 'send'}-{topic}"


def _operation(topic: Topic) -> Document:
    return {
        "action": "receive" if topic in TO_AGENT else "send",
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [{"$ref": f"#/channels/{topic}/messages/{topic}"}],
        "bindings": {"mqtt": {"qos": 1, "retain": topic in RETAINED}},
    }


def _message(topic: Topic, row: _Row) -> Document:
    schema = row.payload or {"$ref": f"./{topic}.schema.json"}
    return {
        "name": str(topic),
        "title": row.title,
        "summary": row.summary,
        "contentType": row.content_type,
        "payload": {"schemaFormat": _SCHEMA_FORMAT, "schema": schema},
    }
