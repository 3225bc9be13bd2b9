"""The entities that an embedded engine holds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from authz_lib._support.strict_json import StrictJSONError, require_shallow
from authz_lib.decisions.slicing import uid_of
from authz_lib.entities import Entity
from authz_lib.entities.hierarchy import MAX_HIERARCHY_DEPTH, is_too_deep
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.decisions.slicing import Uid

__all__ = ["entities_text", "hold_entities"]


def entities_text(entities: Iterable[Entity]) -> str:
    """Cedar JSON text of entities."""
    return f"[{','.join([entity.canonical_text for entity in entities])}]"


def hold_entities(
    cedarpy: Any, entities: Iterable[Entity] | str, schema: Any, where: str | None
) -> Any:
    """The handle of cedarpy for the entities that an engine holds, and the schema's actions.

    `Entity` values keep the types that they have.  Text is Cedar's JSON, of the operator's own:
    with a schema Cedar also reads its implicit forms.

    Raises:
        ConfigurationError: they do not parse, or do not fit the schema; the message has the file,
            and which one it is.
    """
    if isinstance(entities, str):
        _check_depth(_parents(entities), where)
        # With the schema: without it, the engine would lose the schema's action groups.
        return _parse(cedarpy, entities, schema, where)
    given = _entities(entities)
    _check_depth({entity.uid: entity.parents for entity in given}, where)
    if schema is not None:
        _parse(cedarpy, entities_text([entity.shape() for entity in given]), schema, where)
    actions = cedarpy.Entities.from_json_str("[]", schema)
    try:
        return actions.with_added_json_str(entities_text(given))
    except ValueError:  # two with one id
        raise ConfigurationError("`entities` do not parse, or do not fit the schema") from None


def _entities(entities: object) -> tuple[Entity, ...]:
    listed = tuple(entities) if isinstance(entities, Iterable) else ()
    given = tuple([entity for entity in listed if isinstance(entity, Entity)])
    if not isinstance(entities, Iterable) or len(given) < len(listed):
        raise ConfigurationError("`entities` must be `Entity` values, or Cedar JSON text")
    return given


def _parse(cedarpy: Any, text: str, schema: Any, where: str | None) -> Any:
    try:
        return cedarpy.Entities.from_json_str(text, schema)
    except ValueError:
        file, problem = (
            "" if where is None else f"{where}: ",
            _entities_problem(cedarpy, text, schema),
        )
        raise ConfigurationError(
            f"{file}`entities` do not parse, or do not fit the schema{problem}"
        ) from None


def _check_depth(parents: Mapping[Any, Iterable[Any]], where: str | None) -> None:
    if is_too_deep(parents):
        file = "" if where is None else f"{where}: "
        raise ConfigurationError(
            f"{file}`entities` holds more than {MAX_HIERARCHY_DEPTH} entities that stand in one "
            "another"
        )


def _parents(text: str) -> dict[Uid, list[Uid]]:
    """The parents of each entity of a text; what else is wrong with it, Cedar says.

    Raises:
        ConfigurationError: it is nested too deeply.
    """
    try:
        require_shallow(text.encode(errors="replace"))
    except StrictJSONError as error:
        raise ConfigurationError(f"`entities` are {error}") from None
    try:
        documents = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    parents: dict[Uid, list[Uid]] = {}
    for document in documents if isinstance(documents, list) else []:
        with suppress(KeyError, TypeError, AttributeError):
            above = [_texts(uid_of(parent)) for parent in document.get("parents", ())]
            parents.setdefault(_texts(uid_of(document["uid"])), []).extend(above)
    return parents


def _texts(uid: tuple[object, object]) -> Uid:
    return str(uid[0]), str(uid[1])


def _entities_problem(cedarpy: Any, text: str, schema: Any) -> str:
    """Which one of them it is: Cedar's own text does not say."""
    try:
        documents = json.loads(text)
    except json.JSONDecodeError as error:
        return f": line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError):
        return ""
    for number, document in enumerate(documents if isinstance(documents, list) else [], start=1):
        try:
            cedarpy.Entities.from_json_str(json.dumps([document]), schema)
        except (ValueError, RecursionError):
            return f": entity {number} of {len(documents)}"
    return ""
