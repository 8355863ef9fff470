"""A second centre by other hands: npm `mqtt` and `jose` seal a job and follow it.

What it shares with this project is docs/contract and nothing else.
"""

import filecmp
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.conftest import ROOT, needs, wait_until

pytestmark = [pytest.mark.node, pytest.mark.mosquitto]

SOURCE = Path(__file__).parent / "centre-node"
SOURCES = ("package.json", "package-lock.json", ".npmrc", "centre.mjs")
CACHE = ROOT / "build" / "centre-node"
INSTALL_S = 100
CONFIG = """
station = "interop-1"
printer = "p1"
state_dir = "state"
[mqtt]
uri = "{broker}"
[keys]
agent = "agent.jwk"
trust = "keys/trust.jwks"
[device]
family = "evolis"
model = "Primacy"
uri = "tcp://{printer}"
"""


@pytest.fixture(scope="module")
def centre():
    """The program with its packages, installed once under build/ as the lock says."""
    node = needs("Node.js", shutil.which("node"))
    npm = needs("npm", shutil.which("npm"))
    program = CACHE / "centre.mjs"
    _, changed, missing = filecmp.cmpfiles(SOURCE, CACHE, SOURCES, shallow=False)
    if changed or missing:
        shutil.rmtree(CACHE, ignore_errors=True)
        CACHE.mkdir(parents=True)
        for name in SOURCES:
            shutil.copy(SOURCE / name, CACHE)
        command = [npm, "ci", "--ignore-scripts"]
        try:
            subprocess.run(command, cwd=CACHE, check=True, timeout=INSTALL_S)
        except (subprocess.SubprocessError, OSError):
            shutil.rmtree(CACHE)
            raise
    return [node, str(program)]


def card_png(path):
    image = Image.new("RGB", (1011, 638), (214, 228, 236))
    pen = ImageDraw.Draw(image)
    pen.rectangle((60, 90, 300, 420), fill=(40, 90, 150))
    pen.text((340, 200), "CONTOH", fill=(0, 0, 0), font_size=96)
    image.save(path)
    return image


def start_printer(processes, cards):
    printer = processes.start(
        *("-m", "simulators", "printer", "evolis", "--model", "Primacy"),
        *("--tcp", "127.0.0.1:0", "--instant", "--cards", str(cards)),
    )
    word, link, address = printer.stdout.readline().split()
    assert (word, link) == ("listening", "tcp")
    return address


def test_a_job_sealed_by_jose_over_mqtt_js_becomes_a_card(
    centre, mosquitto, processes, tmp_path
):
    cards = tmp_path / "cards"
    cards.mkdir()
    picture = card_png(tmp_path / "card.png")
    subprocess.run([*centre, "keys", tmp_path / "keys"], check=True, timeout=30)
    config = tmp_path / "p1.toml"
    address = start_printer(processes, cards)
    config.write_text(CONFIG.format(broker=mosquitto.uri, printer=address))
    agent_key = tmp_path / "agent.jwk"
    made = processes.start("-m", "agent", "keys", "new", "--out", str(agent_key))
    assert made.wait(30) == 0, processes.stderr_of(made)
    order = {
        "broker": mosquitto.uri,
        "station": "interop-1",
        "printer": "p1",
        "keys": str(tmp_path / "keys"),
        "agent": f"{agent_key}.pub",
        "image": str(tmp_path / "card.png"),
    }
    (tmp_path / "order.json").write_text(json.dumps(order))

    with subprocess.Popen(
        [*centre, "run", str(tmp_path / "order.json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    ) as node:
        assert node.stdout is not None
        job = json.loads(node.stdout.readline())["job"]
        agent = processes.start("-m", "agent", "run", str(config))
        wait_until((tmp_path / "state" / "control.sock").exists, "the agent answers")
        stock = ("stock", "load", "100", "--config", str(config))
        assert processes.start("-m", "agent", *stock).wait(30) == 0
        out, err = node.communicate(timeout=90)
    assert node.returncode == 0, err + out + processes.stderr_of(agent)

    events = [json.loads(line) for line in out.splitlines()]
    assert [event["no"] for event in events] == list(range(1, len(events) + 1))
    ours = [event["data"]["kind"] for event in events if event.get("job") == job]
    assert ours[:2] == ["job-accepted", "job-started"]
    assert ours[-1] == "job-completed"
    with Image.open(cards / "card-000001-front.png") as printed:
        assert printed.convert("RGB").crop((2, 5, 1013, 643)).tobytes() == (
            picture.tobytes()
        )
