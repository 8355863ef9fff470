"""Topic and client names of one station's printer; the major version is in them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ROOT = "blanko/v1"


class Topic(StrEnum):
    """The last word of a topic; who sends, and whether the broker keeps the newest."""

    JOB = "job"  # to the agent
    COMMAND = "command"  # to the agent
    ACK = "ack"  # to the agent, retained
    ASK = "ask"  # to the centre
    EVENT = "event"  # to the centre
    STATE = "state"  # to the centre, retained
    ONLINE = "online"  # to the centre, retained, and the will
    REPLY = "reply"  # to the centre


TO_AGENT = (Topic.JOB, Topic.COMMAND, Topic.ACK)
RETAINED = frozenset({Topic.ACK, Topic.STATE, Topic.ONLINE})


@dataclass(frozen=True, slots=True)
class Address:
    """One printer of one station, as the centre names them."""

    station: str
    printer: str

    def topic(self, topic: Topic) -> str:
        """Return the full topic name."""
        return f"{ROOT}/{self.station}/{self.printer}/{topic}"

    @property
    def client_id(self) -> str:
        """The MQTT client id: a second agent with it would take the session over."""
        return f"blanko-{self.station}-{self.printer}"
