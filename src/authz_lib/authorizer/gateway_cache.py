"""What a gateway's result cache is keyed on, and the proof that a remembered answer is right for
every replay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias
from urllib.parse import unquote

from authz_lib.authorizer.identity_source import Input
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from authz_lib.actions.map import ActionMap
    from authz_lib.gateway.events import AuthorizerEvent

__all__ = ["GatewayCache", "Scope", "check_key", "prove", "require_no_resource_policy"]

Scope: TypeAlias = Literal["request", "table"]
"""What one answer speaks about: this very request, or every route of the action map for this
token.
"""


@dataclass(frozen=True, slots=True)
class GatewayCache:
    """How the deployed gateway remembers this authorizer's answers.  Nothing here switches the
    cache on or off: it says what *is* deployed, so that the authorizer can refuse to be built where
    a remembered answer would be wrong.

    Args:
        identity_sources: exactly as deployed, such as
            ``["$request.header.Authorization", "$context.routeKey", "$context.path"]``: they are
            the cache's key.
        ttl_seconds: the deployed time to live, 1 to 3600; a refused or expired caller may pass that
            much longer.
        max_policy_bytes: for an IAM answer that covers every route; a larger one is refused.
        no_resource_policy: says that the API has no resource policy (HTTP and WebSocket APIs cannot
            have one), which would make an Allow of what an IAM answer is silent about.  An answer
            that covers every route needs it: it can be silent about a route (``*`` crosses ``/``,
            and no pattern names what the map does not know).  So does one for a method and a path
            whose key lacks the domain.

    Raises:
        ConfigurationError: no identity source, an unknown one, one twice, or a time to live out of
            range.

    A simple answer needs the route, ``$context.routeKey``, in the key.  A path is none: below a
    stage ``admin``, ``/admin/users`` of the API's own domain is ``/users``, and of a custom domain
    it is ``/admin/users``; and HTTP APIs decode the path that they hand over, so that ``/a%252Fb``
    can have the key of ``/a/b``.  With a label in the map ``$context.path`` is asked for too; on
    ``$default``, ``ANY`` and greedy routes what is missing for them is raised, so that the gateway
    remembers nothing.  An IAM answer needs the domain beside method and path, or
    ``no_resource_policy``: it names its own method and path, and is silent about every other.

    **Not** seen here, so for you to see to: map and API have the same routes, since a ``*`` of a
    policy for every route may allow one that only the API has, or one that only the map has.  Ids
    hold no ``/`` or ``?``: an HTTP API may hand over ``7?x`` under the key, or the ARN, of ``7``.
    And a refusal is remembered as an Allow is, also one of a token that becomes valid in a minute.
    Where an event of a REST API holds an input of the key twice, the authorizer raises; once an
    answer is remembered under one of the two values it is not asked, and its bearer is served with
    the right of that value.

    ``GatewayCache.OFF`` says that the time to live is deployed as ``0``.

    >>> GatewayCache(identity_sources=["$request.header.Authorization"], ttl_seconds=60).ttl_seconds
    60
    >>> GatewayCache.OFF
    GatewayCache.OFF
    """

    identity_sources: Sequence[str]
    ttl_seconds: int
    max_policy_bytes: int = 8192
    no_resource_policy: bool = False

    OFF: ClassVar[GatewayCache]

    def __init__(
        self,
        *,
        identity_sources: Iterable[str],
        ttl_seconds: int,
        max_policy_bytes: int = 8192,
        no_resource_policy: bool = False,
    ) -> None:
        if isinstance(identity_sources, str) or not isinstance(identity_sources, Iterable):
            raise ConfigurationError("`identity_sources` must be a list")
        sources = tuple(identity_sources)
        if not sources:
            raise ConfigurationError(
                "`identity_sources` must not be empty: without one the gateway caches nothing"
            )
        inputs = [Input.parse(source) for source in sources]
        if len(set(inputs)) != len(inputs):
            raise ConfigurationError("`identity_sources` names one input twice")
        if type(ttl_seconds) is not int or not 1 <= ttl_seconds <= 3600:
            raise ConfigurationError(
                "`ttl_seconds` must be a whole number from 1 to 3600; `GatewayCache.OFF` says 0"
            )
        if type(max_policy_bytes) is not int or max_policy_bytes < 1:
            raise ConfigurationError("`max_policy_bytes` must be a whole number above 0")
        if type(no_resource_policy) is not bool:
            raise ConfigurationError("`no_resource_policy` must be `True` or `False`")
        object.__setattr__(self, "identity_sources", sources)
        object.__setattr__(self, "ttl_seconds", ttl_seconds)
        object.__setattr__(self, "max_policy_bytes", max_policy_bytes)
        object.__setattr__(self, "no_resource_policy", no_resource_policy)

    def __repr__(self) -> str:
        if not self.identity_sources:
            return "GatewayCache.OFF"
        return f"GatewayCache(identity_sources={list(self.identity_sources)!r}, ttl_seconds={self.ttl_seconds})"

    @property
    def is_off(self) -> bool:
        """Whether every request reaches the authorizer."""
        return not self.identity_sources

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The identity sources, parsed."""
        return tuple(Input.parse(source) for source in self.identity_sources)


def _off() -> GatewayCache:
    cache = object.__new__(GatewayCache)
    nothing = {
        "identity_sources": (),
        "ttl_seconds": 0,
        "max_policy_bytes": 8192,
        "no_resource_policy": False,
    }
    for name, value in nothing.items():
        object.__setattr__(cache, name, value)
    return cache


GatewayCache.OFF = _off()


def prove(
    cache: GatewayCache,
    *,
    tokens: Sequence[Input | None],
    actions: ActionMap | None,
    context: Mapping[str, Input],
    response: Literal["simple", "iam", "appsync"],
) -> Scope:
    """Prove that an answer is right for every request that the gateway will replay it on; say what
    it must cover.

    Args:
        cache: what is deployed.
        tokens: for each token source, the input it reads; ``None`` where that is not one input.
        actions: the routes, or ``None`` where the decision depends on the token alone.
        context: what else enters the decision.
        response: which kind of answer.

    Raises:
        ConfigurationError: an input of the decision is not part of the key; the message names it
            and the remedy.

    The answer ``"table"`` is a demand: the policy must then be right for every route, see
    `RoutePolicies`.
    """
    _prove_told([*cache.inputs, *context.values()], response)
    if cache.is_off:
        return "request"
    inputs = set(cache.inputs)
    _prove_token(inputs, tokens)
    if response == "appsync":
        _prove_appsync(inputs)
        return "request"  # what reads more than the token answers `ttlOverride: 0`
    _prove_covered(inputs, context.values(), "a context value")
    _prove_one_value(context.values(), "a context value")
    if response == "iam":
        if not inputs >= _REQUEST:
            return "table"
        _prove_silence(inputs, cache)
    elif actions is not None:
        _prove_route(inputs)
    for entry in actions.entries if actions is not None else ():
        name = f"{entry.method} {entry.route}"
        if (
            "{" in entry.route
        ):  # a decision reads the whole path: it is about an id, or refuses what means two routes
            _prove_covered(inputs, [Input("context", "path")], f"the label of `{name}`")
        _prove_one_value(
            [Input("querystring", key) for key in entry.query], f"the query of `{name}`"
        )
    return "request"


# What the events of a kind of API never hold; IAM answers are for more than one kind.
_UNTOLD: dict[str, set[str]] = {"simple": {"resourcePath", "operationName"}, "iam": set()}


def _prove_told(inputs: Iterable[Input], response: Literal["simple", "iam", "appsync"]) -> None:
    for item in inputs:
        if response == "appsync":
            told = item.part == "header" or item == Input("context", "operationName")
        else:
            told = item.part != "context" or item.name not in _UNTOLD[response]
        if not told:
            raise ConfigurationError(f"`{item}` is in no event that is answered with `{response}`")


def _prove_appsync(inputs: set[Input]) -> None:
    if inputs != {Input("header", "authorization")}:
        raise ConfigurationError(
            "AppSync keys on `authorizationToken` alone: the one identity source is `$request.header.authorization`, "
            "and the token is read from it; else use `GatewayCache.OFF`, which answers `ttlOverride: 0`"
        )


def _prove_one_value(needed: Iterable[Input], what: str) -> None:
    for item in needed:
        if item.part in {"querystring", "header"}:
            raise ConfigurationError(
                f"`{item}` ({what}) cannot be a safe identity source: which value of a repeated header or parameter "
                "the gateway keys on is documented nowhere, and the service may read another; use `GatewayCache.OFF`"
            )


def require_no_resource_policy(cache: GatewayCache) -> None:
    """Refuse a policy that may be silent about a route where an API's resource policy could make an
    Allow of silence.

    Raises:
        ConfigurationError: nobody has said that there is none.

    See the API Gateway developer guide, "How API Gateway resource policies affect authorization
    workflow".
    """
    if not cache.no_resource_policy:
        raise ConfigurationError(
            "one policy for every route can be silent about a route, and an API's resource policy makes an Allow of "
            "silence: say `no_resource_policy=True` if the API has none, or have `context.httpMethod`, "
            "`context.path` and `context.domainName` as identity sources too"
        )


def _prove_token(inputs: set[Input], tokens: Sequence[Input | None]) -> None:
    if len(tokens) > 1:
        raise ConfigurationError(
            "a gateway asks only when *all* identity sources are present, so two token sources cannot be cached: "
            "use `GatewayCache.OFF` or two authorizers"
        )
    for token in tokens:
        if token is None:
            raise ConfigurationError(
                "this token source is not one input of the request: use `GatewayCache.OFF`"
            )
        _prove_covered(inputs, [token], "the token source")


def _prove_covered(inputs: set[Input], needed: Iterable[Input], what: str) -> None:
    for item in needed:
        if item not in inputs:
            raise ConfigurationError(
                f"`{item}` ({what}) is not an identity source: an answer for one value would be replayed for another"
            )


_REQUEST = {Input("context", "httpMethod"), Input("context", "path")}
_ROUTE_KEY = {Input("context", "routeKey")}
_DOMAIN = {Input("context", "domainName")}


def _prove_route(inputs: set[Input]) -> None:
    if not inputs >= _ROUTE_KEY:
        raise ConfigurationError(
            "the route is not covered by the identity sources: an Allow for one route would be replayed on others; add "
            "`$context.routeKey` (a path is no route: HTTP APIs decode it, and one path is two routes on two domains)"
        )


def _prove_silence(inputs: set[Input], cache: GatewayCache) -> None:
    """An IAM answer, a refusal too, names its own method and path.  Replayed on another one it is
    silent, which refuses that where nothing else allows it.
    """
    if not (inputs >= _DOMAIN or cache.no_resource_policy):
        raise ConfigurationError(
            "the route is not covered by the identity sources: one path is two routes on two domains, and an API's "
            "resource policy makes an Allow of silence; add `$context.domainName`, or say `no_resource_policy=True` if "
            "the API has none"
        )


def check_key(
    cache: GatewayCache,
    event: AuthorizerEvent,
    *,
    reads_route: bool = True,
    names_route: bool = False,
) -> None:
    """Compare what an event tells of the deployed key with what was declared.  REST REQUEST events
    tell no values, so there each of them must be one.

    Which routes are deployed is known only here: one route that takes many paths has one key for
    all of them.

    Args:
        cache: what was declared.
        event: the event.
        reads_route: whether the answer depends on the route and does not name it.
        names_route: whether the answer names routes by their ARNs.

    Raises:
        ConfigurationError: they differ, so nothing was proven: raised, so that the gateway
            remembers nothing.
    """
    if cache.is_off:
        return
    if event.kind == "rest-token" and len(cache.inputs) > 1:
        raise ConfigurationError(
            "a TOKEN authorizer is cached on its header alone, not on what was declared"
        )
    if names_route and event.arn is not None and event.arn.method == "$default":
        raise ConfigurationError(
            "the event's ARN names no method and path, so an answer for one is one for all"
        )
    if reads_route:
        _check_route_is_told(set(cache.inputs), event)
    if event.identity is None and any(len(item.read(event)) > 1 for item in cache.inputs):
        raise ConfigurationError(
            "an identity source is there more than once: which of them is the key is not known"
        )
    if not _same_identity(cache.inputs, event):
        raise ConfigurationError("the identity sources of the event are not the declared ones")


def _check_route_is_told(inputs: set[Input], event: AuthorizerEvent) -> None:
    """What the key must hold depends on the route that was deployed, and only an event tells which
    that is.
    """
    by_route_key = inputs >= _ROUTE_KEY and Input("context", "httpMethod") not in inputs
    if by_route_key and (event.route or "$default").startswith(("ANY ", "$")):
        raise ConfigurationError(
            "the route key does not name a method, so it does not tell requests apart"
        )
    if not _takes_many_paths(event.route):
        return
    if Input("context", "path") not in inputs:
        raise ConfigurationError(
            "the route takes many paths, so it does not tell requests apart: add `$context.path`"
        )
    if event.kind == "http-2.0" and not inputs >= _DOMAIN:
        raise ConfigurationError(
            "the route takes many paths, and one path may be two of them on two domains: add `$context.domainName`"
        )


def _takes_many_paths(route: str | None) -> bool:
    return route is not None and (route == "$default" or "+}" in route)


def _same_identity(inputs: Sequence[Input], event: AuthorizerEvent) -> bool:
    identity = event.identity
    if identity is None:
        return True
    if event.kind == "http-1.0":  # one text, joined with commas
        return any(
            (",".join(words),) == identity
            for words in product(*(_spellings(item, event) for item in inputs))
        )
    left = list(identity)
    for item in inputs:
        spellings = _spellings(item, event)
        given = next((value for value in spellings if value in left), None)
        if given is None and item == Input(
            "context", "path"
        ):  # as sent, where the event holds it decoded
            given = next(
                (
                    value
                    for value in left
                    if not {unquote(value), unquote(unquote(value))}.isdisjoint(spellings)
                ),
                None,
            )
        if given is None:
            return False
        left.remove(given)
    return not left


def _spellings(item: Input, event: AuthorizerEvent) -> Iterable[str]:
    if item == Input("context", "path"):  # with or without the stage
        return {*item.read(event), event.path or "", event.raw.get("rawPath") or ""} - {""}
    if item == Input("header", "cookie"):  # a 2.0 event holds it in parts
        return {
            text.replace("; ", by) for text in item.read(event) for by in ("; ", ";", ",", ", ")
        }
    values = item.read(event)
    return (",".join(values),) if values else ()
