"""From what a gateway verified to a `Principal`: which events may be trusted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from authz_lib._support.checks import require_function
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
from authz_lib.service.gateway_claims import principal_from_claims
from authz_lib.tokens.attributes import Attributes
from authz_lib.tokens.claim_reader import COGNITO_GROUPS, ClientReader, claim_path, client_reader
from authz_lib.tokens.issuer_names import require_issuer_names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from authz_lib._support.clock import Clock
    from authz_lib.gateway.proxy_events import ProxyKind
    from authz_lib.gateway.sources import TokenSource
    from authz_lib.service.iam_callers import IAMCallers
    from authz_lib.tokens.attributes import Attribute
    from authz_lib.tokens.claim_reader import ClaimPath
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
        client_ids: the expected client.  ``None``: any client of the issuer.
        token_use: ``"access"`` or ``"id"``, as Cognito says it.  ``None``: either.
        tenant_claim: where Cognito's or a JWT authorizer's claims hold the tenant; ``None`` for no
            tenants.  A Lambda authorizer of this library has its own setting and passes the tenant
            on.
        groups_claim: where those claims hold the groups; ``None`` for no groups.  A path such as
            ``"realm_access.roles"`` is for ``verifier`` only: a gateway writes an object as a text
            that cannot be read back.
        client_claim: where those claims name the client: one name or several, of which the first
            that is there counts, such as ``"cid"`` for Okta.  ``None``: ``aud`` where ``token_use``
            is ``id``, as Cognito has it; else ``client_id``, else ``azp``.  ``aud`` of another ID
            token is the client only if you say ``"aud"``.
        groups_separator: gateways write a list of groups as one text (``"[a b]"`` on HTTP APIs,
            ``"a,b"`` on REST APIs), which is ambiguous when a name contains the separator.  Give
            the separator to vouch that no name does; without it a text that may be two things is
            refused.  Cognito's group names hold no spaces, so ``"[a b]"`` from a Cognito issuer is
            read without.
        attributes: the attributes of the caller, as the authorizer declares them.  For a Lambda
            authorizer of this library only.
        iam_callers: for IAM, which forms of callers are taken and who is the subject of each.
            ``None``: what `IAMCallers` says without arguments.

    Raises:
        ConfigurationError: a value is empty or of another type, or a claim check is given for IAM,
            which has no claims, or ``iam_callers`` for anything else.

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
    tenant_claim: ClaimPath | None = None
    groups_claim: ClaimPath | None = COGNITO_GROUPS
    groups_separator: Literal[",", " "] | None = None
    client_claim: str | Sequence[str] | None = None
    iam_callers: IAMCallers | None = None
    attributes: Mapping[str, str | Attribute] | None = None
    client_reader: ClientReader = field(init=False, repr=False, compare=False)
    _attributes: Attributes | None = field(default=None, init=False, repr=False, compare=False)
    _found_api: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in tuple(_KINDS):  # a tuple: what is no text may not be hashable
            raise ConfigurationError(
                f"`kind` must be one of {', '.join(f'`{kind}`' for kind in _KINDS)}"
            )
        for name in ("account_id", "issuer"):
            _check_text(getattr(self, name), name)
        require_issuer_names([] if self.issuer is None else [self.issuer])
        self._check_claims()
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
        self._check_iam()
        if self.attributes is not None:
            if not self.kind.endswith("-lambda"):
                raise ConfigurationError("`attributes` needs a Lambda authorizer of this library")
            object.__setattr__(self, "_attributes", Attributes(self.attributes))

    def _check_iam(self) -> None:
        if self.iam_callers is not None:
            from authz_lib.service.iam_callers import IAMCallers  # most gateways have no IAM

            is_one = type(self.iam_callers) is IAMCallers
        if self.iam_callers is not None and not (is_one and self.kind.endswith("-iam")):
            raise ConfigurationError("`iam_callers` must be `IAMCallers`, and is for IAM only")
        if self.kind.endswith("-iam") and (self.issuer, self.client_ids, self.token_use) != (
            None,
            None,
            None,
        ):
            raise ConfigurationError(
                "IAM has no `issuer`, `client_ids` or `token_use`: pass `None`"
            )

    def _check_claims(self) -> None:
        for name in ("tenant_claim", "groups_claim"):
            path = getattr(self, name)
            if (
                path is not None
                and len(claim_path(path, name)) > 1
                and self.kind in {"http-jwt", "rest-cognito"}
            ):
                raise ConfigurationError(
                    f"`{name}` must be the name of a claim: a gateway writes an object as a text "
                    "that cannot be read back"
                )
        reader = client_reader(self.client_claim)
        object.__setattr__(self, "client_reader", reader)
        object.__setattr__(self, "client_claim", reader.claims)

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
        from authz_lib.service.iam_callers import principal_from_iam  # most gateways have no IAM

        return principal_from_iam(holder, gateway.iam_callers)
    if gateway.kind.endswith("-lambda"):
        principal = principal_from_context(holder, now=now, attributes=gateway._attributes)  # noqa: SLF001
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
    path = _KINDS[gateway.kind].get(proxy_kind(event))
    if path is None:
        raise UntrustedEventError(
            f"the event is not of the expected kind, `{gateway.kind}`",
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
            attributes=gateway._attributes,  # noqa: SLF001
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


def _check_text(value: object, name: str) -> None:
    if value is not None and (type(value) is not str or not value):
        raise ConfigurationError(f"`{name}` must be a non-empty string or `None`")
