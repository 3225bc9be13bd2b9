"""The entities that are known while one resource is not: what they hold and what they are in."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from authz_lib.decisions.slicing import uid_of
from authz_lib.entities import value_from_cedar_json
from authz_lib.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from authz_lib.decisions.slicing import Uid
    from authz_lib.entities import Entity

__all__ = ["UNREAD", "EntityFacts", "KnownEntities", "facts_of_documents", "facts_of_entities"]


class _Unread:
    """Stands for a value that only Cedar itself reads, such as an address or a date."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<a value that Cedar reads>"


UNREAD = _Unread()


class EntityFacts(NamedTuple):
    """What is known of one entity: frozen values, and its direct parents."""

    attrs: Mapping[str, Any]
    tags: Mapping[str, Any]
    parents: tuple[Uid, ...]


class EntityMap:
    """Entities by id, by type and by what is directly in them."""

    __slots__ = ("by_type", "children", "facts")

    def __init__(self, facts: Mapping[Uid, EntityFacts]) -> None:
        self.facts = facts
        self.by_type: defaultdict[str, list[Uid]] = defaultdict(list)
        self.children: defaultdict[Uid, list[Uid]] = defaultdict(list)
        for uid, one in facts.items():
            self.by_type[uid[0]].append(uid)
            for parent in one.parents:
                self.children[parent].append(uid)


class KnownEntities:
    """Several maps of entities as one; an id stands in one of them only."""

    __slots__ = ("_above", "_maps")

    def __init__(self, *maps: EntityMap) -> None:
        self._maps = maps
        self._above: dict[Uid, frozenset[Uid]] = {}

    def get(self, uid: Uid) -> EntityFacts | None:
        """What is known of an entity."""
        return next((one.facts[uid] for one in self._maps if uid in one.facts), None)

    def of_type(self, entity_type: str) -> Iterator[Uid]:
        """The known entities of a type."""
        for one in self._maps:
            yield from one.by_type.get(entity_type, ())

    def above(self, uid: Uid) -> frozenset[Uid]:
        """All that an entity is in, at any distance; not itself."""
        found = self._above.get(uid)
        if found is None:
            found = self._above[uid] = self._reached(uid, self._parents)
        return found

    def below(self, uid: Uid) -> frozenset[Uid]:
        """All known entities that are in one, at any distance; not itself."""
        return self._reached(uid, self._children)

    def _parents(self, uid: Uid) -> Iterable[Uid]:
        facts = self.get(uid)
        return facts.parents if facts else ()

    def _children(self, uid: Uid) -> Iterable[Uid]:
        for one in self._maps:
            yield from one.children.get(uid, ())

    @staticmethod
    def _reached(uid: Uid, step: Any) -> frozenset[Uid]:
        found: set[Uid] = set()
        pending = [*step(uid)]
        while pending:
            other = pending.pop()
            if other not in found:
                found.add(other)
                pending.extend(step(other))
        return frozenset(found)


def facts_of_entities(entities: Iterable[Entity]) -> EntityMap:
    """The facts of entities that a request brings."""
    return EntityMap(
        {
            (entity.uid.type, entity.uid.id): EntityFacts(
                entity.attrs,
                entity.tags,
                tuple((parent.type, parent.id) for parent in entity.parents),
            )
            for entity in entities
        }
    )


def facts_of_documents(documents: Iterable[Mapping[str, Any]]) -> EntityMap:
    """The facts of entities that an engine holds, as Cedar writes them."""
    return EntityMap(
        {
            uid_of(document["uid"]): EntityFacts(
                _values(document.get("attrs", {})),
                _values(document.get("tags", {})),
                tuple(uid_of(parent) for parent in document.get("parents", ())),
            )
            for document in documents
        }
    )


def _values(documents: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: _value(document) for name, document in documents.items()}


def _value(document: Any) -> Any:
    try:
        return value_from_cedar_json(document)
    except InvalidRequestError:  # such as a date that was moved, which Cedar writes as a call
        return UNREAD
