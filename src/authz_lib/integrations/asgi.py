"""Who calls an ASGI application, for Starlette and any other.

For FastAPI there is `authz_lib.integrations.fastapi`.  How a caller is known is one choice, made
when `AppAuthorization` is built.  At request time there is no other one to fall back to.
"""

from __future__ import annotations

from inspect import isfunction, signature
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from authz_lib._support.checks import require_one_of
from authz_lib._support.clock import system_clock
from authz_lib.decisions.point import DecisionPoint
from authz_lib.errors import ConfigurationError
from authz_lib.gateway.sources import BearerToken
from authz_lib.integrations.asgi_answers import ASGIReply
from authz_lib.integrations.asgi_callers import MangumCallers, RouterCallers, TokenCallers
from authz_lib.tokens.claim_reader import COGNITO_GROUPS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping, Sequence

    from authz_lib._support.clock import Clock
    from authz_lib.authorizer.callers import Claim
    from authz_lib.entities import Entity, EntityUid
    from authz_lib.gateway.sources import TokenSource
    from authz_lib.integrations.asgi_callers import ASGICallers
    from authz_lib.principal import Principal
    from authz_lib.service.expected_gateway import ExpectedGateway
    from authz_lib.service.principal_headers import Proof
    from authz_lib.smithy.error_answers import ErrorFormat
    from authz_lib.tokens.attributes import Attribute
    from authz_lib.tokens.verifier import Verifier

    Scope: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

__all__ = [
    "AppAuthorization",
    "AuthorizationMiddleware",
    "AuthorizedRequest",
    "DecidedApp",
    "authorized_request",
    "principal_from_scope",
]

_KEY: Final = "authz_lib"


class AppAuthorization:
    """How an application knows its callers, whom it asks what they may do, and how it says no.

    Build it with `mangum`, `behind_router` or `standalone`.

    Args:
        callers: finds out who calls.
        decisions: answers what a caller may do; ``None`` where no route asks.
        errors: the shape of error bodies: ``"smithy"`` for generated SDK clients, ``"standard"``
            for a plain one.

    Raises:
        ConfigurationError: ``decisions`` is no `DecisionPoint`, or ``errors`` is none of the two.
    """

    __slots__ = ("callers", "decisions", "errors")

    def __init__(
        self,
        callers: ASGICallers,
        *,
        decisions: DecisionPoint | None = None,
        errors: ErrorFormat = "smithy",
    ) -> None:
        given: object = decisions
        if given is not None and not isinstance(given, DecisionPoint):
            raise ConfigurationError("`decisions` must be a decision point, such as `CedarEngine`")
        require_one_of(errors, "errors", ("smithy", "standard"))
        self.callers = callers
        self.decisions = decisions
        self.errors: ErrorFormat = errors

    def __repr__(self) -> str:
        return f"<AppAuthorization by {type(self.callers).__name__}>"

    @classmethod
    def mangum(
        cls,
        *,
        gateway: ExpectedGateway,
        decisions: DecisionPoint | None = None,
        errors: ErrorFormat = "smithy",
        clock: Clock = system_clock,
    ) -> AppAuthorization:
        """For a Lambda behind API Gateway, under Mangum.

        The caller is read from the gateway's event, see
        `authz_lib.service.principal_from_event`, which says what is checked and what is not.  No
        header is read.  Without an event, as under uvicorn, every caller is refused with 401.

        Raises:
            ConfigurationError: ``gateway`` is no `ExpectedGateway`.
        """
        return cls(MangumCallers(gateway, clock=clock), decisions=decisions, errors=errors)

    @classmethod
    def behind_router(
        cls,
        *,
        proof: Proof | None,
        attributes: Mapping[str, str | Attribute] | None = None,
        decisions: DecisionPoint | None = None,
        errors: ErrorFormat = "smithy",
        clock: Clock = system_clock,
    ) -> AppAuthorization:
        """For a service behind a gateway that writes the caller into headers.

        See `authz_lib.service.principal_from_headers`, which says what is checked and what is not.
        No token is read.

        Args:
            proof: a `SignedAssertion` or a `SecretHeader`; an explicit ``None`` trusts whoever can
                reach this service.
            attributes: the attributes of the caller, as the authorizer declares them.
            decisions: see `AppAuthorization`.
            errors: see `AppAuthorization`.
            clock: seconds since the epoch.

        Raises:
            ConfigurationError: ``proof`` is a `MutualTLS`, which only an event shows, or is none.
        """
        callers = RouterCallers(proof, attributes=attributes, clock=clock)
        return cls(callers, decisions=decisions, errors=errors)

    @classmethod
    def standalone(
        cls,
        *,
        verifier: Verifier,
        tenant_claim: Claim,
        groups_claim: Claim = COGNITO_GROUPS,
        attributes: Mapping[str, str | Attribute] | None = None,
        token_sources: Sequence[TokenSource] = (BearerToken(),),
        decisions: DecisionPoint | None = None,
        errors: ErrorFormat = "smithy",
    ) -> AppAuthorization:
        """For a service that verifies tokens itself.

        No event and no principal header is read.

        Args:
            verifier: such as a `JWTVerifier`.
            tenant_claim: the claim that holds the tenant; an explicit ``None`` for no tenants.
                With several issuers one per issuer, as for `LambdaAuthorizer`.
            groups_claim: the claim that holds the groups, or ``None``.
            attributes: the claims that are attributes of the caller.
            token_sources: where the token is.  A cookie is sent by pages of other origins too:
                with one, refuse such requests yourself.
            decisions: see `AppAuthorization`.
            errors: see `AppAuthorization`.

        Raises:
            ConfigurationError: as for `LambdaAuthorizer`.
        """
        callers = TokenCallers(
            verifier,
            token_sources,
            tenant_claim=tenant_claim,
            groups_claim=groups_claim,
            attributes=attributes,
            decisions=decisions,
        )
        return cls(callers, decisions=decisions, errors=errors)


class AuthorizedRequest:
    """One request of a protected application: who calls, and whether that was decided upon.

    Attributes:
        authorization: of the application.
        is_decided: whether the request was let pass.
    """

    __slots__ = ("_outer", "_principal", "_scope", "authorization", "is_decided")

    def __init__(self, authorization: AppAuthorization, scope: Scope) -> None:
        self.authorization = authorization
        self.is_decided = False
        self._scope = scope
        self._principal: Principal | None = None
        self._outer = scope.get(_KEY)  # of an application that this one is mounted in

    async def principal(self) -> Principal:
        """Who calls; found out once.

        Raises:
            AuthenticationError, AccessDeniedError, DependencyError: nobody is known.
        """
        if self._principal is None:
            self._principal = await self.authorization.callers.identify(self._scope)
        return self._principal

    def known_principal(self) -> Principal:
        """Who calls, where that was found out.

        Raises:
            ConfigurationError: nobody asked, as on a public route.
        """
        if self._principal is None:
            raise ConfigurationError("the caller was not asked for: the route is public")
        return self._principal

    async def require(
        self,
        caller: Principal,
        action: str,
        resource: EntityUid | Entity,
        context: Mapping[str, object] | None = None,
    ) -> None:
        """Ask whether the caller may do the action.

        Raises:
            AccessDeniedError: the policies say no.
            DependencyError: nobody could be asked.
            ConfigurationError: the application has no `decisions`.
        """
        decisions = self.authorization.decisions
        if decisions is None:
            raise ConfigurationError("an action is required, and there are no `decisions`")
        await decisions.arequire(caller, action, resource, context=context)

    def let_pass(self) -> None:
        """Say that it was decided; also for the applications around this one."""
        self.is_decided = True
        if isinstance(self._outer, AuthorizedRequest):
            self._outer.let_pass()

    async def serve(
        self, app: ASGIApp, receive: Receive, send: Send, before: Callable[[], Awaitable[None]]
    ) -> None:
        """Let the application answer, and answer in its place what is refused.

        Args:
            app: the application.
            receive: of the server.
            send: of the server.
            before: what must not raise first.
        """
        scope = {**self._scope, _KEY: self}
        reply = ASGIReply(
            scope,
            send,
            error_format=self.authorization.errors,
            is_decided=lambda: self.is_decided,
        )

        async def work() -> None:
            await before()
            await app(scope, receive, reply.send)

        await reply.run(work)


def authorized_request(scope: Mapping[str, Any]) -> AuthorizedRequest:
    """What is known of a request.

    Raises:
        ConfigurationError: the application is not protected.
    """
    found = scope.get(_KEY)
    if not isinstance(found, AuthorizedRequest):
        raise ConfigurationError("the application is not protected: nobody knows who calls")
    return found


def principal_from_scope(scope: Mapping[str, Any]) -> Principal:
    """The caller whom `AuthorizationMiddleware` has let pass.

    Raises:
        ConfigurationError: nobody was asked for: the application is not protected, or the path is
            public.
    """
    return authorized_request(scope).known_principal()


class AuthorizationMiddleware:
    """Lets known callers pass, and nobody else; for Starlette and any other ASGI application.

    Checked: who calls, for each HTTP request and each WebSocket.  **Not** checked: what they may
    do; ask a decision point in the application, with `principal_from_scope`.  Its `AuthzError` and
    `SmithyError` are answered.

    A WebSocket's caller is known when it connects; ``expires_at`` says until when.

    Args:
        app: the application.
        authorization: how callers are known.
        public: what everybody may ask: a method and a path each, such as ``GET /health``.  They
            are compared as they stand with the request's, so ``GET /health/`` is another one.

    Raises:
        ConfigurationError: ``authorization`` is none, or ``public`` is no list of methods and
            paths.

    >>> from authz_lib.testing.issuer import TestIssuer
    >>> from authz_lib import JWTVerifier
    >>> async def app(scope, receive, send):
    ...     print(principal_from_scope(scope).subject)
    >>> issuer = TestIssuer(algorithm="ES256")
    >>> verifier = JWTVerifier(
    ...     issuer=issuer.issuer,
    ...     audience="orders",
    ...     algorithms=["ES256"],
    ...     keys=issuer.key_set(),
    ... )
    >>> protected = AuthorizationMiddleware(
    ...     app, AppAuthorization.standalone(verifier=verifier, tenant_claim=None)
    ... )
    >>> token = issuer.token({"sub": "alice", "aud": "orders"})
    >>> headers = [(b"authorization", f"Bearer {token}".encode())]
    >>> scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
    >>> import asyncio
    >>> asyncio.run(protected(scope, None, None))
    alice
    """

    def __init__(
        self, app: ASGIApp, authorization: AppAuthorization, *, public: Collection[str] = ()
    ) -> None:
        _require_authorization(authorization)
        if isinstance(public, str) or not all(map(_is_method_and_path, public)):
            raise ConfigurationError(
                "`public` must be a list of methods and paths, such as `GET /health`"
            )
        self._app = app
        self._authorization = authorization
        self._public = frozenset(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request = AuthorizedRequest(self._authorization, scope)

        async def admit() -> None:
            method = scope.get("method") if scope["type"] == "http" else "GET"
            if scope["type"] not in {"http", "websocket"}:
                raise ConfigurationError("the request is neither HTTP nor a WebSocket")
            if f"{method} {scope['path']}" not in self._public:
                await request.principal()
            request.let_pass()

        await request.serve(self._app, receive, send, admit)


class DecidedApp:
    """An ASGI application with an explicit decision, such as one that is mounted."""

    __slots__ = ("_app", "is_public")

    def __init__(self, app: ASGIApp, *, is_public: bool) -> None:
        given: Any = app
        if not callable(given) or (isfunction(given) and len(signature(given).parameters) != 3):
            raise ConfigurationError(
                "only an ASGI application can be mounted; a function of a route is declared with "
                "`dependencies`"
            )
        self._app = app
        self.is_public = is_public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = authorized_request(scope)
        if not self.is_public:
            await request.principal()
        request.let_pass()
        await self._app(scope, receive, send)


def _require_authorization(given: object) -> None:
    if not isinstance(given, AppAuthorization):
        raise ConfigurationError("`authorization` must be an `AppAuthorization`")


def _is_method_and_path(text: object) -> bool:
    if type(text) is not str:
        return False
    method, _, path = text.partition(" ")
    return method.isascii() and method.isalpha() and method.isupper() and path.startswith("/")
