"""From a request to the one pattern that it means: a prebuilt index, and a path read strictly.

The order is Smithy's: literals before labels before greedy labels, then more segments, then more
query literals. See
https://smithy.io/2.0/spec/http-bindings.html#pattern-validation-and-specificity-routing
"""

from __future__ import annotations

import re
from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import unquote

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from authz_lib.routes.uri import Segment, UriPattern

__all__ = ["RouteIndex", "split_path"]

T = TypeVar("T")

# What a label's value may be made of when it needs no second look: unreserved characters, not
# starting with a dot.
_PLAIN_SEGMENT = "[A-Za-z0-9_~-][A-Za-z0-9_~.-]*"
_PLAIN_PATH = re.compile(f"(?:/{_PLAIN_SEGMENT})+/?").fullmatch
_FORBIDDEN_RAW = re.compile(r"[\x00-\x1f\x7f-\x9f\\?#]")
_FORBIDDEN_DECODED = re.compile(r"[\x00-\x1f\x7f-\x9f\\/\ud800-\udfff]|%[0-9A-Fa-f]{2}")
# `%41` is never needed for `A`: only who wants two readers to see two paths writes it.
_ENCODED_UNRESERVED = re.compile(
    r"%(?:2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])"
)
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def split_path(path: str) -> list[tuple[str, str]] | None:
    """Split a path into segments, each as sent and decoded; ``None`` if it is ambiguous.

    One trailing slash is dropped.  Refused are: empty and dot segments, encoded or backward
    slashes, control characters, a query or fragment, bad or double percent-encoding, needlessly
    encoded characters, bad UTF-8.

    >>> split_path("/orders/a%20b/")
    [('orders', 'orders'), ('a%20b', 'a b')]
    >>> refused = ("/orders//7", "/orders/../7", "/orders/a%2Fb", "/orders/%2e%2e")
    >>> [split_path(path) for path in refused]
    [None, None, None, None]
    """
    if path == "/":
        return []
    if not path.startswith("/") or _FORBIDDEN_RAW.search(path):
        return None
    segments = []
    for raw in path[1:].removesuffix("/").split("/"):
        decoded = _decode(raw)
        if decoded is None:
            return None
        segments.append((raw, decoded))
    return segments


def _decode(raw: str) -> str | None:
    decoded = raw
    if "%" in raw:
        if _ENCODED_UNRESERVED.search(raw) or _ESCAPE.search(raw):
            return None
        try:
            decoded = unquote(raw, errors="strict")
        except UnicodeDecodeError:
            return None
    if decoded in {"", ".", ".."} or _FORBIDDEN_DECODED.search(decoded):
        return None
    return decoded


class _Ambiguous(Exception):  # noqa: N818  control flow inside this module: never seen outside
    """A discriminator is given twice, two patterns fit equally well, or the query is not known."""


class _Group(Generic[T]):
    """All patterns of one method and one shape; they differ in their query literals only."""

    __slots__ = (
        "by_literal",
        "choices",
        "discriminators",
        "first",
        "match_plain",
        "names",
        "pattern",
    )

    def __init__(self, pattern: UriPattern, value: T) -> None:
        self.pattern = pattern
        self.first = value
        self.choices: list[tuple[UriPattern, T]] = []
        self.discriminators: frozenset[str] = frozenset()
        self.by_literal: dict[tuple[str, str] | None, list[tuple[UriPattern, T]]] | None = None
        self.names = pattern.labels
        self.match_plain: Callable[[str], re.Match[str] | None] | None = None

    def compile_plain(self) -> Callable[[str], re.Match[str] | None]:
        """One regular expression for a path of plain characters, made on first use."""
        text = "/".join(
            re.escape(segment.text) if segment.kind == "literal" else f"({_PLAIN_SEGMENT})"
            for segment in self.pattern.segments
        )
        self.match_plain = re.compile(f"/{text}/?" if text else "/").fullmatch
        return self.match_plain

    def add(self, pattern: UriPattern, value: T) -> None:
        if any(dict(other.query) == dict(pattern.query) for other, _ in self.choices):
            raise ConfigurationError(
                f"the route `{pattern.path}` is there twice with the same method and query literals"
            )
        self.choices.append((pattern, value))
        self.discriminators |= frozenset(pattern.query)

    def index_literals(self) -> dict[tuple[str, str] | None, list[tuple[UriPattern, T]]]:
        """Every choice once, under the rarest of its query literals."""
        counts = Counter(
            literal for pattern, _ in self.choices for literal in pattern.query.items()
        )
        index: dict[tuple[str, str] | None, list[tuple[UriPattern, T]]] = {}
        for choice in self.choices:
            rarest = min(choice[0].query.items(), key=counts.__getitem__, default=None)
            index.setdefault(rarest, []).append(choice)
        self.by_literal = (
            index  # whole: another thread that saw a part of it would pick a less specific choice
        )
        return index

    def candidates(self, given: Mapping[str, str]) -> list[tuple[UriPattern, T]]:
        """The choices that the given discriminators may mean; no other one fits."""
        by_literal = self.by_literal or self.index_literals()
        found = [*by_literal.get(None, ())]
        for name, value in given.items():
            for wanted in {"", value}:
                found += by_literal.get((name, wanted), ())
        return found

    def choose(self, query: Mapping[str, Sequence[str]] | None) -> tuple[UriPattern, T] | None:
        """The choice whose query literals the request has; of several the most specific."""
        if not self.discriminators:
            return self.choices[0]
        if query is None:
            raise _Ambiguous
        given: dict[str, str] = {}
        for name in self.discriminators if len(self.discriminators) <= len(query) else query:
            values = query.get(name) if name in self.discriminators else None
            if values is None or len(values) == 0:
                continue
            # A plain string is what API Gateway makes of repeated parameters: `a,b`.
            if "," in values if isinstance(values, str) else len(values) != 1:
                raise _Ambiguous
            given[name] = values if isinstance(values, str) else values[0]
        best: list[tuple[UriPattern, T]] = []
        for choice in self.candidates(given):
            literals = choice[0].query
            if all(
                name in given and wanted in {"", given[name]} for name, wanted in literals.items()
            ):
                rank = _query_rank(literals) - (_query_rank(best[0][0].query) if best else 0)
                best = [choice] if not best or rank > 0 else [*best, choice] if rank == 0 else best
        if len(best) > 1:  # `?acl&tagging`: who decides and who serves might not pick the same one
            raise _Ambiguous
        return best[0] if best else None

    def choose_or_none(
        self, query: Mapping[str, Sequence[str]] | None
    ) -> tuple[UriPattern, T] | None:
        """As `choose`, with None for what is ambiguous too."""
        try:
            return self.choose(query)
        except _Ambiguous:
            return None


def _query_rank(query: Mapping[str, str]) -> int:
    """Literals count first, then how many of them name a value."""
    return len(query) * 1000 + sum(1 for value in query.values() if value)


class _Node(Generic[T]):
    __slots__ = ("greedy", "group", "label", "literals")

    def __init__(self) -> None:
        self.literals: dict[str, _Node[T]] = {}
        self.label: _Node[T] | None = None
        self.group: _Group[T] | None = None
        # By the ranks of the segments behind the greedy label, the most specific first, and the
        # texts of the literals.
        self.greedy: dict[tuple[int, ...], dict[tuple[str, ...], _Group[T]]] = {}


class RouteIndex(Generic[T]):
    """An index of (method, pattern) → value.

    `by_route` is for the API's own route key, `by_path` for where only a path is known.  Both
    answer (value, decoded labels), and None for what is unknown, for what two readers could read in
    two ways, and for a discriminator that is given twice.

    >>> from authz_lib.routes.uri import UriPattern
    >>> uris = ("/orders/{id}", "/orders/new")
    >>> index = RouteIndex([("GET", UriPattern.parse(uri), uri) for uri in uris])
    >>> [index.by_path("GET", path, {})[0] for path in ("/orders/new", "/orders/7")]
    ['/orders/new', '/orders/{id}']
    >>> index.by_route("GET", "/orders/{id}", "/orders/7", {})
    ('/orders/{id}', {'id': '7'})
    """

    def __init__(self, routes: Iterable[tuple[str, UriPattern, T]]) -> None:
        self._groups: dict[tuple[str, str], _Group[T]] = {}  # by method and shape
        self._routes: dict[tuple[str, str], _Group[T]] = {}  # by method and route, as deployed
        self._roots: dict[str, _Node[T]] = {}
        self.literals: set[str] = set()  # the texts of all literal segments
        for method, pattern, value in routes:
            group = self._groups.get((method, pattern.shape))
            if group is None:
                group = self._groups[method, pattern.shape] = _Group(pattern, value)
                self._grow(method, pattern, group)
            group.add(pattern, value)
            if "{+}" not in pattern.shape:
                for route in (pattern.path, f"{method} {pattern.path}", f"ANY {pattern.path}"):
                    self._routes[method, route] = group
            self.literals.update(
                segment.text for segment in pattern.segments if segment.kind == "literal"
            )

    def _grow(self, method: str, pattern: UriPattern, group: _Group[T]) -> None:
        node = self._roots.setdefault(method, _Node())
        for position, segment in enumerate(pattern.segments, 1):
            if segment.kind == "greedy":
                texts = tuple(
                    behind.text
                    for behind in pattern.segments[position:]
                    if behind.kind == "literal"
                )
                node.greedy.setdefault(pattern.order[0][position:], {})[texts] = group
                node.greedy = dict(sorted(node.greedy.items()))
                return
            if segment.kind == "literal":
                node = node.literals.setdefault(segment.text, _Node())
            else:
                node.label = node.label or _Node()
                node = node.label
        node.group = group

    def by_route(
        self, method: str, route: str, path: str | None, query: Mapping[str, Sequence[str]] | None
    ) -> tuple[T, Mapping[str, str]] | None:
        """The value for the API's own route: a ``routeKey``, or a REST API's ``resource``.

        ``$default`` and greedy routes say nothing about the request: there the path decides.  Label
        names may differ from the pattern's.  Without a path the labels are empty; a path that does
        not fit the route is refused.
        """
        group = self._routes.get((method, route))
        if group is None:
            return self._by_other_route(method, route, path, query)
        return self._in_group(group, path, query)

    def _by_other_route(
        self, method: str, route: str, path: str | None, query: Mapping[str, Sequence[str]] | None
    ) -> tuple[T, Mapping[str, str]] | None:
        verb, _, pattern = route.rpartition(" ")
        if verb not in {"", "ANY", method}:
            return None
        shape = _LABEL.sub("{}", _GREEDY.sub("{+}", pattern))
        if shape == "$default" or "{+}" in shape:
            return None if path is None else self.by_path(method, path, query)
        group = self._groups.get((method, (shape.removesuffix("/") or "/")))
        return None if group is None else self._in_group(group, path, query)

    def _in_group(
        self, group: _Group[T], path: str | None, query: Mapping[str, Sequence[str]] | None
    ) -> tuple[T, Mapping[str, str]] | None:
        value, names = group.first, group.names
        if group.discriminators:
            choice = group.choose_or_none(query)
            if choice is None:
                return None
            value, names = choice[1], choice[0].labels
        if path is None:
            return value, _NO_LABELS
        plain = (group.match_plain or group.compile_plain())(path)
        if plain is not None:  # nearly every request
            if len(names) == 1:
                return value, {names[0]: plain[1]}
            return value, dict(zip(names, plain.groups(), strict=True)) if names else _NO_LABELS
        segments = self._split(path)
        if segments is None or not _fits(group.pattern, segments):
            return None
        return value, _labels(group.pattern, names, segments)

    def by_path(
        self, method: str, path: str, query: Mapping[str, Sequence[str]] | None
    ) -> tuple[T, Mapping[str, str]] | None:
        """The value of the most specific pattern that matches the path."""
        root = self._roots.get(method)
        if root is None:
            return None
        segments = self._split(path)
        if segments is None:
            return None
        try:
            for group in _walk(root, segments, 0):
                choice = group.choose(query)
                if choice is not None:
                    return choice[1], _labels(group.pattern, choice[0].labels, segments)
        except _Ambiguous:
            return None
        return None

    def _split(self, path: str) -> list[str] | None:
        """The decoded segments; ``None`` where an encoded one spells a literal."""
        if _PLAIN_PATH(path):
            return path[1:].removesuffix("/").split("/")
        pairs = split_path(path)
        if pairs is None or any(
            raw != decoded and decoded in self.literals for raw, decoded in pairs
        ):
            return None
        return [decoded for _, decoded in pairs]


_LABEL = re.compile(r"\{[^{}/+]+\}")
_GREEDY = re.compile(r"\{[^{}/+]+\+\}")
_LITERAL = 0  # its rank in `UriPattern.order`
_NO_LABELS: Mapping[str, str] = MappingProxyType({})


def _walk(node: _Node[T], segments: list[str], position: int) -> Iterator[_Group[T]]:
    """All groups that match, the most specific first."""
    if position == len(segments):
        if node.group is not None:
            yield node.group
        return
    literal = node.literals.get(segments[position])
    if literal is not None:
        yield from _walk(literal, segments, position + 1)
    if node.label is not None:
        yield from _walk(node.label, segments, position + 1)
    for ranks, groups in node.greedy.items():
        count = len(ranks) - 1  # the last rank is that of the end
        if len(segments) - position > count:
            behind = segments[len(segments) - count :]
            group = groups.get(
                tuple([text for text, rank in zip(behind, ranks, strict=False) if rank == _LITERAL])
            )
            if group is not None:
                yield group


def _fits(pattern: UriPattern, segments: list[str]) -> bool:
    """Whether the literals and the number of segments fit."""
    kinds = [segment.kind for segment in pattern.segments]
    if "greedy" not in kinds:
        return len(segments) == len(kinds) and _same(pattern.segments, segments)
    greedy = kinds.index("greedy")
    behind = len(kinds) - greedy - 1
    return (
        len(segments) >= len(kinds)
        and _same(pattern.segments[:greedy], segments)
        and _same(pattern.segments[greedy + 1 :], segments[len(segments) - behind :])
    )


def _same(wanted: tuple[Segment, ...], segments: list[str]) -> bool:
    return all(
        s.kind != "literal" or s.text == given for s, given in zip(wanted, segments, strict=False)
    )


def _labels(pattern: UriPattern, names: tuple[str, ...], segments: list[str]) -> Mapping[str, str]:
    """The labels of a path that fits, under ``names``."""
    if not names:
        return _NO_LABELS
    values = []
    # What a greedy label takes beyond its first segment.
    extra = len(segments) - len(pattern.segments)
    at = 0
    for segment in pattern.segments:
        taken = 1 + extra if segment.kind == "greedy" else 1
        if segment.kind != "literal":
            values.append("/".join(segments[at : at + taken]))
        at += taken
    return dict(zip(names, values, strict=True))
