"""`GatewayCache`: what the gateway remembers answers by, and whether an event agrees with that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote

from authz_lib._support.checks import require_count, require_flag
from authz_lib._support.memo import Memo
from authz_lib.authorizer.identity_source import (
    CONTEXT_DOMAIN,
    CONTEXT_METHOD,
    CONTEXT_PATH,
    CONTEXT_ROUTE_KEY,
    IdentitySource,
)
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from authz_lib.gateway.events import AuthorizerEvent

__all__ = ["DeployedKey", "GatewayCache"]


@dataclass(frozen=True, slots=True)
class GatewayCache:
    """How the deployed gateway remembers this authorizer's answers.

    It switches nothing on or off.  It says what *is* deployed, so that an authorizer is refused
    where a remembered answer would be wrong for another request.  What must be in the key is a
    table in the docs, "What the gateway remembers".

    Args:
        identity_sources: exactly as deployed, such as ``["$request.header.Authorization",
            "$context.routeKey", "$context.path"]``: they are the cache's key.
        ttl_seconds: the deployed time to live, 1 to 3600.  A refused or expired caller may pass
            that much longer.
        max_policy_bytes: the largest IAM answer that covers every route.
        no_resource_policy: says that the API has none.  HTTP and WebSocket APIs cannot have one.

    Raises:
        ConfigurationError: no identity source, an unknown one, one twice, or a time to live out of
            range.

    **Not** checked, for you to see to: map and API have the same routes; ids hold no ``/``, ``?``
    or ``%``.

    ``GatewayCache.OFF`` says that the time to live is deployed as ``0``.

    >>> key = ["$request.header.Authorization", "$context.routeKey"]
    >>> GatewayCache(identity_sources=key, ttl_seconds=60).ttl_seconds
    60
    >>> GatewayCache.OFF
    GatewayCache.OFF

    See the API Gateway developer guide, "Enable API caching" and "Use Lambda authorizers".
    """

    identity_sources: Sequence[str]
    ttl_seconds: int
    max_policy_bytes: int = 8192
    no_resource_policy: bool = False
    parsed_sources: tuple[IdentitySource, ...] = field(
        default=(), init=False, repr=False, compare=False
    )
    """The identity sources, parsed."""

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
        inputs = tuple([IdentitySource.parse(source) for source in sources])
        if len(set(inputs)) != len(inputs):
            raise ConfigurationError("`identity_sources` names one input twice")
        if type(ttl_seconds) is not int or not 1 <= ttl_seconds <= 3600:
            raise ConfigurationError(
                "`ttl_seconds` must be a whole number from 1 to 3600; `GatewayCache.OFF` says 0"
            )
        require_count(max_policy_bytes, "max_policy_bytes")
        require_flag(no_resource_policy, "no_resource_policy")
        self._put(sources, ttl_seconds, max_policy_bytes, no_resource_policy, inputs)

    def _put(self, *values: object) -> None:
        for name, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        if self.is_off:
            return "GatewayCache.OFF"
        sources = list(self.identity_sources)
        return f"GatewayCache(identity_sources={sources!r}, ttl_seconds={self.ttl_seconds})"

    @property
    def is_off(self) -> bool:
        """Whether every request reaches the authorizer."""
        return not self.identity_sources

    @property
    def is_of_http_api(self) -> bool:
        """Whether a source is written as HTTP APIs write it: ``$context.path``, and so on."""
        return any(source.startswith("$") for source in self.identity_sources)


GatewayCache.OFF = object.__new__(GatewayCache)
GatewayCache.OFF._put((), 0, 8192, False, ())  # noqa: SLF001  # nothing else may be empty

_COOKIE = IdentitySource("header", "cookie")


class DeployedKey:
    """Compares what an event tells of the deployed key with what was declared.

    HTTP APIs tell the values of the key.  REST and WebSocket APIs do not, so there each identity
    source must have one value.  Which routes are deployed is known from events only: a route that
    takes many paths has one key for all of them.

    Args:
        cache: what was declared; not `GatewayCache.OFF`.
        reads_route: whether the answer depends on the route and does not name it.
        names_route: whether the answer names routes by their ARNs.
        http_api_gap: why the answer would be wrong behind an HTTP API; ``None`` where it is right.
    """

    __slots__ = ("_http_api_gap", "_inputs", "_names_route", "_reads_route", "_routes")

    def __init__(
        self,
        cache: GatewayCache,
        *,
        reads_route: bool,
        names_route: bool,
        http_api_gap: str | None = None,
    ) -> None:
        self._inputs = cache.parsed_sources
        self._reads_route = reads_route
        self._names_route = names_route
        self._http_api_gap = http_api_gap
        # Deployed routes that were found to tell requests apart.
        self._routes: Memo[tuple[str, str | None], None] = Memo(max_entries=1024)

    def check(self, event: AuthorizerEvent) -> None:
        """Refuse an event that shows another key than the declared one.

        Raises:
            ConfigurationError: they differ, so nothing was proven.  It is raised, so that the
                gateway remembers nothing.
        """
        if event.kind == "rest-token" and len(self._inputs) > 1:
            raise ConfigurationError(
                "a TOKEN authorizer is cached on its header alone, not on what was declared"
            )
        if self._names_route and event.arn is not None and event.arn.method == "$default":
            raise ConfigurationError(
                "the event's ARN names no method and path, so an answer for one is one for all"
            )
        if self._http_api_gap is not None and event.is_decoded:
            raise ConfigurationError(self._http_api_gap)
        if self._reads_route and (event.kind, event.route) not in self._routes:
            _check_route_is_told(set(self._inputs), event)
            self._routes.put((event.kind, event.route), None)
        told = [item.read(event) for item in self._inputs]
        identity = event.identity
        if identity is None:
            if any(len(values) > 1 for values in told):
                raise ConfigurationError(
                    "an identity source is there more than once: which of them is the key is not "
                    "known"
                )
            return
        # Nearly always each source has one value, and the event names them in the declared order.
        if identity == tuple([values[0] if len(values) == 1 else _NOT_ONE for values in told]):
            return
        if not _is_same_identity(self._inputs, told, identity, event):
            raise ConfigurationError("the identity sources of the event are not the declared ones")


_NOT_ONE = object()  # equal to nothing that an event holds


def _check_route_is_told(inputs: set[IdentitySource], event: AuthorizerEvent) -> None:
    """What the key must hold depends on the deployed route, which only an event tells."""
    by_route_key = CONTEXT_ROUTE_KEY in inputs and CONTEXT_METHOD not in inputs
    if by_route_key and (event.route or "$default").startswith(("ANY ", "$")):
        raise ConfigurationError(
            "the route key does not name a method, so it does not tell requests apart"
        )
    if event.route is None or not (event.route == "$default" or "+}" in event.route):
        return
    if CONTEXT_PATH not in inputs:
        raise ConfigurationError(
            "the route takes many paths, so it does not tell requests apart: add `$context.path`"
        )
    if event.kind == "http-2.0" and CONTEXT_DOMAIN not in inputs:
        raise ConfigurationError(
            "the route takes many paths, and one path may be two of them on two domains: add "
            "`$context.domainName`"
        )


def _is_same_identity(
    inputs: Sequence[IdentitySource],
    told: Sequence[tuple[str, ...]],
    identity: tuple[str, ...],
    event: AuthorizerEvent,
) -> bool:
    spellings = [_spellings(item, values, event) for item, values in zip(inputs, told, strict=True)]
    if event.kind == "http-1.0":  # one text, joined with commas
        return any((",".join(words),) == identity for words in product(*spellings))
    left = [value.strip(" \t") for value in identity]
    for item, words in zip(inputs, spellings, strict=True):
        given = next((value for value in words if value in left), None)
        if given is None and item == CONTEXT_PATH:  # as sent, where the event holds it decoded
            given = next((value for value in left if not _decodings(value).isdisjoint(words)), None)
        if given is None:
            return False
        left.remove(given)
    return not left


def _decodings(path: str) -> set[str]:
    once = unquote(path)
    return {once, unquote(once)}


def _spellings(
    item: IdentitySource, values: tuple[str, ...], event: AuthorizerEvent
) -> Iterable[str]:
    if item == CONTEXT_PATH:  # with or without the stage
        raw_path = event.raw.get("rawPath")
        sent = raw_path if type(raw_path) is str else ""
        return {*values, event.path or "", sent} - {""}
    if item == _COOKIE:  # a 2.0 event holds it in parts
        return {text.replace("; ", by) for text in values for by in ("; ", ";", ",", ", ")}
    if item == CONTEXT_ROUTE_KEY and event.kind == "http-1.0" and not values:
        # told without its verb
        return (f"{event.method} {event.route}", f"ANY {event.route}", event.route or "")
    return (",".join(values),) if values else ()
