"""The principal as headers: what a gateway is to map, and how a service reads it back."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from authz_lib._support.checks import FIELD_NAME, require_flag, require_one_of
from authz_lib._support.clock import system_clock
from authz_lib.errors import ConfigurationError, TokenExpiredError, UntrustedEventError
from authz_lib.gateway.context import (
    NO_VALUE,
    PRINCIPAL_KEYS,
    principal_from_context,
    to_context,
)
from authz_lib.gateway.events import Event
from authz_lib.principal import Principal
from authz_lib.tokens.assertion import TXN_TOKEN_HEADER, SignedAssertion
from authz_lib.tokens.attributes import Attributes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from authz_lib._support.clock import Clock
    from authz_lib.tokens.asserted_caller import AssertedCaller
    from authz_lib.tokens.attributes import Attribute

__all__ = [
    "HTTP_API_PARAMETERS",
    "HTTP_API_PUBLIC_PARAMETERS",
    "PRINCIPAL_HEADERS",
    "REST_API_PARAMETERS",
    "REST_API_PUBLIC_PARAMETERS",
    "MutualTLS",
    "Proof",
    "SecretHeader",
    "aprincipal_from_headers",
    "header_parameters",
    "principal_from_headers",
    "principal_to_headers",
]

PRINCIPAL_HEADERS: Mapping[str, str] = {
    key: f"x-principal-{key.replace('_', '-')}" for key in PRINCIPAL_KEYS
}
"""Key of the authorizer's context → header."""

HTTP_API_PARAMETERS: Mapping[str, str] = {
    f"overwrite:header.{header}": f"$context.authorizer.{key}"
    for key, header in PRINCIPAL_HEADERS.items()
}
"""``RequestParameters`` of an HTTP API's integration: every principal header is overwritten, on
every request.
"""

REST_API_PARAMETERS: Mapping[str, str] = {
    f"integration.request.header.{header}": f"context.authorizer.{key}"
    for key, header in PRINCIPAL_HEADERS.items()
}
"""``RequestParameters`` of a REST API's integration."""

HTTP_API_PUBLIC_PARAMETERS: Mapping[str, str] = {
    f"remove:header.{header}": "''" for header in PRINCIPAL_HEADERS.values()
}
"""For an HTTP API's routes without authorizer: a client's own principal headers do not reach the
service.
"""

REST_API_PUBLIC_PARAMETERS: Mapping[str, str] = {
    f"integration.request.header.{header}": f"'{NO_VALUE}'" for header in PRINCIPAL_HEADERS.values()
}
"""For a REST API's methods without authorizer, which cannot remove a header: it names nobody."""


def header_parameters(
    kind: Literal["http", "rest"],
    *,
    attributes: Mapping[str, str | Attribute] | None = None,
    public: bool = False,
    assertion: bool = False,
) -> dict[str, str]:
    """``RequestParameters`` of an integration with the headers of declared attributes too.

    A header that is not mapped is the client's own.

    Args:
        kind: the kind of API.
        attributes: as the authorizer declares them.
        public: for a route without authorizer: no header names anybody.
        assertion: ``Txn-Token`` instead of all others, for an authorizer with an ``assertion``.

    Raises:
        ConfigurationError: another kind, or a declaration that makes no sense.

    >>> header_parameters("rest", attributes={"email": "email"})[
    ...     "integration.request.header.x-principal-email"
    ... ]
    'context.authorizer.email'
    """
    require_one_of(kind, "kind", ("http", "rest"))
    require_flag(public, "public")
    require_flag(assertion, "assertion")
    headers = _headers(None if attributes is None else Attributes(attributes))
    if assertion:
        headers = {"txn_token": TXN_TOKEN_HEADER}
    if kind == "rest":
        return {
            f"integration.request.header.{header}": (
                f"'{NO_VALUE}'" if public else f"context.authorizer.{key}"
            )
            for key, header in headers.items()
        }
    if public:
        return {f"remove:header.{header}": "''" for header in headers.values()}
    return {
        f"overwrite:header.{header}": f"$context.authorizer.{key}"
        for key, header in headers.items()
    }


# Headers that API Gateway neither sets nor removes by a mapping.
_RESERVED = re.compile(
    r"authorization|x-amzn?-.*|x-forwarded-.*|via|apigw-.*|access-control-.*", re.IGNORECASE
)
_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_MIN_SECRET_BYTES = 16


@dataclass(frozen=True, slots=True)
class SecretHeader:
    """A header that only the gateway adds (by an ``overwrite`` mapping) and nobody else knows.

    Args:
        name: not one of the reserved headers (``x-amz-*``, ``x-forwarded-*``, ...), which a mapping
            cannot set.
        secrets: the accepted values, each of at least 16 bytes; two during a rotation.

    Raises:
        ConfigurationError: a reserved or malformed name, no secret or a short one.

    >>> SecretHeader("x-gateway-proof", ["0123456789abcdef"])
    SecretHeader(name='x-gateway-proof')
    """

    name: str
    secrets: Sequence[str] = field(repr=False)

    def __post_init__(self) -> None:
        given: object = self.name
        if (
            not isinstance(given, str)
            or not FIELD_NAME.fullmatch(given)
            or _RESERVED.fullmatch(given)
        ):
            raise ConfigurationError("`name` must be a header that a gateway's mapping can set")
        if not isinstance(self.secrets, list | tuple) or not self.secrets:
            raise ConfigurationError("`secrets` must be a list of at least one secret")
        if not all(type(secret) is str and secret.isprintable() for secret in self.secrets):
            raise ConfigurationError("a secret must be printable text: it is sent as a header")
        if any(len(secret.encode()) < _MIN_SECRET_BYTES for secret in self.secrets):
            raise ConfigurationError(f"a secret must have at least {_MIN_SECRET_BYTES} bytes")

    def check(self, event: Event) -> None:
        """Refuse an event without exactly one accepted value."""
        values = event.header(self.name.lower())
        given = values[0].encode(errors="surrogatepass") if len(values) == 1 else b""
        # Every secret is compared: which one fits does not show in the time.
        if not sum(hmac.compare_digest(given, secret.encode()) for secret in self.secrets):
            raise UntrustedEventError("the gateway's proof is missing or wrong")


@dataclass(frozen=True, slots=True)
class MutualTLS:
    """A client certificate that only the gateway presents, as API Gateway reports it in the event.

    Args:
        subject_dn: the certificate's subject.
        issuer_dn: the certificate's issuer.

    Raises:
        ConfigurationError: a name is empty.
    """

    subject_dn: str
    issuer_dn: str

    def __post_init__(self) -> None:
        if not all(type(name) is str and name for name in (self.subject_dn, self.issuer_dn)):
            raise ConfigurationError("`subject_dn` and `issuer_dn` must be non-empty strings")

    def check(self, event: Event) -> None:
        """Refuse an event without this very certificate."""
        certificate = _client_certificate(event)
        if (certificate.get("subjectDN"), certificate.get("issuerDN")) != (
            self.subject_dn,
            self.issuer_dn,
        ):
            raise UntrustedEventError("the client certificate is missing or not the expected one")


Proof: TypeAlias = SecretHeader | MutualTLS | SignedAssertion
"""What shows that the principal headers come from the gateway, or who calls by itself."""


def principal_to_headers(
    principal: Principal, *, attributes: Mapping[str, str | Attribute] | None = None
) -> dict[str, str]:
    """Every principal header, ``-`` where the principal has no value.

    Raises:
        InvalidClaimError: the principal has no subject or no expiry.

    >>> from authz_lib.principal import Principal
    >>> alice = Principal("alice", expires_at=1700000000.0)
    >>> principal_to_headers(alice)["x-principal-exp"]
    '1700000000'
    """
    declared = None if attributes is None else Attributes(attributes)
    context = to_context(principal, declared)
    return {header: str(context[key]) for key, header in _headers(declared).items()}


def _headers(declared: Attributes | None) -> Mapping[str, str]:
    if declared is None:
        return PRINCIPAL_HEADERS
    named = {name: f"x-principal-{name.replace('_', '-')}" for name in declared.types}
    return {**PRINCIPAL_HEADERS, **named}


def principal_from_headers(
    event: Mapping[str, Any],
    *,
    proof: Proof | None,
    clock: Clock = system_clock,
    attributes: Mapping[str, str | Attribute] | None = None,
) -> Principal:
    """The caller that the gateway wrote into the headers of this request.

    Headers prove nothing by themselves: a client may send them too, and they reach the service
    wherever the gateway's mapping does not resolve.  Map *all* of `HTTP_API_PARAMETERS` or
    `REST_API_PARAMETERS`, remove them on public routes, and keep a proof.

    Args:
        event: any event with ``headers`` or ``multiValueHeaders``.
        proof: what shows that the gateway wrote them; an explicit ``None`` trusts whoever can reach
            this service.  A `SignedAssertion` says by itself who calls: no header but ``Txn-Token``
            is read then.
        clock: seconds since the epoch.
        attributes: the attributes of the caller, as the authorizer declares them: each has the
            header ``x-principal-`` and its name, with ``-`` for ``_``.  Map those too, see
            `header_parameters`.

    Raises:
        UntrustedEventError: no proof, a header missing, empty, twice or malformed.
        TokenExpiredError: the principal's ``exp`` has passed.

    >>> from authz_lib.principal import Principal
    >>> headers = principal_to_headers(Principal("alice", expires_at=4000000000.0))
    >>> principal_from_headers({"headers": headers}, proof=None).subject
    'alice'
    """
    reader = Event.of(event)
    declared = None if attributes is None else Attributes(attributes)
    if isinstance(proof, SignedAssertion):
        given = reader.header(TXN_TOKEN_HEADER)
        caller = proof.read(given, *_method_and_path(reader), reader.parameters())
        return _principal_of(caller, declared, clock())
    if proof is not None:
        refused: object = proof.check(reader)
        if refused is not None:  # it answers by raising: an awaitable or a `False` is no "yes"
            raise UntrustedEventError("the gateway's proof is missing or wrong")
    lists = {"groups", "scopes"}
    if declared is not None:
        lists |= {name for name, kind in declared.types.items() if kind == "texts"}
    values = {
        key: _single(reader, header, is_list=key in lists)
        for key, header in _headers(declared).items()
    }
    return principal_from_context(values, now=clock(), attributes=declared)


async def aprincipal_from_headers(
    event: Mapping[str, Any],
    *,
    proof: Proof | None,
    clock: Clock = system_clock,
    attributes: Mapping[str, str | Attribute] | None = None,
) -> Principal:
    """What `principal_from_headers` answers or raises, without blocking the event loop.

    >>> import asyncio
    >>> from authz_lib.principal import Principal
    >>> headers = principal_to_headers(Principal("alice", expires_at=4000000000.0))
    >>> caller = aprincipal_from_headers({"headers": headers}, proof=None)
    >>> asyncio.run(caller).subject
    'alice'
    """
    if not isinstance(proof, SignedAssertion):
        return principal_from_headers(event, proof=proof, clock=clock, attributes=attributes)
    reader = Event.of(event)
    declared = None if attributes is None else Attributes(attributes)
    given = reader.header(TXN_TOKEN_HEADER)
    caller = await proof.aread(given, *_method_and_path(reader), reader.parameters())
    return _principal_of(caller, declared, clock())


def _principal_of(caller: AssertedCaller, declared: Attributes | None, now: float) -> Principal:
    """The caller of an assertion that is about this request."""
    if caller.expires_at <= now:
        raise TokenExpiredError("the assertion has expired")
    values = {} if declared is None else declared.of_asserted(caller.attributes)
    return Principal(
        caller.subject,
        caller.issuer,
        caller.client_id,
        caller.groups,
        caller.scopes,
        caller.tenant_id,
        {},
        caller.expires_at,
        values,
    )


def _method_and_path(event: Event) -> tuple[str | None, str | None]:
    """Of a proxy event; the stage that an HTTP API writes before the path is not part of it."""
    http = event.request_context("http")
    if isinstance(http, dict):
        method, path = http.get("method"), event.raw.get("rawPath")
        stage, domain = event.request_context("stage"), event.request_context("domainName")
        on_own_domain = f"{domain}".startswith(f"{event.request_context('apiId')}.execute-api.")
        if type(path) is str and on_own_domain and f"{path}/".startswith(f"/{stage}/"):
            path = path[len(f"/{stage}") :] or "/"
    else:
        method, path = event.raw.get("httpMethod"), event.raw.get("path")
    if type(method) is not str or type(path) is not str:
        return None, None
    return method, path


def _single(event: Event, header: str, *, is_list: bool) -> str:
    values = event.header(header)
    if len(values) != 1:
        raise UntrustedEventError(f"`{header}` is missing or there more than once")
    value = values[0]
    # Gateways join repeated headers with a comma; outside of a JSON text one is a syntax error.
    is_json = is_list or value.startswith('"')
    if not _PRINTABLE.fullmatch(value) or ("," in value and not is_json):
        raise UntrustedEventError(f"`{header}` is empty, malformed or there more than once")
    return value


def _client_certificate(event: Event) -> Mapping[str, Any]:
    for holder in ("authentication", "identity"):
        certificate = event.request_context(holder, "clientCert")
        if isinstance(certificate, dict):
            return certificate
    return {}
