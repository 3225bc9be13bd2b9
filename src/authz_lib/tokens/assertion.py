"""A caller who can be proved: the authorizer signs who it is and what was decided.

The form is OAuth's Transaction Token: a JWT with ``typ: txntoken+jwt`` in the header ``Txn-Token``
(draft-ietf-oauth-transaction-tokens).  A secret header proves one hop.  This proves the caller and
the route, also to a service further on.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from authz_lib._support import base64url
from authz_lib._support.checks import (
    require_clock,
    require_method,
    require_one_of,
    require_seconds,
    require_text,
)
from authz_lib._support.clock import system_clock
from authz_lib._support.memo import Memo
from authz_lib.errors import (
    ConfigurationError,
    InvalidClaimError,
    InvalidTokenError,
    MissingTokenError,
    UntrustedEventError,
)
from authz_lib.routes.index import RouteIndex
from authz_lib.routes.uri import UriPattern
from authz_lib.tokens.algorithms import SUPPORTED
from authz_lib.tokens.asserted_caller import AssertedCaller, read_asserted_caller
from authz_lib.tokens.secret_material import Secret, require_secret, require_signing_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from authz_lib._support.clock import Clock
    from authz_lib.tokens.secret_source import SecretSource
    from authz_lib.tokens.verifier import VerifiedToken, Verifier

__all__ = [
    "TXN_TOKEN_HEADER",
    "AssertionAlgorithm",
    "CallerAssertion",
    "SignedAssertion",
]

TXN_TOKEN_HEADER: Final = "txn-token"  # noqa: S105  the name of a header
"""The name of the header, in lower case."""

AssertionAlgorithm: TypeAlias = Literal["EdDSA", "HS256", "HS384", "HS512"]
"""What an assertion is signed with."""

_ALGORITHMS: Final = ("EdDSA", "HS256", "HS384", "HS512")
_TYPE: Final = "txntoken+jwt"
_MOST_SECONDS: Final = 300
_MAX_ROUTES: Final = 1000


class CallerAssertion:
    """Signs assertions; the authorizer has one.

    An assertion ends with the token of the caller, and after ``lifetime_seconds`` at the latest.
    It is for one audience and one route.  It holds no claim of the token but those of
    `AssertedCaller`, and no token.

    Args:
        key: an Ed25519 private key in PEM form for ``EdDSA``; at least 32, 48 or 64 bytes for
            ``HS256``, ``HS384``, ``HS512``; or a `SecretSource` that keeps one of these, which is
            read anew.
        algorithm: with ``EdDSA`` who verifies cannot sign.
        issuer: ``iss``: who asserts, such as ``https://orders.example/authorizer``.
        audience: ``aud``: the services that take it.
        workload: ``req_wl``: the workload that asks for the transaction; by default the issuer.
        lifetime_seconds: 1 to 300.
        clock: seconds since the epoch.

    Raises:
        ConfigurationError: an argument makes no sense, or the key is none.

    >>> signer = CallerAssertion(
    ...     key="correct horse battery staple, and more",
    ...     algorithm="HS256",
    ...     issuer="https://orders.example",
    ...     audience="orders",
    ... )
    >>> signer
    <CallerAssertion by https://orders.example with HS256>
    """

    __slots__ = (
        "_algorithm",
        "_audience",
        "_clock",
        "_issuer",
        "_key",
        "_lifetime",
        "_prepared",
        "_source",
        "_workload",
    )

    def __init__(
        self,
        *,
        key: Secret | SecretSource,
        issuer: str,
        audience: str,
        algorithm: AssertionAlgorithm = "EdDSA",
        workload: str | None = None,
        lifetime_seconds: float = 60,
        clock: Clock = system_clock,
    ) -> None:
        require_one_of(algorithm, "algorithm", _ALGORITHMS)
        self._algorithm = algorithm
        self._issuer = require_text(issuer, "issuer")
        self._audience = require_text(audience, "audience")
        self._workload = self._issuer if workload is None else require_text(workload, "workload")
        self._lifetime = require_seconds(lifetime_seconds, "lifetime_seconds", most=_MOST_SECONDS)
        if self._lifetime < 1:
            raise ConfigurationError("`lifetime_seconds` must be from 1 to 300")
        self._clock = require_clock(clock)
        self._source, self._key = _key_of(key, algorithm)
        self._prepared: tuple[bytes, Callable[[bytes], bytes], bytes] | None = None

    def __repr__(self) -> str:
        return f"<CallerAssertion by {self._issuer} with {self._algorithm}>"

    @property
    def lifetime_seconds(self) -> float:
        """How long an assertion lives at most."""
        return self._lifetime

    def sign(self, caller: AssertedCaller) -> str:
        """The compact assertion.

        Raises:
            InvalidClaimError: the caller's token has expired, or says no subject.
            ConfigurationError: a source was refused, or has no usable key.
            DependencyError: a source could not be read.
        """
        now = int(self._clock())
        if not caller.subject:
            raise InvalidClaimError("an assertion needs a subject", claim="sub")
        if not caller.expires_at > now:
            raise InvalidClaimError("the token that is asserted has expired", claim="exp")
        payload = {
            "iss": self._issuer,
            "aud": self._audience,
            "iat": now,
            "exp": int(min(now + self._lifetime, caller.expires_at)),
            "txn": caller.transaction or _new_transaction(),
            "sub": caller.subject,
            "scope": " ".join(sorted(caller.scopes)),
            "req_wl": self._workload,
            "tctx": {"action": caller.action, "route": caller.route},
            "rctx": {
                "iss": caller.issuer,
                "client_id": caller.client_id,
                "groups": list(caller.groups),
                "tenant_id": caller.tenant_id,
                "attributes": {
                    name: list(value) if isinstance(value, tuple) else value
                    for name, value in caller.attributes.items()
                },
            },
        }
        header, sign = self._signer()
        message = header + b"." + _segment(payload)
        return (message + b"." + base64url.encode(sign(message))).decode("ascii")

    def jwks(self) -> dict[str, Any]:
        """The public key set that verifies what is signed now, with ``EdDSA``.

        Raises:
            ConfigurationError: the algorithm has no public keys.
        """
        if self._algorithm != "EdDSA":
            raise ConfigurationError(f"`{self._algorithm}` has no public key")
        return {"keys": [_public_jwk(_ed25519(self._current()))]}

    def _current(self) -> bytes:
        return self._key if self._source is None else self._source.accepted()[0]

    def _signer(self) -> tuple[bytes, Callable[[bytes], bytes]]:
        """The header and the signing function of the current key; made once per key."""
        key = self._current()
        if self._prepared is None or self._prepared[2] is not key:
            header: dict[str, Any] = {"alg": self._algorithm, "typ": _TYPE}
            if self._algorithm == "EdDSA":
                private = _ed25519(key)
                header["kid"] = _public_jwk(private)["kid"]
                sign: Callable[[bytes], bytes] = private.sign
            else:
                implementation = SUPPORTED[self._algorithm].implementation

                def sign(message: bytes) -> bytes:
                    return bytes(implementation.sign(message, key))

            self._prepared = (_segment(header), sign, key)
        return self._prepared[0], self._prepared[1]


class SignedAssertion:
    """Verifies assertions; each service has one.  It is a proof of `principal_from_headers`.

    Checked: everything that ``verifier`` checks, ``typ``, and that the assertion is about the
    request at hand.  The plain headers are not read, and do for nothing.

    | ``routes`` | what the assertion must be about |
    |---|---|
    | ``"event"`` | the method, the path and the query of the event |
    | a list, such as ``["DELETE /orders/{id}"]`` | one of these, for a service further on |
    | ``None`` | whatever: the check is skipped |

    It is about a route, and not about one request: not checked are the values of labels, nor
    whether the application has a more specific route for the same path.

    Args:
        verifier: of the issuer that asserts, with its issuer, its audience and its keys.
        routes: the table above.

    Raises:
        ConfigurationError: an argument makes no sense.

    >>> from authz_lib import JWTVerifier
    >>> verifier = JWTVerifier.shared_secret(
    ...     secret="correct horse battery staple, and more",
    ...     issuer="https://orders.example",
    ...     audience="orders",
    ... )
    >>> SignedAssertion(verifier)
    <SignedAssertion of <JWTVerifier for 1 issuer(s)>>
    """

    __slots__ = ("_by_event", "_indexes", "_taken", "_verifier")

    def __init__(
        self,
        verifier: Verifier,
        *,
        routes: Literal["event"] | Collection[str] | None = "event",
    ) -> None:
        require_method(verifier, "verifier", "verify", such_as="`JWTVerifier`")
        if isinstance(routes, str) and routes != "event":
            raise ConfigurationError("`routes` must be `event`, a list of routes or `None`")
        self._verifier = verifier
        self._by_event = routes == "event"
        given: object = routes
        if routes is not None and not isinstance(given, Collection):
            raise ConfigurationError("`routes` must be `event`, a list of routes or `None`")
        for route in () if routes is None or self._by_event else routes:
            if _index_of(route) is None:
                raise ConfigurationError(
                    "`routes` must hold a method and a path each, such as `GET /orders/{id}`"
                )
        self._taken = None if routes is None or self._by_event else frozenset(routes)
        self._indexes: Memo[str, RouteIndex[str] | None] = Memo(_index_of, max_entries=_MAX_ROUTES)

    def __repr__(self) -> str:
        return f"<SignedAssertion of {self._verifier!r}>"

    def read(
        self,
        values: Sequence[str],
        method: str | None = None,
        path: str | None = None,
        query: Mapping[str, Sequence[str]] | None = None,
    ) -> AssertedCaller:
        """Who calls, as an assertion says that holds for this request.

        Args:
            values: what the header ``Txn-Token`` has: exactly one.
            method: of the request, with ``routes="event"``.
            path: of the request, with ``routes="event"``.
            query: all values of each parameter; needed where the route has query literals.

        Raises:
            MissingTokenError: there is no assertion.
            UntrustedEventError: there are several, or it is about another route.
            InvalidTokenError, DependencyError: as the verifier says, and where ``typ`` or a member
                is not an assertion's.
        """
        return self._checked(self._verifier.verify(_only(values)), method, path, query)

    async def aread(
        self,
        values: Sequence[str],
        method: str | None = None,
        path: str | None = None,
        query: Mapping[str, Sequence[str]] | None = None,
    ) -> AssertedCaller:
        """What `read` answers or raises, without blocking the event loop on a key set."""
        from authz_lib.tokens.verifier import verify_async

        token = await verify_async(self._verifier, _only(values))
        return self._checked(token, method, path, query)

    def _checked(
        self,
        token: VerifiedToken,
        method: str | None,
        path: str | None,
        query: Mapping[str, Sequence[str]] | None,
    ) -> AssertedCaller:
        if token.header.get("typ") != _TYPE:
            raise InvalidTokenError("`typ` is not `txntoken+jwt`: it is no assertion")
        caller = read_asserted_caller(token.claims)
        if not self._is_about(caller.route, method, path, query):
            raise UntrustedEventError("the assertion is about another route")
        return caller

    def _is_about(
        self,
        route: str,
        method: str | None,
        path: str | None,
        query: Mapping[str, Sequence[str]] | None,
    ) -> bool:
        if not self._by_event:
            return self._taken is None or route in self._taken
        index = self._indexes[route]
        if index is None or method is None or path is None:
            return False
        return index.by_path(method, path, query) is not None


def _only(values: Sequence[str]) -> str:
    if not values:
        raise MissingTokenError("the request has no `Txn-Token`")
    if len(values) != 1:
        raise UntrustedEventError("`Txn-Token` is there more than once")
    return values[0]


def _key_of(key: object, algorithm: str) -> tuple[SecretSource | None, bytes]:
    if not isinstance(key, str | bytes):
        from authz_lib.tokens.secret_source import SecretSource

        if isinstance(key, SecretSource):
            key.require(algorithm)
            return key, b""
    if algorithm == "EdDSA":
        return None, require_signing_key(key)
    return None, require_secret(key, algorithm)


def _ed25519(pem: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(pem, None)


def _public_jwk(private: Any) -> dict[str, str]:
    """The public key with the thumbprint of RFC 7638 as its ``kid`` (RFC 8037, appendix A.3)."""
    from hashlib import sha256

    members = {
        "crv": "Ed25519",
        "kty": "OKP",
        "x": base64url.encode(private.public_key().public_bytes_raw()).decode("ascii"),
    }
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    thumbprint = base64url.encode(sha256(text.encode()).digest()).decode("ascii")
    return {**members, "kid": thumbprint, "alg": "EdDSA", "use": "sig"}


def _segment(document: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise InvalidClaimError(
            "an attribute of the caller is no JSON value", claim="attributes"
        ) from None
    return base64url.encode(text.encode())


def _new_transaction() -> str:
    from uuid import uuid4

    return str(uuid4())


def _index_of(route: str) -> RouteIndex[str] | None:
    """What matches the paths of one route; `None` where it is none."""
    checked: object = route
    if not isinstance(checked, str):
        return None
    method, _, pattern = route.partition(" ")
    try:
        return RouteIndex([(method, UriPattern.parse(pattern), route)]) if method else None
    except ConfigurationError:
        return None
