"""Why a caller who is known may not do what a request asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.decisions.request import Decision
from authz_lib.errors import AccessDeniedError, InsufficientScopeError
from authz_lib.gateway.refusals import Refusal

if TYPE_CHECKING:
    from authz_lib.actions import ActionEntry

__all__ = ["denied", "lacking_scope", "without_a_line"]

_NO_LINE = {
    "unknown_route": "the action map has no line for the route",
    "ambiguous_path": "the path may mean another route than the one that the gateway matched",
}


def without_a_line(reason: str) -> Refusal:
    """The map does not tell what the request means, or not for certain."""
    return Refusal(reason, 403, _NO_LINE[reason])


def lacking_scope(entry: ActionEntry) -> Refusal:
    """The token lacks one of the scopes that the line asks for."""
    return Refusal(
        InsufficientScopeError.code,
        403,
        "the token lacks a scope of the route",
        configured={"action": entry.action, "scopes": entry.scopes},
    )


def denied(entry: ActionEntry, decision: Decision | None = None) -> Refusal:
    """A deny of the decision point; without its decision it is only known that it was one."""
    configured: dict[str, object] = {"action": entry.action}
    text = "the policies do not allow it"
    if isinstance(decision, Decision):
        policies = decision.determining_policies
        text = "a policy forbids it" if policies else "no policy permits it"
        if decision.overruled:
            text = "a policy could not be evaluated, so that what others permit does not count"
        if policies:
            configured["policies"] = policies
    return Refusal(AccessDeniedError.code, 403, text, configured=configured)
