"""From what a gateway verified to a `Principal`: which events may be trusted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from authz_lib._support.checks import require_function
from authz_lib._support.clock import system_clock
from authz_lib.errors import (
    ConfigurationError,
    InvalidClaimError,
    UntrustedEventError,
)
from authz_lib.gateway.context import principal_from_context
from authz_lib.gateway.proxy_events import is_authorizer_event, proxy_kind
from authz_lib.gateway.sources import read_token
from authz_lib.principal import Principal, distinct_issuers, issuers_of
from authz_lib.service.gateway_claims import principal_from_claims

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from authz_lib._support.clock import Clock
    from authz_lib.gateway.proxy_events import ProxyKind
    from authz_lib.gateway.sources import TokenSource
    from authz_lib.tokens.verifier import Verifier

__all__ = ["ExpectedGateway", "GatewayKind", "principal_from_event"]

GatewayKind: TypeAlias = Literal[
    "rest-cognito",
    "http-jwt",
    "http-lambda",
    "rest-lambda",
    "websocket-lambda",
    "rest-iam",
    "http-iam",
    "function-url-iam",
]
"""The API kind and what authorizes it: Cognito, a JWT authorizer, a Lambda authorizer of this
library, or IAM.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedGateway:
    """The one gateway whose word is taken, and what its claims must say.

    Every member up to ``token_use`` is required; an explicit ``None`` skips that check and gives up
    what it says.

    Args:
        kind: the API kind and its authorizer.  An event of any other kind is refused.
        api_id: the API's id, or a callable that finds it: it is called for the first event and its
            answer kept (in a SAM template a ``!Ref`` to the function's own API is a cycle, so read
            it from SSM).  ``None``: any API that may invoke this function.
        account_id: the account of the API.  ``None``: any account that may invoke this function.
            WebSocket events name no account, so ``websocket-lambda`` needs ``None``.
        issuer: the expected ``iss``.  ``None``: any issuer that the authorizer takes; a ``sub`` is
            then not unique.
        client_ids: the expected ``client_id``, or ``aud`` of an ID token.  ``None``: any client of
            the issuer.
        token_use: ``"access"`` or ``"id"``, as Cognito says it.  ``None``: either.
        tenant_claim: where Cognito's or a JWT authorizer's claims hold the tenant; ``None`` for no
            tenants.  A Lambda authorizer of this library has its own setting and passes the tenant
            on.
        groups_claim: where those claims hold the groups; ``None`` for no groups.
        groups_separator: gateways write a list of groups as one text (``"[a b]"`` on HTTP APIs,
            ``"a,b"`` on REST APIs), which is ambiguous when a name contains the separator.  Give
            the separator to vouch that no name does; without it a text that may be two things is
            refused.  Cognito's group names hold no spaces, so ``"[a b]"`` from a Cognito issuer is
            read without.

    Raises:
        ConfigurationError: a value is empty or of another type, or a claim check is given for IAM,
            which has no claims.

    >>> gateway = ExpectedGateway(
    ...     kind="http-lambda",
    ...     api_id="a1b2c3",
    ...     account_id="123456789012",
    ...     issuer="https://issuer.example",
    ...     client_ids=["web"], token_use="access",
    ... )
    >>> gateway.kind
    'http-lambda'
    """

    kind: GatewayKind
    api_id: str | Callable[[], str] | None
    account_id: str | None
    issuer: str | None
    client_ids: Collection[str] | None
    token_use: Literal["access", "id"] | None
    tenant_claim: str | None = None
    groups_claim: str | None = "cognito:groups"
    groups_separator: Literal[",", " "] | None = None
    _found_api: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in tuple(_KINDS):  # a tuple: what is no text may not be hashable
            raise ConfigurationError(
                f"`kind` must be one of {', '.join(f'`{kind}`' for kind in _KINDS)}"
            )
        for name in ("account_id", "issuer", "tenant_claim", "groups_claim"):
            _check_text(getattr(self, name), name)
        if callable(self.api_id):
            require_function(self.api_id, "api_id")
        else:
            _check_text(self.api_id, "api_id")
        if self.kind == "websocket-lambda" and self.account_id is not None:
            raise ConfigurationError(
                "events of a WebSocket API name no account: `account_id` must be `None` for "
                "`websocket-lambda`"
            )
        if self.token_use not in ("access", "id", None):
            raise ConfigurationError("`token_use` must be `access`, `id` or `None`")
        if self.groups_separator not in (",", " ", None):
            raise ConfigurationError("`groups_separator` must be a comma, a space or `None`")
        self._check_clients()
        if self.kind.endswith("-iam") and (self.issuer, self.client_ids, self.token_use) != (
            None,
            None,
            None,
        ):
            raise ConfigurationError(
                "IAM has no `issuer`, `client_ids` or `token_use`: pass `None`"
            )

    def _check_clients(self) -> None:
        if self.client_ids is None:
            return
        clients = (
            self.client_ids if isinstance(self.client_ids, (list, tuple, set, frozenset)) else ()
        )
        if not clients or not all(type(client) is str and client for client in clients):
            raise ConfigurationError("`client_ids` must be a list of client ids, or `None`")
        object.__setattr__(self, "client_ids", frozenset(self.client_ids))

    def expected_api(self) -> str | None:
        """The API id, found once if it is a callable.

        Raises:
            ConfigurationError: the callable answered with something else than a non-empty string.
        """
        if not callable(self.api_id):
            return self.api_id
        if "api" not in self._found_api:
            found = self.api_id()
            if found is None:
                raise ConfigurationError("`api_id` found no API id")
            _check_text(found, "api_id")
            self._found_api["api"] = found
        return self._found_api["api"]


def principal_from_event(
    event: Mapping[str, Any],
    *,
    gateway: ExpectedGateway,
    verifier: Verifier | None = None,
    token_sources: Sequence[TokenSource] = (),
    clock: Clock = system_clock,
) -> Principal:
    """The caller that the gateway in front of this service verified.

    Checked: the event is of the expected kind, of the pinned API and account; the claims are
    present; issuer, client, token use and expiry (a remembered Allow of a gateway outlives a
    token).

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
        return _iam_principal(holder)
    if gateway.kind.endswith("-lambda"):
        principal = principal_from_context(holder, now=now)
    else:
        principal = principal_from_claims(holder, gateway, now)
    _check_claims(principal, gateway)
    return principal


def _require_one_meaning(gateway: ExpectedGateway, verifier: Verifier) -> None:
    """Refuse to read a tenant or groups of one issuer as those of another."""
    reads = (gateway.tenant_claim, gateway.groups_claim) != (None, None)
    if reads and len(distinct_issuers(issuers_of(verifier))) > 1:
        raise ConfigurationError(
            "with several issuers a tenant and groups mean something within their issuer only: "
            "pin `issuer`, or pass `None` for `tenant_claim` and `groups_claim`"
        )


# Where each kind of proxy event holds what its gateway verified, below `requestContext`.
_KINDS: dict[GatewayKind, dict[ProxyKind, tuple[str, ...]]] = {
    "rest-cognito": {"rest": ("authorizer", "claims")},
    "http-jwt": {"http-2.0": ("authorizer", "jwt", "claims"), "http-1.0": ("authorizer", "claims")},
    "http-lambda": {"http-2.0": ("authorizer", "lambda"), "http-1.0": ("authorizer",)},
    "rest-lambda": {"rest": ("authorizer",)},
    "websocket-lambda": {"websocket": ("authorizer",)},
    "rest-iam": {"rest": ("identity",)},
    "http-iam": {"http-2.0": ("authorizer", "iam")},
    "function-url-iam": {"function-url": ("authorizer", "iam")},
}


def _trusted_authorizer(event: Mapping[str, Any], gateway: ExpectedGateway) -> Mapping[str, Any]:
    """What the gateway verified, from an event of the expected kind, API and account."""
    kind = proxy_kind(event)
    path = _KINDS[gateway.kind].get(kind)
    if path is None:
        raise UntrustedEventError(
            f"the event is of the kind `{kind}`, not of the expected kind, `{gateway.kind}`"
        )
    context = event["requestContext"]
    if gateway.api_id is not None:
        _check_pinned(context, "apiId", gateway.expected_api())
    if gateway.account_id is not None:
        _check_pinned(context, "accountId", gateway.account_id)
    holder: Any = context
    for name in path:
        holder = holder.get(name)
        if not isinstance(holder, dict) or not holder or holder == _NO_AUTHORIZER:
            raise UntrustedEventError(f"`requestContext.{'.'.join(path)}` of the event is missing")
    if path[-1] == "authorizer" and ("claims" in holder or "jwt" in holder or "iam" in holder):
        raise UntrustedEventError(
            "the event was authorized by something else than a Lambda authorizer"
        )
    return holder  # type: ignore[no-any-return]


# Payload 1.0 of an HTTP API says so of a route without an authorizer.
_NO_AUTHORIZER = {"claims": None, "scopes": None}


def _holds_claims(event: Mapping[str, Any]) -> bool:
    """Whether a gateway has left claims in the event: those are judged, never skipped."""
    context = _context_of(event)
    identity = context.get("identity")
    authorizer = context.get("authorizer")
    return (bool(authorizer) and authorizer != _NO_AUTHORIZER) or (
        isinstance(identity, dict) and bool(identity.get("userArn"))
    )


def _context_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    context = event.get("requestContext") if isinstance(event, dict) else None
    return context if isinstance(context, dict) else {}


def _check_pins_that_are_there(event: Mapping[str, Any], gateway: ExpectedGateway) -> None:
    """An event that names its API is of that one; a local run may name none."""
    context = _context_of(event)
    if context.get("apiId") is not None:
        _check_pinned(context, "apiId", gateway.expected_api())
    if context.get("accountId") is not None:
        _check_pinned(context, "accountId", gateway.account_id)


def _check_pinned(context: Mapping[str, Any], name: str, expected: str | None) -> None:
    if expected is not None and context.get(name) != expected:
        raise UntrustedEventError(f"`requestContext.{name}` of the event is not the expected one")


def _verified(
    event: Mapping[str, Any],
    gateway: ExpectedGateway,
    verifier: Verifier,
    token_sources: Sequence[TokenSource],
) -> Principal:
    token = verifier.verify(read_token(event, token_sources))
    principal = Principal.from_token(
        token, tenant_claim=gateway.tenant_claim, groups_claim=gateway.groups_claim
    )
    _check_claims(principal, gateway)
    return principal


def _check_claims(principal: Principal, gateway: ExpectedGateway) -> None:
    if gateway.issuer is not None and principal.issuer != gateway.issuer:
        raise InvalidClaimError("`iss` is not the expected one", claim="iss")
    if gateway.client_ids is not None and principal.client_id not in gateway.client_ids:
        raise InvalidClaimError("the client is not an expected one", claim="client_id")
    if gateway.token_use is not None and principal.claims.get("token_use") != gateway.token_use:
        raise InvalidClaimError("`token_use` is not the expected one", claim="token_use")


def _iam_principal(identity: Mapping[str, Any]) -> Principal:
    # REST APIs fill `identity` for every request: only a signed one has an ARN.
    arn = identity.get("userArn")
    if type(arn) is not str or not arn:
        raise UntrustedEventError("`userArn` of the event is missing: the request was not signed")
    names = (
        "accessKey",
        "accountId",
        "caller",
        "callerId",
        "user",
        "userArn",
        "userId",
        "principalOrgId",
    )
    return Principal(
        subject=arn,
        claims={name: identity[name] for name in names if type(identity.get(name)) is str},
    )


def _check_text(value: object, name: str) -> None:
    if value is not None and (type(value) is not str or not value):
        raise ConfigurationError(f"`{name}` must be a non-empty string or `None`")
