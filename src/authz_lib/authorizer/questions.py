"""What the authorizer asks a decision point, put into words once per caller and route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeGuard

from authz_lib._support.memo import WeighedMemo
from authz_lib.decisions.point import DecisionPoint
from authz_lib.decisions.request import AuthorizationRequest
from authz_lib.decisions.vocabulary import Vocabulary
from authz_lib.entities import EntityUid
from authz_lib.entities.entity import memory_of_callers
from authz_lib.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from authz_lib.actions import ActionEntry
    from authz_lib.authorizer.callers import Caller
    from authz_lib.decisions.request import Decision, Question
    from authz_lib.principal import CallerKey, Principal

__all__ = ["Decisions", "Questions"]

# Verified Permissions takes 100 entities of the principal's side in a batch: the caller and 99
# groups.  Held for every engine and every call, so that an answer does not change with either.
_MAX_GROUPS = 99
_NO_CONTEXT: Mapping[str, str] = {}
_MAX_BYTES = 4 * 1024 * 1024
_QUESTION_BYTES = 1000


def _memory_of(question: Question) -> int:
    return _QUESTION_BYTES + memory_of_callers(question.entities)


class Decisions(Protocol):
    """What the authorizer needs of a decision point."""

    def is_authorized(self, request: AuthorizationRequest) -> Decision:
        """The decision for one request."""
        ...

    def batch_is_authorized(self, requests: Sequence[AuthorizationRequest]) -> Sequence[Decision]:
        """The decisions for several requests, in their order."""
        ...


class Questions:
    """Asks a decision point about a caller and a line of the action map.

    What is remembered is the question, never its answer.  Bound: 1,024 questions in 4 MiB of
    memory, and as many callers and routes to make new ones from; the oldest goes first.

    Args:
        decisions: who is asked.
        application: the resource of actions that are on no particular one.
    """

    __slots__ = ("_about", "_application", "_asked", "_decisions", "_point")

    def __init__(self, decisions: Decisions, application: EntityUid | None) -> None:
        self._decisions = decisions
        self._application = application
        self._point = decisions if _is_plain(decisions) else None
        # The lines of the map live as long as this, so their identity tells them apart.
        self._asked: WeighedMemo[tuple[CallerKey, int, str | None], Question] = WeighedMemo(
            max_entries=1024, max_weight=_MAX_BYTES
        )
        self._about: WeighedMemo[tuple[CallerKey, int], Question] = WeighedMemo(
            max_entries=1024, max_weight=_MAX_BYTES
        )

    def decide(
        self,
        caller: Caller,
        entry: ActionEntry,
        resource_id: str | None,
        context: Mapping[str, str] | None = None,
    ) -> Decision:
        """The decision point's answer.

        Raises:
            InvalidRequestError: the request breaks a limit of the decision point.
            DependencyError: it could not be asked.
        """
        point = self._point
        if point is None or context is not None or caller.key is None:
            request = self.request(caller.principal, entry, resource_id, context)
            return self._decisions.is_authorized(request)
        key = (caller.key, id(entry), resource_id)
        question = self._asked.get(key)
        if question is None:
            question = self._question(point, caller.principal, entry, resource_id, key[:2])
            self._asked.put(key, question, weight=_memory_of(question))
        expires_at = caller.principal.expires_at
        return point.answer(
            question if question.expires_at == expires_at else question.until(expires_at)
        )

    def _question(
        self,
        point: DecisionPoint,
        principal: Principal,
        entry: ActionEntry,
        resource_id: str | None,
        key: tuple[CallerKey, int],
    ) -> Question:
        """A question that differs from an earlier one in nothing but the resource's id."""
        known = self._about.get(key)
        resource = self._resource(entry, resource_id)
        if known is not None:
            question = known.about(resource)
        else:
            _check_groups(principal)
            question = point.vocabulary.caller_question(principal, entry.action, resource, key[0])
            if entry.resource_id_label is not None:
                self._about.put(key, question, weight=_memory_of(question))
        point.check(question)
        return question

    def request(
        self,
        principal: Principal,
        entry: ActionEntry,
        resource_id: str | None,
        context: Mapping[str, str] | None = None,
    ) -> AuthorizationRequest:
        """The request that stands for a line of the map."""
        _check_groups(principal)
        return AuthorizationRequest(
            principal,
            entry.action,
            self._resource(entry, resource_id),
            _NO_CONTEXT if context is None else context,
            (),
            principal.expires_at,
        )

    def _resource(self, entry: ActionEntry, resource_id: str | None) -> EntityUid:
        if entry.resource_id_label is None or entry.resource_type is None:
            if self._application is None:  # construction has refused this
                raise InvalidRequestError("there is no `application`", field="resource")
            return self._application
        if not resource_id:
            raise InvalidRequestError(
                "the path holds no id for the resource", field="resource.entityId"
            )
        return EntityUid(entry.resource_type, resource_id)


def _check_groups(principal: Principal) -> None:
    if len(principal.groups) > _MAX_GROUPS:
        raise InvalidRequestError(
            f"the principal has more than {_MAX_GROUPS} groups", field="principal.groups"
        )


def _is_plain(decisions: object) -> TypeGuard[DecisionPoint]:
    """Whether a question may be resolved once and asked often.

    It may not where somebody's own `is_authorized` or `resolve` adds to it.
    """
    if not isinstance(decisions, DecisionPoint) or type(decisions.vocabulary) is not Vocabulary:
        return False
    plain = (
        ("is_authorized", DecisionPoint.is_authorized),
        ("resolve", DecisionPoint.resolve),
    )
    return all(
        getattr(getattr(decisions, name), "__func__", None) is function for name, function in plain
    )
