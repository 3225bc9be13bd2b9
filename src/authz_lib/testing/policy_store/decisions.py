"""The evaluator of the local policy stores: Cedar, with all policies of one store."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from authz_lib._support.strict_json import loads_document
from authz_lib.decisions.cedar_text import load_cedarpy, parse_schema
from authz_lib.entities import (
    Entity,
    EntityUid,
    canonical_json,
    value_from_avp,
    value_from_cedar_json,
)
from authz_lib.entities.hierarchy import is_too_deep
from authz_lib.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["AuthorizationRecord", "Evaluator", "context_from", "entities_from", "uid_from"]

cedarpy = load_cedarpy()


@dataclass(frozen=True, slots=True)
class AuthorizationRecord:
    """One decision of the local endpoint."""

    operation: str
    policy_store_id: str
    principal: str
    action: str
    resource: str
    decision: str
    determining_policies: tuple[str, ...]
    errors: tuple[str, ...] = field(default=(), repr=False)


class Evaluator:
    """One version of a store: its policies, and the actions of its schema."""

    def __init__(self, policy_set: dict[str, Any], schema: str | None) -> None:
        self._policies = cedarpy.PolicySet.from_json_str(json.dumps(policy_set))
        self._base = cedarpy.Entities.from_json_str(
            "[]", None if schema is None else parse_schema(schema)
        )

    def decide(
        self,
        principal: EntityUid,
        action: EntityUid,
        resource: EntityUid,
        context: str,
        entities: Iterable[Entity],
    ) -> tuple[str, list[str], list[str]]:
        """``ALLOW`` or ``DENY``, the determining policies, the evaluation errors.

        Raises:
            ValueError: Cedar refuses the request.
        """
        given = self._base.with_added_json_str(
            f"[{','.join(entity.canonical_text for entity in entities)}]"
        )
        request = {
            "principal": {"type": principal.type, "id": principal.id},
            "action": {"type": action.type, "id": action.id},
            "resource": {"type": resource.type, "id": resource.id},
            "context": context,
        }
        result = cedarpy.is_authorized(request, self._policies, given)
        if result.decision == cedarpy.Decision.NoDecision:
            raise ValueError("the request does not fit")
        return (
            result.decision.name.upper(),
            sorted(result.diagnostics.reasons),
            sorted(result.diagnostics.errors),
        )


def uid_from(document: Mapping[str, Any], kind: str = "entity") -> EntityUid:
    """The id of an ``EntityIdentifier`` or an ``ActionIdentifier``."""
    return EntityUid(document[f"{kind}Type"], document[f"{kind}Id"])


def context_from(document: Mapping[str, Any], token: Mapping[str, Any] | None) -> str:
    """A context as Cedar JSON text."""
    if "cedarJson" in document:
        values = dict(value_from_cedar_json(loads_document(document["cedarJson"].encode())))
    else:
        values = dict(value_from_avp({"record": document.get("contextMap", {})}))
    if token is not None:
        values["token"] = token
    return canonical_json(Entity(EntityUid("Context", "c"), attrs=values).attrs)


def entities_from(document: Mapping[str, Any]) -> dict[EntityUid, Entity]:
    """Entities by id: of several with one id, the service takes the last."""
    if "cedarJson" in document:
        documents = loads_document(document["cedarJson"].encode())
        listed = [Entity.from_cedar_json(item) for item in documents]
    else:
        listed = [Entity.from_avp(item) for item in document.get("entityList", [])]
    if any(entity.uid.type.rpartition("::")[2] == "Action" for entity in listed):
        raise InvalidRequestError("no actions", field="entities")
    if is_too_deep({entity.uid: entity.parents for entity in listed}):
        raise InvalidRequestError("too long a chain", field="entities")
    return {entity.uid: entity for entity in listed}
