"""One line of an action map, and the plain reader that checks it; no pydantic."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from authz_lib._support.json_file import in_one_line
from authz_lib.entities.uid import is_action_id, is_type_name
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from authz_lib._support.strict_json import JSONObject

__all__ = ["METHODS", "SCOPE", "ActionEntry", "numbered", "read_entry"]

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""The methods that a line of an action map may name."""

_METHODS_TEXT = ", ".join(f"`{method}`" for method in sorted(METHODS))
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749, section 3.3
"""What an OAuth scope is made of."""


@dataclass(frozen=True, slots=True)
class ActionEntry:
    """One line of the map.

    Attributes:
        method: the HTTP method, upper case.
        route: the path pattern, such as ``/orders/{orderId}``.
        query: query literals that must be there; an empty value stands for any value.
        action: the Cedar action id, such as ``commercial:GetOrder`` or ``get /pets/{petId}``: 1 to
            512 characters on one line.
        resource_type: the Cedar type of the resource; None where the action is on no particular
            one.
        resource_id_label: the label whose value is the resource's id; labels joined by ``/`` for an
            id that is only unique below another (``orderId/lineId``), which is then the values
            joined by ``/``.
        scopes: OAuth scopes of which the token must have *all*.
        public: whether a caller without credentials is let in.
        readonly: from Smithy's ``@readonly``.
        idempotent: from Smithy's ``@idempotent``.

    Raises:
        ConfigurationError: no HTTP method, a public line that asks for scopes, a label without a
            type.
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

    def __post_init__(self) -> None:
        where = f"`{self.method} {self.route}`"
        if self.method not in METHODS:
            raise ConfigurationError(f"{where} must have {_expected_method(self.method)}")
        if self.public and self.scopes:
            raise ConfigurationError(f"{where} is public and asks for scopes")
        if self.resource_id_label is not None and self.resource_type is None:
            raise ConfigurationError(f"{where} has a `resource_id_label` and no `resource_type`")

    @property
    def whole_route(self) -> str:
        """Method, route and query literals.

        >>> query = {"sort": "asc", "all": ""}
        >>> ActionEntry("GET", "/orders", query, "List").whole_route
        'GET /orders?all&sort=asc'
        """
        literals = [f"{name}={text}" if text else name for name, text in sorted(self.query.items())]
        return f"{self.method} {self.route}{'?' if literals else ''}{'&'.join(literals)}"

    def to_document(self) -> JSONObject:
        """The line of the document: what is not the default."""
        line: JSONObject = {"method": self.method, "route": self.route}
        if self.query:
            line["query"] = dict(sorted(self.query.items()))
        line["action"] = self.action
        if self.resource_type is not None:
            line["resource_type"] = self.resource_type
        if self.resource_id_label is not None:
            line["resource_id_label"] = self.resource_id_label
        if self.scopes:
            line["scopes"] = sorted(self.scopes)
        line.update(
            {name: True for name in ("public", "readonly", "idempotent") if getattr(self, name)}
        )
        return line


def _expected_method(given: Any) -> str:
    is_any = str(given).upper() in {"ANY", "ALL", "*"}
    hint = "; for `ANY` write one line for each" if is_any else ""
    return f"an HTTP method in upper case, one of {_METHODS_TEXT}{hint}"


class _Member(NamedTuple):
    read: Callable[[Any], Any]
    expected: str | Callable[[Any], str]
    default: Any = ...


def _text(fits: Callable[[str], object]) -> Callable[[Any], str | None]:
    return lambda value: value if isinstance(value, str) and fits(value) else None


def _optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: _ABSENT if value is None else read(value)


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _scopes(value: Any) -> frozenset[str] | None:
    if not isinstance(value, list) or not all(
        isinstance(item, str) and SCOPE.fullmatch(item) for item in value
    ):
        return None
    return frozenset(value)


def _query(value: Any) -> Mapping[str, str] | None:
    if not isinstance(value, dict) or not all(
        isinstance(word, str) for item in value.items() for word in item
    ):
        return None
    return None if "" in value else MappingProxyType(dict(value))


_ABSENT = object()
_ANY_TEXT = re.compile(r"[\x21-\x7e]{1,2048}").fullmatch
_MEMBERS: dict[str, _Member] = {
    "method": _Member(
        lambda value: value if isinstance(value, str) and value in METHODS else None,
        _expected_method,
    ),
    "route": _Member(
        _text(_ANY_TEXT), "a path pattern in ASCII without its method, such as `/orders/{id}`"
    ),
    "query": _Member(_query, "an object of strings", MappingProxyType({})),
    "action": _Member(_text(is_action_id), "an action id: 1 to 512 characters on one line"),
    "resource_type": _Member(
        _optional(_text(is_type_name)),
        "a Cedar type name of at most 200 characters, or null",
        None,
    ),
    "resource_id_label": _Member(_optional(_text(_ANY_TEXT)), "the name of a label or null", None),
    "scopes": _Member(_scopes, "a list of OAuth scopes", frozenset()),
    "public": _Member(_flag, "true or false", default=False),
    "readonly": _Member(_flag, "true or false", default=False),
    "idempotent": _Member(_flag, "true or false", default=False),
}


def read_entry(line: Any, number: int) -> ActionEntry:
    """Read one line of a document; ``number`` is named where it is wrong."""
    if not isinstance(line, dict):
        raise ConfigurationError(f"`actions[{number}]` must be an object")
    unknown = line.keys() - _MEMBERS.keys()
    if unknown:
        raise ConfigurationError(
            f"`actions[{number}]` has the unknown member {in_one_line(min(map(str, unknown)))}; "
            f"it may have {', '.join(f'`{name}`' for name in _MEMBERS)}"
        )
    values = {}
    for name, member in _MEMBERS.items():
        if name not in line and member.default is not ...:
            values[name] = member.default
            continue
        value = member.read(line.get(name))
        if value is None:
            expected = member.expected
            words = expected if isinstance(expected, str) else expected(line.get(name))
            raise ConfigurationError(f"`actions[{number}].{name}` must be {words}")
        values[name] = None if value is _ABSENT else value
    with numbered(number):
        return ActionEntry(**values)


@contextmanager
def numbered(number: int) -> Iterator[None]:
    """Name the line in what is wrong with it."""
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(f"`actions[{number}]`: {error}") from None
