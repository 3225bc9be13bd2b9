"""What a Cedar schema knows by name: entity types, and the actions with what they apply to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AppliesTo", "SchemaNames", "builtin_name", "read_schema_names", "unescaped"]

# `str` of a schema writes one declaration a line, each name by itself, texts escaped.
_NAMESPACE = re.compile(r"namespace ([A-Za-z0-9_:]+) \{")
_ENTITY = re.compile(r" *entity ([A-Za-z0-9_]+)\b")
_ACTION = re.compile(r' *action "((?:[^"\\]|\\.)*)"')
_APPLIES = re.compile(r" *(principal|resource): \[([^\]]*)\]")
_ALIAS = re.compile(r" *type ([A-Za-z0-9_]+) = ([^{]+);")
_ATTRIBUTE = re.compile(r' *(?:([A-Za-z0-9_]+)|"((?:[^"\\]|\\.)*)")\??: (.+?),?')
_SET = re.compile(r"Set<(.+)>")
_MAX_ALIASES = 64  # Cedar itself refuses a circle
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|(.))")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}


class AppliesTo(NamedTuple):
    """What an action applies to; nothing for a group of actions."""

    principal_types: frozenset[str]
    resource_types: frozenset[str]


@dataclass(frozen=True, slots=True)
class SchemaNames:
    """The names of a schema, each with its namespace.

    Attributes:
        entity_types: such as ``Order`` or ``Shop::Order``.
        actions: by type and id, such as ``("Action", "commercial:GetOrder")``.
        attributes: by entity type, the type of each as Cedar writes it: ``String``, ``Set<Long>``.
            A record is named by its first line, ``{``.
    """

    entity_types: frozenset[str]
    actions: Mapping[tuple[str, str], AppliesTo]
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read_schema_names(schema: Any) -> SchemaNames:
    """The names of a schema that cedarpy has parsed.

    >>> from authz_lib.decisions.cedar_text import parse_schema
    >>> text = '''entity User; entity Order;
    ... action Get appliesTo { principal: User, resource: [Order] };'''
    >>> names = read_schema_names(parse_schema(text))
    >>> sorted(names.entity_types), names.actions["Action", "Get"].resource_types
    (['Order', 'User'], frozenset({'Order'}))
    """
    types: set[str] = set()
    actions: dict[tuple[str, str], dict[str, list[str]]] = {}
    homes: dict[tuple[str, str], str] = {}
    namespace, current = "", None
    lines = str(schema).splitlines()
    for line in lines:
        if line == "}":
            namespace = ""
        elif found := _NAMESPACE.match(line):
            namespace = f"{found[1]}::"
        elif found := _ENTITY.match(line):
            types.add(namespace + found[1])
        elif found := _ACTION.match(line):
            current = (f"{namespace}Action", unescaped(found[1]))
            actions[current], homes[current] = {}, namespace
        elif current is not None and (found := _APPLIES.match(line)):
            named = [name.strip() for name in found[2].split(",")]
            actions[current].setdefault(found[1], named)
    return SchemaNames(
        frozenset(types),
        MappingProxyType(
            {
                action: AppliesTo(
                    *(
                        frozenset(
                            name if homes[action] + name not in types else homes[action] + name
                            for name in applies.get(side, ())
                        )
                        for side in ("principal", "resource")
                    )
                )
                for action, applies in actions.items()
            }
        ),
        _attributes(lines),
    )


def _attributes(lines: list[str]) -> Mapping[str, Mapping[str, str]]:
    """The attributes of each entity type: they stand one step further in than it does."""
    found: dict[str, dict[str, str]] = {}
    aliases: dict[str, str] = {}
    homes: dict[str, str] = {}
    namespace, own, indent = "", None, 0
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if own is not None and depth > indent:
            if depth == indent + 2 and (match := _ATTRIBUTE.fullmatch(line)):
                found[own][match[1] or unescaped(match[2])] = match[3]
            continue
        own = None
        if line == "}":
            namespace = ""
        elif match := _NAMESPACE.match(line):
            namespace = f"{match[1]}::"
        elif match := _ALIAS.fullmatch(line):
            aliases[namespace + match[1]] = match[2]
        elif match := _ENTITY.match(line):
            own, indent = namespace + match[1], depth
            found[own], homes[own] = {}, namespace
    return MappingProxyType(
        {
            name: MappingProxyType(
                {key: _resolved(text, homes[name], aliases) for key, text in attributes.items()}
            )
            for name, attributes in found.items()
        }
    )


def _resolved(text: str, namespace: str, aliases: Mapping[str, str]) -> str:
    """A type without the names that stand for another one."""
    for _ in range(_MAX_ALIASES):
        if match := _SET.fullmatch(text):
            return f"Set<{_resolved(match[1], namespace, aliases)}>"
        name = namespace + text if namespace + text in aliases else text
        if name not in aliases:
            break
        text, namespace = aliases[name], name[: name.rfind("::") + 2] if "::" in name else ""
    return builtin_name(text)


def builtin_name(written: str) -> str:
    """A type of Cedar's own by its short name.

    >>> builtin_name("__cedar::Boolean")
    'Bool'
    """
    name = written.removeprefix("__cedar::")
    return "Bool" if name == "Boolean" else name


def unescaped(text: str) -> str:
    """A text as a schema means it, of what stands between its quotes."""

    def character(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        return chr(int(code, 16)) if code else _ESCAPED.get(found[3], found[3])

    return _ESCAPE.sub(character, text)
