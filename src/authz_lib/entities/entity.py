"""A Cedar entity."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from authz_lib.entities.uid import EntityUid
from authz_lib.entities.values import EMPTY_RECORD, freeze_record
from authz_lib.entities.wire import (
    JSONValue,
    record_text,
    shape_of,
    uid_from_document,
    uid_text,
    uid_to_avp,
    value_from_avp,
    value_from_cedar_json,
    value_to_avp,
)
from authz_lib.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Entity", "memory_of_callers"]


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Entity:
    """A Cedar entity: what a policy may read about a principal, a resource or what they refer to.

    Its parts are frozen when it is built.  So it can be sent, remembered and compared as it is.

    Args:
        uid: its id.
        attrs: its attributes.
        parents: the entities that it is directly in: groups, folders, tenants.
        tags: its tags, read by ``getTag`` in a policy.

    Raises:
        InvalidRequestError: a part has no Cedar value; see the table at the top of
            ``authz_lib.entities``.

    >>> alice, order = EntityUid("User", "alice"), EntityUid("Order", "o-1")
    >>> entity = Entity(order, attrs={"owner": alice, "total": 12})
    >>> entity.attrs["total"]
    12
    """

    uid: EntityUid
    attrs: Mapping[str, Any]
    parents: tuple[EntityUid, ...]
    tags: Mapping[str, Any]
    _text: str | None = field(init=False, repr=False)

    def __init__(
        self,
        uid: EntityUid,
        *,
        attrs: Mapping[str, Any] = EMPTY_RECORD,
        parents: Iterable[EntityUid] = (),
        tags: Mapping[str, Any] = EMPTY_RECORD,
    ) -> None:
        if type(uid) is not EntityUid:
            raise _no_uid("uid")
        _set_uid(self, uid)
        _set_attrs(self, freeze_record(attrs, where="attrs"))
        _set_tags(self, freeze_record(tags, where="tags"))
        listed = tuple(parents)
        for parent in listed:
            if type(parent) is not EntityUid:
                raise _no_uid("parents")
        _set_parents(self, listed if len(listed) < 2 else tuple(dict.fromkeys(listed)))
        _set_text(self, None)

    def __repr__(self) -> str:
        return f"<Entity {self.uid.type} attrs={len(self.attrs)} tags={len(self.tags)}>"

    def __eq__(self, other: object) -> bool:
        return (
            self.canonical_text == other.canonical_text
            if isinstance(other, Entity)
            else NotImplemented
        )

    def __hash__(self) -> int:
        return hash(self.uid)

    def __reduce__(self) -> tuple[Any, ...]:  # a mappingproxy does not pickle
        return type(self).from_cedar_json, (self.to_cedar_json(),)

    @property
    def canonical_text(self) -> str:
        """The entity as Cedar JSON text, the same for equal entities; made once and remembered."""
        if self._text is None:
            parents = ",".join(sorted([uid_text(parent) for parent in self.parents]))
            tags = f',"tags":{record_text(self.tags)}' if self.tags else ""
            attrs = record_text(self.attrs)
            text = f'{{"attrs":{attrs},"parents":[{parents}]{tags},"uid":{uid_text(self.uid)}}}'
            _set_text(self, text)
            return text
        return self._text

    def to_cedar_json(self) -> dict[str, Any]:
        """The entity in Cedar's JSON format.

        >>> Entity(EntityUid("User", "a")).to_cedar_json()
        {'attrs': {}, 'parents': [], 'uid': {'id': 'a', 'type': 'User'}}
        """
        document: dict[str, Any] = json.loads(self.canonical_text)
        return document

    def shape(self) -> Entity:
        """The same entity with other texts, see `authz_lib.entities.wire.shape_of`."""
        return Entity(
            self.uid, attrs=shape_of(self.attrs), parents=self.parents, tags=shape_of(self.tags)
        )

    @classmethod
    def from_cedar_json(cls, document: JSONValue) -> Entity:
        """The entity of a Cedar JSON document (explicit forms only, see `value_from_cedar_json`).

        Raises:
            InvalidRequestError: it is no entity.

        >>> uid = {"type": "User", "id": "a"}
        >>> Entity.from_cedar_json({"uid": uid, "attrs": {}, "parents": []}).uid.id
        'a'
        """
        if type(document) is not dict or not {"uid"} <= document.keys() <= {
            "uid",
            "attrs",
            "parents",
            "tags",
        }:
            raise InvalidRequestError("`entity`: not a Cedar JSON entity", field="entity")
        listed, records = (
            document.get("parents", []),
            [document.get(name, {}) for name in ("attrs", "tags")],
        )
        if not isinstance(listed, list | tuple) or not all(type(one) is dict for one in records):
            raise InvalidRequestError("`entity`: not a Cedar JSON entity", field="entity")
        attrs, tags = map(value_from_cedar_json, records)
        parents = [uid_from_document(_bare(parent), ("type", "id")) for parent in listed]
        return cls(
            uid_from_document(_bare(document["uid"]), ("type", "id")),
            attrs=attrs,
            parents=parents,
            tags=tags,
        )

    def to_avp(self) -> dict[str, Any]:
        """The entity as an ``EntityItem`` of Verified Permissions; empty parts are left out.

        >>> Entity(EntityUid("User", "a"), attrs={"n": 1}).to_avp()
        {'identifier': {'entityType': 'User', 'entityId': 'a'}, 'attributes': {'n': {'long': 1}}}
        """
        item: dict[str, Any] = {"identifier": uid_to_avp(self.uid)}
        if self.attrs:
            item["attributes"] = {name: value_to_avp(value) for name, value in self.attrs.items()}
        if self.parents:
            item["parents"] = [uid_to_avp(parent) for parent in self.parents]
        if self.tags:
            item["tags"] = {name: value_to_avp(value) for name, value in self.tags.items()}
        return item

    @classmethod
    def from_avp(cls, item: Mapping[str, Any]) -> Entity:
        """The entity that an ``EntityItem`` holds.

        Raises:
            InvalidRequestError: it holds no entity.

        >>> item = {"identifier": {"entityType": "User", "entityId": "a"}}
        >>> Entity.from_avp(item).uid.id
        'a'
        """
        names = ("entityType", "entityId")
        return cls(
            uid_from_document(item.get("identifier"), names),
            attrs={
                name: value_from_avp(value) for name, value in item.get("attributes", {}).items()
            },
            parents=[uid_from_document(parent, names) for parent in item.get("parents", [])],
            tags={name: value_from_avp(value) for name, value in item.get("tags", {}).items()},
        )


# The slots' own setters take half the time of the `object.__setattr__` of a generated `__init__`.
_set_uid, _set_attrs, _set_parents, _set_tags, _set_text = (
    vars(Entity)[member.name].__set__ for member in fields(Entity)
)


def _bare(document: JSONValue) -> JSONValue:
    """An entity id may be written as it is or inside ``__entity``."""
    return (
        document["__entity"]
        if type(document) is dict and document.keys() == {"__entity"}
        else document
    )


def _no_uid(name: str) -> InvalidRequestError:
    return InvalidRequestError(f"`{name}` must be of `EntityUid`", field=name)


def memory_of_callers(entities: Iterable[Entity]) -> int:
    """About the bytes of memory that a caller and its groups take, with the text made of them.

    >>> memory_of_callers([Entity(EntityUid("User", "alice"))])
    720
    """
    memory = 0
    for entity in entities:
        memory += 700 + 4 * len(entity.uid.id)
    return memory
