"""Who calls an ASGI application: three ways to know, of which an application has one.

=================  ==========================================================
`MangumCallers`    what API Gateway verified, from the event that Mangum keeps
`RouterCallers`    what a gateway wrote into headers, with a proof
`TokenCallers`     a token in the request, which is verified here
=================  ==========================================================

None of them looks where another one looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias
from urllib.parse import quote

from authz_lib._support.checks import require_clock
from authz_lib._support.workers import HOOK_WORKERS
from authz_lib.authorizer.callers import Callers, require_qualified_ids
from authz_lib.errors import ConfigurationError, UntrustedEventError
from authz_lib.gateway.events import Event
from authz_lib.service.event_principal import principal_from_event
from authz_lib.service.expected_gateway import ExpectedGateway
from authz_lib.service.principal_headers import SecretHeader, aprincipal_from_headers
from authz_lib.tokens.assertion import SignedAssertion
from authz_lib.tokens.attributes import Attributes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from authz_lib._support.clock import Clock
    from authz_lib.authorizer.callers import Claim
    from authz_lib.decisions.point import DecisionPoint
    from authz_lib.gateway.sources import TokenSource
    from authz_lib.principal import Principal
    from authz_lib.service.principal_headers import Proof
    from authz_lib.tokens.attributes import Attribute
    from authz_lib.tokens.verifier import Verifier

__all__ = [
    "ASGICallers",
    "MangumCallers",
    "RouterCallers",
    "SecurityScheme",
    "TokenCallers",
    "event_of_scope",
    "mangum_event",
]

SecurityScheme: TypeAlias = "Mapping[str, Any]"
"""A Security Scheme Object of OpenAPI."""

_BEARER: SecurityScheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
# How API Gateway itself describes it in an exported API.
_SIGV4: SecurityScheme = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "x-amazon-apigateway-authtype": "awsSigv4",
}
_PLACES = {"header": "header", "cookie": "cookie", "querystring": "query"}
_PATH_CHARACTERS = "/:@!$&'()*+,;=-._~"  # RFC 3986, section 3.3


class ASGICallers(Protocol):
    """Finds out who calls."""

    @property
    def schemes(self) -> Mapping[str, SecurityScheme]:
        """How a client shows who it is, by name, for OpenAPI; each is a way by itself."""
        ...

    async def identify(self, scope: Mapping[str, Any]) -> Principal:
        """The caller, or an `AuthzError` that says why not."""
        ...


def event_of_scope(scope: Mapping[str, Any]) -> dict[str, Any]:
    """The request of an ASGI scope, as the readers of a gateway's event take it.

    It holds the method, the path as the application routes it, all headers and the query.  Nothing
    in it comes from an event: what a client sends is a header, and no more.

    See https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope

    >>> scope = {"method": "GET", "path": "/a", "headers": [(b"x-a", b"1")]}
    >>> event_of_scope(scope)["multiValueHeaders"]
    {'x-a': ['1']}
    """
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return {
        "httpMethod": scope.get("method", "GET"),  # a WebSocket has none
        "path": quote(scope["path"], safe=_PATH_CHARACTERS, errors="surrogatepass"),
        "multiValueHeaders": headers,
        "rawQueryString": scope.get("query_string", b"").decode("latin-1"),
    }


def mangum_event(scope: Mapping[str, Any]) -> dict[str, Any] | None:
    """The event that Mangum keeps in the scope; no client can write there."""
    event = scope.get("aws.event")
    return event if isinstance(event, dict) else None


class MangumCallers:
    """The caller whom API Gateway verified.

    Raises:
        ConfigurationError: ``gateway`` is none.
    """

    __slots__ = ("_clock", "_finds_api", "_gateway")

    def __init__(self, gateway: ExpectedGateway, *, clock: Clock) -> None:
        given: object = gateway
        if not isinstance(given, ExpectedGateway):
            raise ConfigurationError("`gateway` must be an `ExpectedGateway`")
        self._gateway = gateway
        self._clock = require_clock(clock)
        self._finds_api = callable(gateway.api_id)

    @property
    def schemes(self) -> Mapping[str, SecurityScheme]:
        """See `ASGICallers`."""
        return {"SigV4": _SIGV4} if self._gateway.kind.endswith("-iam") else {"Bearer": _BEARER}

    async def identify(self, scope: Mapping[str, Any]) -> Principal:
        """See `ASGICallers`.

        Raises:
            UntrustedEventError: there is no event, or `principal_from_event` does not trust it.
        """
        event = mangum_event(scope)
        if event is None:
            raise UntrustedEventError(
                "the request has no event of a gateway: the application does not run under Mangum"
            )
        if self._finds_api:  # it may ask Parameter Store, once
            await HOOK_WORKERS.run(self._gateway.expected_api, lane=("api id", id(self)))
            self._finds_api = False
        return principal_from_event(event, gateway=self._gateway, clock=self._clock)


class RouterCallers:
    """The caller whom a gateway in front wrote into headers.

    Raises:
        ConfigurationError: ``proof`` is none that an ASGI request can have.
    """

    __slots__ = ("_attributes", "_clock", "_proof")

    def __init__(
        self,
        proof: Proof | None,
        *,
        attributes: Mapping[str, str | Attribute] | None,
        clock: Clock,
    ) -> None:
        if proof is not None and not isinstance(proof, SecretHeader | SignedAssertion):
            raise ConfigurationError(
                "`proof` must be `SignedAssertion`, `SecretHeader` or `None`: a certificate is in "
                "a gateway's event only"
            )
        if attributes is not None:
            Attributes(attributes)  # refused here, not per request
        self._proof = proof
        self._attributes = attributes
        self._clock = require_clock(clock)

    @property
    def schemes(self) -> Mapping[str, SecurityScheme]:
        """See `ASGICallers`; what a client sends to the gateway."""
        return {"Bearer": _BEARER}

    async def identify(self, scope: Mapping[str, Any]) -> Principal:
        """See `ASGICallers`; raises what `principal_from_headers` raises."""
        return await aprincipal_from_headers(
            event_of_scope(scope),
            proof=self._proof,
            clock=self._clock,
            attributes=self._attributes,
        )


class TokenCallers:
    """The caller of a token that is verified here.

    Raises:
        ConfigurationError: see `authz_lib.authorizer.callers.Callers`; or ``decisions`` does not
            tell the users of several issuers apart.
    """

    __slots__ = ("_callers", "_sources")

    def __init__(
        self,
        verifier: Verifier,
        sources: Sequence[TokenSource],
        *,
        tenant_claim: Claim,
        groups_claim: Claim,
        attributes: Mapping[str, str | Attribute] | None,
        decisions: DecisionPoint | None,
    ) -> None:
        self._callers = Callers(
            verifier,
            sources,
            tenant_claim=tenant_claim,
            groups_claim=groups_claim,
            attributes=attributes,
        )
        self._sources = tuple(sources)
        require_qualified_ids(verifier, decisions)

    @property
    def schemes(self) -> Mapping[str, SecurityScheme]:
        """See `ASGICallers`; one for each source of tokens."""
        found: dict[str, SecurityScheme] = {}
        for source in self._sources:
            # One of your own may have neither name nor kind.
            name, kind = getattr(source, "name", ""), getattr(source, "kind", "")
            if name != "authorization" and kind in _PLACES:
                found[f"Token-{name}"] = {"type": "apiKey", "in": _PLACES[kind], "name": name}
            else:
                found["Bearer"] = _BEARER
        return found

    async def identify(self, scope: Mapping[str, Any]) -> Principal:
        """See `ASGICallers`."""
        return await self._callers.aprincipal(Event.of(event_of_scope(scope)))
