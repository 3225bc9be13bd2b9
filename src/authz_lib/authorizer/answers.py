"""How each kind of gateway is told yes, no and "who are you?"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.gateway.context import refusal_context
from authz_lib.gateway.responses import AppSyncResponse, PolicyResponse, SimpleResponse, check_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.authorizer.callers import Caller
    from authz_lib.authorizer.route_policies import PolicyResources
    from authz_lib.gateway.arns import MethodArn
    from authz_lib.gateway.events import AuthorizerEvent, AuthorizerKind
    from authz_lib.gateway.responses import ContextValue

__all__ = ["Answers", "AppSyncAnswers", "EveryRouteAnswers", "PolicyAnswers", "SimpleAnswers"]


class Answers(Protocol):
    """How one kind of gateway is answered."""

    kinds: frozenset[AuthorizerKind]

    def allow(self, event: AuthorizerEvent, caller: Caller) -> dict[str, Any]:
        """Let this request pass, and say who the caller is."""

    def deny(self, event: AuthorizerEvent, reason: str) -> dict[str, Any]:
        """Refuse this request: the caller sees 403."""

    def unauthenticated(self, event: AuthorizerEvent, reason: str) -> dict[str, Any]:
        """Refuse a caller who is not known: 401 where the gateway knows how, else 403."""


class SimpleAnswers:
    """HTTP APIs, payload 2.0: ``isAuthorized``.  A bad token is a 403 with a ``reason`` there."""

    kinds: frozenset[AuthorizerKind] = frozenset({"http-2.0"})

    def allow(self, event: AuthorizerEvent, caller: Caller) -> dict[str, Any]:  # noqa: ARG002
        """``isAuthorized: true``."""
        # Not through `SimpleResponse`: `to_context` has checked the values once per token.
        return {"isAuthorized": True, "context": dict(caller.context)}

    def deny(self, event: AuthorizerEvent, reason: str) -> dict[str, Any]:  # noqa: ARG002
        """``isAuthorized: false``."""
        return SimpleResponse(False, context=refusal_context(reason)).to_dict()

    unauthenticated = deny


class PolicyAnswers:
    """REST, WebSocket and HTTP APIs: an IAM policy for exactly the method that was asked for."""

    kinds: frozenset[AuthorizerKind] = frozenset(
        {"rest-token", "rest-request", "http-1.0", "http-2.0", "websocket"}
    )

    def allow(self, event: AuthorizerEvent, caller: Caller) -> dict[str, Any]:
        """An Allow of the method's own ARN.

        Raises:
            InvalidRequestError: no policy can name its path: it is refused.
        """
        answer = PolicyResponse(
            caller.principal.subject,
            allow=[_arn(event).resource],
            context=caller.context,
            usage_identifier_key=_usage_key(event, caller),
        ).to_dict()
        check_size(answer)
        return answer

    def deny(self, event: AuthorizerEvent, reason: str) -> dict[str, Any]:
        """An explicit Deny: silence would let pass what the API's resource policy allows."""
        arn = _arn(event)
        try:
            resource = arn.resource
        except InvalidRequestError:  # the path holds wildcards or is too long: deny more than it
            resource = arn.everything
        return PolicyResponse(
            "anonymous", deny=[resource], context=refusal_context(reason)
        ).to_dict()

    def unauthenticated(self, event: AuthorizerEvent, reason: str) -> dict[str, Any]:
        """A 401 where the gateway knows how, by ``Exception("Unauthorized")``; else a Deny."""
        if event.kind in _UNAUTHORIZED_KINDS:
            raise Exception("Unauthorized")  # noqa: TRY002  API Gateway compares exactly this text
        return self.deny(event, reason)


class EveryRouteAnswers(PolicyAnswers):
    """An IAM policy that the gateway replays on every route: a refusal refuses all of them."""

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    def allow_routes(
        self,
        event: AuthorizerEvent,
        caller: Caller,
        resources: PolicyResources,
        *,
        refused: bool = False,
    ) -> dict[str, Any]:
        """The policy for the routes that this caller may use.

        The other routes are denied explicitly, where a pattern can name them.

        Args:
            event: the request that is answered.
            caller: who it is.
            resources: what the policy says of every route.
            refused: also deny this request's own ARN, if the policy has space.

        Raises:
            ConfigurationError: the request is denied, its path can stand in no policy, and the rest
                of the policy would allow it.
            InvalidRequestError: the stage is a wildcard.
        """
        _arn(event).require_stage()
        if refused:
            try:
                return self._policy(event, caller, resources, (_arn(event).resource,))
            except InvalidRequestError:
                # The path holds a wildcard, or the policy has no space for it.  A wider Deny would
                # refuse what is allowed, on every route, while this is remembered.
                path = str(_arn(event)).removeprefix(_arn(event).stage_prefix)
                if resources.allows(path):
                    raise ConfigurationError(
                        "the request means no route, and its path cannot be refused in a policy "
                        "that is remembered"
                    ) from None
        return self._policy(event, caller, resources, ())

    def _policy(
        self,
        event: AuthorizerEvent,
        caller: Caller,
        resources: PolicyResources,
        deny: tuple[str, ...],
    ) -> dict[str, Any]:
        prefix = _arn(event).stage_prefix
        answer = PolicyResponse(
            caller.principal.subject,
            allow=[prefix + text for text in resources.allow],
            deny=[*(prefix + text for text in resources.deny), *deny],
            context=caller.context,
            usage_identifier_key=_usage_key(event, caller),
        ).to_dict()
        check_size(answer, max_bytes=self._max_bytes)
        return answer

    def deny(self, event: AuthorizerEvent, reason: str) -> dict[str, Any]:
        """An explicit Deny of the whole stage."""
        return PolicyResponse(
            "anonymous", deny=[_arn(event).everything], context=refusal_context(reason)
        ).to_dict()


_USAGE_PLAN_KINDS = frozenset({"rest-token", "rest-request"})


def _usage_key(event: AuthorizerEvent, caller: Caller) -> str | None:
    """The API key to count against, where the gateway has usage plans."""
    return caller.usage_key if event.kind in _USAGE_PLAN_KINDS else None


_UNAUTHORIZED_KINDS = frozenset({"rest-token", "rest-request", "websocket"})


class AppSyncAnswers:
    """AppSync: ``isAuthorized``, remembered for ``authorizationToken`` alone, or not at all.

    An answer about a channel (AppSync Events) is never remembered.
    """

    kinds: frozenset[AuthorizerKind] = frozenset({"appsync", "appsync-events"})

    def __init__(self, *, remembered: bool) -> None:
        self._ttl = None if remembered else 0

    def allow(self, event: AuthorizerEvent, caller: Caller) -> dict[str, Any]:
        """``isAuthorized: true``."""
        return self._answer(event, True, caller.context)

    def deny(self, event: AuthorizerEvent, reason: str) -> dict[str, Any]:
        """``isAuthorized: false``."""
        return self._answer(event, False, refusal_context(reason))

    unauthenticated = deny

    def _answer(
        self,
        event: AuthorizerEvent,
        is_authorized: bool,
        context: Mapping[str, ContextValue],
    ) -> dict[str, Any]:
        of_channel = event.kind == "appsync-events"
        answer = AppSyncResponse(
            is_authorized,
            resolver_context=context,
            ttl_override_seconds=0 if of_channel else self._ttl,
        ).to_dict()
        if of_channel:  # its handlers read another member, and it has no fields
            answer["handlerContext"] = answer.pop("resolverContext")
            del answer["deniedFields"]
        return answer


def _arn(event: AuthorizerEvent) -> MethodArn:
    if event.arn is None:
        raise InvalidRequestError("the event names no method", field="methodArn")
    return event.arn
