"""Whether an action map speaks of what a Cedar schema knows: a typo would be a silent 403."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from authz_lib.actions import ActionEntry
    from authz_lib.decisions.schema_names import SchemaNames

__all__ = ["attribute_problems", "schema_problems"]


def schema_problems(
    entries: Sequence[ActionEntry],
    names: SchemaNames,
    *,
    action_type: str,
    principal_type: str,
    application_type: str | None,
) -> Iterator[str]:
    """What is wrong, one text a line of the map; public lines are asked about nothing.

    Args:
        entries: the lines of the map.
        names: what the schema knows.
        action_type: the type of actions.
        principal_type: the type of callers.
        application_type: the type of the resource of lines that are on no particular one.
    """
    for number, entry in enumerate(entries):
        if entry.public:
            continue
        resource_type = entry.resource_type
        if entry.resource_id_label is None or resource_type is None:
            resource_type = application_type
        problem = _problem(entry.action, resource_type, names, action_type, principal_type)
        if problem is not None:
            yield f"`actions[{number}]` (`{entry.method} {entry.route}`): {problem}"


def _problem(
    action: str,
    resource_type: str | None,
    names: SchemaNames,
    action_type: str,
    principal_type: str,
) -> str | None:
    applies = names.actions.get((action_type, action))
    if applies is None:
        known = {name for kind, name in names.actions if kind == action_type}
        if known or not names.actions:
            return f"the schema has no action `{action}`{_nearest(action, known)}"
        types = sorted({kind for kind, _ in names.actions})
        there = ", ".join(f"`{kind}`" for kind in types[:5])
        return f"the schema has no actions of the type `{action_type}`, but of {there}"
    for side, wanted, types_of_side in (
        ("principal", principal_type, applies.principal_types),
        ("resource", resource_type, applies.resource_types),
    ):
        if wanted is None or wanted in types_of_side:
            continue
        if wanted not in names.entity_types:
            near = _nearest(wanted, names.entity_types)
            return f"the schema has no entity type `{wanted}`{near}"
        return (
            f"the action `{action}` does not apply to the {side} type `{wanted}`"
            f"{_listed(sorted(types_of_side))}"
        )
    return None


# How Cedar writes the types of attributes.
_TYPES = {"text": "String", "number": "Long", "bool": "Bool", "texts": "Set<String>"}


def attribute_problems(
    declared: Mapping[str, str], names: SchemaNames, principal_type: str
) -> Iterator[str]:
    """What is wrong in a declaration of attributes, one text each: no policy could read it.

    Args:
        declared: from the name of an attribute to ``text``, ``number``, ``bool`` or ``texts``.
        names: what the schema knows.
        principal_type: the type of callers.
    """
    known = names.attributes.get(principal_type, {})
    for name, kind in declared.items():
        found, expected = known.get(name), _TYPES[kind]
        if found is None:
            yield (
                f"`attributes`: the entity type `{principal_type}` of the schema has no attribute "
                f"`{name}`{_nearest(name, known)}"
            )
        elif found != expected:
            written = "a record" if found == "{" else f"`{found}`"
            yield (
                f"`attributes`: `{name}` is {written} in the schema, and of the type `{kind}` "
                f"(`{expected}`) here"
            )


def _nearest(word: str, known: Collection[str]) -> str:
    from difflib import get_close_matches  # only where something is wrong

    near = get_close_matches(word, sorted(known), n=1)
    return f"; the nearest is `{near[0]}`" if near else ""


def _listed(names: Sequence[str]) -> str:
    return f", but to {', '.join(f'`{name}`' for name in names[:5])}" if names else ""
