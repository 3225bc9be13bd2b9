"""`LambdaAuthorizer`: event → token → principal → action → decision → answer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from authz_lib._support.clock import system_clock
from authz_lib.entities import EntityUid
from authz_lib.errors import AuthenticationError, ConfigurationError, InvalidRequestError, TokenExpiredError
from authz_lib.gateway.answers import AppSyncAnswers, PolicyAnswers, SimpleAnswers
from authz_lib.gateway.cache import GatewayCache, Input, prove
from authz_lib.gateway.claims import read_token
from authz_lib.gateway.events import parse_authorizer_event
from authz_lib.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from authz_lib._support.clock import Clock
    from authz_lib.actions import ActionMap, ResolvedAction
    from authz_lib.decisions import AuthorizationRequest, Decision
    from authz_lib.gateway.answers import Answers
    from authz_lib.gateway.events import AuthorizerEvent, JSONObject
    from authz_lib.tokens import VerifiedToken

__all__ = ["LambdaAuthorizer", "ResponseKind"]

ResponseKind: TypeAlias = Literal["simple", "iam", "appsync"]
"""``simple``: HTTP APIs with payload 2.0; ``iam``: REST, WebSocket and HTTP APIs; ``appsync``: AppSync."""

_log = logging.getLogger("authz_lib.authorizer")


class _Verifier(Protocol):
    def verify(self, token: str) -> VerifiedToken: ...


class _TokenSource(Protocol):
    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    def read(self, event: object) -> str | None: ...


class _DecisionPoint(Protocol):
    def is_authorized(self, request: AuthorizationRequest) -> Decision: ...

    def batch_is_authorized(self, requests: Sequence[AuthorizationRequest]) -> Sequence[Decision]: ...


class LambdaAuthorizer:
    """A Lambda authorizer, built once when the Lambda starts and called with every event.

    Args:
        verifier: who is calling: verifies the token.
        token_sources: where the token is read from.  Two sources that hold different tokens are a refusal.
        actions: which action a route means; an unknown route is refused.  ``None``: the decision depends on the token
            alone, and every route behind this authorizer is open to every valid token (``decisions`` must be ``None``).
        decisions: may they do it.  ``None``: a valid token with the scopes of the route is enough.
        application: the Cedar resource of actions that are on no particular one.
        response: what this API's gateway reads.
        gateway_cache: what is deployed as the gateway's result cache; see `GatewayCache`.
        tenant_claim: the claim that holds the tenant; ``None`` for no tenants.
        groups_claim: the claim that holds the groups; ``None`` for no groups.
        context: Cedar context from the request, such as ``{"source_ip": "$context.identity.sourceIp"}``.
        clock: seconds since the epoch.

    Raises:
        ConfigurationError: while building, for anything missing or contradictory, and for a gateway cache that would
            replay an answer where it is wrong.

    What the caller sees: a token that is missing, malformed, expired or not ours is 401 on REST and WebSocket APIs
    (``Exception("Unauthorized")``) and 403 on HTTP APIs; a deny is 403; a key set or policy store that does not answer
    is raised, which is a 500 that the gateway does not remember.
    """

    __slots__ = (
        "_actions",
        "_answers",
        "_application",
        "_cache",
        "_clock",
        "_context",
        "_decisions",
        "_groups_claim",
        "_tenant_claim",
        "_token_sources",
        "_verifier",
    )

    def __init__(
        self,
        *,
        verifier: _Verifier,
        token_sources: Sequence[_TokenSource],
        actions: ActionMap | None,
        decisions: _DecisionPoint | None,
        response: ResponseKind,
        gateway_cache: GatewayCache,
        application: EntityUid | None = None,
        tenant_claim: str | None = None,
        groups_claim: str | None = "cognito:groups",
        context: Mapping[str, str] | None = None,
        clock: Clock = system_clock,
    ) -> None:
        if not token_sources:
            raise ConfigurationError("`token_sources` must not be empty")
        if not isinstance(gateway_cache, GatewayCache):
            raise ConfigurationError("`gateway_cache` must be a `GatewayCache` or `GatewayCache.OFF`")
        self._verifier = verifier
        self._token_sources = tuple(token_sources)
        self._actions = actions
        self._decisions = decisions
        self._application = application
        self._tenant_claim = tenant_claim
        self._groups_claim = groups_claim
        self._context = {name: Input.parse(expression) for name, expression in (context or {}).items()}
        self._cache = gateway_cache
        self._clock = clock
        self._answers = _answers(response, reads_request=bool(self._context))
        if (
            prove(
                gateway_cache,
                tokens=[_input_of(source) for source in self._token_sources],
                actions=actions,
                context=self._context,
                response=response,
            )
            == "table"
        ):
            raise ConfigurationError("a policy for the whole table is not built yet: use `GatewayCache.OFF`")

    def __call__(self, event: JSONObject, _context: object = None) -> dict[str, Any]:
        """Answer one event; this is the Lambda's handler.

        Raises:
            UntrustedEventError: the event is not an authorizer's.
            ConfigurationError: the event is of a kind that the configured response cannot answer.
            DependencyError: the key set or the policy store did not answer.
            Exception: with the text ``Unauthorized``, for REST and WebSocket APIs.
        """
        question = parse_authorizer_event(event)
        if question.kind not in self._answers.kinds:
            raise ConfigurationError("the event is of a kind that the configured `response` does not answer")
        try:
            principal = self._identify(question)
        except AuthenticationError as error:
            refused_for = error.code
        else:
            reason = self._refusal(question, principal)
            if reason is None:
                return self._answers.allow(question, principal)
            _log.info("refused: %s", reason, extra={"reason": reason, "request_id": question.request_id})
            return self._answers.deny(question, reason)
        # Outside of `except`, so that the traceback of `Unauthorized` carries no cause.
        _log.info(
            "not authenticated: %s", refused_for, extra={"reason": refused_for, "request_id": question.request_id}
        )
        return self._answers.unauthenticated(question, refused_for)

    def _identify(self, event: AuthorizerEvent) -> Principal:
        token = self._verifier.verify(read_token(event.raw, self._token_sources))
        principal = Principal.from_token(token, tenant_claim=self._tenant_claim, groups_claim=self._groups_claim)
        if principal.expires_at is None or principal.expires_at <= self._clock():
            raise TokenExpiredError("the token has expired, or does not say when it will")
        return principal

    def _refusal(self, event: AuthorizerEvent, principal: Principal) -> str | None:
        """Why the request is refused; ``None`` lets it pass."""
        if self._actions is None:
            return None
        resolved = self._actions.resolve(event.method or "", event.route_key or event.route, event.path, event.query)
        if resolved is None:
            return "unknown_route"
        if not resolved.entry.scopes <= principal.scopes:
            return "insufficient_scope"
        if resolved.entry.public or self._decisions is None:
            return None
        return self._denial(self._decisions, event, principal, resolved)

    def _denial(
        self, decisions: _DecisionPoint, event: AuthorizerEvent, principal: Principal, resolved: ResolvedAction
    ) -> str | None:
        try:
            decision = decisions.is_authorized(self._request(event, principal, resolved))
        except InvalidRequestError as error:  # what the policy store would refuse to read is not allowed by it
            return error.code
        return None if decision.allowed is True else "access_denied"

    def _request(self, event: AuthorizerEvent, principal: Principal, resolved: ResolvedAction) -> AuthorizationRequest:
        from authz_lib.decisions import AuthorizationRequest

        entry = resolved.entry
        if entry.resource_id_label is None or entry.resource_type is None:
            if self._application is None:
                raise InvalidRequestError("`application` is not configured", field="resource")
            resource = self._application
        elif resolved.resource_id is None:
            raise InvalidRequestError("the path holds no resource id", field="resource.entityId")
        else:
            resource = EntityUid(entry.resource_type, resolved.resource_id)
        return AuthorizationRequest(
            principal=principal,
            action=entry.action,
            resource=resource,
            context=self._context_of(event),
            expires_at=principal.expires_at,
        )

    def _context_of(self, event: AuthorizerEvent) -> dict[str, str]:
        values = {}
        for name, source in self._context.items():
            found = source.read(event)
            if len(found) > 1:  # which of them would the service read?
                raise InvalidRequestError("an input of the context is there more than once", field="context")
            if found:
                values[name] = found[0]
        return values


def _answers(response: str, *, reads_request: bool) -> Answers:
    if response == "simple":
        return SimpleAnswers()
    if response == "iam":
        return PolicyAnswers()
    if response == "appsync":
        return AppSyncAnswers(reads_operation=reads_request)
    raise ConfigurationError("`response` must be `simple`, `iam` or `appsync`")


def _input_of(source: _TokenSource) -> Input | None:
    if source.kind == "header":
        return Input("header", source.name)
    if source.kind == "querystring":
        return Input("querystring", source.name)
    return Input("header", "cookie") if source.kind == "cookie" else None
