"""Which action a route means: the one table that the authorizer, the service and the policies share.

A compiled map is a JSON file, ``{"version": 1, "prefix": ..., "actions": [...]}``, made by ``authz smithy actions`` or
by hand, and read at the start of a Lambda with a plain loader.  See `ActionMap`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from authz_lib._support.strict_json import JSONObject, StrictJSONError, loads_object
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.routing import RouteIndex
from authz_lib.smithy.uri import UriPattern

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["ActionEntry", "ActionMap", "ResolvedAction"]

_VERSION = 1
_MAX_BYTES = 5_000_000
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_ACTION = re.compile(r"[\x21-\x7e]{1,200}")  # Verified Permissions: actionId has at most 200 characters
_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749, section 3.3


@dataclass(frozen=True, slots=True)
class ActionEntry:
    """One line of the map.

    Attributes:
        method: the HTTP method, upper case.
        route: the path pattern, such as ``/orders/{orderId}``.
        query: query literals that must be there; an empty value stands for any value.
        action: the Cedar action id, such as ``commercial:GetOrder``.
        resource_type: the Cedar type of the resource; None where the action is on no particular one.
        resource_id_label: the label whose value is the resource's id.
        scopes: OAuth scopes of which the token must have *all*.
        public: whether a caller without credentials is let in.
        readonly: from Smithy's ``@readonly``.
        idempotent: from Smithy's ``@idempotent``.
    """

    method: str
    route: str
    query: Mapping[str, str]
    action: str
    resource_type: str | None = None
    resource_id_label: str | None = None
    scopes: frozenset[str] = frozenset()
    public: bool = False
    readonly: bool = False
    idempotent: bool = False


class ResolvedAction(NamedTuple):
    """What a request means.  (A named tuple: it is made per request, and a frozen dataclass takes thrice the time.)

    Attributes:
        entry: the line of the map.
        labels: the decoded values of the path's labels.
        resource_id: the value of `ActionEntry.resource_id_label`; None where there is none, or no path was given.
    """

    entry: ActionEntry
    labels: Mapping[str, str]
    resource_id: str | None


class ActionMap:
    """A checked, indexed action map.

    Checked while it is built: the version, every member's type, that no two entries mean the same request, that the
    resource's label is one of the route's, that a public entry asks for no scope.  Not checked: that the API deploys
    these routes, or that a policy knows these actions.

    Args:
        entries: the lines; their order does not matter.
        prefix: what all action ids start with, kept for tools.

    Raises:
        ConfigurationError: with one line that names the entry and the member.

    >>> actions = ActionMap.from_document({"version": 1, "prefix": "commercial", "actions": [
    ...     {"method": "GET", "route": "/orders/{orderId}", "action": "commercial:GetOrder",
    ...      "resource_type": "Order", "resource_id_label": "orderId"}]})
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
        self._index = RouteIndex((entry.method, _pattern(entry), entry) for entry in self.entries)

    def __repr__(self) -> str:
        return f"ActionMap({len(self.entries)} entries, prefix={self.prefix!r})"

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ActionMap:
        """Read a compiled map from a JSON file of at most 5 MB.

        Raises:
            ConfigurationError: the file is not there, too large, not strict JSON, or not a map.
        """
        name = Path(path).name
        try:
            with Path(path).open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
        except OSError as error:
            raise ConfigurationError(f"the action map `{name}` cannot be read: {error.strerror}") from None
        if len(data) > _MAX_BYTES:
            raise ConfigurationError(f"the action map `{name}` has more than {_MAX_BYTES} bytes")
        try:
            document = loads_object(data)
        except StrictJSONError as error:
            raise ConfigurationError(f"the action map `{name}` cannot be read: {error}") from None
        return cls.from_document(document)

    @classmethod
    def from_document(cls, document: JSONObject) -> ActionMap:
        """Make a map from a parsed document."""
        unknown = document.keys() - {"version", "prefix", "service", "actions"}
        if unknown:
            raise ConfigurationError(f"the action map has the unknown member `{min(unknown)}`")
        if type(document.get("version")) is not int or document["version"] != _VERSION:
            raise ConfigurationError(
                f"the action map's `version` must be {_VERSION}; make it again with `authz smithy actions`"
            )
        prefix, lines = document.get("prefix", ""), document.get("actions")
        if not isinstance(prefix, str) or not isinstance(document.get("service", ""), str):
            raise ConfigurationError("the action map's `prefix` and `service` must be strings")
        if not isinstance(lines, list):
            raise ConfigurationError("the action map's `actions` must be a list")
        return cls([_read_entry(line, number) for number, line in enumerate(lines)], prefix=prefix)

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
            route: the API's own route: ``routeKey`` of an HTTP API (``GET /orders/{id}``, ``ANY /orders/{id}``,
                ``$default``) or ``resource`` of a REST API; None where it is not known (REST TOKEN).  It decides; only
                where it is None, ``$default`` or greedy does the path.
            path: the path as sent, without stage and base path; None is possible with a route, labels are then empty.
            query: all values of each parameter, decoded; ``{}`` for none.  None says that the query is not known: where
                a query literal would decide, the answer is then None.

        Denied as ambiguous: dot and empty segments, encoded slashes, a discriminator given twice (see
        `authz_lib.smithy.routing.split_path`).  One trailing slash is accepted.
        """
        index = self._index
        if route is not None:
            found = index.by_route(method, route, path, query)
        else:
            found = None if path is None else index.by_path(method, path, query)
        if found is None:
            return None
        entry, labels = found
        label = entry.resource_id_label
        return ResolvedAction(entry, labels, None if label is None else labels.get(label))


def _pattern(entry: ActionEntry) -> UriPattern:
    pattern = UriPattern.parse(entry.route)
    if pattern.query:
        raise ConfigurationError(f"the route `{entry.route}` must have its query literals in `query`")
    if entry.resource_id_label is not None and entry.resource_id_label not in pattern.labels:
        raise ConfigurationError(f"the route `{entry.route}` has no label `{entry.resource_id_label}`")
    return UriPattern(pattern.path, pattern.segments, entry.query, pattern.shape)


class _Member(NamedTuple):
    read: Callable[[Any], Any]
    expected: str
    default: Any = ...


def _text(pattern: re.Pattern[str]) -> Callable[[Any], str | None]:
    return lambda value: value if isinstance(value, str) and pattern.fullmatch(value) else None


def _optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: _ABSENT if value is None else read(value)


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _scopes(value: Any) -> frozenset[str] | None:
    if not isinstance(value, list) or not all(isinstance(item, str) and _SCOPE.fullmatch(item) for item in value):
        return None
    return frozenset(value)


def _query(value: Any) -> Mapping[str, str] | None:
    if not isinstance(value, dict) or not all(name and isinstance(text, str) for name, text in value.items()):
        return None
    return MappingProxyType(dict(value))


_ABSENT = object()
_ANY_TEXT = re.compile(r"[\x21-\x7e]{1,2048}")
_MEMBERS: dict[str, _Member] = {
    "method": _Member(
        lambda value: value if isinstance(value, str) and value in _METHODS else None, "an HTTP method in upper case"
    ),
    "route": _Member(_text(_ANY_TEXT), "a path pattern"),
    "query": _Member(_query, "an object of strings", MappingProxyType({})),
    "action": _Member(_text(_ACTION), "an action id of at most 200 printable characters"),
    "resource_type": _Member(_optional(_text(_TYPE)), "a Cedar type name or null", None),
    "resource_id_label": _Member(_optional(_text(_ANY_TEXT)), "the name of a label or null", None),
    "scopes": _Member(_scopes, "a list of OAuth scopes", frozenset()),
    "public": _Member(_flag, "true or false", default=False),
    "readonly": _Member(_flag, "true or false", default=False),
    "idempotent": _Member(_flag, "true or false", default=False),
}


def _read_entry(line: Any, number: int) -> ActionEntry:
    if not isinstance(line, dict):
        raise ConfigurationError(f"`actions[{number}]` must be an object")
    unknown = line.keys() - _MEMBERS.keys()
    if unknown:
        raise ConfigurationError(f"`actions[{number}]` has the unknown member `{min(unknown)}`")
    values = {}
    for name, member in _MEMBERS.items():
        if name not in line and member.default is not ...:
            values[name] = member.default
            continue
        value = member.read(line.get(name))
        if value is None:
            raise ConfigurationError(f"`actions[{number}].{name}` must be {member.expected}")
        values[name] = None if value is _ABSENT else value
    entry = ActionEntry(**values)
    if entry.public and entry.scopes:
        raise ConfigurationError(f"`actions[{number}]` is public and asks for scopes")
    if entry.resource_id_label is not None and entry.resource_type is None:
        raise ConfigurationError(f"`actions[{number}]` has a `resource_id_label` and no `resource_type`")
    return entry
