"""Whether a declared cache key covers a decision: the proof that a remembered answer is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from authz_lib.authorizer.identity_source import (
    CONTEXT_DOMAIN,
    CONTEXT_METHOD,
    CONTEXT_PATH,
    CONTEXT_ROUTE_KEY,
    IdentitySource,
)
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from authz_lib.actions import ActionMap
    from authz_lib.authorizer.gateway_cache import GatewayCache

__all__ = ["Coverage", "http_api_gap", "require_covered", "require_no_resource_policy"]

Coverage: TypeAlias = Literal["one-request", "every-route"]
"""What an answer must be right for: the request that was asked about, or every route of the map."""

_AUTHORIZATION = IdentitySource("header", "authorization")
_OPERATION = IdentitySource("context", "operationName")
# What no event of the API holds that a simple answer is for; IAM answers are for several kinds.
_UNTOLD = {"simple": frozenset({"resourcePath", "operationName"}), "iam": frozenset[str]()}


def require_covered(
    cache: GatewayCache,
    *,
    tokens: Sequence[IdentitySource | None],
    actions: ActionMap | None,
    context: Mapping[str, IdentitySource],
    response: Literal["simple", "iam", "appsync"],
) -> Coverage:
    """Require that an answer is right for every request that the gateway will replay it on.

    Args:
        cache: what is deployed.
        tokens: for each token source, the input it reads; ``None`` where that is not one input.
        actions: the routes; ``None`` where the decision depends on the token alone.
        context: what else enters the decision.
        response: which kind of answer.

    Returns:
        What the answer must be right for.  ``"every-route"`` is a demand, see `RoutePolicies`.

    Raises:
        ConfigurationError: an input of the decision is not part of the key; the message names it
            and the remedy.
    """
    _require_told([*cache.parsed_sources, *context.values()], response)
    if cache.is_off:
        return "one-request"
    inputs = set(cache.parsed_sources)
    _require_token(inputs, tokens)
    if response == "appsync":
        _require_appsync_key(inputs)
        return "one-request"  # what reads more than the token answers `ttlOverride: 0`
    _require_inputs(inputs, context.values(), "a context value")
    _refuse_repeatable(context.values(), "a context value")
    if response == "iam":
        gap = http_api_gap(cache, actions) if cache.is_of_http_api else None
        if gap is not None:
            raise ConfigurationError(gap)
        if not inputs >= {CONTEXT_METHOD, CONTEXT_PATH}:
            return "every-route"
        _require_domain(inputs, cache)
    elif actions is not None:
        _require_route(inputs)
    for entry in actions.entries if actions is not None else ():
        name = f"{entry.method} {entry.route}"
        # A decision reads the whole path: it is about an id, or refuses what means two routes.
        if "{" in entry.route:
            _require_inputs(inputs, [CONTEXT_PATH], f"the label of `{name}`")
        query = [IdentitySource("querystring", key) for key in entry.query]
        _refuse_repeatable(query, f"the query of `{name}`")
    return "one-request"


def http_api_gap(cache: GatewayCache, actions: ActionMap | None) -> str | None:
    """Why an HTTP API would replay an IAM answer where it is wrong; ``None`` where it would not.

    A policy names a method and a path.  An HTTP API decodes the path, so `/docs/{id}` and
    `/{secret}`, sent as `/docs%252F7`, have one: the answer for one route is that for the other.
    """
    if actions is None or cache.is_off:
        return None
    inputs = set(cache.parsed_sources)
    if inputs >= {CONTEXT_METHOD, CONTEXT_PATH}:
        return None if CONTEXT_ROUTE_KEY in inputs else _NO_ROUTE_KEY
    return _NO_POLICY if any("{" in entry.route for entry in actions.entries) else None


_NO_ROUTE_KEY = (
    "the route is not covered by the identity sources: an HTTP API decodes the path, so one method "
    "and path can mean two routes; add `$context.routeKey` (a REST API's sources are written "
    "`context.path` and `method.request.header.X`)"
)
_NO_POLICY = (
    "no policy is right for every route of an HTTP API with a label: the API decodes the path, so "
    "one path can mean two routes; add the identity sources `$context.httpMethod`, "
    "`$context.path`, `$context.domainName` and `$context.routeKey` (a REST API's are written "
    "`context.path` and `method.request.header.X`)"
)


def require_no_resource_policy(cache: GatewayCache) -> None:
    """Refuse a policy for every route where the API may have a resource policy.

    Such a policy can be silent about a route, and then a resource policy alone allows it.

    Raises:
        ConfigurationError: nobody has said that there is none.

    See the API Gateway developer guide, "How API Gateway resource policies affect authorization
    workflow".
    """
    if not cache.no_resource_policy:
        raise ConfigurationError(
            "one policy for every route can be silent about a route, and then an API's resource "
            "policy alone allows it: say `no_resource_policy=True` if the API has none, or add the "
            "identity sources `context.httpMethod`, `context.path` and `context.domainName`"
        )


def _require_told(
    inputs: Iterable[IdentitySource], response: Literal["simple", "iam", "appsync"]
) -> None:
    for item in inputs:
        if response == "appsync":
            is_told = item.part == "header" or item == _OPERATION
        else:
            is_told = item.part != "context" or item.name not in _UNTOLD[response]
        if not is_told:
            raise ConfigurationError(f"`{item}` is in no event that is answered with `{response}`")


def _require_token(inputs: set[IdentitySource], tokens: Sequence[IdentitySource | None]) -> None:
    if len(set(tokens)) > 1:
        raise ConfigurationError(
            "a gateway asks only when *all* identity sources are present, so two token sources "
            "cannot be cached: use `GatewayCache.OFF` or two authorizers"
        )
    for token in tokens:
        if token is None:
            raise ConfigurationError(
                "this token source is not one input of the request: use `GatewayCache.OFF`"
            )
        _require_inputs(inputs, [token], "the token source")


def _require_appsync_key(inputs: set[IdentitySource]) -> None:
    if inputs != {_AUTHORIZATION}:
        raise ConfigurationError(
            "AppSync keys on `authorizationToken` alone: the one identity source is "
            "`$request.header.authorization`, and the token is read from it; else use "
            "`GatewayCache.OFF`, which answers `ttlOverride: 0`"
        )


def _require_inputs(
    inputs: set[IdentitySource], needed: Iterable[IdentitySource], what: str
) -> None:
    for item in needed:
        if item not in inputs:
            raise ConfigurationError(
                f"`{item}` ({what}) is not an identity source: an answer for one value would be "
                "replayed for another"
            )


def _refuse_repeatable(needed: Iterable[IdentitySource], what: str) -> None:
    """Which value of a repeated header or parameter is the key is documented nowhere."""
    for item in needed:
        if item.part in {"querystring", "header"}:
            raise ConfigurationError(
                f"`{item}` ({what}) cannot be a safe identity source: which value of a repeated "
                "header or parameter the gateway keys on is documented nowhere, and the service "
                "may read another; use `GatewayCache.OFF`"
            )


def _require_route(inputs: set[IdentitySource]) -> None:
    if CONTEXT_ROUTE_KEY not in inputs:
        raise ConfigurationError(
            "the route is not covered by the identity sources: an Allow for one route would be "
            "replayed on others; add `$context.routeKey` (a path is no route: HTTP APIs decode "
            "it, and one path is two routes on two domains)"
        )


def _require_domain(inputs: set[IdentitySource], cache: GatewayCache) -> None:
    """An IAM answer names its own method and path, and is silent when replayed on another one.

    Silence refuses where nothing else allows.
    """
    if CONTEXT_DOMAIN not in inputs and not cache.no_resource_policy:
        raise ConfigurationError(
            "the route is not covered by the identity sources: one path is two routes on two "
            "domains, and an API's resource policy alone may allow the other one; add "
            "`$context.domainName`, or say `no_resource_policy=True` if the API has none"
        )
