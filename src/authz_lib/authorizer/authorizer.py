"""`LambdaAuthorizer`: event → token → principal → action → decision → answer."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeGuard

from authz_lib.authorizer.answers import (
    AppSyncAnswers,
    PolicyAnswers,
    SimpleAnswers,
    TablePolicyAnswers,
)
from authz_lib.authorizer.arguments import check_actions, check_context, check_decides
from authz_lib.authorizer.callers import Callers, require_qualified_ids
from authz_lib.authorizer.gateway_cache import (
    GatewayCache,
    check_key,
    prove,
    require_no_resource_policy,
)
from authz_lib.authorizer.identity_source import Input
from authz_lib.decisions.point import DecisionPoint
from authz_lib.decisions.request import AuthorizationRequest, Vocabulary
from authz_lib.entities import EntityUid
from authz_lib.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
)
from authz_lib.gateway.events import parse_authorizer_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from authz_lib.actions.map import ActionEntry, ActionMap, ResolvedAction
    from authz_lib.authorizer.answers import Answers
    from authz_lib.authorizer.callers import Caller, Claim
    from authz_lib.authorizer.settings import Settings
    from authz_lib.decisions.request import Decision, Question
    from authz_lib.gateway.events import AuthorizerEvent, JSONObject
    from authz_lib.gateway.sources import TokenSource
    from authz_lib.principal import CallerKey, Principal
    from authz_lib.tokens.verifier import Verifier

__all__ = ["LambdaAuthorizer", "ResponseKind"]

ResponseKind: TypeAlias = Literal["simple", "iam", "appsync"]
"""``simple``: HTTP APIs with payload 2.0; ``iam``: REST, WebSocket and HTTP APIs; ``appsync``:
AppSync.
"""

_log = logging.getLogger("authz_lib.authorizer")

# Verified Permissions takes 100 entities of the principal's side in a batch: the caller and 99
# groups.  Held for every engine and every call, so that an answer does not change with either.
_MAX_GROUPS = 99
_REMEMBERED = 1024

_ANSWERS: dict[str, Callable[[bool], Answers]] = {
    "simple": lambda _: SimpleAnswers(),
    "iam": lambda _: PolicyAnswers(),
    "appsync": lambda remembered: AppSyncAnswers(remembered=remembered),
}


class _Decisions(Protocol):
    def is_authorized(self, request: AuthorizationRequest) -> Decision: ...

    def batch_is_authorized(
        self, requests: Sequence[AuthorizationRequest]
    ) -> Sequence[Decision]: ...


class LambdaAuthorizer:
    """A Lambda authorizer, built once when the Lambda starts and called with every event.

    Args:
        verifier: who is calling: verifies the token.
        token_sources: where the token is read from.  Two sources that hold different tokens are a
            refusal.
        actions: which action a route means; an unknown route is refused.  ``None``: the decision
            depends on the token alone, and every route behind this authorizer is open to every
            valid token (``decisions`` must be ``None``). AppSync asks about ``POST /graphql``, a
            WebSocket API about ``GET /$connect``.
        decisions: may they do it.  ``None``: a valid token with the scopes of the route is enough.
        response: what this API's gateway reads.
        gateway_cache: what is deployed as the gateway's result cache, see `GatewayCache`;
            `GatewayCache.OFF` is true only of a time to live of 0.
        application: the Cedar resource of the actions that are on no particular one; needed if
            there are any.
        tenant_claim: the claim that holds the tenant.  ``None``: no tenants.  It should be one that
            users cannot write.
        groups_claim: the claim that holds the groups.  ``None``: no groups.  With several issuers
            both are a mapping from issuer to claim, since a claim means what its issuer says.
        context: Cedar context from the request, such as
            ``{"source_ip": "$context.identity.sourceIp"}``.  What a client may write into a header,
            it may write into the context.

    Raises:
        ConfigurationError: while building, for anything missing or contradictory, and for a gateway
            cache that would replay an answer where it is wrong.

    What the caller sees: a token that is missing, malformed, expired or not ours is 401 on REST and
    WebSocket APIs (``Exception("Unauthorized")``) and 403 on HTTP APIs; a deny is 403; a key set or
    policy store that does not answer is raised, which is a 500 that the gateway does not remember.
    The context of a refusal has a ``reason``, the stable code of an error.  A route that is to be
    public has no authorizer: behind this one a bad token is refused on every route, whatever the
    map says.

    >>> from authz_lib import ActionMap, BearerToken, GatewayCache, JWTVerifier
    >>> from authz_lib.testing.issuer import TestIssuer
    >>> issuer = TestIssuer("https://issuer.example", algorithm="EdDSA")
    >>> handler = LambdaAuthorizer(
    ...     verifier=JWTVerifier(
    ...         issuer="https://issuer.example", audience=None, algorithms=["EdDSA"], keys=issuer.key_set()
    ...     ),
    ...     token_sources=[BearerToken()],
    ...     actions=ActionMap.from_document(
    ...         {"version": 1, "actions": [{"method": "GET", "route": "/orders", "action": "ListOrders"}]}
    ...     ),
    ...     decisions=None,
    ...     response="iam",
    ...     gateway_cache=GatewayCache.OFF,
    ... )
    >>> arn = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/prod/GET/orders"
    >>> token = issuer.token({"sub": "alice"})
    >>> answer = handler({"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": arn})
    >>> answer["policyDocument"]["Statement"][0]["Effect"], answer["context"]["sub"]
    ('Allow', 'alice')
    """

    __slots__ = (
        "_actions",
        "_answers",
        "_application",
        "_asked",
        "_cache",
        "_callers",
        "_context",
        "_decisions",
        "_depends",
        "_is_remembered",
        "_point",
        "_table",
    )

    def __init__(
        self,
        *,
        verifier: Verifier,
        token_sources: Sequence[TokenSource],
        actions: ActionMap | None,
        decisions: _Decisions | None,
        response: ResponseKind,
        gateway_cache: GatewayCache,
        application: EntityUid | None = None,
        tenant_claim: Claim = None,
        groups_claim: Claim = "cognito:groups",
        context: Mapping[str, str] | None = None,
    ) -> None:
        if response not in tuple(_ANSWERS):
            raise ConfigurationError("`response` must be `simple`, `iam` or `appsync`")
        if not isinstance(gateway_cache, GatewayCache):
            raise ConfigurationError(
                "`gateway_cache` must be a `GatewayCache` or `GatewayCache.OFF`"
            )
        self._callers = Callers(
            verifier, token_sources, tenant_claim=tenant_claim, groups_claim=groups_claim
        )
        require_qualified_ids(verifier, decisions)
        check_actions(actions, decisions, application)
        self._actions = actions
        self._decisions = decisions
        self._application = application
        check_context(context)
        self._context = {
            name: Input.parse(expression) for name, expression in (context or {}).items()
        }
        self._cache, self._is_remembered = gateway_cache, not gateway_cache.is_off
        self._asked: dict[
            tuple[CallerKey, int], Question
        ] = {}  # the entries of the map live as long as this
        self._point = decisions if _asks_plainly(decisions) else None
        scope = prove(
            gateway_cache,
            tokens=[Input.of_source(source) for source in token_sources],
            actions=actions,
            context=self._context,
            response=response,
        )
        if decisions is not None:
            check_decides(decisions, scope)
        # AppSync may remember what was read from the token alone.
        self._answers = _ANSWERS[response](self._is_remembered and not self._context)
        self._depends = {
            "reads_route": actions is not None and response == "simple",
            "names_route": actions is not None and response == "iam",
        }
        self._table: _Table | None = None
        if scope == "table":
            self._table = _Table(actions, max_bytes=gateway_cache.max_policy_bytes)
            if actions is not None:
                require_no_resource_policy(gateway_cache)
            self._answers = self._table.answers

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None) -> LambdaAuthorizer:
        """Build it from the ``AUTHZ_*`` environment variables; the table of them is in the docs.

        Args:
            environment: the variables; by default those of the process.

        Raises:
            ConfigurationError: a variable is missing, unknown, empty or contradicts another one.
        """
        from authz_lib.actions.map import ActionMap
        from authz_lib.authorizer.from_env import (
            application_of,
            blamed,
            gateway_cache_of,
            token_sources_of,
            verifier_of,
        )
        from authz_lib.authorizer.settings import Settings  # loads pydantic, here and nowhere else

        variables = os.environ if environment is None else environment
        settings = Settings.read(variables)
        with blamed("AUTHZ_ACTIONS"):
            actions = ActionMap.load(settings.actions)
        arguments: dict[str, Any] = {
            "verifier": verifier_of(settings),
            "token_sources": token_sources_of(settings),
            "decisions": _decisions_of(settings, variables),
            "application": application_of(settings),
            "gateway_cache": gateway_cache_of(settings),
        }
        with blamed(
            "AUTHZ_*"
        ):  # what contradicts each other; an argument is the variable of its name
            return cls(
                actions=actions,
                response=settings.response,
                tenant_claim=settings.tenant_claim,
                groups_claim=settings.groups_claim,
                context=settings.context,
                **arguments,
            )

    def __call__(self, event: JSONObject, context: object = None) -> dict[str, Any]:  # noqa: ARG002  Lambda passes it
        """Answer one event; this is the Lambda's handler.

        Raises:
            UntrustedEventError: the event is not an authorizer's.
            ConfigurationError: the event is of a kind that the configured response cannot answer,
                or shows that another cache is deployed than the declared one.
            DependencyError: the key set or the policy store did not answer.
            Exception: with the text ``Unauthorized``, for REST and WebSocket APIs.
        """
        question = parse_authorizer_event(event)
        if question.kind not in self._answers.kinds:
            raise ConfigurationError(
                f"the event is of the kind `{question.kind}`, which the configured `response` does not answer"
            )
        if self._is_remembered:
            check_key(self._cache, question, **self._depends)
        unauthenticated = False
        try:
            caller = self._callers.identify(event)
            if self._table is not None:
                return self._for_every_route(self._table, question, caller)
            reason = self._refusal(question, caller)
            if reason is None:
                return self._answers.allow(question, caller)
        except AuthenticationError as error:
            reason, unauthenticated = error.code, True
        except (AccessDeniedError, InvalidRequestError) as error:
            reason = error.code
        _log.info(
            "refused: %s", reason, extra={"reason": reason, "request_id": question.request_id}
        )
        if (
            unauthenticated
        ):  # outside of `except`: the traceback of `Unauthorized` must not carry a cause
            return self._answers.unauthenticated(question, reason)
        return self._answers.deny(question, reason)

    def _refusal(self, event: AuthorizerEvent, caller: Caller) -> str | None:
        """Why the request is refused; ``None`` lets it pass."""
        if self._actions is None:
            return None
        resolved, reason = _resolve(self._actions, event)
        if resolved is None:
            return reason
        entry = resolved.entry
        if not entry.scopes <= caller.principal.scopes:
            return "insufficient_scope"
        if entry.public or self._decisions is None:
            return None
        if entry.resource_id_label is not None and not event.hands_over(resolved.labels):
            return "ambiguous_path"
        decision = self._decide(self._decisions, event, caller, entry, resolved.resource_id)
        return None if decision.allowed is True else "access_denied"

    def _decide(
        self,
        decisions: _Decisions,
        event: AuthorizerEvent,
        caller: Caller,
        entry: ActionEntry,
        resource_id: str | None,
    ) -> Decision:
        if (
            self._point is None
            or caller.key is None
            or self._context
            or entry.resource_id_label is not None
        ):
            return decisions.is_authorized(
                self._request(event, caller.principal, entry, resource_id)
            )
        # The same question for every request of this caller on this route: it is put into words
        # once.  What is remembered is the question, never its answer.
        key = (caller.key, id(entry))
        question = self._asked.get(key)
        if question is None:
            question = self._point.resolve(self._request(event, caller.principal, entry, None))
            if len(self._asked) >= _REMEMBERED:
                self._asked.clear()
            self._asked[key] = question
        return self._point.answer(question.until(caller.principal.expires_at))

    def _request(
        self,
        event: AuthorizerEvent,
        principal: Principal,
        entry: ActionEntry,
        resource_id: str | None,
    ) -> AuthorizationRequest:
        if len(principal.groups) > _MAX_GROUPS:
            raise InvalidRequestError(
                f"the principal has more than {_MAX_GROUPS} groups", field="principal.groups"
            )
        return AuthorizationRequest(
            principal,
            entry.action,
            self._resource(entry, resource_id),
            self._context_of(event) if self._context else _NO_CONTEXT,
            (),
            principal.expires_at,
        )

    def _resource(self, entry: ActionEntry, resource_id: str | None) -> EntityUid:
        if entry.resource_id_label is None or entry.resource_type is None:
            if self._application is None:  # construction has refused this
                raise InvalidRequestError("there is no `application`", field="resource")
            return self._application
        if not resource_id:
            raise InvalidRequestError(
                "the path holds no id for the resource", field="resource.entityId"
            )
        return EntityUid(entry.resource_type, resource_id)

    def _context_of(self, event: AuthorizerEvent) -> dict[str, str]:
        values = {}
        for name, source in self._context.items():
            found = source.read(event)
            if not found and not source.is_told(
                event
            ):  # a policy that forbids by it would not forbid
                raise ConfigurationError(
                    f"`{source}` of the context is in no event of this kind of authorizer"
                )
            if len(found) > 1:  # which of them would the service read?
                raise InvalidRequestError(
                    "an input of the context is there more than once", field="context"
                )
            if found:
                values[name] = found[0]
        return values

    def _for_every_route(
        self, table: _Table, event: AuthorizerEvent, caller: Caller
    ) -> dict[str, Any]:
        """One policy for all that this caller may do, since the gateway will replay it on every
        route.
        """
        if self._actions is None:
            return table.answers.allow_routes(event, caller, table.everything)
        principal, entries = caller.principal, self._actions.entries
        asked: dict[str, AuthorizationRequest] = {}
        for entry in entries:
            if (
                not entry.public
                and self._decisions is not None
                and entry.scopes <= principal.scopes
            ):
                asked.setdefault(entry.action, self._request(event, principal, entry, None))
        decisions = (
            self._decisions.batch_is_authorized(list(asked.values()))
            if self._decisions and asked
            else ()
        )
        granted = {
            action
            for action, decision in zip(asked, decisions, strict=True)
            if decision.allowed is True
        }
        allowed = frozenset(
            position
            for position, entry in enumerate(entries)
            if entry.scopes <= principal.scopes
            and (entry.public or self._decisions is None or entry.action in granted)
        )
        if not allowed:
            return self._answers.deny(event, "access_denied")
        own, _reason = _resolve(self._actions, event)
        refused = own is None or not any(entries[position] is own.entry for position in allowed)
        return table.answers.allow_routes(event, caller, table.resources(allowed), refused=refused)


def _resolve(actions: ActionMap, event: AuthorizerEvent) -> tuple[ResolvedAction | None, str]:
    """What a request means, or why that is not known."""
    query = event.query
    resolved = actions.resolve(event.method, event.route, event.path, query)
    if resolved is None:
        return None, "unknown_route"
    if event.is_decoded and not actions.is_one_route(resolved, event.method, event.path, query):
        return None, "ambiguous_path"
    return resolved, ""


class _Table:
    """The policies of a route table, and the answers that carry them."""

    __slots__ = ("answers", "everything", "resources")

    def __init__(self, actions: ActionMap | None, *, max_bytes: int) -> None:
        from authz_lib.authorizer.route_policies import (  # most authorizers have no table
            PolicyResources,
            RoutePolicies,
        )

        self.answers = TablePolicyAnswers(max_bytes=max_bytes)
        self.everything = PolicyResources(("*",), ())
        if actions is not None:
            self.resources = RoutePolicies(actions, max_bytes=max_bytes).resources


def _asks_plainly(decisions: object) -> TypeGuard[DecisionPoint]:
    """Whether a question may be resolved once and asked often: not where somebody's own
    `is_authorized` adds to it.
    """
    if not isinstance(decisions, DecisionPoint) or type(decisions.vocabulary) is not Vocabulary:
        return False
    plain = (("is_authorized", DecisionPoint.is_authorized), ("resolve", DecisionPoint.resolve))
    return all(
        getattr(getattr(decisions, name), "__func__", None) is function for name, function in plain
    )


_NO_CONTEXT: Mapping[str, str] = {}


def _decisions_of(settings: Settings, variables: Mapping[str, str]) -> _Decisions:
    from authz_lib.authorizer.from_env import blamed

    words: dict[str, Any] = {
        "action_type": settings.action_type,
        "principal_type": settings.principal_type,
        "group_type": settings.group_type,
        "principal_id": settings.principal_id,
    }
    if settings.policies is not None:
        from authz_lib.decisions.cedar import CedarEngine

        with blamed("AUTHZ_POLICIES"):
            return CedarEngine.from_directory(settings.policies, **words)
    from authz_lib.decisions.verified_permissions import VerifiedPermissions

    region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
    with blamed("AUTHZ_POLICY_STORE_ID"):
        store = VerifiedPermissions(settings.policy_store_id or "", region=region, **words)
    return store.cached(
        ttl_seconds=settings.allow_ttl_seconds, deny_ttl_seconds=settings.deny_ttl_seconds
    )
