"""What is known of a question but its resource: the policies, the entities, and Cedar to ask."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authz_lib.decisions.known_entities import KnownEntities, facts_of_documents, facts_of_entities
from authz_lib.decisions.partial_values import UntranslatableError
from authz_lib.decisions.resource_shape import read_resource_shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.decisions.known_entities import EntityMap
    from authz_lib.decisions.request import Question
    from authz_lib.decisions.resource_shape import ResourceShape
    from authz_lib.decisions.sliced_policies import PolicyStatement, SlicedPolicies
    from authz_lib.entities import EntityUid

__all__ = ["KnownRequest", "WhatIsHeld"]


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """A question whose resource is any one of a type.

    Attributes:
        question: with a resource of the type.
        principal: who asks.
        document: the question as cedarpy takes it.
        statements: every policy that can matter.
        entities: the held ones, the caller and those of the question.
        shapes: every entity type of the schema; empty without a schema.
        validates: whether the engine refuses what does not fit the schema.
    """

    question: Question
    principal: EntityUid
    document: dict[str, Any]
    statements: tuple[PolicyStatement, ...]
    entities: KnownEntities
    shapes: Mapping[str, ResourceShape]
    validates: bool
    _cedarpy: Any
    _handle: Any

    def ask(self, expression: Any) -> bool | None:
        """Cedar's answer to an expression that does not read the resource; `None` where it errs.

        Raises:
            UntranslatableError: Cedar does not read it.
        """
        policy = {
            "effect": "permit",
            **{role: {"op": "All"} for role in ("principal", "action", "resource")},
            "conditions": [{"kind": "when", "body": expression}],
        }
        document = {"staticPolicies": {"asked": policy}, "templates": {}, "templateLinks": []}
        try:
            policies = self._cedarpy.PolicySet.from_json_str(json.dumps(document))
        except ValueError:
            raise UntranslatableError("it is nested too deeply") from None
        result = self._cedarpy.is_authorized(self.document, policies, self._handle)
        if result.diagnostics.errors:
            return None
        return bool(result.decision is self._cedarpy.Decision.Allow)


class WhatIsHeld:
    """The schema and the entities of an engine, read when they are first needed."""

    def __init__(self, cedarpy: Any, schema: Any, held: Any) -> None:
        self._cedarpy = cedarpy
        self._schema = schema
        self._held = held
        self._made_shapes: Mapping[str, ResourceShape] | None = None
        self._made_facts: EntityMap | None = None

    # No `cached_property`: its lock does not survive a fork.
    @property
    def _shapes(self) -> Mapping[str, ResourceShape]:
        if self._made_shapes is None:
            self._made_shapes = {} if self._schema is None else read_resource_shapes(self._schema)
        return self._made_shapes

    @property
    def _facts(self) -> EntityMap:
        if self._made_facts is None:
            self._made_facts = facts_of_documents(json.loads(str(self._held)))
        return self._made_facts

    def request(self, question: Question, policies: SlicedPolicies, handle: Any) -> KnownRequest:
        """What is known of a question.

        Args:
            question: with a principal.
            policies: the engine's.
            handle: the question's entities and the held ones, as cedarpy takes them.
        """
        principal, action, resource = question.principal, question.action, question.resource
        if principal is None:
            raise UntranslatableError("a token says who asks")
        # The groups of the caller stand after the caller.  They are bare: to a policy, they read
        # as if they were not there.
        given = (*question.entities[:1], *question.entities[max(1, question.caller_entities) :])
        return KnownRequest(
            question,
            principal,
            {
                "principal": {"type": principal.type, "id": principal.id},
                "action": {"type": action.type, "id": action.id},
                "resource": {"type": resource.type, "id": resource.id},
                "context": question.context_text,
            },
            policies.statements(
                (principal.type, principal.id), (action.type, action.id), resource.type
            ),
            KnownEntities(facts_of_entities(given), self._facts),
            self._shapes,
            False,
            self._cedarpy,
            handle,
        )
