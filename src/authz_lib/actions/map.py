"""Which action a route means: one table for authorizer, service and policies.

A compiled map is a JSON file, ``{"version": 1, "prefix": ..., "actions": [...]}``, made by
``authz smithy actions`` or by hand, and read at the start of a Lambda with a plain loader.  See
`ActionMap`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from authz_lib._support.json_file import in_one_line, place_in_document, read_document
from authz_lib.actions.entry import ActionEntry, numbered, read_entry
from authz_lib.errors import ConfigurationError
from authz_lib.routes.index import RouteIndex
from authz_lib.routes.uri import UriPattern

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from authz_lib._support.strict_json import JSONObject
    from authz_lib.smithy.model import ResourceForm

__all__ = ["ActionEntry", "ActionMap", "ResolvedAction"]

_VERSION = 1
_MAX_BYTES = 5_000_000


class ResolvedAction(NamedTuple):
    """What a request means.  A named tuple, since one is made per request.

    Attributes:
        entry: the line of the map.
        labels: the decoded values of the path's labels.
        resource_id: the value of `ActionEntry.resource_id_label`; None where there is none, or no
            path was given.
    """

    entry: ActionEntry
    labels: Mapping[str, str]
    resource_id: str | None


_new = tuple.__new__  # what a named tuple's own constructor calls


class ActionMap:
    """A checked, indexed action map.

    Checked while it is built: that no two entries mean the same request, that the resource's label
    is one of the route's, that a public entry asks for no scope; of a document also the version and
    every member's type.  Not
    checked: that the API deploys these routes, or that a policy knows these actions.

    Args:
        entries: the lines; their order does not matter.
        prefix: what all action ids start with, kept for tools.

    Raises:
        ConfigurationError: with one line that names the entry and the member.

    >>> line = {"method": "GET", "route": "/orders/{orderId}"}
    >>> line |= {"action": "commercial:GetOrder"}
    >>> line |= {"resource_type": "Order", "resource_id_label": "orderId"}
    >>> actions = ActionMap.from_document({"version": 1, "actions": [line]})
    >>> resolved = actions.resolve("GET", "/orders/{orderId}", "/orders/o-17", {})
    >>> resolved.entry.action, resolved.resource_id
    ('commercial:GetOrder', 'o-17')
    >>> actions.resolve("DELETE", None, "/orders/o-17", {}) is None
    True
    """

    __slots__ = ("_index", "entries", "prefix")

    entries: tuple[ActionEntry, ...]
    prefix: str

    def __init__(self, entries: Sequence[ActionEntry], *, prefix: str = "") -> None:
        self.entries = tuple(entries)
        self.prefix = prefix
        patterns = _patterns(self.entries)
        self._index = RouteIndex(
            (entry.method, pattern, (entry, _id_labels(entry), _id_is_rest(entry, pattern)))
            for entry, pattern in zip(self.entries, patterns, strict=True)
        )

    def __repr__(self) -> str:
        return f"ActionMap({len(self.entries)} entries, prefix={self.prefix!r})"

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ActionMap:
        """Read a compiled map from a JSON file of at most 5 MB.

        Raises:
            ConfigurationError: the file is not there, too large, not strict JSON, or not a map.
                The message starts with the file, and with line and column where they are known.
        """
        document = read_document(path, "action map", max_bytes=_MAX_BYTES)
        try:
            return cls.from_document(document)
        except ConfigurationError as error:
            where = place_in_document(path, str(error)) or path
            raise ConfigurationError(f"{where}: {error}") from None

    @classmethod
    def from_document(cls, document: JSONObject) -> ActionMap:
        """Make a map from a parsed document."""
        if not isinstance(document, dict):
            raise ConfigurationError("the action map must be an object")
        unknown = document.keys() - {"version", "prefix", "service", "actions"}
        if unknown:
            raise ConfigurationError(
                f"the action map has the unknown member {in_one_line(min(map(str, unknown)))}; it "
                "may have `version`, `prefix`, `service`, `actions`"
            )
        if type(document.get("version")) is not int or document["version"] != _VERSION:
            raise ConfigurationError(
                f"the action map's `version` must be {_VERSION}; make it again with `authz smithy "
                "actions`"
            )
        prefix, lines = document.get("prefix", ""), document.get("actions")
        if not isinstance(prefix, str) or not isinstance(document.get("service", ""), str):
            raise ConfigurationError("the action map's `prefix` and `service` must be strings")
        if not isinstance(lines, list):
            raise ConfigurationError("the action map's `actions` must be a list")
        return cls([read_entry(line, number) for number, line in enumerate(lines)], prefix=prefix)

    @classmethod
    def from_smithy(
        cls,
        ast: JSONObject,
        *,
        service: str | None = None,
        prefix: str | None = None,
        resources: ResourceForm = "path",
    ) -> ActionMap:
        """Make a map from the JSON AST of a Smithy model: one entry per operation of the service.

        An operation is public only where the model declares it, such as with ``@auth([])``.  A
        service without any authentication trait is refused.

        Args:
            ast: the parsed JSON AST.
            service: the service's shape id or name; None for the only one.
            prefix: the part of action ids before the colon; None for the service's name in lower
                case.
            resources: what the authorizer asks about.  ``"path"``: the instance that the path
                names.  ``"application"``: the application as a whole.

        Raises:
            ConfigurationError: the model is broken or has no such service, an operation has no
                route, or two have the same.
        """
        from authz_lib.actions.document import compile_actions  # only where a map is made
        from authz_lib.smithy.model import Model

        return cls.from_document(
            compile_actions(Model(ast).service(service), prefix=prefix, resources=resources)
        )

    def to_document(self) -> JSONObject:
        """The map as the document that `from_document` reads, in a stable order."""
        lines = [entry.to_document() for entry in self.entries]
        return {
            "version": _VERSION,
            "prefix": self.prefix,
            "actions": sorted(lines, key=_line_order),
        }

    def resolve(
        self,
        method: str,
        route: str | None,
        path: str | None,
        query: Mapping[str, Sequence[str]] | None,
    ) -> ResolvedAction | None:
        """What a request means; None says unknown, which is to be denied.

        Args:
            method: the request's HTTP method, as sent (case matters).
            route: the API's own route: ``routeKey`` of an HTTP API (``GET /orders/{id}``,
                ``ANY /orders/{id}``, ``$default``) or ``resource`` of a REST API; None where it is
                not known (REST TOKEN).  It decides; only where it is None, ``$default`` or greedy
                does the path.
            path: the path as sent, without stage and base path; None is possible with a route,
                labels are then empty.
            query: all values of each parameter, decoded; ``{}`` for none.  None says that the query
                is not known: where a query literal would decide, the answer is then None.

        Denied as ambiguous: dot and empty segments, encoded slashes, a discriminator given twice
        (see `authz_lib.routes.index.split_path`).  One trailing slash is accepted, but not behind a
        greedy label that is the resource's id: whether ``/files/a/`` is about ``a`` or ``a/``
        depends on who reads it.
        """
        index = self._index
        if route is not None:
            found = index.by_route(method, route, path, query)
        else:
            found = None if path is None else index.by_path(method, path, query)
        if found is None:
            return None
        (entry, id_labels, id_is_rest), labels = found
        if not id_labels or not labels:
            resource_id = None
        elif id_is_rest and path is not None and path.endswith("/"):
            return None
        elif len(id_labels) == 1:
            resource_id = labels[id_labels[0]]
        else:
            resource_id = "/".join([labels[label] for label in id_labels])
        return _new(ResolvedAction, (entry, labels, resource_id))

    def is_one_route(
        self,
        resolved: ResolvedAction,
        method: str,
        path: str,
        query: Mapping[str, Sequence[str]] | None,
    ) -> bool:
        """Whether a path means, by itself, what the API's route made of it.

        An HTTP API hands over a path that it has decoded: sent as ``/orders/%256Eew``, it is
        ``/orders/new`` on the route ``/orders/{orderId}``, and a service that dispatches by path
        does what ``/orders/new`` means.  Not for paths as sent, such as a REST API's: there the
        route decides, and an id may be spelled like another route.

        Args:
            resolved: what `resolve` answered for this method, path and query, and the API's route.
            method: the request's HTTP method.
            path: the path as the API hands it over.
            query: as for `resolve`.

        >>> actions = ActionMap.from_document({"version": 1, "actions": [
        ...     {"method": "GET", "route": "/orders/{orderId}", "action": "Get"},
        ...     {"method": "GET", "route": "/orders/new", "action": "New"}]})
        >>> route, request = "GET /orders/{orderId}", ("GET", "/orders/new", {})
        >>> resolved = actions.resolve("GET", route, "/orders/new", {})
        >>> actions.is_one_route(resolved, *request)
        False
        """
        labels = resolved.labels
        if not labels or self._index.literals.isdisjoint(labels.values()):
            return True  # only a label that spells a literal can make a path mean another route
        by_path = self.resolve(method, None, path, query)
        return by_path is not None and by_path.entry is resolved.entry


def _id_labels(entry: ActionEntry) -> tuple[str, ...]:
    return () if entry.resource_id_label is None else tuple(entry.resource_id_label.split("/"))


def _id_is_rest(entry: ActionEntry, pattern: UriPattern) -> bool:
    """Whether the id is all that is left of the path, a trailing slash included."""
    if entry.resource_id_label is None or not pattern.segments:
        return False
    last = pattern.segments[-1]
    return last.kind == "greedy" and last.text == entry.resource_id_label.rpartition("/")[2]


def _line_order(line: JSONObject) -> tuple[str, str, list[tuple[str, str]]]:
    return line["route"], line["method"], sorted(line.get("query", {}).items())


def _patterns(entries: Sequence[ActionEntry]) -> list[UriPattern]:
    patterns: list[UriPattern] = []
    seen: dict[tuple[str, str, frozenset[tuple[str, str]]], int] = {}
    for number, entry in enumerate(entries):
        with numbered(number):
            pattern = _pattern(entry)
            first = seen.setdefault(
                (entry.method, pattern.shape, frozenset(pattern.query.items())), number
            )
            if first != number:
                raise ConfigurationError(
                    f"the route `{pattern.path}` is there twice with the same method and query "
                    f"literals, first in `actions[{first}]`"
                )
        patterns.append(pattern)
    return patterns


def _pattern(entry: ActionEntry) -> UriPattern:
    pattern = UriPattern.parse(entry.route)
    if pattern.query:
        raise ConfigurationError(
            f"the route `{entry.route}` must have its query literals in `query`"
        )
    id_labels = _id_labels(entry)
    for label in id_labels:
        if label not in pattern.labels:
            raise ConfigurationError(f"the route `{entry.route}` has no label `{label}`")
    greedy = {segment.text for segment in pattern.segments if segment.kind == "greedy"}
    if greedy.intersection(id_labels[:-1]) or len(set(id_labels)) != len(id_labels):
        raise ConfigurationError(
            f"the ids that the labels `{entry.resource_id_label}` make would not be unique"
        )
    return UriPattern(pattern.path, pattern.segments, entry.query, pattern.shape)
