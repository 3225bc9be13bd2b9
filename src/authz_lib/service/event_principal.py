"""From what a gateway verified to a `Principal`: which events may be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib._support.clock import system_clock
from authz_lib._support.key_id import digest_of_tokens_key_id
from authz_lib.errors import (
    AuthzError,
    ConfigurationError,
    InvalidClaimError,
    UntrustedEventError,
)
from authz_lib.gateway.context import principal_from_context
from authz_lib.gateway.proxy_events import is_authorizer_event, proxy_kind
from authz_lib.gateway.sources import read_token
from authz_lib.principal import Principal, distinct_issuers, issuers_of
from authz_lib.service.expected_gateway import VERIFIED_AT
from authz_lib.service.gateway_claims import principal_from_claims

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from authz_lib._support.clock import Clock
    from authz_lib.gateway.sources import TokenSource
    from authz_lib.service.expected_gateway import ExpectedGateway
    from authz_lib.tokens.verifier import Verifier

__all__ = ["principal_from_event"]


def principal_from_event(
    event: Mapping[str, Any],
    *,
    gateway: ExpectedGateway,
    verifier: Verifier | None = None,
    token_sources: Sequence[TokenSource] = (),
    clock: Clock = system_clock,
) -> Principal:
    """The caller that the gateway in front of this service verified.

    | checked | |
    |---|---|
    | the event | it is of the expected kind, of the pinned API and account |
    | the claims | they are there; issuer, client and token use are the expected ones |
    | expiry | on every call: a gateway may replay an answer when the token has expired |

    **Not** checked: that the event comes from API Gateway at all.  Only who may invoke the function
    decides that: give the permission to the API alone (``SourceArn``), and no function URL without
    IAM.

    Args:
        event: the proxy event.
        gateway: whose word is taken.
        verifier: also take an event without gateway claims, if this verifier accepts the token in
            it; ``None`` (the default) refuses such events.  Claims that are there and wrong, and an
            API or account that is there and not the pinned one, are refused either way.
        token_sources: where that token is read from; needed with ``verifier``.
        clock: seconds since the epoch, for the gateway's claims; a verifier has its own.

    Raises:
        UntrustedEventError: another kind, API or account, or no claims; names what was missing.
        InvalidClaimError: a claim is not the expected one.
        TokenExpiredError: ``exp`` has passed.
        InvalidTokenError, MissingTokenError, DependencyError: as the verifier says, if one is
        given.
        ConfigurationError: ``verifier`` without ``token_sources``, or for IAM, where no token says
            who calls; or a verifier of several issuers where none is pinned and a tenant or
            groups are read.

    See the API Gateway developer guide, "Working with AWS Lambda proxy integrations for HTTP APIs".

    >>> from authz_lib import ExpectedGateway
    >>> gateway = ExpectedGateway(
    ...     kind="http-jwt",
    ...     api_id="abc",
    ...     account_id=None,
    ...     issuer=None,
    ...     client_ids=None,
    ...     token_use=None,
    ... )
    >>> principal_from_event({"requestContext": {}}, gateway=gateway)
    Traceback (most recent call last):
      ...
    authz_lib.errors.UntrustedEventError: the event is of no known kind of proxy event, or of more
    than one
    """
    if verifier is not None and (not token_sources or gateway.kind.endswith("-iam")):
        raise ConfigurationError(
            "`verifier` needs `token_sources`, and has no use where IAM authorizes"
        )
    if verifier is not None and gateway.issuer is None:
        _require_one_meaning(gateway, verifier)
    try:
        holder = _trusted_authorizer(event, gateway)
    except UntrustedEventError:
        if verifier is None or _holds_claims(event) or is_authorizer_event(event):
            raise
        _check_pins_that_are_there(event, gateway)
        return _verified(event, gateway, verifier, token_sources)
    now = clock()
    if gateway.kind.endswith("-iam"):
        from authz_lib.service.iam_callers import principal_from_iam  # most gateways have no IAM

        return principal_from_iam(holder, gateway.iam_callers)
    if gateway.kind.endswith("-lambda"):
        principal = principal_from_context(holder, now=now, attributes=gateway.read_attributes)
    else:
        principal = principal_from_claims(holder, gateway, now)
    _check_claims(principal, gateway)
    return principal


def _require_one_meaning(gateway: ExpectedGateway, verifier: Verifier) -> None:
    """Refuse to read a tenant or groups of one issuer as those of another."""
    reads = (gateway.tenant_claim, gateway.groups_claim, gateway.attributes) != (None, None, None)
    if reads and len(distinct_issuers(issuers_of(verifier))) > 1:
        raise ConfigurationError(
            "with several issuers a tenant and groups mean something within their issuer only: "
            "pin `issuer`, or pass `None` for `tenant_claim`, `groups_claim` and `attributes`"
        )


def _trusted_authorizer(event: Mapping[str, Any], gateway: ExpectedGateway) -> Mapping[str, Any]:
    """What the gateway verified, from an event of the expected kind, API and account."""
    kind = proxy_kind(event)
    path = VERIFIED_AT[gateway.kind].get(kind)
    if path is None:
        raise UntrustedEventError(
            f"the event is of the kind `{kind}`, not of the expected kind, `{gateway.kind}`",
            configured={"kind": gateway.kind},
        )
    context = event["requestContext"]
    if gateway.api_id is not None:
        _check_pinned(context, "apiId", "api_id", gateway.expected_api())
    if gateway.account_id is not None:
        _check_pinned(context, "accountId", "account_id", gateway.account_id)
    holder: Any = context
    for name in path:
        holder = holder.get(name)
        if not isinstance(holder, dict) or not _says_something(holder):
            raise UntrustedEventError(
                f"`requestContext.{'.'.join(path)}` of the event is missing",
                configured={"kind": gateway.kind},
            )
    if path[-1] == "authorizer" and ("claims" in holder or "jwt" in holder or "iam" in holder):
        raise UntrustedEventError(
            "the event was authorized by something else than a Lambda authorizer",
            configured={"kind": gateway.kind},
        )
    return holder  # type: ignore[no-any-return]


def _holds_claims(event: Mapping[str, Any]) -> bool:
    """Whether a gateway has left claims in the event: those are judged, never skipped."""
    context = _context_of(event)
    identity = context.get("identity")
    return _says_something(context.get("authorizer")) or (
        isinstance(identity, dict) and bool(identity.get("userArn"))
    )


def _says_something(authorizer: object) -> bool:
    """HTTP APIs without an authorizer write ``{"claims": null, "scopes": null}``."""
    if not isinstance(authorizer, dict):
        return bool(authorizer)
    for value in authorizer.values():  # noqa: SIM110  once per request: a generator costs more
        if value is not None:
            return True
    return False


def _context_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    context = event.get("requestContext") if isinstance(event, dict) else None
    return context if isinstance(context, dict) else {}


def _check_pins_that_are_there(event: Mapping[str, Any], gateway: ExpectedGateway) -> None:
    """An event that names its API is of that one; a local run may name none."""
    context = _context_of(event)
    if context.get("apiId") is not None:
        _check_pinned(context, "apiId", "api_id", gateway.expected_api())
    if context.get("accountId") is not None:
        _check_pinned(context, "accountId", "account_id", gateway.account_id)


def _check_pinned(
    context: Mapping[str, Any], name: str, argument: str, expected: str | None
) -> None:
    if expected is not None and context.get(name) != expected:
        raise UntrustedEventError(
            f"`requestContext.{name}` of the event is not the expected one",
            configured={argument: expected},
        )


def _verified(
    event: Mapping[str, Any],
    gateway: ExpectedGateway,
    verifier: Verifier,
    token_sources: Sequence[TokenSource],
) -> Principal:
    text = read_token(event, token_sources)
    try:
        principal = Principal.from_token(
            verifier.verify(text),
            tenant_claim=gateway.tenant_claim,
            groups_claim=gateway.groups_claim,
            attributes=gateway.read_attributes,
        )
        _check_claims(principal, gateway)
    except AuthzError as error:
        error.key_id_digest = digest_of_tokens_key_id(text)
        raise
    return principal


def _check_claims(principal: Principal, gateway: ExpectedGateway) -> None:
    if gateway.issuer is not None and principal.issuer != gateway.issuer:
        raise InvalidClaimError(
            "`iss` is not the expected one", claim="iss", configured={"issuer": gateway.issuer}
        )
    if gateway.client_ids is not None and principal.client_id not in gateway.client_ids:
        raise InvalidClaimError(
            "the client is not an expected one",
            claim="client_id",
            configured={"client_ids": gateway.client_ids},
        )
    if gateway.token_use is not None and principal.claims.get("token_use") != gateway.token_use:
        raise InvalidClaimError(
            "`token_use` is not the expected one",
            claim="token_use",
            configured={"token_use": gateway.token_use},
        )
