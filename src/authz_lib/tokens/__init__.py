"""Who is calling: tokens, keys, claims.

Lazy (PEP 562): a verifier with static keys loads nothing that fetches.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authz_lib.tokens.cognito_claims import cognito_claims_trigger
    from authz_lib.tokens.keys import BundledKeySet, KeySet, StaticKeySet
    from authz_lib.tokens.remote_keys import RemoteKeySet
    from authz_lib.tokens.secret_source import SecretSource
    from authz_lib.tokens.secret_stores import (
        secret_from_environment,
        secret_from_parameter_store,
        secret_from_secrets_manager,
    )
    from authz_lib.tokens.shared_secret import SharedSecretIssuer
    from authz_lib.tokens.verifier import JWTVerifier, VerifiedToken

__all__ = [
    "BundledKeySet",
    "JWTVerifier",
    "KeySet",
    "RemoteKeySet",
    "SecretSource",
    "SharedSecretIssuer",
    "StaticKeySet",
    "VerifiedToken",
    "cognito_claims_trigger",
    "secret_from_environment",
    "secret_from_parameter_store",
    "secret_from_secrets_manager",
]

_HOME = {
    "BundledKeySet": "keys",
    "JWTVerifier": "verifier",
    "KeySet": "keys",
    "RemoteKeySet": "remote_keys",
    "SecretSource": "secret_source",
    "SharedSecretIssuer": "shared_secret",
    "StaticKeySet": "keys",
    "VerifiedToken": "verifier",
    "cognito_claims_trigger": "cognito_claims",
    "secret_from_environment": "secret_stores",
    "secret_from_parameter_store": "secret_stores",
    "secret_from_secrets_manager": "secret_stores",
}


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module `authz_lib.tokens` has no attribute `{name}`")
    value: object = getattr(import_module(f"authz_lib.tokens.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
