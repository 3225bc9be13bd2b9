"""Who is calling: tokens, keys, claims.

Lazy (PEP 562): a verifier with static keys loads nothing that fetches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.lazy import lazy_names

if TYPE_CHECKING:
    from authz_lib.tokens.asserted_caller import AssertedCaller
    from authz_lib.tokens.assertion import CallerAssertion, SignedAssertion
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
    "AssertedCaller",
    "BundledKeySet",
    "CallerAssertion",
    "JWTVerifier",
    "KeySet",
    "RemoteKeySet",
    "SecretSource",
    "SharedSecretIssuer",
    "SignedAssertion",
    "StaticKeySet",
    "VerifiedToken",
    "cognito_claims_trigger",
    "secret_from_environment",
    "secret_from_parameter_store",
    "secret_from_secrets_manager",
]

# Public name -> the module that holds it.
_HOME = {
    "AssertedCaller": "asserted_caller",
    "BundledKeySet": "keys",
    "CallerAssertion": "assertion",
    "JWTVerifier": "verifier",
    "KeySet": "keys",
    "RemoteKeySet": "remote_keys",
    "SecretSource": "secret_source",
    "SharedSecretIssuer": "shared_secret",
    "SignedAssertion": "assertion",
    "StaticKeySet": "keys",
    "VerifiedToken": "verifier",
    "cognito_claims_trigger": "cognito_claims",
    "secret_from_environment": "secret_stores",
    "secret_from_parameter_store": "secret_stores",
    "secret_from_secrets_manager": "secret_stores",
}

if not TYPE_CHECKING:  # type checkers read the imports above: a misspelt name is an error for them
    __getattr__, __dir__ = lazy_names(__name__, _HOME)
