"""Key files: made once, never overwritten, read strictly, shown without the secret."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from joserfc.jwk import ECKey, OKPKey

from agent.cli import main
from agent.contract.envelope import Keyring, open_job
from agent.contract.keyring import KeyFileError, agent_key, thumbprint, trust_of
from agent.contract.keys import make, public_of
from tests.agent.envelope_by_hand import (
    TO,
    World,
    new_agent_key,
    new_centre_key,
    private_jwk,
    public_jwk,
)


def write(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document))
    return path


def centre_jwk(alg: str = "ES256", **changes: Any) -> dict[str, Any]:
    public = public_jwk(new_centre_key(alg))
    return {**public, "kid": "c", "alg": alg, **changes}


def agent_jwk(kind: str = "P-256", **changes: Any) -> dict[str, Any]:
    return {**private_jwk(new_agent_key(kind)), "kid": "a", **changes}


@pytest.mark.parametrize("kind", ["P-256", "X25519"])
def test_a_made_key_opens_what_is_sealed_for_its_public_file(tmp_path, kind):
    public = make(tmp_path / "agent.jwk", kind)

    assert json.loads((tmp_path / "agent.jwk.pub").read_text()) == public
    world = World(kind)
    trust = {"keys": [{**public_jwk(world.centre), "kid": "centre-1", "alg": "ES256"}]}
    write(tmp_path / "trust.jwks", trust)
    keyring = Keyring.load(tmp_path / "agent.jwk", tmp_path / "trust.jwks")
    key = ECKey if kind == "P-256" else OKPKey
    private = key.import_key(json.loads((tmp_path / "agent.jwk").read_text()))
    own = private.private_key
    assert isinstance(own, ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey)
    world.agent, world.agent_kid = own, public["kid"]
    assert open_job(world.message(), keyring, TO).job.job_id == "J-1"


def test_only_its_owner_can_read_a_made_key(tmp_path):
    make(tmp_path / "agent.jwk", "P-256")

    assert stat.S_IMODE((tmp_path / "agent.jwk").stat().st_mode) == 0o600
    assert '"d"' not in (tmp_path / "agent.jwk.pub").read_text()


@pytest.mark.parametrize("existing", ["agent.jwk", "agent.jwk.pub"])
def test_no_key_is_overwritten(tmp_path, existing):
    (tmp_path / existing).write_text("precious")

    with pytest.raises(KeyFileError, match="expected a new name"):
        make(tmp_path / "agent.jwk", "P-256")

    assert [path.name for path in tmp_path.iterdir()] == [existing]
    assert (tmp_path / existing).read_text() == "precious"


def test_two_keys_are_two_keys(tmp_path):
    assert make(tmp_path / "a", "X25519")["x"] != make(tmp_path / "b", "X25519")["x"]


@pytest.mark.parametrize("kind", ["P-256", "X25519", "Ed25519"])
def test_the_thumbprint_is_the_registered_one(kind):
    key = (
        ECKey.generate_key(kind, private=True)
        if kind == "P-256"
        else OKPKey.generate_key(kind, private=True)
    )
    jwk = {name: str(value) for name, value in key.as_dict(private=True).items()}

    assert thumbprint(jwk) == key.thumbprint()


def test_a_key_without_a_kid_is_named_by_its_thumbprint(tmp_path):
    jwk = agent_jwk()
    del jwk["kid"]

    assert agent_key(write(tmp_path / "k", jwk)).kid == thumbprint(jwk)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"d": "!" * 43}, "`d` is not a number"),
        ({"d": "short"}, "`d` is not a number"),
        ({"x": 7}, "`x` is not a number"),
        ({"crv": "P-384"}, "a key of another kind"),
        ({"kty": "RSA"}, "a key of another kind"),
        ({"kty": ["EC"]}, "a key of another kind"),
        ({"kid": ""}, "`kid` is no key id"),
        ({"kid": "white space"}, "`kid` is no key id"),
        ({"kid": 5}, "`kid` is no key id"),
        ({"use": "sig"}, "for signing"),
    ],
    ids=repr,
)
def test_a_bad_agent_key_is_refused_by_name(tmp_path, change, what):
    path = write(tmp_path / "agent.jwk", agent_jwk(**change))

    with pytest.raises(KeyFileError, match=what) as refused:
        agent_key(path)
    assert str(path) in str(refused.value)


def test_a_public_key_is_no_agent_key(tmp_path):
    path = write(tmp_path / "k", public_jwk(new_agent_key("P-256")))

    with pytest.raises(KeyFileError, match="expected the private one"):
        agent_key(path)


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ([], "no keys"),
        (5, "no keys"),
        ([7], r"keys\[0\]: not an object"),
        ([centre_jwk(), centre_jwk()], "the kid c stands twice"),
        ([centre_jwk(alg="ES256") | {"alg": None}], "`alg` is not of this key"),
        ([centre_jwk(alg="ES256") | {"alg": "Ed25519"}], "expected ES256"),
        ([centre_jwk(alg="ES256") | {"alg": "HS256"}], "expected ES256"),
        ([centre_jwk(alg="Ed25519") | {"alg": "ES256"}], "expected Ed25519 or EdDSA"),
        ([centre_jwk(use="enc")], "not for signing"),
        ([centre_jwk(d="A" * 43)], "a private key"),
        ([public_jwk(new_agent_key("X25519"))], "expected P-256 or Ed25519"),
        ([{"kty": "oct", "k": "AAAA", "alg": "HS256"}], "a key of another kind"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_trust_file_is_refused_by_name(tmp_path, keys, what):
    path = write(tmp_path / "trust.jwks", {"keys": keys})

    with pytest.raises(KeyFileError, match=what) as refused:
        trust_of(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"kty":"EC","kty":"OKP"}', "\x00"])
def test_what_is_no_json_object_is_refused(tmp_path, text):
    path = tmp_path / "k"
    path.write_text(text)
    for read in (agent_key, trust_of):
        with pytest.raises(KeyFileError, match="which is a JSON object"):
            read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(KeyFileError, match="cannot be read: No such file"):
        agent_key(tmp_path / "none.jwk")


def test_the_older_name_in_the_trust_file_is_the_same_signature(tmp_path):
    path = write(tmp_path / "t", {"keys": [centre_jwk("Ed25519") | {"alg": "EdDSA"}]})

    assert trust_of(path)["c"].alg == "Ed25519"


def test_a_key_does_not_show_its_secret(tmp_path):
    jwk = agent_jwk()
    key = agent_key(write(tmp_path / "k", jwk))

    assert jwk["d"] not in repr(key)
    assert "d" not in public_of(key)


def test_new_and_show_agree(tmp_path):
    out = tmp_path / "agent.jwk"
    made = CliRunner().invoke(main, ["keys", "new", "--out", str(out)])
    shown = CliRunner().invoke(main, ["keys", "show", str(out)])

    assert made.exit_code == shown.exit_code == 0
    public = json.loads(shown.output)
    assert public == json.loads((tmp_path / "agent.jwk.pub").read_text())
    assert public["crv"] == "P-256"
    assert public["kid"] in made.output


def test_new_makes_the_other_kind_when_asked(tmp_path):
    out = tmp_path / "agent.jwk"
    arguments = ["keys", "new", "--out", str(out), "--kty", "X25519"]

    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert agent_key(out).crv == "X25519"


def test_new_never_overwrites_and_show_names_what_is_wrong(tmp_path):
    out = tmp_path / "agent.jwk"
    out.write_text("precious")

    again = CliRunner().invoke(main, ["keys", "new", "--out", str(out)])
    assert again.exit_code == 1
    assert str(out) in again.stderr
    assert out.read_text() == "precious"

    shown = CliRunner().invoke(main, ["keys", "show", str(out)])
    assert shown.exit_code == 1
    assert "JSON object" in shown.stderr


def test_new_says_why_it_cannot_write(tmp_path):
    out = tmp_path / "nowhere" / "agent.jwk"

    done = CliRunner().invoke(main, ["keys", "new", "--out", str(out)])

    assert done.exit_code == 1
    assert "cannot be written" in done.stderr
