"""Cognito's pre-token-generation trigger: claims of a user's attributes in access tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["cognito_claims_trigger"]

# Cognito refuses to replace these, and drops the whole answer of a trigger that tries.
_RESERVED = frozenset(
    {
        "acr",
        "amr",
        "at_hash",
        "aud",
        "auth_time",
        "azp",
        "client_id",
        "cognito:username",
        "device_key",
        "event_id",
        "exp",
        "iat",
        "identities",
        "iss",
        "jti",
        "nbf",
        "nonce",
        "origin_jti",
        "sub",
        "token_use",
        "username",
        "version",
    }
)


def cognito_claims_trigger(claims: Mapping[str, str]) -> Callable[[Any, Any], Any]:
    """A Lambda handler that copies attributes of the user into the access token.

    Access tokens carry no custom attributes by themselves.  The pool needs the feature plan
    Essentials, and the trigger's version ``V2_0``.

    **Not** checked: who may write an attribute.  Leave a tenant out of ``WriteAttributes`` of
    every app client, or users choose their own.

    Args:
        claims: name of a claim, to the attribute that it is copied from.  An attribute that is
            missing or empty makes no claim.

    Raises:
        ConfigurationError: there is none, a name is no text, or Cognito keeps the claim for itself.

    See https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html

    >>> handler = cognito_claims_trigger({"tenant_id": "custom:tenant_id"})
    >>> user = {"userAttributes": {"custom:tenant_id": "acme"}}
    >>> event = handler({"request": user, "response": {}}, None)
    >>> answer = event["response"]["claimsAndScopeOverrideDetails"]
    >>> answer["accessTokenGeneration"]["claimsToAddOrOverride"]
    {'tenant_id': 'acme'}
    """
    copied = dict(claims)
    for name in (*copied, *copied.values()):
        if type(name) is not str or not name:
            raise ConfigurationError("`claims` must map names of claims to names of attributes")
    if not copied:
        raise ConfigurationError("`claims` names no claim")
    for name in copied:
        if name in _RESERVED or name.startswith(("cognito:", "aws:", "dev:")):
            raise ConfigurationError(f"Cognito does not let a trigger set the claim `{name}`")

    def handler(event: Any, context: Any) -> Any:  # noqa: ARG001  what Lambda calls
        attributes = event["request"]["userAttributes"]
        found = {claim: attributes.get(name) for claim, name in copied.items()}
        added = {claim: value for claim, value in found.items() if value}
        event["response"]["claimsAndScopeOverrideDetails"] = {
            "accessTokenGeneration": {"claimsToAddOrOverride": added}
        }
        return event

    return handler
