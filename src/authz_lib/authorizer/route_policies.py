"""One IAM policy that is right for every route, for a gateway that remembers it for a token.

In a policy ``*`` crosses ``/``, so ``GET/orders/*`` also names ``GET/orders/7/lines``.  Here a path
is read as its segments: a label of a route takes one segment, a ``*`` of a policy one or more.
Whether a pattern reaches another route is then a question about few, short words, and it is asked
once, at construction.

See the API Gateway developer guide, "Resource format of permissions for executing API in API
Gateway".
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from authz_lib._support.memo import Memo
from authz_lib.errors import ConfigurationError
from authz_lib.gateway.arns import MAX_RESOURCE_CHARACTERS
from authz_lib.routes.uri import UriPattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from authz_lib.actions.map import ActionEntry, ActionMap

__all__ = ["PolicyResources", "RoutePolicies"]

# What no route means and a clean path never holds: two readers could see two paths in it.  A policy
# with a `*` would let it pass.
_HYGIENE = (
    "*//*",
    "*/./*",
    "*/.",
    "*/../*",
    "*/..",
    "*%2E*",
    "*%2e*",
    "*%2F*",
    "*%2f*",
    "*%5C*",
    "*%5c*",
    "*\\*",
    # ... encoded twice (`%252F`, `%255C`), overlong (`%C0%AF`, `%E0%80%AF`), or ended by a control
    # character.
    "*%252?*",
    "*%255?*",
    "*%C0*",
    "*%c0*",
    "*%C1*",
    "*%c1*",
    "*%E0%8?*",
    "*%e0%8?*",
    "*%F0%8?*",
    "*%f0%8?*",
    "*%0?*",
    "*%1?*",
)
# The longest common prefix of ARNs that is reckoned with at construction; the answer itself is
# measured again.
_PREFIX_CHARACTERS = 90
_MAX_PATTERN_CHARACTERS = MAX_RESOURCE_CHARACTERS - _PREFIX_CHARACTERS
_ENVELOPE_BYTES = 1024  # the context and the rest of the answer
_ANY = "*"
_SOMETHING = "?*"


class PolicyResources(NamedTuple):
    """The resources of one policy, without the stage's prefix."""

    allow: tuple[str, ...]
    deny: tuple[str, ...]

    def allows(self, resource: str) -> bool:
        """Whether the policy allows one method and path: a Deny wins, and silence is no Allow."""
        return not any(_matches(p, resource) for p in self.deny) and any(
            _matches(p, resource) for p in self.allow
        )


def _matches(pattern: str, resource: str) -> bool:
    """Match ``*`` and ``?`` as IAM does, in linear time: a stranger chooses the resource.

    Each text between two ``*`` is looked for once, from where the one before it ended.
    """
    first, *others = pattern.split(_ANY)
    if not others:
        return len(first) == len(resource) and _find(first, resource, 0) == 0
    *middle, last = others
    rest = len(resource) - len(last)
    if _find(first, resource[: len(first)], 0) != 0 or _find(last, resource[rest:], 0) != 0:
        return False
    position = len(first)
    for text in middle:
        position = _find(text, resource, position)
        if position < 0:
            return False
        position += len(text)
    return position <= rest


def _find(text: str, resource: str, start: int) -> int:
    """Where a text without ``*`` begins, at ``start`` or later; -1 where it is not."""
    if "?" not in text:
        return resource.find(text, start)
    match = _WITH_ANY_CHARACTER[text].search(resource, start)
    return -1 if match is None else match.start()


# Of one length each, so that a search tries each position once.
_WITH_ANY_CHARACTER: Memo[str, re.Pattern[str]] = Memo(
    lambda text: re.compile(re.escape(text).replace(r"\?", "."), re.DOTALL), max_entries=1024
)


class _Route:
    """A line of the map, its patterns, and which other lines each of them reaches."""

    __slots__ = ("allow", "deeper", "deny", "entry", "key", "reaches", "refuses", "tokens")

    def __init__(self, entry: ActionEntry) -> None:
        if entry.query or entry.resource_id_label is not None:
            raise ConfigurationError(
                f"`{entry.method} {entry.route}` is decided by its query or label, and a policy "
                "cached on the token "
                "covers all values: cache on `context.httpMethod`, `context.path` and the query "
                "too, or use "
                "`GatewayCache.OFF`"
            )
        self.entry = entry
        # Two lines with the same key are decided alike, whoever asks.
        self.key = (entry.action, entry.scopes, entry.public, entry.resource_type)
        segments = UriPattern.parse(entry.route).segments
        # The root's ARN ends in `/`, so it has one segment, an empty one.
        self.tokens = tuple(s.text if s.kind == "literal" else _ANY for s in segments) or ("",)
        if any(
            set(segment.text) & {"*", "?", "$"} for segment in segments if segment.kind == "literal"
        ):
            raise ConfigurationError(
                f"`{entry.method} {entry.route}` has a literal with `*`, `?` or `$`, which is none "
                "in a policy"
            )
        # A route is also meant with one trailing slash; a `*` at the end of an Allow takes that in
        # already.  A Deny must not: `orders/*/*` would refuse `orders/7/`, which is `orders/7`.
        ends = [self.tokens] if self.tokens[-1] in {_ANY, ""} else [self.tokens, (*self.tokens, "")]
        self.allow = [_write(entry.method, tokens) for tokens in ends]
        self.deny = [_write(entry.method, _filled(tokens)) for tokens in ends]
        self.deeper = [_write(entry.method, tokens) for form in ends for tokens in _deeper(form)]
        # Positions in the map that an Allow, or a Deny, of this route reaches, its own included.
        self.reaches: frozenset[int] = frozenset()
        self.refuses: frozenset[int] = frozenset()


class RoutePolicies:
    """Policies for one action map, checked at construction to be right for all of its routes.

    Whichever routes a caller is allowed, the policy allows each of them and none of the others.
    It also refuses:

    - paths that two readers could read as two: dot segments, empty segments, slashes that are
      encoded once, twice or overlong, and encoded letters of literals;
    - what lies deeper than an allowed route, as long as that refuses no allowed one.

    **Not** covered: a route that is deployed behind this authorizer and missing in the map.

    **Not** always explicit: where no pattern refuses a route without refusing an allowed one, the
    policy is silent about it.  Then a resource policy of the API alone allows it, so
    `GatewayCache` asks whether there is one.

    Args:
        actions: the map; no line may be decided by its label or its query.
        max_bytes: the largest policy that the gateway takes.

    Raises:
        ConfigurationError: two routes that no wildcards can tell apart, or a policy that would be
            too large.

    >>> from authz_lib.actions.map import ActionMap
    >>> actions = ActionMap.from_document({"version": 1, "actions": [
    ...     {"method": "GET", "route": "/orders", "action": "List"},
    ...     {"method": "GET", "route": "/orders/{id}", "action": "Get"}]})
    >>> policies = RoutePolicies(actions, max_bytes=8192)
    >>> policies.resources({1}).allow
    ('GET/orders/*',)
    >>> policies.resources({1}).deny[:2]
    ('GET/orders', 'GET/orders/')
    """

    __slots__ = ("_deeper", "_hygiene", "_routes")

    def __init__(self, actions: ActionMap, *, max_bytes: int) -> None:
        self._routes = routes = [_Route(entry) for entry in actions.entries]
        labelled = any(_ANY in route.tokens for route in routes)
        self._hygiene = tuple(sorted({*_HYGIENE, *_encoded(routes)})) if labelled else ()
        self._refuse_too_large(max_bytes)
        reach = _Reach(actions, routes)
        for route in routes:
            route.reaches = reach.of(route.allow)
            route.refuses = reach.of(route.deny)
        self._deeper = [[(text, reach.of([text])) for text in route.deeper] for route in routes]
        for position, route in enumerate(routes):
            self._refuse_inseparable(position, route)

    def _refuse_inseparable(self, position: int, denied: _Route) -> None:
        """Refuse a map in which a Deny is needed for one route, and would refuse another one."""
        reached_from = [r for r in self._routes if position in r.reaches and r.key != denied.key]
        refuses = [
            r for r in map(self._routes.__getitem__, sorted(denied.refuses)) if r.key != denied.key
        ]
        if reached_from and refuses:
            raise ConfigurationError(
                f"no policy can allow `{_name(reached_from[0])}` and `{_name(refuses[0])}` and "
                f"deny `{_name(denied)}`, "
                "since `*` crosses `/`: cache on `context.httpMethod` and `context.path` too, or "
                "use `GatewayCache.OFF`"
            )

    def _refuse_too_large(self, max_bytes: int) -> None:
        for route in self._routes:
            if max(map(len, [*route.allow, *route.deny, *route.deeper])) > _MAX_PATTERN_CHARACTERS:
                raise ConfigurationError(
                    f"`{_name(route)[:80]}...` is longer than a policy's `Resource` may be"
                )
        # A route is allowed or denied, never both.
        routes = sum(
            max(_size(route.deny), _size([*route.allow, *route.deeper])) for route in self._routes
        )
        size = _size(self._hygiene) + routes + _ENVELOPE_BYTES
        if size > max_bytes:
            raise ConfigurationError(
                f"a policy for all {len(self._routes)} routes may need {size} bytes, more than "
                "`max_policy_bytes` "
                f"({max_bytes}): cache on `context.httpMethod` and `context.path` too, or use "
                "`GatewayCache.OFF`"
            )

    def resources(self, allowed: AbstractSet[int]) -> PolicyResources:
        """What to allow and what to deny, for a caller who may use these routes and no others.

        Args:
            allowed: the positions of these routes in the map's entries.
        """
        allow: list[str] = []
        deny: list[str] = []
        for position, route in enumerate(self._routes):
            if position in allowed:
                allow += route.allow
                deny += [
                    text for text, refuses in self._deeper[position] if allowed.isdisjoint(refuses)
                ]
            elif allowed.isdisjoint(route.refuses):
                deny += route.deny
        if not allow:
            return PolicyResources((), (_ANY,))
        return PolicyResources(
            tuple(dict.fromkeys(allow)), tuple(dict.fromkeys([*deny, *self._hygiene]))
        )


def _size(patterns: Sequence[str]) -> int:
    return sum(len(text) + _PREFIX_CHARACTERS + 4 for text in patterns)


def _name(route: _Route) -> str:
    return f"{route.entry.method} {route.entry.route}"


def _write(method: str, tokens: Sequence[str]) -> str:
    return f"{method}/{'/'.join(tokens)}"


def _filled(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """The same with a `*` at the end that takes at least one character."""
    return (*tokens[:-1], _SOMETHING) if tokens[-1] == _ANY else tokens


def _deeper(tokens: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Patterns for all that a route's pattern reaches beyond its own number of segments."""
    for position, token in enumerate(tokens):
        if token == _ANY:
            yield _filled((*tokens[:position], _ANY, *tokens[position:]))


class _Reach:
    """Which lines of the map a pattern reaches: by trying the few words that can tell."""

    def __init__(self, actions: ActionMap, routes: Sequence[_Route]) -> None:
        self._actions = actions
        self._by_method: dict[str, list[tuple[int, _Route]]] = {}
        for position, route in enumerate(routes):
            self._by_method.setdefault(route.entry.method, []).append((position, route))
        literals = {token for route in routes for token in route.tokens}
        self._other = next(
            word for word in map("other{}".format, range(len(literals) + 1)) if word not in literals
        )
        self._longest = 2 + max((len(route.tokens) for route in routes), default=0)

    def of(self, patterns: Sequence[str]) -> frozenset[int]:
        """The positions of the lines that the patterns reach."""
        found = set()
        for pattern in patterns:
            method, *tokens = pattern.split("/")
            for position, route in self._by_method[method]:
                if any(
                    self._meets(method, tuple(tokens), form, route)
                    for form in self._templates(route)
                ):
                    found.add(position)
        return frozenset(found)

    def _templates(self, route: _Route) -> Iterator[tuple[str, ...]]:
        """The forms of a route's paths, by number of segments and with or without a last slash."""
        for tokens in self._lengths(route):
            yield tokens
            if tokens[-1]:
                yield (*tokens, "")

    def _lengths(self, route: _Route) -> Iterator[tuple[str, ...]]:
        segments = UriPattern.parse(route.entry.route).segments
        greedy = next((i for i, segment in enumerate(segments) if segment.kind == "greedy"), None)
        if greedy is None:
            yield route.tokens
            return
        for taken in range(1, self._longest + 2):
            yield (*route.tokens[:greedy], *[_ANY] * taken, *route.tokens[greedy + 1 :])

    def _meets(
        self, method: str, pattern: tuple[str, ...], template: tuple[str, ...], route: _Route
    ) -> bool:
        for word in _words(pattern, template, self._other):
            found = self._actions.resolve(method, None, f"/{'/'.join(word)}", {})
            if found is not None and found.entry is route.entry:
                return True
        return False


def _words(pattern: tuple[str, ...], template: tuple[str, ...], other: str) -> Iterator[list[str]]:
    """The most general paths that are of the template and match the pattern.

    Where the pattern leaves a label of the template free, a segment that is no literal of the table
    stands for all values: if any value is led to another route by a literal, this one is not.
    """
    if not pattern or not template:
        if not pattern and not template:
            yield []
        return
    token, rest = pattern[0], pattern[1:]
    wild = token in {_ANY, _SOMETHING}
    segment = template[0]
    if not wild and segment not in {token, _ANY}:
        return
    if token == _SOMETHING and not segment:
        return
    first = (other if segment == _ANY else segment) if wild else token
    continuations = _words(rest, template[1:], other)
    if wild:  # or the `*` takes the next segment as well
        continuations = chain(
            continuations, _words(pattern if token == _ANY else (_ANY, *rest), template[1:], other)
        )
    for tail in continuations:
        yield [first, *tail]


def _encoded(routes: Sequence[_Route]) -> Iterator[str]:
    """Patterns for an encoded character of a literal that stands where another route has a label.

    `/orders/%6Eew` is the label `%6Eew` to who does not decode and the literal `new` to who does.
    No client encodes these characters unless it wants that.
    """
    for character in sorted(
        {c for route in routes for literal in _rivals(route, routes) for c in literal}
    ):
        code = f"{ord(character):02X}"
        yield f"*%25{code[0]}?*"  # encoded twice
        if character.islower():
            yield f"*%{code[0]}?*"  # all of a-o, or p-z, in one pattern
            continue
        yield f"*%{code}*"
        yield f"*%{code.lower()}*"


def _rivals(route: _Route, routes: Sequence[_Route]) -> Iterator[str]:
    for position, token in enumerate(route.tokens):
        if token != _ANY and any(
            _ANY in other.tokens[: position + 1] and other.entry.method == route.entry.method
            for other in routes
        ):
            yield token
