"""What a Cedar schema says of one entity type: its attributes and what it may be directly in.

cedarpy reads and checks a schema, and writes it in one canonical form.  That form is read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from authz_lib.decisions.row_condition import RowField

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from authz_lib.decisions.row_condition import FieldKind

__all__ = ["ResourceShape", "read_resource_shapes"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[A-Za-z_0-9]+(?:::[A-Za-z_0-9]+)*(?:::(?="))?|[^\s]')
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|(.))")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
_PRIMITIVES: Mapping[str, FieldKind] = {"Bool": "Bool", "Long": "Long", "String": "String"}
_OPENING, _CLOSING = frozenset("{[(<"), frozenset("}])>")


@dataclass(frozen=True, slots=True)
class ResourceShape:
    """One entity type.

    Attributes:
        name: with its namespace.
        attributes: the field of each attribute.
        required: the names of those that are not optional.
        parents: the entity types that an entity of it may be directly in.
    """

    name: str
    attributes: Mapping[str, RowField]
    required: frozenset[str]
    parents: tuple[str, ...]


def read_resource_shapes(schema: Any) -> Mapping[str, ResourceShape]:
    """The entity types of a schema that cedarpy has parsed, by name.

    There are none where Cedar's schema syntax cannot say what a schema in JSON says.

    >>> from authz_lib.decisions.cedar_text import parse_schema
    >>> text = "entity User; entity Order { owner: User, total?: Long };"
    >>> shape = read_resource_shapes(parse_schema(text))["Order"]
    >>> shape.attributes["owner"].entity_type, sorted(shape.required)
    ('User', ['owner'])
    """
    text = str(schema)
    if text.startswith("<"):  # cedarpy says why it cannot be written
        return {}
    return _Names([*_declarations(_TOKEN.findall(text))]).shapes()


_Written: TypeAlias = list[str]
"""The tokens of a type."""


@dataclass(slots=True)
class _Declaration:
    namespace: str
    kind: str
    name: str
    attributes: dict[str, tuple[bool, _Written]] = field(default_factory=dict)
    parents: list[str] = field(default_factory=list)
    type: _Written = field(default_factory=list)


def _declarations(tokens: list[str]) -> Iterator[_Declaration]:
    namespace, at = "", 0
    while at < len(tokens):
        word = tokens[at]
        if word == "@":  # an annotation: a name, and perhaps a text in brackets
            at += 5 if tokens[at + 2 : at + 3] == ["("] else 2
        elif word == "namespace":
            namespace, at = f"{tokens[at + 1]}::", at + 3
        elif word == "}":
            namespace, at = "", at + 1
        else:
            end = _end(tokens, at, ";")
            yield _declaration(namespace, tokens[at:end])
            at = end + 1


def _end(tokens: list[str], at: int, sign: str) -> int:
    """Where the sign stands outside of brackets, from here on; or the end."""
    depth = 0
    while at < len(tokens) and (depth or tokens[at] != sign):
        depth += (tokens[at] in _OPENING) - (tokens[at] in _CLOSING)
        at += 1
    return at


def _declaration(namespace: str, tokens: list[str]) -> _Declaration:
    kind, name, *rest = tokens
    found = _Declaration(namespace, kind, _text(name))
    if kind == "type":
        found.type = rest[1:]
    if kind != "entity":
        return found
    if rest[:1] == ["in"]:
        listed = rest[1 : _end(rest, 1, "=")]
        found.parents = [name for name in listed[: _list_end(listed)] if name not in "[],"]
        rest = rest[1 + _list_end(listed) :]
    if rest[:1] == ["="]:
        rest = rest[1:]
    if rest[:1] == ["{"]:
        found.attributes = _attributes(rest[1 : _end(rest[1:], 0, "}") + 1])
    return found


def _list_end(tokens: list[str]) -> int:
    return tokens.index("]") + 1 if tokens[:1] == ["["] else 1


def _attributes(tokens: list[str]) -> dict[str, tuple[bool, _Written]]:
    """Whether each is required, and its type."""
    found = {}
    at = 0
    while at < len(tokens):
        if tokens[at] == "@":
            at += 5 if tokens[at + 2 : at + 3] == ["("] else 2
            continue
        name, optional = _text(tokens[at]), tokens[at + 1] == "?"
        start = at + 2 + optional
        end = _end(tokens, start, ",")
        found[name] = (not optional, tokens[start:end])
        at = end + 1
    return found


def _text(token: str) -> str:
    if not token.startswith('"'):
        return token

    def character(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        return chr(int(code, 16)) if code else _ESCAPED.get(found[3], found[3])

    return _ESCAPE.sub(character, token[1:-1])


class _Names:
    """Resolves what names mean: in their own namespace first, then in the empty one."""

    def __init__(self, declarations: list[_Declaration]) -> None:
        self._entities = {one.namespace + one.name: one for one in declarations if _is(one)}
        self._types = {one.namespace + one.name: one for one in declarations if one.kind == "type"}

    def shapes(self) -> Mapping[str, ResourceShape]:
        return MappingProxyType({name: self._shape(name) for name in self._entities})

    def _shape(self, name: str) -> ResourceShape:
        one = self._entities[name]
        return ResourceShape(
            name,
            MappingProxyType(
                {
                    attribute: self._field(attribute, one.namespace, written)
                    for attribute, (_, written) in one.attributes.items()
                }
            ),
            frozenset(attribute for attribute, (required, _) in one.attributes.items() if required),
            tuple(self._entity(one.namespace, parent) for parent in one.parents),
        )

    def _field(self, attribute: str, namespace: str, written: _Written) -> RowField:
        namespace, written = self._resolved(namespace, written)
        if len(written) != 1:
            return RowField("attribute", attribute, "Other")
        entity = self._entity(namespace, written[0])
        if entity in self._entities:
            return RowField("attribute", attribute, "Entity", entity)
        kind = _PRIMITIVES.get(written[0].removeprefix("__cedar::"), "Other")
        return RowField("attribute", attribute, kind)

    def _resolved(self, namespace: str, written: _Written) -> tuple[str, _Written]:
        """A type with the names of other types followed, and the namespace that it stands in."""
        while len(written) == 1:
            names = (namespace + written[0], written[0])
            found = next((self._types[name] for name in names if name in self._types), None)
            if found is None or names[0] in self._entities:
                break
            namespace, written = found.namespace, found.type
        return namespace, written

    def _entity(self, namespace: str, name: str) -> str:
        return namespace + name if namespace + name in self._entities else name


def _is(one: _Declaration) -> bool:
    return one.kind == "entity"
