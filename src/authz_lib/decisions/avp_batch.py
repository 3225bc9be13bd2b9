"""Many questions become few batch calls, and no question's entities change another's answer.

A batch call has one principal or one resource, at most 30 questions, and one list of entities for
all of them.  A policy can read any entity by its id, so a question would see what others brought.
So questions share a call only if they bring the same entities.  One that has no attributes, parents
and tags does not count: a policy cannot tell it from none.

Where no condition names an entity by its id, a policy reads only what a question leads it to.  Then
questions may bring principals and resources of their own as well, unless one of them brings an
entity that another

- brings with other attributes, parents or tags, or
- refers to and does not bring.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from authz_lib.entities import EntityUid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from authz_lib.decisions.request import Question
    from authz_lib.entities import Entity

__all__ = ["MAX_BATCH", "MAX_CALLER_ENTITIES", "MAX_OTHER_ENTITIES", "Chunk", "plan"]

MAX_BATCH = 30
MAX_CALLER_ENTITIES = 100
MAX_OTHER_ENTITIES = 100


class Chunk:
    """Questions of one call, and the entities of all of them."""

    __slots__ = ("_callers", "_mentions", "entities", "numbers")

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.entities: dict[EntityUid, Entity] = {}
        self._callers: set[EntityUid] = set()
        # Ids that some question refers to and does not bring.
        self._mentions: set[EntityUid] = set()

    def take(self, number: int, question: Question) -> bool:
        """Add the question if it fits."""
        own = {entity.uid: entity for entity in question.entities}
        mentions = _mentions(question) - own.keys()
        callers = self._callers | {
            entity.uid for entity in question.entities[: question.caller_entities]
        }
        if self.numbers and not self._fits(own, mentions, callers):
            return False
        self.numbers.append(number)
        self.entities |= own
        self._mentions |= mentions
        self._callers = callers
        return True

    def _fits(
        self, own: Mapping[EntityUid, Entity], mentions: set[EntityUid], callers: set[EntityUid]
    ) -> bool:
        if len(self.numbers) >= MAX_BATCH or len(callers) > MAX_CALLER_ENTITIES:
            return False
        if len((self.entities.keys() | own.keys()) - callers) > MAX_OTHER_ENTITIES:
            return False
        fresh = {uid: entity for uid, entity in own.items() if self.entities.get(uid) is not entity}
        if any(
            uid in self.entities and self.entities[uid] != entity for uid, entity in fresh.items()
        ):
            return False
        new = fresh.keys() - self.entities.keys()
        return self._mentions.isdisjoint(new) and mentions.isdisjoint(self.entities.keys())


def plan(questions: Sequence[Question], *, ids_in_conditions: bool = True) -> list[Chunk]:
    """The calls that ask all questions: of one principal each, or of one resource, as is fewer.

    Args:
        questions: that are asked.
        ids_in_conditions: whether a condition of a policy may name an entity by its id.
    """
    seen = [_seen_by_all(question, ids_in_conditions) for question in questions]
    callers = [
        (question.principal, question.access_token, question.identity_token)
        for question in questions
    ]
    by_principal = list(_chunks(questions, list(zip(callers, seen, strict=True))))
    if len(by_principal) <= -(-len(questions) // MAX_BATCH) or any(
        caller[0] is None for caller in callers
    ):
        return by_principal
    resources = [question.resource for question in questions]
    by_resource = list(_chunks(questions, list(zip(resources, seen, strict=True))))
    return min(by_principal, by_resource, key=len)


def _seen_by_all(question: Question, ids_in_conditions: bool) -> tuple[str, frozenset[Entity]]:
    """What must be the same in all questions of a call: the resource's type, and the entities."""
    resource_type, others = "", []
    for entity in question.entities:
        if not (entity.attrs or entity.parents or entity.tags):
            continue
        if ids_in_conditions:
            others.append(entity)
        elif entity.uid == question.resource:
            resource_type = entity.uid.type
        elif entity.uid != question.principal:
            others.append(entity)
    return resource_type, frozenset(others)


def _chunks(questions: Sequence[Question], keys: Sequence[object]) -> Iterator[Chunk]:
    groups: dict[object, list[int]] = {}
    for number, key in enumerate(keys):
        groups.setdefault(key, []).append(number)
    for numbers in groups.values():
        chunk = Chunk()
        for number in numbers:
            if not chunk.take(number, questions[number]):
                yield chunk
                chunk = Chunk()
                chunk.take(number, questions[number])
        yield chunk


def _mentions(question: Question) -> set[EntityUid]:
    found = {question.resource} | ({question.principal} if question.principal else set())
    _collect(question.context.values(), found)
    for entity in question.entities:
        found.update(entity.parents)
        _collect(entity.attrs.values(), found)
        _collect(entity.tags.values(), found)
    return found


def _collect(values: Iterable[Any], found: set[EntityUid]) -> None:
    for value in values:
        kind = type(value)
        if kind is EntityUid:
            found.add(value)
        elif kind is tuple:
            _collect(value, found)
        elif kind is MappingProxyType:
            _collect(value.values(), found)
