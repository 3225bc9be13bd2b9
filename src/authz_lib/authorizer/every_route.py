"""One policy for all that a caller may do, where the gateway replays it on every route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.authorizer.answers import EveryRouteAnswers
from authz_lib.authorizer.cache_key import require_no_resource_policy
from authz_lib.authorizer.route_policies import PolicyResources, RoutePolicies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.actions import ActionEntry, ActionMap
    from authz_lib.authorizer.callers import Caller
    from authz_lib.authorizer.gateway_cache import GatewayCache
    from authz_lib.authorizer.questions import Decisions, Questions
    from authz_lib.decisions.request import AuthorizationRequest
    from authz_lib.gateway.events import AuthorizerEvent

__all__ = ["EveryRoute"]

_EVERYTHING = PolicyResources(("*",), ())


class EveryRoute:
    """Answers with one policy that is right for every route of the map.

    Raises:
        ConfigurationError: no such policy can be written, or the API may have a resource policy.
    """

    __slots__ = ("_actions", "_decisions", "_policies", "_questions", "answers")

    def __init__(
        self,
        actions: ActionMap | None,
        decisions: Decisions | None,
        questions: Questions | None,
        cache: GatewayCache,
    ) -> None:
        self._actions = actions
        self._decisions = decisions
        self._questions = questions
        self.answers = EveryRouteAnswers(max_bytes=cache.max_policy_bytes)
        if actions is not None:
            self._policies = RoutePolicies(actions, max_bytes=cache.max_policy_bytes)
            require_no_resource_policy(cache)

    def answer(
        self,
        event: AuthorizerEvent,
        caller: Caller,
        own: ActionEntry | None,
        context: Mapping[str, str] | None,
    ) -> tuple[dict[str, Any], bool]:
        """The policy for this caller, and whether it lets this request pass.

        Args:
            event: the request that is answered.
            caller: who it is.
            own: the line of the map that this request means.  Where there is none, or it is not
                allowed, the policy refuses this request too.
            context: what policies read of the request.
        """
        if self._actions is None:
            return self.answers.allow_routes(event, caller, _EVERYTHING), True
        entries = self._actions.entries
        granted = self._granted(entries, caller, context)
        scopes = caller.principal.scopes
        allowed = frozenset(
            position
            for position, entry in enumerate(entries)
            if entry.scopes <= scopes
            and (entry.public or self._questions is None or entry.action in granted)
        )
        if not allowed:
            return self.answers.deny(event, "access_denied"), False
        passes = any(entries[position] is own for position in allowed)
        resources = self._policies.resources(allowed)
        answer = self.answers.allow_routes(event, caller, resources, refused=not passes)
        return answer, passes

    def _granted(
        self,
        entries: tuple[ActionEntry, ...],
        caller: Caller,
        context: Mapping[str, str] | None,
    ) -> frozenset[str]:
        """The actions that the decision point allows; each is asked about once, in one batch."""
        if self._questions is None or self._decisions is None:
            return frozenset()
        asked: dict[str, AuthorizationRequest] = {}
        for entry in entries:
            if not entry.public and entry.scopes <= caller.principal.scopes:
                request = self._questions.request(caller.principal, entry, None, context)
                asked.setdefault(entry.action, request)
        decisions = self._decisions.batch_is_authorized(list(asked.values())) if asked else ()
        return frozenset(
            action
            for action, decision in zip(asked, decisions, strict=True)
            if decision.allowed is True
        )
