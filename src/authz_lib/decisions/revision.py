"""The revision of an embedded engine: a digest of all that its answers depend on."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from authz_lib.decisions.slicing import uid_of

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["content_digest"]


def content_digest(
    policies: Iterable[str], schema: str | None, entities: Iterable[dict[str, Any]]
) -> str:
    """The same for the same policies, links, schema and held entities, in whatever order.

    Args:
        policies: each policy or link with its id.
        schema: its text.
        entities: the held ones as Cedar writes them.
    """
    digest = blake2b(digest_size=16)
    for text in (*sorted(policies), schema or "", *sorted(map(_entity_text, entities))):
        digest.update(f"{len(text)}\n{text}\n".encode())
    return digest.hexdigest()


def _entity_text(entity: dict[str, Any]) -> str:
    return json.dumps(entity | {"parents": sorted(map(uid_of, entity["parents"]))}, sort_keys=True)
