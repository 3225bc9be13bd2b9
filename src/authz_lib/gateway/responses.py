"""What an authorizer answers: an IAM policy, API Gateway's simple form, or AppSync's."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.gateway.arns import MAX_RESOURCE_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["AppSyncResponse", "ContextValue", "PolicyResponse", "SimpleResponse"]

ContextValue: TypeAlias = str | int | float | bool
"""What every kind of API passes on: REST makes a string of each, and answers 500 for a list or a
map.
"""

MAX_RESPONSE_BYTES = 8192
"""The documented limit for WebSocket APIs, held for every kind."""


@dataclass(frozen=True, slots=True)
class SimpleResponse:
    """The yes or no of an HTTP API with payload format 2.0 and simple responses enabled.

    Raises:
        ConfigurationError: ``is_authorized`` is not a bool (a gateway takes ``"no"`` for a broken
            authorizer), or the context holds what a gateway does not pass on.

    >>> SimpleResponse(True, context={"sub": "alice"}).to_dict()
    {'isAuthorized': True, 'context': {'sub': 'alice'}}
    """

    is_authorized: bool
    context: Mapping[str, ContextValue] = field(default_factory=dict, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        _check_bool(self.is_authorized)
        check_context(self.context)

    def to_dict(self) -> dict[str, Any]:
        """The answer as the gateway reads it."""
        return {"isAuthorized": self.is_authorized, "context": dict(self.context)}


@dataclass(frozen=True, slots=True)
class PolicyResponse:
    """An IAM policy for REST, WebSocket and HTTP APIs, from what is allowed and what is denied.

    Whatever is to be refused is denied *explicitly*: a policy that is silent lets a request pass
    that the API's resource policy allows.  So a response without any allowed resource must name
    denied ones.

    Args:
        principal_id: for the gateway's access log and usage plans; it is no proof of anything.
        allow: resources (see `MethodArn.resource`); each may hold wildcards, which cross ``/``.
        deny: resources that are refused whatever is allowed.
        context: strings, numbers and bools that the integration receives.
        usage_identifier_key: the API key to count this request against, for a usage plan with
            source ``AUTHORIZER``.

    Raises:
        ConfigurationError: nothing is denied and nothing allowed, a resource is empty or longer
            than 512 characters, or the context holds what a gateway does not pass on.

    See the API Gateway developer guide, "Output from an API Gateway Lambda authorizer".

    >>> arn = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/GET/orders"
    >>> answer = PolicyResponse("alice", allow=[arn]).to_dict()
    >>> [statement] = answer["policyDocument"]["Statement"]
    >>> statement["Effect"], statement["Resource"] == [arn]
    ('Allow', True)
    """

    principal_id: str
    allow: Sequence[str] = field(default=(), kw_only=True)
    deny: Sequence[str] = field(default=(), kw_only=True)
    context: Mapping[str, ContextValue] = field(default_factory=dict, kw_only=True, repr=False)
    usage_identifier_key: str | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        if not self.allow and not self.deny:
            raise ConfigurationError(
                "a policy without any resource is silent, and silence may mean Allow"
            )
        for resource in (*self.allow, *self.deny):
            if type(resource) is not str or not resource or len(resource) > MAX_RESOURCE_CHARACTERS:
                raise ConfigurationError("a policy's `Resource` holds 1 to 512 characters")
        check_context(self.context)

    def to_dict(self) -> dict[str, Any]:
        """The answer as the gateway reads it."""
        statements = [
            {"Action": "execute-api:Invoke", "Effect": effect, "Resource": list(resources)}
            for effect, resources in (("Allow", self.allow), ("Deny", self.deny))
            if resources
        ]
        answer: dict[str, Any] = {
            "principalId": self.principal_id,
            "policyDocument": {"Version": "2012-10-17", "Statement": statements},
            "context": dict(self.context),
        }
        if self.usage_identifier_key is not None:
            answer["usageIdentifierKey"] = self.usage_identifier_key
        return answer


@dataclass(frozen=True, slots=True)
class AppSyncResponse:
    """The answer of an AppSync API's Lambda authorizer.

    Args:
        is_authorized: a refusal is an ``UnauthorizedException`` for the client.
        resolver_context: strings, numbers and bools, for ``$ctx.identity.resolverContext``.
        denied_fields: ``Type.field`` names or ARNs that resolve to null even if the request is
            authorized.
        ttl_override_seconds: how long AppSync may remember this answer *for the token alone*,
            whatever was asked; ``0`` when the decision read the operation, ``None`` for the API's
            own setting.

    Raises:
        ConfigurationError: a value has a type that AppSync does not accept.

    >>> AppSyncResponse(False, ttl_override_seconds=0).to_dict()
    {'isAuthorized': False, 'resolverContext': {}, 'deniedFields': [], 'ttlOverride': 0}
    """

    is_authorized: bool
    resolver_context: Mapping[str, ContextValue] = field(
        default_factory=dict, kw_only=True, repr=False
    )
    denied_fields: Sequence[str] = field(default=(), kw_only=True)
    ttl_override_seconds: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _check_bool(self.is_authorized)
        check_context(self.resolver_context)
        ttl = self.ttl_override_seconds
        if ttl is not None and (type(ttl) is not int or not 0 <= ttl <= 3600):
            raise ConfigurationError(
                "`ttl_override_seconds` is a whole number of seconds from 0 to 3600"
            )
        if isinstance(self.denied_fields, str) or not all(
            type(name) is str and name for name in self.denied_fields
        ):
            raise ConfigurationError("`denied_fields` is a list of non-empty names")

    def to_dict(self) -> dict[str, Any]:
        """The answer as AppSync reads it."""
        answer: dict[str, Any] = {
            "isAuthorized": self.is_authorized,
            "resolverContext": dict(self.resolver_context),
            "deniedFields": list(self.denied_fields),
        }
        if self.ttl_override_seconds is not None:
            answer["ttlOverride"] = self.ttl_override_seconds
        return answer


def check_context(context: Mapping[str, ContextValue]) -> None:
    """Refuse what a gateway would drop, or answer with a 500.

    Raises:
        ConfigurationError: names the key, never the value.
    """
    for name, value in context.items():
        if type(name) is not str or not name or name == "claims":
            raise ConfigurationError(
                "a context key is a non-empty string other than the reserved `claims`"
            )
        if type(value) not in _CONTEXT_TYPES or (type(value) is float and not math.isfinite(value)):
            raise ConfigurationError(
                f"context value `{name}` must be a string, a finite number or a bool"
            )


_CONTEXT_TYPES = {str, int, float, bool}


def _check_bool(value: object) -> None:
    if type(value) is not bool:
        raise ConfigurationError("`is_authorized` must be a bool")


def check_size(answer: Mapping[str, Any], *, max_bytes: int = MAX_RESPONSE_BYTES) -> None:
    """Refuse an answer that is larger than the gateway reads.

    Raises:
        InvalidRequestError: the answer is longer than ``max_bytes`` as JSON, with the spaces and
            escapes that Lambda's Python runtime may write.
    """
    if len(json.dumps(answer)) > max_bytes:
        raise InvalidRequestError(
            f"the authorizer's answer is larger than {max_bytes} bytes", field="context"
        )
