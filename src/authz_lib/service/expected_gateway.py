"""Which gateway is expected, and what its claims must say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from authz_lib._support.checks import require_function
from authz_lib.errors import (
    ConfigurationError,
)
from authz_lib.service.gateway_claims import SEPARATORS
from authz_lib.tokens.attributes import Attributes
from authz_lib.tokens.claim_reader import COGNITO_GROUPS, ClientReader, claim_path, client_reader
from authz_lib.tokens.issuer_names import require_issuer_names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from authz_lib.gateway.proxy_events import ProxyKind
    from authz_lib.service.iam_callers import IAMCallers
    from authz_lib.tokens.attributes import Attribute
    from authz_lib.tokens.claim_reader import ClaimPath

__all__ = ["VERIFIED_AT", "ExpectedGateway", "GatewayKind"]

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

VERIFIED_AT: dict[GatewayKind, dict[ProxyKind, tuple[str, ...]]] = {
    "rest-cognito": {"rest": ("authorizer", "claims")},
    "http-jwt": {"http-2.0": ("authorizer", "jwt", "claims"), "http-1.0": ("authorizer", "claims")},
    "http-lambda": {"http-2.0": ("authorizer", "lambda"), "http-1.0": ("authorizer",)},
    "rest-lambda": {"rest": ("authorizer",)},
    "websocket-lambda": {"websocket": ("authorizer",)},
    "rest-iam": {"rest": ("identity",)},
    "http-iam": {"http-2.0": ("authorizer", "iam")},
    "function-url-iam": {"function-url": ("authorizer", "iam")},
}
"""Where each kind of proxy event holds what its gateway verified, below ``requestContext``."""


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
            the separator to vouch that no name does.  ``rest-cognito`` needs it where groups are
            read: a name of Cognito may hold a comma.  It holds no space, so ``"[a b]"`` from a
            Cognito issuer is read without.  Of another issuer such a text is refused without it.
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
    read_attributes: Attributes | None = field(default=None, init=False, repr=False, compare=False)
    _found_api: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in tuple(VERIFIED_AT):  # a tuple: what is no text may not be hashable
            raise ConfigurationError(
                f"`kind` must be one of {', '.join(f'`{kind}`' for kind in VERIFIED_AT)}"
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
        self._check_separator()
        self._check_clients()
        self._check_iam()
        if self.attributes is not None:
            if not self.kind.endswith("-lambda"):
                raise ConfigurationError("`attributes` needs a Lambda authorizer of this library")
            object.__setattr__(self, "read_attributes", Attributes(self.attributes))

    def _check_separator(self) -> None:
        if self.groups_separator not in (",", " ", None):
            raise ConfigurationError("`groups_separator` must be a comma, a space or `None`")
        written = SEPARATORS.get(self.kind)
        if written is None or self.groups_claim is None or self.groups_separator == written:
            return
        if self.groups_separator is not None:
            raise ConfigurationError(
                f"`groups_separator` must be {written!r} for `{self.kind}`: so that gateway writes "
                "a list"
            )
        if self.kind == "rest-cognito":  # it would refuse whoever is in a second group
            raise ConfigurationError(
                "`rest-cognito` needs `groups_separator`: a REST API writes a list of groups as "
                'one text. Pass `","` if no name of a group holds a comma, or `groups_claim=None` '
                "for no groups"
            )

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


def _check_text(value: object, name: str) -> None:
    if value is not None and (type(value) is not str or not value):
        raise ConfigurationError(f"`{name}` must be a non-empty string or `None`")
