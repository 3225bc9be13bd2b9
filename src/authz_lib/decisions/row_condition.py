"""A condition over one resource, such as a row of a table: a small tree that is true or false.

A field of a row is there or is absent (SQL's NULL).  What compares an absent field is **false**, so
each node is either true or false for each row, and `Negation` turns one into the other.

=============================  ==============================================================
node                           true where
=============================  ==============================================================
`EVERY_ROW`, `NO_ROW`              everywhere, nowhere
`Present` (field)              the field is there
`OneOf` (field, values)        the field is there and is one of the values
`SameValue` (left, right)      both fields are there and are equal
`Less` (left, right, equal)    both sides are there, and left < right (or <=)
`Matches` (field, pieces)      the field is there and is the pieces, with anything between two
`Negation` (part)              the part is false
`AllOf`, `AnyOf` (parts)       all parts are true, one of them is
=============================  ==============================================================

The functions `conjunction`, `disjunction` and `negation` build the same, and leave out what cannot
matter.
The tree is stable: a node is neither renamed nor given another meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = [
    "EVERY_ROW",
    "NO_ROW",
    "AllOf",
    "AnyOf",
    "Constant",
    "FieldKind",
    "FieldSource",
    "Less",
    "Matches",
    "Negation",
    "OneOf",
    "Present",
    "RowCondition",
    "RowField",
    "SameValue",
    "conjunction",
    "disjunction",
    "fields_of",
    "negation",
    "nodes_of",
    "one_of",
    "parts_of",
]

FieldKind: TypeAlias = Literal["Bool", "Long", "String", "Entity", "Other"]
"""What a field holds: an ``Entity`` field holds the id of an entity.

``Other`` is a set, a record or an extension value, of which only `Present` is asked.
"""

FieldSource: TypeAlias = Literal["attribute", "id", "parent"]
"""What a field of a row is: an attribute, the id, or the id of a parent."""


@dataclass(frozen=True, slots=True, order=True)
class RowField:
    """A field of the row.

    Attributes:
        source: ``"attribute"``: an attribute of the resource; ``"id"``: its own id; ``"parent"``:
            the id of the entity of one type that it is directly in.
        name: of the attribute; of the other two, the entity type.
        kind: what it holds, from the schema.
        entity_type: of the entity whose id it holds; empty for other kinds.
    """

    source: FieldSource
    name: str
    kind: FieldKind
    entity_type: str = ""


@dataclass(frozen=True, slots=True)
class Constant:
    """True or false for every row: `EVERY_ROW` and `NO_ROW`."""

    value: bool


EVERY_ROW: Final = Constant(value=True)
"""Every row is visible."""

NO_ROW: Final = Constant(value=False)
"""No row is visible."""


@dataclass(frozen=True, slots=True)
class Present:
    """The field is there."""

    field: RowField


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field is there and is one of the values: bool, int or str, as its kind says."""

    field: RowField
    values: frozenset[bool | int | str]


@dataclass(frozen=True, slots=True)
class SameValue:
    """Both fields are there, and equal.  They have one kind, and one entity type."""

    left: RowField
    right: RowField


@dataclass(frozen=True, slots=True)
class Less:
    """Two ``Long`` values are there, and the left one is less; with ``equal``, not more."""

    left: RowField | int
    right: RowField | int
    equal: bool = False


@dataclass(frozen=True, slots=True)
class Matches:
    """A ``String`` field is there and has the form of the pieces.

    Between two pieces stands any text, also an empty one.  So ``("a", "b")`` is Cedar's ``"a*b"``,
    and ``("abc",)`` is a text without a wildcard.
    """

    field: RowField
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """The part is false.  The part is a comparison or `Present`."""

    part: RowCondition


@dataclass(frozen=True, slots=True)
class AllOf:
    """All parts are true; there are at least two."""

    parts: tuple[RowCondition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part is true; there are at least two."""

    parts: tuple[RowCondition, ...]


RowCondition: TypeAlias = (
    Constant | Present | OneOf | SameValue | Less | Matches | Negation | AllOf | AnyOf
)
"""What must be true of a row: what a policy comes to, once the caller is known."""


def one_of(field: RowField, values: Iterable[bool | int | str]) -> RowCondition:
    """`OneOf`, or `NO_ROW` without a value."""
    found = frozenset(values)
    return OneOf(field, found) if found else NO_ROW


def negation(part: RowCondition) -> RowCondition:
    """What is true where the part is false.

    >>> negation(EVERY_ROW)
    Constant(value=False)
    """
    if isinstance(part, Constant):
        return NO_ROW if part.value else EVERY_ROW
    if isinstance(part, AllOf):
        return disjunction(map(negation, part.parts))
    if isinstance(part, AnyOf):
        return conjunction(map(negation, part.parts))
    return part.part if isinstance(part, Negation) else Negation(part)


def conjunction(parts: Iterable[RowCondition]) -> RowCondition:
    """True where all parts are; `EVERY_ROW` without parts.

    >>> total = RowField("attribute", "total", "Long")
    >>> conjunction([Present(total), EVERY_ROW])
    Present(field=RowField(source='attribute', name='total', kind='Long', entity_type=''))
    """
    found: dict[RowCondition, None] = {}
    for part in parts:
        if part == NO_ROW:
            return NO_ROW
        if part != EVERY_ROW:
            found.update(dict.fromkeys(part.parts if isinstance(part, AllOf) else (part,)))
    # What compares a field says that the field is there.
    implied = {Present(field) for part in found for field in _compared(part)}
    kept = _narrowed([part for part in found if part not in implied])
    whole = {*kept, *implied}
    if NO_ROW in whole or _has_opposites(whole):
        return NO_ROW
    shorter = [_shorter(part, whole, AnyOf, EVERY_ROW, disjunction) for part in kept]
    if shorter != kept:
        return conjunction([*shorter, *implied])
    return kept[0] if len(kept) == 1 else AllOf(tuple(kept)) if kept else EVERY_ROW


def disjunction(parts: Iterable[RowCondition]) -> RowCondition:
    """True where one of the parts is; `NO_ROW` without parts.

    >>> disjunction([])
    Constant(value=False)
    """
    found: dict[RowCondition, None] = {}
    for part in parts:
        if part == EVERY_ROW:
            return EVERY_ROW
        if part != NO_ROW:
            found.update(dict.fromkeys(part.parts if isinstance(part, AnyOf) else (part,)))
    kept = _widened(found)
    whole = {*kept}
    if _has_opposites(whole):
        return EVERY_ROW
    shorter = [_shorter(part, whole, AllOf, NO_ROW, conjunction) for part in kept]
    if shorter != kept:
        return disjunction(shorter)
    return kept[0] if len(kept) == 1 else AnyOf(tuple(kept)) if kept else NO_ROW


def _shorter(
    part: RowCondition,
    beside: set[RowCondition],
    kind: type[AllOf | AnyOf],
    nothing: RowCondition,
    join: Callable[[Iterable[RowCondition]], RowCondition],
) -> RowCondition:
    """A part without what the others settle.

    ``a and (a or b)`` is ``a``, and ``a and (not a or b)`` is ``a and b``; the same the other way
    round.
    """
    if not isinstance(part, kind):
        return part
    if not beside.isdisjoint(part.parts):
        return nothing
    kept = [one for one in part.parts if not _is_opposed(one, beside)]
    return part if len(kept) == len(part.parts) else join(kept)


def _is_opposed(part: RowCondition, beside: set[RowCondition]) -> bool:
    return (part.part if isinstance(part, Negation) else Negation(part)) in beside


def _has_opposites(parts: set[RowCondition]) -> bool:
    """Whether one part is true exactly where another is false."""
    return any(isinstance(part, Negation) and part.part in parts for part in parts)


def _compared(part: RowCondition) -> Iterator[RowField]:
    return iter(()) if isinstance(part, Present | Negation | AllOf | AnyOf) else fields_of(part)


def _narrowed(parts: list[RowCondition]) -> list[RowCondition]:
    """The values of one field that stand in all of its lists."""
    values: dict[RowField, frozenset[bool | int | str]] = {}
    for part in parts:
        if isinstance(part, OneOf):
            values[part.field] = values.get(part.field, part.values) & part.values
    merged = [
        one_of(part.field, values[part.field]) if isinstance(part, OneOf) else part
        for part in parts
    ]
    return list(dict.fromkeys(merged))


def _widened(parts: Iterable[RowCondition]) -> list[RowCondition]:
    """One list of values for each field, instead of many."""
    values: dict[RowField, set[bool | int | str]] = {}
    for part in parts:
        if isinstance(part, OneOf):
            values.setdefault(part.field, set()).update(part.values)
    merged = [
        one_of(part.field, values[part.field]) if isinstance(part, OneOf) else part
        for part in parts
    ]
    return list(dict.fromkeys(merged))


def parts_of(condition: RowCondition) -> tuple[RowCondition, ...]:
    """The conditions that a condition is made of directly."""
    if isinstance(condition, AllOf | AnyOf):
        return condition.parts
    return (condition.part,) if isinstance(condition, Negation) else ()


def nodes_of(condition: RowCondition) -> Iterator[RowCondition]:
    """A condition and all that it is made of."""
    pending = [condition]
    while pending:
        one = pending.pop()
        yield one
        pending += parts_of(one)


def fields_of(condition: RowCondition) -> Iterator[RowField]:
    """The fields that a condition reads, each as often as it stands there."""
    for one in nodes_of(condition):
        if isinstance(one, Present | OneOf | Matches):
            yield one.field
        elif isinstance(one, SameValue | Less):
            yield from (side for side in (one.left, one.right) if isinstance(side, RowField))
