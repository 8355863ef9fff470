"""The peer at rest: asyncio, ssl, sqlite3 and paho, connected, and nothing else.

`python bench/bare_idle.py BROKER_PORT DATABASE`; says `ready` once connected.
"""

from __future__ import annotations

import asyncio
import sqlite3
import ssl
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


async def main() -> None:
    ssl.create_default_context()
    database = sqlite3.connect(sys.argv[2])
    database.execute("PRAGMA journal_mode=WAL")
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", int(sys.argv[1]))
    client.loop_start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
