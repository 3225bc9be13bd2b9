"""The entities that an embedded engine holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authz_lib.entities import Entity

__all__ = ["entities_text", "parse_entities"]


def entities_text(entities: Iterable[Entity]) -> str:
    """Cedar JSON text of entities.

    Raises:
        ConfigurationError: one is no `Entity`.
    """
    try:
        return f"[{','.join([entity.canonical_text for entity in entities])}]"
    except (TypeError, AttributeError):
        raise ConfigurationError("`entities` must be `Entity` values, or Cedar JSON text") from None


def parse_entities(cedarpy: Any, text: str, schema: Any, where: str | None) -> Any:
    """The handle of cedarpy for the entities that an engine holds.

    Raises:
        ConfigurationError: they do not parse, or do not fit the schema; the message has the file,
            and which one it is.
    """
    try:
        # With the schema: without it, the engine would lose the schema's action groups.
        return cedarpy.Entities.from_json_str(text, schema)
    except ValueError:
        file, problem = (
            "" if where is None else f"{where}: ",
            _entities_problem(cedarpy, text, schema),
        )
        raise ConfigurationError(
            f"{file}`entities` do not parse, or do not fit the schema{problem}"
        ) from None


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
