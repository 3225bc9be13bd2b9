"""What is known of entities and of a context, as constraints on the unknowns of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.analysis.terms import UnsupportedError
from authz_lib.analysis.values import BOOL
from authz_lib.decisions.cedar_schema import EntityType, RecordType, SetType
from authz_lib.entities import CedarDatetime, CedarDecimal, CedarDuration, CedarIp, EntityUid
from authz_lib.entities.extension_literals import read_datetime, read_decimal, read_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from authz_lib.analysis.request_terms import Leaf, Path, RequestTerms
    from authz_lib.analysis.terms import Formula
    from authz_lib.analysis.values import Scalar
    from authz_lib.decisions.cedar_schema import CedarType
    from authz_lib.entities import Entity

__all__ = ["context_facts", "entity_facts"]

_ABSENT = object()


def entity_facts(
    request: RequestTerms, entities: Iterable[Entity], *, only: bool = False
) -> list[Formula]:
    """What holds because these entities are given, as far as a policy has asked for it.

    Args:
        request: whose unknowns are meant.
        entities: that are given.
        only: whether no other entity is given; needs a request that may leave out entities.

    Raises:
        UnsupportedError: a value is not translated.
    """
    by_uid = {entity.uid: entity for entity in entities}
    found: list[Formula] = []
    for uid, entity in by_uid.items():
        if uid.type not in request.schema.entities:
            continue
        itself = request.entity(uid.type, uid.id)
        found.append(request.is_given(itself))
        for leaf in _functions(request, uid.type):
            found += _leaf_facts(request, itself, entity, leaf)
        for group_type in sorted({one.group_type for one in request.ancestors.values()}):
            if group_type in request.schema.above(uid.type):
                found.append(_above_fact(request, itself, by_uid, uid, group_type, only))
    return found + (_only_these(request, by_uid) if only else [])


def _only_these(request: RequestTerms, uids: Iterable[EntityUid]) -> list[Formula]:
    t = request.terms
    names = [request.entity(uid.type, uid.id) for uid in uids]
    return [
        t.implies(term, t.or_(*[request.values.equal(owner, name) for name in names]))
        for owner, term in list(request.given.values())
    ]


def context_facts(request: RequestTerms, context: Mapping[str, Any]) -> list[Formula]:
    """The context is this one.

    Raises:
        UnsupportedError: a value is not translated.
    """
    found = []
    for leaf in list(request.leaves.values()):
        if leaf.owner is None:
            found += _value_facts(request, leaf.term, leaf, _at(context, leaf.path))
    return found


def _functions(request: RequestTerms, type_name: str) -> list[Leaf]:
    """One leaf of each attribute, and of each tag with each name that is asked for."""
    found: dict[tuple[Path, object], Leaf] = {}
    for leaf in request.leaves.values():
        if leaf.owner is not None and leaf.owner.type == EntityType(type_name):
            key = leaf.key if isinstance(leaf.key, str | None) else leaf.key.getId()
            found.setdefault((leaf.path, key), leaf)
    return list(found.values())


def _leaf_facts(request: RequestTerms, itself: Scalar, entity: Entity, leaf: Leaf) -> list[Formula]:
    term = request.leaf(itself, leaf.path, leaf.type, leaf.key)
    if leaf.key is None:
        return _value_facts(request, term, leaf, _at(entity.attrs, leaf.path))
    t = request.terms
    named = {name: t.equal(leaf.key, name) for name in entity.tags}
    if leaf.path == ("?",):
        return [t.equal(term, t.or_(*named.values()))]
    return [
        t.implies(is_named, fact)
        for name, is_named in named.items()
        for fact in _value_facts(
            request, term, leaf, _at({"": entity.tags[name]}, ("", *leaf.path))
        )
    ]


def _value_facts(request: RequestTerms, term: Any, leaf: Leaf, value: Any) -> list[Formula]:
    if leaf.path[-1:] == ("?",) and leaf.type == BOOL:
        return [request.terms.equal(term, value is not _ABSENT)]
    if value is _ABSENT or isinstance(value, CedarIp):  # which address it is stays unknown
        return []
    return [request.terms.equal(term, formula_of(request, leaf.type, value))]


def _at(values: Mapping[str, Any], path: Path) -> Any:
    """The value at a path; `_ABSENT` where there is none."""
    found: Any = values
    for name in path[:-1] if path[-1:] == ("?",) else path:
        if name not in found:
            return _ABSENT
        found = found[name]
    return found


def formula_of(  # noqa: PLR0911  one return a kind of value
    request: RequestTerms, type_: CedarType, value: Any
) -> Formula:
    """A frozen Cedar value as a formula of its type.

    Raises:
        UnsupportedError: it has another type, or is a set of addresses.
    """
    if isinstance(type_, SetType):
        elements = [formula_of(request, type_.element, one) for one in value]
        return request.terms.set_from(request.values.sort(type_.element), elements)
    if isinstance(type_, RecordType):
        return _tuple_of(request, type_, value)
    if isinstance(value, EntityUid):
        if type_ != EntityType(value.type):
            raise UnsupportedError("a value that does not fit the schema")
        return request.entity(value.type, value.id).formula
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, CedarDecimal):
        return read_decimal(value.text)
    if isinstance(value, CedarDuration):
        return read_duration(value.text)
    if isinstance(value, CedarDatetime):
        return read_datetime(value.text)
    raise UnsupportedError("a set of addresses")


def _tuple_of(request: RequestTerms, type_: RecordType, value: Mapping[str, Any]) -> Formula:
    parts: list[Formula] = []
    for name, (inner, required) in type_.fields.items():
        if name in value:
            made = formula_of(request, inner, value[name])
            parts += [made] if required else [True, made]
        elif required:
            raise UnsupportedError("a value that does not fit the schema")
        else:
            parts += [False, request.values.default(inner)]
    return request.terms.manager.mkTuple([request.terms.term(part) for part in parts])


def _above_fact(  # noqa: PLR0917  all of them are needed
    request: RequestTerms,
    itself: Scalar,
    by_uid: Mapping[EntityUid, Entity],
    uid: EntityUid,
    group_type: str,
    only: bool,
) -> Formula:
    above = _all_above(by_uid, uid)
    ids = [request.entity(one.type, one.id).formula for one in above if one.type == group_type]
    known = request.terms.set_from(request.terms.int, ids)
    term = request.above(itself, group_type)
    if only or all(one in by_uid for one in above):
        return request.terms.equal(term, known)
    return request.terms.subset(known, term)  # a request may bring what is above those


def _all_above(by_uid: Mapping[EntityUid, Entity], uid: EntityUid) -> list[EntityUid]:
    found: dict[EntityUid, None] = {}
    pending = [uid]
    while pending:
        entity = by_uid.get(pending.pop())
        for parent in entity.parents if entity else ():
            if parent not in found:
                found[parent] = None
                pending.append(parent)
    return list(found)
