"""Sealing: only the addressed agent opens it, and only the centre can have signed."""

import base64
import json

import pytest
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from simulators.centre.envelope import seal, sign_ack
from simulators.centre.keys import (
    PRIVATE_NAME,
    TRUST_NAME,
    AgentKey,
    KeyFileError,
    agent_key,
    centre_key,
)


def header(segment: str) -> dict[str, object]:
    padded = segment + "=" * (-len(segment) % 4)
    parsed: dict[str, object] = json.loads(base64.urlsafe_b64decode(padded))
    return parsed


class Roomy(jwe.JWERegistry):
    max_ciphertext_length = 2**22


@pytest.mark.parametrize("alg", ["ES256", "Ed25519"])
@pytest.mark.parametrize("curve", ["P-256", "X25519"])
def test_a_job_is_opened_by_its_agent_and_verified_by_the_trust_file(
    tmp_path, alg, curve
):
    centre = centre_key(tmp_path, alg)
    private = (
        ECKey.generate_key("P-256")
        if curve == "P-256"
        else OKPKey.generate_key("X25519")
    )
    parts = bytes(range(256)) * 1000
    token = seal(b'{"a":1}', parts, centre, AgentKey(private, "agent-1")).decode()
    outer = header(token.split(".")[0])
    assert set(outer) == {"alg", "enc", "kid", "typ", "cty", "epk"}
    assert (outer["kid"], outer["typ"]) == ("agent-1", "blanko-job+jwe")
    registry = Roomy(algorithms=["ECDH-ES+A256KW", "A256GCM"])
    opened = jwe.decrypt_compact(token, private, registry=registry).plaintext
    assert opened is not None
    signed, _, rest = opened.partition(b"\n")
    assert rest == parts
    [trusted] = json.loads((tmp_path / TRUST_NAME).read_text())["keys"]
    inner = header(signed.decode().split(".")[0])
    assert inner == {"alg": alg, "kid": trusted["kid"], "typ": "blanko-job+jws"}
    kind = ECKey if alg == "ES256" else OKPKey
    key = kind.import_key(trusted)
    found = jws.deserialize_compact(signed, key, algorithms=[alg])
    assert found.payload == b'{"a":1}'


def test_another_agent_cannot_open_a_job(tmp_path):
    mine, other = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
    token = seal(b"{}", b"", centre_key(tmp_path), AgentKey(mine, "k"))
    with pytest.raises(JoseError):
        jwe.decrypt_compact(
            token, other, registry=Roomy(algorithms=["ECDH-ES+A256KW", "A256GCM"])
        )


def test_an_ack_is_a_signed_document_of_its_own_type(tmp_path):
    centre = centre_key(tmp_path)
    token = sign_ack(b"{}", centre)
    assert header(token.decode().split(".")[0])["typ"] == "blanko-ack+jws"
    assert jws.deserialize_compact(token, centre.key).payload == b"{}"


def test_the_trust_file_holds_no_secret_and_the_key_is_kept(tmp_path):
    first = centre_key(tmp_path)
    assert '"d"' not in (tmp_path / TRUST_NAME).read_text()
    assert (tmp_path / PRIVATE_NAME).stat().st_mode & 0o077 == 0
    assert centre_key(tmp_path).kid == first.kid == first.key.thumbprint()


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"kty":"RSA"}', '{"kty":"EC","crv":"P-256"}']
)
def test_a_damaged_key_file_is_named(tmp_path, text):
    path = tmp_path / "agent.jwk"
    path.write_text(text)
    with pytest.raises(KeyFileError, match=r"agent\.jwk"):
        agent_key(path)
