"""What a Cedar schema says of requests: the types of attributes, what may stand in what, actions.

cedarpy reads and checks a schema, and writes it in one canonical form.  That form is read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from authz_lib.decisions.cedar_text import parse_schema
from authz_lib.decisions.schema_names import builtin_name, unescaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from authz_lib.decisions.slicing import Uid

__all__ = [
    "ActionShape",
    "CedarType",
    "EntityShape",
    "EntityType",
    "PolicySchema",
    "Primitive",
    "RecordType",
    "SetType",
    "read_parsed_schema",
    "read_policy_schema",
]


@dataclass(frozen=True, slots=True)
class Primitive:
    """``Bool``, ``Long``, ``String``, ``decimal``, ``datetime``, ``duration`` or ``ipaddr``."""

    name: str


@dataclass(frozen=True, slots=True)
class EntityType:
    """A reference to an entity, such as ``Shop::Order``."""

    name: str


@dataclass(frozen=True, slots=True)
class SetType:
    """A set of values of one type."""

    element: CedarType


@dataclass(frozen=True, slots=True)
class RecordType:
    """Attributes by name: the type of each, and whether it must be there."""

    fields: Mapping[str, tuple[CedarType, bool]] = field(default_factory=dict)


CedarType: TypeAlias = Primitive | EntityType | SetType | RecordType


@dataclass(frozen=True, slots=True)
class EntityShape:
    """One entity type: its attributes, the type of its tags, its direct parents, its only ids."""

    name: str
    attrs: RecordType
    tags: CedarType | None = None
    parents: tuple[str, ...] = ()
    ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ActionShape:
    """One action: the groups that it is in, at any distance, and what it applies to."""

    uid: Uid
    groups: frozenset[Uid]
    principals: tuple[str, ...]
    resources: tuple[str, ...]
    context: RecordType


@dataclass(frozen=True, slots=True)
class PolicySchema:
    """All of a schema.

    >>> schema = read_policy_schema('''entity Group; entity User in [Group];
    ... action Get appliesTo { principal: User, resource: Group };''')
    >>> sorted(schema.above("User")), schema.actions[0].resources
    (['Group'], ('Group',))
    """

    entities: Mapping[str, EntityShape]
    actions: tuple[ActionShape, ...]

    def above(self, entity_type: str) -> frozenset[str]:
        """The types that an entity of a type may be in, at any distance."""
        found: set[str] = set()
        pending = [entity_type]
        while pending:
            shape = self.entities.get(pending.pop())
            new = set(shape.parents if shape else ()) - found
            found |= new
            pending += new
        return frozenset(found)


def read_policy_schema(text: str, name: str | None = None) -> PolicySchema:
    """A schema in either of Cedar's two forms.

    Args:
        text: the schema.
        name: the file that it is of, for errors.

    Raises:
        ConfigurationError: it does not parse.
    """
    return read_parsed_schema(parse_schema(text, name))


def read_parsed_schema(schema: Any) -> PolicySchema:
    """A schema that cedarpy has parsed."""
    return _Names(_Reader(str(schema)).declarations()).schema()


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[A-Za-z_0-9]+(?:::[A-Za-z_0-9]+)*(?:::(?="))?|[^\s]')
# A type as it is written: a name, `("Set", type)`, or `{name: (type, required)}`.
_Written: TypeAlias = Any


class _Declaration:
    """One declaration: its namespace with `::`, its kind, its name, what it says."""

    def __init__(self, namespace: str, kind: str, name: str) -> None:
        self.namespace, self.kind, self.name = namespace, kind, name
        self.type: _Written = {}
        self.tags: _Written = None
        self.parents: list[str] = []
        self.groups: list[tuple[str, str]] = []
        self.ids: tuple[str, ...] | None = None
        self.applies: dict[str, _Written] = {}


class _Reader:
    """Reads the canonical form token by token."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def declarations(self) -> Iterator[_Declaration]:
        namespace = ""
        while self._at < len(self._tokens):
            word = self._next()
            if word == "@":
                self._annotation()
            elif word == "namespace":
                namespace = f"{self._next()}::"
                self._next()
            elif word == "}":
                namespace = ""
            else:
                yield self._declaration(namespace, word)

    def _peek(self) -> str:
        return str(self._tokens[self._at])

    def _next(self) -> str:
        self._at += 1
        return str(self._tokens[self._at - 1])

    def _take(self, word: str) -> bool:
        if self._peek() != word:
            return False
        self._at += 1
        return True

    def _annotation(self) -> None:
        self._next()
        if self._take("("):
            self._next()
            self._next()

    def _declaration(self, namespace: str, kind: str) -> _Declaration:
        found = _Declaration(namespace, kind, self._name())
        if kind == "type":
            self._next()
            found.type = self._type()
        elif kind == "entity":
            self._entity(found)
        else:
            self._action(found)
        self._next()
        return found

    def _entity(self, found: _Declaration) -> None:
        if self._take("enum"):
            found.ids = tuple(_text(token) for token in self._list())
        if self._take("in"):
            found.parents = self._list()
        if self._take("=") or self._peek() == "{":
            found.type = self._type()
        if self._take("tags"):
            found.tags = self._type()

    def _action(self, found: _Declaration) -> None:
        if self._take("in"):
            found.groups = [_reference(token) for token in self._list()]
        if self._take("appliesTo"):
            self._next()
            while not self._take("}"):
                side = self._next()
                self._next()
                found.applies[side] = self._type() if side == "context" else self._list()
                self._take(",")

    def _list(self) -> list[str]:
        if not self._take("["):
            return [self._next()]
        found = []
        while not self._take("]"):
            token = self._next()
            found.append(token + self._next() if token.endswith("::") else token)
            self._take(",")
        return found

    def _type(self) -> _Written:
        if self._take("{"):
            fields = {}
            while not self._take("}"):
                while self._take("@"):
                    self._annotation()
                name = self._name()
                required = not self._take("?")
                self._next()
                fields[name] = (self._type(), required)
                self._take(",")
            return fields
        word = self._next()
        if word == "Set" and self._take("<"):
            element = self._type()
            self._next()
            return ("Set", element)
        return word

    def _name(self) -> str:
        return _text(self._next())


def _text(token: str) -> str:
    return unescaped(token[1:-1]) if token.startswith('"') else token


def _reference(token: str) -> tuple[str, str]:
    type_, quote, rest = token.partition('"')
    return (type_.removesuffix("::"), _text(quote + rest)) if quote else ("Action", token)


class _Names:
    """Resolves what names mean: in their own namespace first, then in the empty one."""

    def __init__(self, declarations: Iterator[_Declaration]) -> None:
        self._declarations = list(declarations)
        self._types: dict[str, _Declaration] = {}
        self._entities: set[str] = set()
        self._actions: set[tuple[str, str]] = set()
        for one in self._declarations:
            if one.kind == "type":
                self._types[one.namespace + one.name] = one
            elif one.kind == "entity":
                self._entities.add(one.namespace + one.name)
            else:
                self._actions.add((f"{one.namespace}Action", one.name))

    def schema(self) -> PolicySchema:
        entities = [self._entity(one) for one in self._declarations if one.kind == "entity"]
        groups = {
            (f"{one.namespace}Action", one.name): {
                self._action_group(reference, one.namespace) for reference in one.groups
            }
            for one in self._declarations
            if one.kind == "action"
        }
        actions = [
            ActionShape(
                (f"{one.namespace}Action", one.name),
                _reachable((f"{one.namespace}Action", one.name), groups),
                self._applies_to(one, "principal"),
                self._applies_to(one, "resource"),
                self._context(one),
            )
            for one in self._declarations
            if one.kind == "action"
        ]
        actions.sort(key=lambda action: action.uid)
        return PolicySchema({entity.name: entity for entity in entities}, tuple(actions))

    def _entity(self, one: _Declaration) -> EntityShape:
        attrs = self._type(one.type, one.namespace)
        return EntityShape(
            one.namespace + one.name,
            attrs if isinstance(attrs, RecordType) else RecordType(),
            None if one.tags is None else self._type(one.tags, one.namespace),
            tuple(self._entity_name(name, one.namespace) for name in one.parents),
            one.ids,
        )

    def _applies_to(self, one: _Declaration, side: str) -> tuple[str, ...]:
        return tuple(self._entity_name(name, one.namespace) for name in one.applies.get(side, ()))

    def _context(self, one: _Declaration) -> RecordType:
        context = self._type(one.applies.get("context", {}), one.namespace)
        return context if isinstance(context, RecordType) else RecordType()

    def _entity_name(self, name: str, namespace: str) -> str:
        return namespace + name if namespace + name in self._entities else name

    def _action_group(self, reference: tuple[str, str], namespace: str) -> tuple[str, str]:
        type_, id_ = reference
        own = (namespace + type_, id_)
        return own if own in self._actions else reference

    def _type(self, written: _Written, namespace: str) -> CedarType:
        if isinstance(written, dict):
            return RecordType(
                {
                    name: (self._type(inner, namespace), required)
                    for name, (inner, required) in written.items()
                }
            )
        if isinstance(written, tuple):
            return SetType(self._type(written[1], namespace))
        for name in dict.fromkeys((namespace + written, written)):
            if name in self._types:
                one = self._types[name]
                return self._type(one.type, one.namespace)
            if name in self._entities:
                return EntityType(name)
        return Primitive(builtin_name(written))


def _reachable(
    uid: tuple[str, str], parents: Mapping[tuple[str, str], set[tuple[str, str]]]
) -> frozenset[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    pending = [uid]
    while pending:
        new = parents.get(pending.pop(), set()) - found
        found |= new
        pending += new
    return frozenset(found)
