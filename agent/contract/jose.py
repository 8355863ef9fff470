"""The one place that computes: joserfc, compact forms only, with our limits and keys.

What arrives here has the right shape already (`agent.contract.tokens`): the header's
names and algorithms were checked, and the key was chosen by us, not by the library.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwe, jws
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey, Key, OKPKey

from agent.contract.agent_events import SigningKey
from agent.contract.keyring import AgentKey, CentreKey, KeyFileError, thumbprint
from agent.contract.tokens import MESSAGE_SIZE_MAX

_PROBE = b"probe"
_SIGNING = b"blanko checkpoint signature v1"  # what the derived key is for


class DoesNotOpenError(Exception):
    """It does not decrypt or verify; deliberately nothing more is known."""


class _JweRegistry(jwe.JWERegistry):
    max_ciphertext_length = MESSAGE_SIZE_MAX  # the library's own limit is 64 KiB


class _JwsRegistry(jws.JWSRegistry):
    max_payload_length = MESSAGE_SIZE_MAX  # the library's own limit is 128 kB

    def get_alg(self, name: str) -> JWSAlgModel:
        """As the library, but without its warning about the older name EdDSA."""
        assert name in (self.allowed or ())
        return self.algorithms[name]


_ENCRYPTION = _JweRegistry(algorithms=["ECDH-ES+A256KW", "A256GCM"])
_SIGNATURE = _JwsRegistry(algorithms=["ES256", "Ed25519", "EdDSA"])


class Verifier:
    """The centre's keys, ready to compute with.

    Raises:
        KeyFileError: a key is none.
    """

    def __init__(self, trust: Mapping[str, CentreKey]) -> None:
        self._centre = {
            kid: _import(key.jwk, f"the centre's key {kid}")
            for kid, key in trust.items()
        }

    def verify(self, token: bytes, kid: str) -> bytes:
        """Return the payload of a compact JWS by the centre's key `kid`.

        Raises:
            DoesNotOpenError: for whatever reason.
        """
        return _verified(token, self._centre[kid])


class Opener(Verifier):
    """The keys of a keyring, ready to compute with.

    Raises:
        KeyFileError: a key is none, or an agent's public part is not its own.
    """

    def __init__(self, agent: AgentKey, trust: Mapping[str, CentreKey]) -> None:
        super().__init__(trust)
        self._agent = _import(agent.jwk, f"the agent's key {agent.kid}")
        self._public = _import(
            self._agent.as_dict(private=False), f"the agent's key {agent.kid}"
        )
        self._prove(agent.kid)

    def encrypt(self, plaintext: bytes) -> bytes:
        """Return a compact JWE for the agent's own key."""
        header = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM"}
        token = jwe.encrypt_compact(
            header, plaintext, self._public, registry=_ENCRYPTION
        )
        return token.encode()

    def decrypt(self, token: bytes) -> bytes:
        """Return the plaintext of a compact JWE for the agent's key.

        Raises:
            DoesNotOpenError: for whatever reason.
        """
        try:
            opened = jwe.decrypt_compact(token, self._agent, registry=_ENCRYPTION)
        except Exception as error:
            raise DoesNotOpenError from error
        if opened.plaintext is None:
            raise DoesNotOpenError
        return opened.plaintext

    def _prove(self, kid: str) -> None:
        """Seal a probe for the public part, and open it with the private one."""
        token = self.encrypt(_PROBE)
        try:
            self.decrypt(token)
        except DoesNotOpenError as error:
            raise KeyFileError(
                f"the private part of the agent's key {kid} is not of its public part"
            ) from error


class Signer:
    """The Ed25519 key of an agent, derived from its own by HKDF with SHA-256.

    An agent's key agrees on keys (ECDH): one on X25519 cannot sign, and one on P-256
    should not do both. Derived, there is no second file to make, keep and lose.
    """

    def __init__(self, agent: AgentKey) -> None:
        secret = base64.urlsafe_b64decode(agent.jwk["d"] + "=")
        derived = HKDF(SHA256(), 32, None, _SIGNING).derive(secret)
        key = Ed25519PrivateKey.from_private_bytes(derived)
        x = _base64url(key.public_key().public_bytes_raw())
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": x}
        self.public = SigningKey(x=jwk["x"], kid=thumbprint(jwk))
        self.agent_kid = agent.kid
        self._key = OKPKey.import_key(key)

    def sign(self, payload: bytes, typ: str) -> str:
        """Return a compact JWS."""
        header = {"alg": "Ed25519", "kid": self.public.kid, "typ": typ}
        return jws.serialize_compact(header, payload, self._key, registry=_SIGNATURE)


def verified(token: bytes, signing: SigningKey) -> bytes:
    """Return the payload of a compact JWS by an agent's signing key.

    Raises:
        DoesNotOpenError: for whatever reason.
    """
    jwk = {"kty": signing.kty, "crv": signing.crv, "x": signing.x}
    try:
        key = _import(jwk, f"the signing key {signing.kid}")
    except KeyFileError as error:
        raise DoesNotOpenError from error
    return _verified(token, key)


def _verified(token: bytes, key: Key) -> bytes:
    try:
        return jws.deserialize_compact(token, key, registry=_SIGNATURE).payload
    except Exception as error:
        raise DoesNotOpenError from error


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _import(jwk: Mapping[str, object], what: str) -> Key:
    kind = ECKey if jwk["kty"] == "EC" else OKPKey
    try:
        return kind.import_key(dict(jwk))  # type: ignore[arg-type] # a plain JWK
    except Exception as error:
        raise KeyFileError(f"{what} is not a point of its curve") from error
