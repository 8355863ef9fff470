"""The one place that computes: joserfc, compact forms only, with our limits and keys.

What arrives here has the right shape already (`agent.contract.tokens`): the header's
names and algorithms were checked, and the key was chosen by us, not by the library.
"""

from __future__ import annotations

from collections.abc import Mapping

from joserfc import jwe, jws
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey, Key, OKPKey

from agent.contract.keyring import AgentKey, CentreKey, KeyFileError
from agent.contract.tokens import MESSAGE_SIZE_MAX

_PROBE = b"probe"


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


class Opener:
    """The keys of a keyring, ready to compute with.

    Raises:
        KeyFileError: a key is none, or an agent's public part is not its own.
    """

    def __init__(self, agent: AgentKey, trust: Mapping[str, CentreKey]) -> None:
        self._agent = _import(agent.jwk, f"the agent's key {agent.kid}")
        self._centre = {
            kid: _import(key.jwk, f"the centre's key {kid}")
            for kid, key in trust.items()
        }
        self._prove(agent.kid)

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

    def verify(self, token: bytes, kid: str) -> bytes:
        """Return the payload of a compact JWS by the centre's key `kid`.

        Raises:
            DoesNotOpenError: for whatever reason.
        """
        key = self._centre[kid]
        try:
            return jws.deserialize_compact(token, key, registry=_SIGNATURE).payload
        except Exception as error:
            raise DoesNotOpenError from error

    def _prove(self, kid: str) -> None:
        """Seal a probe for the public part, and open it with the private one."""
        public = _import(self._agent.as_dict(private=False), f"the agent's key {kid}")
        header = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM"}
        token = jwe.encrypt_compact(header, _PROBE, public, registry=_ENCRYPTION)
        try:
            self.decrypt(token.encode())
        except DoesNotOpenError as error:
            raise KeyFileError(
                f"the private part of the agent's key {kid} is not of its public part"
            ) from error


def _import(jwk: Mapping[str, object], what: str) -> Key:
    kind = ECKey if jwk["kty"] == "EC" else OKPKey
    try:
        return kind.import_key(dict(jwk))  # type: ignore[arg-type] # a plain JWK
    except Exception as error:
        raise KeyFileError(f"{what} is not a point of its curve") from error
