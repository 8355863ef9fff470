"""Two programs that share no code: what the centre seals, the agent opens."""

import json
from datetime import UTC, datetime

import pytest

from agent import artwork
from agent.contract.commands import Cancel
from agent.contract.envelope import open_ack, open_command, open_job
from agent.contract.keyring import Keyring
from agent.contract.keys import make
from agent.contract.topics import Address
from simulators.centre import orders
from simulators.centre.batch import batch
from simulators.centre.commands import Commands
from simulators.centre.envelope import seal, sign_ack, sign_command
from simulators.centre.keys import TRUST_NAME, agent_key, centre_key
from simulators.centre.orders import Addressee

NOW = datetime(2026, 3, 4, tzinfo=UTC)
TO = Address("station-1", "p1")


@pytest.mark.parametrize("alg", ["ES256", "Ed25519"])
@pytest.mark.parametrize("curve", ["P-256", "X25519"])
def test_every_job_of_the_batch_comes_through_the_agents_door(tmp_path, alg, curve):
    make(tmp_path / "agent.jwk", curve)
    centre = centre_key(tmp_path, alg)
    reader = agent_key(tmp_path / "agent.jwk.pub")
    keyring = Keyring.load(tmp_path / "agent.jwk", tmp_path / TRUST_NAME)
    for order in batch(12, "t"):
        to = Addressee("station-1", "p1", reader.kid)
        payload = json.dumps(orders.document(order, to, NOW)).encode()
        opened = open_job(seal(payload, order.parts, centre, reader), keyring, TO)
        artwork.check(opened.job, opened.parts)
        assert opened.job.job_id == order.job_id
        assert list(opened.parts.values()) == [file.data for file in order.files]


def test_an_ack_of_the_centre_is_believed(tmp_path):
    make(tmp_path / "agent.jwk", "P-256")
    centre = centre_key(tmp_path)
    keyring = Keyring.load(tmp_path / "agent.jwk", tmp_path / TRUST_NAME)
    document = {
        "station": "station-1", "printer": "p1", "ledger": "L", "no": 3,
        "hash": "a" * 64, "at": "2026-03-04T05:06:07Z", "nonce": "n",
    }  # fmt: skip
    ack = open_ack(sign_ack(json.dumps(document).encode(), centre), keyring, TO)
    assert (ack.ledger, ack.no, ack.nonce) == ("L", 3, "n")


def test_a_command_of_the_centre_is_one_to_the_agent(tmp_path):
    make(tmp_path / "agent.jwk", "P-256")
    centre = centre_key(tmp_path)
    keyring = Keyring.load(tmp_path / "agent.jwk", tmp_path / TRUST_NAME)
    commands = Commands(tmp_path / "commands")
    to = Addressee("station-1", "p1", "k")
    commands.keep(commands.order("cancel J-7", to, NOW))
    (sent,) = commands.due(0)
    opened = open_command(sign_command(sent.payload, centre), keyring, TO)
    assert isinstance(opened.command, Cancel)
    assert (opened.command.job_id, opened.command.command_no) == ("J-7", 1)
