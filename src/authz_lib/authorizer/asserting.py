"""Answers that also prove the caller to the services behind: `LambdaAuthorizer(assertion=)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.errors import ConfigurationError, InvalidClaimError
from authz_lib.tokens.assertion import AssertedCaller, CallerAssertion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authz_lib.actions import ActionMap, ResolvedAction
    from authz_lib.authorizer.answers import Answers
    from authz_lib.authorizer.cache_key import Coverage
    from authz_lib.authorizer.callers import Caller
    from authz_lib.authorizer.gateway_cache import GatewayCache
    from authz_lib.gateway.events import AuthorizerEvent

__all__ = ["AssertingAnswers", "check_assertion"]


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


class AssertingAnswers:
    """The answers of another one, with ``txn_token`` in the context of each that lets pass."""

    def __init__(
        self,
        answers: Answers,
        assertion: CallerAssertion,
        resolve: Callable[[AuthorizerEvent], ResolvedAction | None],
    ) -> None:
        self.kinds = answers.kinds
        self.deny = answers.deny
        self.unauthenticated = answers.unauthenticated
        self._answers = answers
        self._assertion = assertion
        self._resolve = resolve

    def allow(self, event: AuthorizerEvent, caller: Caller) -> dict[str, Any]:
        """Let this request pass, and sign who the caller is and what was decided.

        Raises:
            InvalidClaimError: the token has no expiry, or has expired meanwhile.
            ConfigurationError, DependencyError: there is no key to sign with.
        """
        signed = self._assertion.sign(self._asserted(event, caller))
        told = caller._replace(context={**caller.context, "txn_token": signed})
        return self._answers.allow(event, told)

    def _asserted(self, event: AuthorizerEvent, caller: Caller) -> AssertedCaller:
        resolved, principal = self._resolve(event), caller.principal
        if resolved is None:  # nothing lets such a request pass
            raise ConfigurationError("an assertion needs the route of the request")
        if principal.expires_at is None:
            raise InvalidClaimError("an assertion needs `exp` of the token", claim="exp")
        entry = resolved.entry
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
