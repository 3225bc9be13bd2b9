"""Whether a request fits a Cedar schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.decisions.held_entities import entities_text
from authz_lib.entities import canonical_json
from authz_lib.entities.wire import shape_of
from authz_lib.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authz_lib.decisions.request import Question
    from authz_lib.entities import Entity

__all__ = ["RequestSchema"]


class RequestSchema:
    """Validates requests, and decides nothing.

    Cedar sees the shape of a request only, in which no text means anything (`shape_of`).  What
    decides sees the values, and no schema: it reads each as the type that it has in Python.
    """

    __slots__ = ("_cedarpy", "_held", "_no_policies", "_schema")

    def __init__(self, cedarpy: Any, schema: Any, held: Any) -> None:
        self._cedarpy = cedarpy
        self._schema = schema
        self._held = held
        self._no_policies = cedarpy.PolicySet.from_str("")

    def check(self, request: dict[str, Any], question: Question, given: Iterable[Entity]) -> None:
        """Refuse what does not fit.

        Args:
            request: as cedarpy takes it.
            question: whose context is checked.
            given: the question's entities that the engine does not hold.

        Raises:
            InvalidRequestError: an id, the context or an entity does not fit the schema.
        """
        shape = request | {"context": canonical_json(shape_of(question.context))}
        delta = entities_text([entity.shape() for entity in given])
        try:
            entities = self._held.with_added_json_str(delta, self._schema)
            result = self._cedarpy.is_authorized(shape, self._no_policies, entities, self._schema)
            fits = result.decision is self._cedarpy.Decision.Deny
        except (ValueError, KeyError):  # its text repeats the entities, and goes nowhere
            fits = False
        if not fits:
            raise InvalidRequestError(
                "the request, its context or its entities do not fit the schema"
            )
