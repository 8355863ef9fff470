"""A broker of one's own on a free loopback port: mosquitto if there, else iotcore.

Nothing of it outlives the process: whoever stands before it must be able to send again.
"""

from __future__ import annotations

import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

PACKET_SIZE_MAX = 5 * 2**20
"""Bytes; a sealed job has up to 4.5 MiB."""

_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_packet_size {packet_size_max}
max_queued_messages 100000
max_queued_bytes 268435456
set_tcp_nodelay true
log_dest stdout
user root
"""
# `user` matters only to root: changing to another would undo what ends the broker with
# whoever started it.
_IOTCORE = """\
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "v5"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {packet_size_max}
max_inflight_count = 100
dynamic_filters = true
"""


@dataclass(frozen=True, slots=True)
class BrokerPlan:
    """How to start a broker, and where it will listen."""

    name: str
    argv: tuple[str, ...]
    port: int

    @property
    def uri(self) -> str:
        """For agents and centres."""
        return f"mqtt://127.0.0.1:{self.port}"


def plan_broker(directory: Path) -> BrokerPlan:
    """Choose a broker and a free port, and write its configuration.

    The port may be taken by somebody else before the broker starts: it ends at once
    then, and the caller plans another.
    """
    port = _free_port()
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if found:
        path = directory / "mosquitto.conf"
        path.write_text(_MOSQUITTO.format(port=port, packet_size_max=PACKET_SIZE_MAX))
        return BrokerPlan("mosquitto", (found, "-c", str(path)), port)
    path = directory / "iotcore.toml"
    path.write_text(_IOTCORE.format(port=port, packet_size_max=PACKET_SIZE_MAX))
    argv = (sys.executable, "-m", "iotcore", "--config", str(path))
    return BrokerPlan("iotcore", argv, port)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
