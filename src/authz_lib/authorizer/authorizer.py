"""`LambdaAuthorizer`: event → token → principal → action → decision → answer."""

from __future__ import annotations

import os
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from authz_lib._support.current_request import CURRENT_REQUEST
from authz_lib._support.memo import Memo
from authz_lib.authorizer.answers import AppSyncAnswers, PolicyAnswers, SimpleAnswers
from authz_lib.authorizer.arguments import (
    check_actions,
    check_context_names,
    check_decides,
)
from authz_lib.authorizer.cache_key import http_api_gap, require_covered
from authz_lib.authorizer.callers import Callers, require_qualified_ids
from authz_lib.authorizer.gateway_cache import DeployedKey, GatewayCache
from authz_lib.authorizer.identity_source import IdentitySource
from authz_lib.authorizer.questions import Questions
from authz_lib.authorizer.route_refusals import denied, lacking_scope, without_a_line
from authz_lib.errors import (
    AccessDeniedError,
    AuthenticationError,
    AuthzError,
    ConfigurationError,
    InvalidRequestError,
)
from authz_lib.gateway.events import parse_authorizer_event
from authz_lib.gateway.refusals import Refusal, log_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from authz_lib.actions import ActionEntry, ActionMap, ResolvedAction
    from authz_lib.authorizer.answers import Answers
    from authz_lib.authorizer.callers import Caller, Claim
    from authz_lib.authorizer.every_route import EveryRoute
    from authz_lib.authorizer.questions import Decisions
    from authz_lib.entities import EntityUid
    from authz_lib.gateway.events import AuthorizerEvent
    from authz_lib.gateway.sources import TokenSource
    from authz_lib.tokens.assertion import CallerAssertion
    from authz_lib.tokens.attributes import Attribute
    from authz_lib.tokens.verifier import Verifier

__all__ = ["LambdaAuthorizer", "ResponseKind"]

ResponseKind: TypeAlias = Literal["simple", "iam", "appsync"]
"""``simple``: HTTP APIs with payload 2.0; ``iam``: REST, WebSocket and HTTP APIs; ``appsync``."""

_ANSWERS: dict[str, Callable[[bool], Answers]] = {
    "simple": lambda _: SimpleAnswers(),
    "iam": lambda _: PolicyAnswers(),
    "appsync": lambda remembered: AppSyncAnswers(remembered=remembered),
}


class LambdaAuthorizer:
    """A Lambda authorizer, built once when the Lambda starts and called with every event.

    | what is wrong | REST, WebSocket | HTTP |
    |---|---|---|
    | the token is missing, malformed, expired or not ours | 401 | 403 |
    | the token is good, and the request is denied | 403 | 403 |
    | the key set or the policy store does not answer | 500, not remembered | 500, not remembered |

    The context of a refusal has a ``reason``, the stable code of an error.  Each of the three is
    one line of the logger ``authz_lib.refusals`` that names the cause.

    A public route needs no authorizer.  Behind this one a bad token is refused on every route,
    whatever the map says.

    Args:
        verifier: who is calling: verifies the token.
        token_sources: where the token is read from.  Two sources that hold different tokens are a
            refusal.
        actions: which action a route means.  An unknown route is refused.  AppSync asks about
            ``POST /graphql``, a WebSocket API about ``GET /$connect``.  AppSync Events ask about
            ``GET`` (subscribe) or ``POST`` (publish) and the channel.  ``None`` opens every route
            to every valid token; ``decisions`` must be ``None`` then.
        decisions: may they do it.  ``None``: a valid token with the scopes of the route is enough.
            Of a decision point with a schema, ``actions``, ``application`` and ``attributes`` must
            name what it knows.
        response: what this API's gateway reads.
        gateway_cache: what is deployed as the gateway's result cache, see `GatewayCache`.
            `GatewayCache.OFF` is true only of a time to live of 0.
        application: the Cedar resource of the actions that are on no particular one.  Needed if
            there are any.
        tenant_claim: the claim that holds the tenant, which users must not be able to write.
            ``None``: no tenants.
        groups_claim: the claim that holds the groups.  ``None``: no groups.  With several issuers
            both are a mapping from issuer, or user pool id, to claim.  One ``cognito:groups`` does
            for several pools.
        attributes: claims that are attributes of the caller in Cedar and in the gateway's context,
            such as ``{"email": "email", "level": Attribute("custom:level", "number")}``.  With
            several issuers each is an `Attribute` with a mapping from issuer to claim.
        usage_identifier_key: for REST APIs whose usage plans have the source ``AUTHORIZER``: the
            claim whose text is the API key to count a request against, or one per issuer.  Without
            the claim a token has no key.  Users must not be able to write it.
        assertion: signs who the caller is and what was decided, for the services behind: it is
            ``txn_token`` in the gateway's context, to be mapped to the header ``Txn-Token``, see
            `CallerAssertion`.  It needs ``actions``, and a gateway cache that remembers an answer
            for one request only, and for less long than the assertion lives.
        context: Cedar context from the request, such as
            ``{"source_ip": "$context.identity.sourceIp"}``.  What a client may write into a header,
            it may write into the context.

    Raises:
        ConfigurationError: while building, for anything missing or contradictory, and for a gateway
            cache that would replay an answer where it is wrong.

    >>> from authz_lib import ActionMap, BearerToken, GatewayCache, JWTVerifier
    >>> from authz_lib.testing.issuer import TestIssuer
    >>> issuer = TestIssuer("https://issuer.example", algorithm="EdDSA")
    >>> line = {"method": "GET", "route": "/orders", "action": "List"}
    >>> handler = LambdaAuthorizer(
    ...     verifier=JWTVerifier(
    ...         issuer="https://issuer.example",
    ...         audience=None,
    ...         algorithms=["EdDSA"],
    ...         keys=issuer.key_set(),
    ...     ),
    ...     token_sources=[BearerToken()],
    ...     actions=ActionMap.from_document({"version": 1, "actions": [line]}),
    ...     decisions=None,
    ...     response="iam",
    ...     gateway_cache=GatewayCache.OFF,
    ... )
    >>> arn = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/prod/GET/orders"
    >>> bearer = "Bearer " + issuer.token({"sub": "alice"})
    >>> event = {"type": "TOKEN", "authorizationToken": bearer, "methodArn": arn}
    >>> answer = handler(event)
    >>> answer["policyDocument"]["Statement"][0]["Effect"], answer["context"]["sub"]
    ('Allow', 'alice')
    """

    __slots__ = (
        "_actions",
        "_answers",
        "_asserted",
        "_callers",
        "_context",
        "_deployed_key",
        "_every_route",
        "_questions",
    )

    def __init__(
        self,
        *,
        verifier: Verifier,
        token_sources: Sequence[TokenSource],
        actions: ActionMap | None,
        decisions: Decisions | None,
        response: ResponseKind,
        gateway_cache: GatewayCache,
        application: EntityUid | None = None,
        tenant_claim: Claim = None,
        groups_claim: Claim = "cognito:groups",
        context: Mapping[str, str] | None = None,
        attributes: Mapping[str, str | Attribute] | None = None,
        usage_identifier_key: Claim = None,
        assertion: CallerAssertion | None = None,
    ) -> None:
        if response not in tuple(_ANSWERS):
            raise ConfigurationError("`response` must be `simple`, `iam` or `appsync`")
        if not isinstance(gateway_cache, GatewayCache):
            raise ConfigurationError(
                "`gateway_cache` must be a `GatewayCache` or `GatewayCache.OFF`"
            )
        if usage_identifier_key is not None and response != "iam":
            raise ConfigurationError(
                "`usage_identifier_key` is for REST APIs: only the response `iam` can carry it"
            )
        self._callers = Callers(
            verifier,
            token_sources,
            tenant_claim=tenant_claim,
            groups_claim=groups_claim,
            attributes=attributes,
            usage_claim=usage_identifier_key,
        )
        require_qualified_ids(verifier, decisions)
        check_actions(actions, decisions, application, self._callers.attribute_types)
        check_context_names(context)
        self._actions = actions
        self._context = {
            name: IdentitySource.parse(expression) for name, expression in (context or {}).items()
        }
        coverage = require_covered(
            gateway_cache,
            tokens=[IdentitySource.of_token_source(source) for source in token_sources],
            actions=actions,
            context=self._context,
            response=response,
        )
        if decisions is not None:
            check_decides(decisions, coverage)
        self._questions = None if decisions is None else Questions(decisions, application)
        self._deployed_key: DeployedKey | None = None
        if not gateway_cache.is_off:
            reads_route, names_route = response == "simple", response == "iam"
            self._deployed_key = DeployedKey(
                gateway_cache,
                reads_route=actions is not None and reads_route,
                names_route=actions is not None and names_route,
                http_api_gap=http_api_gap(gateway_cache, actions) if names_route else None,
            )
        self._every_route: EveryRoute | None = None
        if coverage == "every-route":
            from authz_lib.authorizer import every_route  # most authorizers need none

            self._every_route = every_route.EveryRoute(
                actions, decisions, self._questions, gateway_cache
            )
            self._answers: Answers = self._every_route.answers
        else:
            # AppSync may remember what was read from the token alone.
            self._answers = _ANSWERS[response](not gateway_cache.is_off and not self._context)
        self._asserted: Callable[..., Caller] | None = None
        if assertion is not None:
            from authz_lib.authorizer.asserting import check_assertion, with_assertion

            check_assertion(
                assertion,
                actions=actions,
                attributes=self._callers.attribute_types,
                cache=gateway_cache,
                coverage=coverage,
                response=response,
            )
            self._asserted = partial(with_assertion, assertion)

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None) -> LambdaAuthorizer:
        """Build it from the ``AUTHZ_*`` environment variables; the table of them is in the docs.

        Args:
            environment: the variables; by default those of the process.

        Raises:
            ConfigurationError: a variable is missing, unknown, empty or contradicts another one.
        """
        from authz_lib.authorizer.from_env import (  # pydantic
            VARIABLES,
            arguments_from,
            variable_named,
        )

        arguments = arguments_from(os.environ if environment is None else environment)
        with variable_named("AUTHZ_*", VARIABLES):
            return cls(**arguments)

    # Lambda passes its context too.
    def __call__(self, event: dict[str, Any], context: object = None) -> dict[str, Any]:  # noqa: ARG002
        """Answer one event; this is the Lambda's handler.

        Raises:
            UntrustedEventError: the event is not an authorizer's.
            ConfigurationError: the event is of a kind that the configured response cannot answer,
                or shows that another cache is deployed than the declared one.
            DependencyError: the key set or the policy store did not answer.
            Exception: with the text ``Unauthorized``, for REST and WebSocket APIs.
        """
        try:
            question = parse_authorizer_event(event)
            if question.kind not in self._answers.kinds:
                raise _other_kind(question.kind)
            if self._deployed_key is not None:
                self._deployed_key.check(question)
        except AuthzError as error:
            log_refusal(Refusal.of(error), None)
            raise
        answers = self._answers
        try:
            caller = self._callers.identify(question)
            if self._every_route is not None:
                return self._for_every_route(self._every_route, question, caller)
            (refusal, entry), is_known = self._refusal(question, caller), True
            if refusal is None:
                if self._asserted is not None:
                    caller = self._asserted(question, caller, entry)
                return answers.allow(question, caller)
        except (AuthenticationError, AccessDeniedError, InvalidRequestError) as error:
            refusal, is_known = Refusal.of(error), not isinstance(error, AuthenticationError)
        except AuthzError as error:
            self._log(Refusal.of(error), question)
            raise
        self._log(refusal, question)
        if is_known:
            return answers.deny(question, refusal.code)
        # Outside of `except`: the traceback of `Unauthorized` must not carry a cause.
        return answers.unauthenticated(question, refusal.code)

    def _log(self, refusal: Refusal, event: AuthorizerEvent) -> None:
        key_id = self._callers.key_id_digest(event)
        log_refusal(refusal._replace(key_id_digest=key_id), event)

    def _refusal(
        self, event: AuthorizerEvent, caller: Caller
    ) -> tuple[Refusal | None, ActionEntry | None]:
        """Why the request is refused, or ``None`` to let it pass; and its line of the map."""
        if self._actions is None:
            return None, None
        resolved, reason = _resolve(self._actions, event)
        if resolved is None:
            return without_a_line(reason), None
        entry = resolved.entry
        if not entry.scopes <= caller.principal.scopes:
            return lacking_scope(entry), entry
        if entry.public or self._questions is None:
            return None, entry
        if entry.resource_id_label is not None and not _hands_over(event, resolved.labels):
            return without_a_line("ambiguous_path"), entry
        context = self._policy_context(event) if self._context else None
        before = CURRENT_REQUEST.set(event)
        try:
            decision = self._questions.decide(caller, entry, resolved.resource_id, context)
        finally:
            CURRENT_REQUEST.reset(before)
        return None if decision.allowed is True else denied(entry, decision), entry

    def _for_every_route(
        self, every_route: EveryRoute, event: AuthorizerEvent, caller: Caller
    ) -> dict[str, Any]:
        own, reason = (None, "") if self._actions is None else _resolve(self._actions, event)
        entry = None if own is None else own.entry
        context = self._policy_context(event) if self._context else None
        before = CURRENT_REQUEST.set(event)
        try:
            answer, passes = every_route.answer(event, caller, entry, context)
        finally:
            CURRENT_REQUEST.reset(before)
        if not passes and entry is None:
            self._log(without_a_line(reason), event)
        elif not passes and entry is not None:
            lacks = not entry.scopes <= caller.principal.scopes
            self._log(lacking_scope(entry) if lacks else denied(entry), event)
        return answer

    def _policy_context(self, event: AuthorizerEvent) -> dict[str, str]:
        """What policies read of the request."""
        values = {}
        for name, source in self._context.items():
            found = source.read(event)
            if not found and not source.is_told(event):  # a policy that forbids by it would not
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


def _other_kind(kind: str) -> ConfigurationError:
    fitting = "appsync" if kind.startswith("appsync") else "iam"
    return ConfigurationError(
        f"the event is of the kind `{kind}`, which the configured `response` does not answer: "
        f"`{fitting}` does"
    )


def _resolve(actions: ActionMap, event: AuthorizerEvent) -> tuple[ResolvedAction | None, str]:
    """What a request means, or why that is not known."""
    method, path, query = event.method, event.path, event.query
    resolved = actions.resolve(method, event.route, path, query)
    if resolved is None:
        return None, "unknown_route"
    # A subscription to `/news/*` hears every channel below: a line must name it so.
    if resolved.labels and event.kind == "appsync-events" and "*" in event.path:
        return None, "unknown_route"
    # Only a label can make a path mean another route.
    if (
        resolved.labels
        and event.is_decoded
        and not actions.is_one_route(resolved, method, path, query)
    ):
        return None, "ambiguous_path"
    return resolved, ""


def _hands_over(event: AuthorizerEvent, labels: Mapping[str, str]) -> bool:
    """Whether labels read from the path are those that the service will be handed.

    HTTP APIs hand over a ``rawPath`` that they have decoded, cut off at a decoded ``?``.  Decoding
    it again makes ``a b`` of ``a%2520b``, where the service gets ``a%20b``: a right to one must not
    open the other.

    | route | what is compared |
    |---|---|
    | with labels | their values, in the order of the path; names may differ from the map's |
    | greedy, ``$default`` | the whole path, which must hold no ``%`` |
    | of another kind of API | nothing: its path comes as sent |

    Args:
        event: the request.
        labels: the decoded values, in the order of the path.
    """
    if not event.is_decoded:
        return True
    route = event.route or ""
    names, is_greedy = _LABELS[route]
    handed = event.path_parameters
    if not handed or not names or any(name not in handed for name in names):
        return "%" not in event.path
    values = [handed[name] for name in names]
    if not is_greedy:
        return values == list(labels.values())
    rebuilt = _LABEL.sub(lambda match: handed[match[1]], route.rpartition(" ")[2])
    return "%" not in event.path and rebuilt.rstrip("/") == event.path.rstrip("/")


_LABEL = re.compile(r"\{([^{}+]+)\+?\}")
# The labels of a deployed route, in order, and whether one of them is greedy.
_LABELS: Memo[str, tuple[tuple[str, ...], bool]] = Memo(
    lambda route: (tuple(_LABEL.findall(route)), "+}" in route), max_entries=1024
)
