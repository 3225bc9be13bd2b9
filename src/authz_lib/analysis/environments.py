"""The kinds of requests that a schema knows: principal type x action x resource type."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.actions import ActionMap
    from authz_lib.decisions.cedar_schema import ActionShape, PolicySchema

__all__ = ["RequestEnvironment", "action_words", "request_environments", "routes_of"]


class RequestEnvironment(NamedTuple):
    """One kind of request."""

    principal: str
    action: ActionShape
    resource: str

    @property
    def action_name(self) -> str:
        """As `action_words` writes it."""
        return action_words(self.action.uid)


def action_words(uid: tuple[str, str]) -> str:
    """The id of an action; with its type where that is not ``Action``.

    >>> action_words(("Action", "GetOrder"))
    'GetOrder'
    >>> action_words(("Shop::Action", "GetOrder"))
    'Shop::Action::"GetOrder"'
    """
    return uid[1] if uid[0] == "Action" else f'{uid[0]}::"{uid[1]}"'


def request_environments(schema: PolicySchema) -> Iterator[RequestEnvironment]:
    """All of a schema, sorted by action."""
    for action in schema.actions:
        for principal in sorted(action.principals):
            for resource in sorted(action.resources):
                yield RequestEnvironment(principal, action, resource)


def routes_of(actions: ActionMap | None, environment: RequestEnvironment) -> tuple[str, ...]:
    """The routes that mean an action, such as ``DELETE /orders/{orderId}``."""
    if actions is None:
        return ()
    return tuple(
        entry.whole_route for entry in actions.entries if entry.action == environment.action.uid[1]
    )
