"""Answers that also prove the caller to the services behind: `LambdaAuthorizer(assertion=)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.errors import ConfigurationError, InvalidClaimError
from authz_lib.tokens.asserted_caller import AssertedCaller
from authz_lib.tokens.assertion import CallerAssertion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.actions import ActionEntry, ActionMap
    from authz_lib.authorizer.cache_key import Coverage
    from authz_lib.authorizer.callers import Caller
    from authz_lib.authorizer.gateway_cache import GatewayCache
    from authz_lib.gateway.events import AuthorizerEvent
    from authz_lib.principal import Principal

__all__ = ["check_assertion", "with_assertion"]


def check_assertion(
    assertion: object,
    *,
    actions: ActionMap | None,
    attributes: Mapping[str, str] | None,
    cache: GatewayCache,
    coverage: Coverage,
    response: str,
) -> None:
    """Refuse an assertion that a gateway would replay on another request, or past its end."""
    if not isinstance(assertion, CallerAssertion):
        raise ConfigurationError("`assertion` must be a `CallerAssertion`")
    if response == "appsync":
        raise ConfigurationError("`assertion` is for REST, HTTP and WebSocket APIs")
    if actions is None:
        raise ConfigurationError("`assertion` needs `actions`: it is about one route")
    if attributes and "txn_token" in attributes:
        raise ConfigurationError("`attributes` and `assertion` both make `txn_token`")
    if cache.is_off:
        return
    if coverage != "one-request":
        raise ConfigurationError(
            "`assertion` is about one route: the identity sources must hold the method and the "
            "path, or use `GatewayCache.OFF`"
        )
    if cache.ttl_seconds >= assertion.lifetime_seconds:
        raise ConfigurationError(
            "the gateway would hand out assertions that have expired: `lifetime_seconds` must be "
            "more than the `ttl_seconds` of the `gateway_cache`"
        )


def with_assertion(
    assertion: CallerAssertion, event: AuthorizerEvent, caller: Caller, entry: ActionEntry | None
) -> Caller:
    """The caller, with ``txn_token`` in the context: who that is and what was decided, signed.

    Raises:
        InvalidClaimError: the token has no expiry, or has expired meanwhile.
        ConfigurationError, DependencyError: there is no key to sign with.
    """
    signed = assertion.sign(_asserted(event, caller.principal, entry))
    return caller._replace(context={**caller.context, "txn_token": signed})


def _asserted(
    event: AuthorizerEvent, principal: Principal, entry: ActionEntry | None
) -> AssertedCaller:
    if entry is None:  # nothing lets such a request pass
        raise ConfigurationError("an assertion needs the route of the request")
    if principal.expires_at is None:
        raise InvalidClaimError("an assertion needs `exp` of the token", claim="exp")
    return AssertedCaller(
        subject=principal.subject,
        issuer=principal.issuer,
        client_id=principal.client_id,
        scopes=principal.scopes,
        groups=principal.groups,
        tenant_id=principal.tenant_id,
        expires_at=principal.expires_at,
        action=entry.action,
        route=entry.whole_route,
        attributes=principal.attributes,
        transaction=event.request_id or "",
    )
