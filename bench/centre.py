"""The least a centre does: seal jobs, acknowledge events, notice that a job ended."""

from __future__ import annotations

import json
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from simulators.centre.envelope import seal, sign_ack
from simulators.centre.keys import agent_key, centre_key
from simulators.centre.orders import Addressee, File, Order, document

STATION, PRINTER = "bench-1", "p1"
_ROOT = f"blanko/v1/{STATION}/{PRINTER}"
_ENDS = {"job-completed", "job-aborted", "job-canceled", "job-rejected"}


class Centre:
    """One connection to the broker; `order` returns when the card's job has ended."""

    def __init__(self, broker_port: int, keys: Path, agent: Path) -> None:
        self._key = centre_key(keys)
        self._agent = agent_key(agent)
        self._count = 0
        self._events = threading.Condition()
        self._ended: dict[str, str] = {}
        self._asked = threading.Event()
        self.asked_at = 0.0  # monotonic time
        self._newest = 0  # number of the newest event
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_socket_open = _send_at_once
        self._client.on_message = self._receive
        self._client.connect("127.0.0.1", broker_port)
        self._client.subscribe([(f"{_ROOT}/event", 1), (f"{_ROOT}/ask", 1)])
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait_for_agent(self, timeout_s: float) -> None:
        """Wait until the agent has connected and asked for its jobs.

        Raises:
            RuntimeError: it did not in time.
        """
        if not self._asked.wait(timeout_s):
            raise RuntimeError(f"no agent asked for jobs in {timeout_s:g} s")

    def seal(self, png: bytes) -> tuple[str, bytes]:
        """Return a new job's id and its sealed message."""
        self._count += 1
        job_id = f"bench-{self._count}-{time.time_ns()}"
        fields = {
            "job_id": job_id,
            "queue_no": self._count,
            "kind": "test",
            "subject": f"subject-{job_id}",
            "sides": {"front": {"kind": "image", "part": "front"}},
        }
        order = Order(fields, (File("front", "image/png", png),))
        to = Addressee(STATION, PRINTER, self._agent.kid)
        text = json.dumps(document(order, to, datetime.now(UTC))).encode()
        return job_id, seal(text, order.parts, self._key, self._agent)

    def publish(self, sealed: bytes) -> float:
        """Hand a job to the broker; return the monotonic time just before."""
        at = time.monotonic()
        self._client.publish(f"{_ROOT}/job", sealed, qos=1)
        return at

    def wait(self, job_id: str, timeout_s: float = 30) -> None:
        """Wait for the job's end.

        Raises:
            RuntimeError: it did not end in time, or not with a card.
        """
        with self._events:
            self._events.wait_for(lambda: job_id in self._ended, timeout_s)
        end = self._ended.get(job_id, f"nothing in {timeout_s:g} s")
        if end != "job-completed":
            raise RuntimeError(f"{job_id}: {end} instead of job-completed")

    def wait_for_event(self, no: int, timeout_s: float) -> float:
        """Wait for the event of this number; return the monotonic time.

        Raises:
            RuntimeError: it did not come in time.
        """
        with self._events:
            if not self._events.wait_for(lambda: self._newest >= no, timeout_s):
                raise RuntimeError(f"{self._newest} events came in {timeout_s:g} s")
        return time.monotonic()

    def print_cards(self, png: bytes, count: int) -> None:
        """One after another, each after the end of the one before."""
        for _ in range(count):
            job_id, sealed = self.seal(png)
            self.publish(sealed)
            self.wait(job_id)

    def _receive(
        self, client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage
    ) -> None:
        if message.topic == f"{_ROOT}/ask":
            ask = json.loads(message.payload)
            self._ack(ask["ledger"], 0, "0" * 64, ask["nonce"])
            if not self._asked.is_set():
                self.asked_at = time.monotonic()
            self._asked.set()
            return
        lines = message.payload.decode().splitlines()
        events = [json.loads(line[65:]) for line in lines]
        self._ack(events[-1]["ledger"], events[-1]["no"], lines[-1][:64], None)
        with self._events:
            self._newest = max(self._newest, events[-1]["no"])
            for event in events:
                if event["data"]["kind"] in _ENDS and "job" in event:
                    self._ended[event["job"]] = event["data"]["kind"]
            self._events.notify_all()

    def _ack(self, ledger: str, no: int, digest: str, nonce: str | None) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        about = {"station": STATION, "printer": PRINTER, "ledger": ledger}
        at = now.replace("+00:00", "Z")
        text = json.dumps({**about, "no": no, "hash": digest, "at": at, "nonce": nonce})
        sealed = sign_ack(text.encode(), self._key)
        self._client.publish(f"{_ROOT}/ack", sealed, qos=1, retain=True)


def _send_at_once(client: mqtt.Client, _userdata: object, link: object) -> None:
    """Without this a small message waits 40 ms for the acknowledgement of another."""
    assert isinstance(link, socket.socket)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
