"""Who is calling: tokens, keys, claims."""

from authz_lib.tokens.keys import BundledKeySet, KeySet, StaticKeySet
from authz_lib.tokens.remote_keys import RemoteKeySet
from authz_lib.tokens.shared_secret import SharedSecretIssuer
from authz_lib.tokens.verifier import JWTVerifier, VerifiedToken

__all__ = [
    "BundledKeySet",
    "JWTVerifier",
    "KeySet",
    "RemoteKeySet",
    "SharedSecretIssuer",
    "StaticKeySet",
    "VerifiedToken",
]
