"""Who calls an ASGI application, for Starlette and any other.

For FastAPI there is `authz_lib.integrations.fastapi`.  How a caller is known is one choice, made
when `AppAuthorization` is built.  At request time there is no other one to fall back to.
"""

from __future__ import annotations

from inspect import isfunction, signature
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from authz_lib.errors import ConfigurationError
from authz_lib.integrations.asgi_answers import ASGIReply
from authz_lib.integrations.asgi_authorization import AppAuthorization

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping

    from authz_lib.entities import Entity, EntityUid
    from authz_lib.principal import Principal

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
