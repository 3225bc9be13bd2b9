"""A request in one line: ``a User in Group support, tenant_id t1 → GetOrder on an Order``."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from authz_lib.analysis.concrete import plain_value
from authz_lib.analysis.environments import action_words
from authz_lib.analysis.smallest import matters, places
from authz_lib.entities import EntityUid

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from authz_lib.analysis.concrete import ConcreteRequest
    from authz_lib.analysis.smallest import Spot
    from authz_lib.decisions.cedar_schema import PolicySchema, RecordType

__all__ = ["named_entity", "words_of_request"]


def words_of_request(
    request: ConcreteRequest,
    schema: PolicySchema,
    named: Collection[object],
    shows: Callable[[ConcreteRequest], bool],
) -> str:
    """What matters of a request: any other value elsewhere would show the same.

    Args:
        request: as small as it can be.
        schema: which it fits.
        named: the ids that policies name.
        shows: whether a request shows the same.
    """
    found: list[tuple[EntityUid | None, str, Any]] = [
        (place.owner, ".".join(place.path), place.value(request))
        for place in places(request, schema)
        if _is_worth_it(request, schema, place, shows)
    ]
    missing = list(_missing(request, schema, shows))
    tags = [
        (uid, f"tag {name}", value)
        for uid, entity in request.entities.items()
        for name, value in entity.tags.items()
    ]
    groups = {uid: entity.parents for uid, entity in request.entities.items() if entity.parents}
    # Only what is told of, or named by a policy, has a name in the sentence.
    told = {*named, *groups, *(one[0] for one in (*found, *missing, *tags))}
    facts: dict[EntityUid | None, list[str]] = {
        uid: [f"in {named_entity(parent)}" for parent in parents] for uid, parents in groups.items()
    }
    for owner, name, value in (*found, *tags):
        facts.setdefault(owner, []).append(f"{name} {_value(value, request, told)}")
    for owner, name in missing:
        facts.setdefault(owner, []).append(f"no {name}")
    return _sentence(request, facts, named)


def _is_worth_it(
    request: ConcreteRequest,
    schema: PolicySchema,
    place: Spot,
    shows: Callable[[ConcreteRequest], bool],
) -> bool:
    is_record = isinstance(place.value(request), dict)  # its parts are told, or are not
    return (not place.required and not is_record) or matters(request, schema, place, shows)


def _missing(
    request: ConcreteRequest, schema: PolicySchema, shows: Callable[[ConcreteRequest], bool]
) -> Iterator[tuple[EntityUid | None, str]]:
    """Optional attributes that must not be there, whether with a new value or one of these."""
    values = [place.value(request) for place in places(request, schema)]
    action = next(one for one in schema.actions if one.uid == request.action)
    records: list[tuple[EntityUid | None, RecordType, dict[str, Any]]] = [
        (None, action.context, request.context)
    ]
    records += [
        (uid, schema.entities[uid.type].attrs, entity.attrs)
        for uid, entity in request.entities.items()
        if uid.type in schema.entities
    ]
    for owner, type_, attrs in records:
        for name, (inner, required) in type_.fields.items():
            if required or name in attrs:
                continue
            plain = plain_value(inner, schema, 9001)
            for value in [plain, *(one for one in values if type(one) is type(plain))]:
                changed = deepcopy(request)
                into = changed.context if owner is None else changed.entities[owner].attrs
                into[name] = value
                if not shows(changed):
                    yield owner, name
                    break


def _sentence(
    request: ConcreteRequest,
    facts: Mapping[EntityUid | None, list[str]],
    named: Collection[object],
) -> str:
    who = _party(request.principal, facts, named)
    what = action_words(request.action)
    if request.resource == request.principal:
        text = f"{who} → {what} on itself"
    else:
        text = f"{who} → {what} on {_party(request.resource, facts, named)}"
    if None in facts:
        text += f"; context {', '.join(facts[None])}"
    for uid, words in facts.items():
        if uid is not None and uid not in {request.principal, request.resource}:
            text += f"; {named_entity(uid)}: {', '.join(words)}"
    return text


def _party(
    uid: EntityUid, facts: Mapping[EntityUid | None, list[str]], named: Collection[object]
) -> str:
    words = list(facts.get(uid, ()))
    if uid in named:
        party = named_entity(uid)
    else:
        party = f"{'an' if uid.type[0] in 'AEIOaeio' else 'a'} {uid.type}"
    if words and words[0].startswith("in "):
        party += f" {words.pop(0)}"
    return ", ".join([party, *words])


def _entity(uid: EntityUid, request: ConcreteRequest, named: Collection[object]) -> str:
    parties = {request.principal: "the principal", request.resource: "the resource"}
    if uid in parties:
        return parties[uid]
    if uid in named:
        return named_entity(uid)
    return f"another {uid.type}"


def named_entity(uid: EntityUid) -> str:
    """``Group support``; an id that is no word stands in quotes."""
    return f"{uid.type} {_text(uid.id)}"


def _text(text: str) -> str:
    plain = text and all(sign.isalnum() or sign in "-_.:/@" for sign in text)
    return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _value(value: Any, request: ConcreteRequest, named: Collection[object]) -> str:
    if isinstance(value, EntityUid):
        return _entity(value, request, named)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return f"[{', '.join(_value(one, request, named) for one in value)}]"
    if isinstance(value, dict):
        inner = [f"{name} {_value(one, request, named)}" for name, one in value.items()]
        return f"({', '.join(inner)})"
    return str(getattr(value, "text", value))
