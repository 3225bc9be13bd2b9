"""The verified caller, in one shape for every kind of token and every kind of gateway."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from authz_lib._support.checks import require_names
from authz_lib._support.memo import Memo
from authz_lib.entities import Entity, EntityUid
from authz_lib.errors import ConfigurationError, InvalidClaimError
from authz_lib.tokens.claim_reader import (
    COGNITO_GROUPS,
    STANDARD_CLIENT,
    groups_of,
    scopes_of,
    tenant_of,
    text_claim,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.tokens import VerifiedToken
    from authz_lib.tokens.attributes import Attributes, AttributeValue
    from authz_lib.tokens.claim_reader import ClaimPath

__all__ = [
    "CallerKey",
    "Principal",
    "PrincipalIdForm",
    "caller_key",
    "cognito_pool",
    "distinct_issuers",
    "entra_tenant",
    "issuers_of",
]

PrincipalIdForm: TypeAlias = Literal["sub", "pool|sub", "issuer|sub"]
"""How a Cedar id is made of a subject (and a group's id of its name).

``"pool|sub"`` is what Verified Permissions makes of a Cognito token; a bare ``"sub"`` is unique
only within one issuer.
"""

# Both hosts that Cognito issues from (the pool's `IssuerConfigurationType` chooses one).
_COGNITO_ISSUER = re.compile(
    r"https://(?:issuer-)?cognito-idp\.([a-z0-9-]{1,40})\.amazonaws\.(?:com|com\.cn|eu)/(\1_[0-9A-Za-z]{1,55})"
)
_MAX_SECONDS = 2**53


_NO_CLAIMS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, repr=False, init=False)
class Principal:
    """Who is calling, as a verified token (or a gateway that verified one) says.

    It is a plain value: building one by hand checks nothing.  `from_token` checks the types of the
    claims it reads. That the token is genuine was checked by the verifier; that it is not expired
    *now* is checked where it is used.

    Attributes:
        subject: the ``sub`` claim.  It is unique only within its issuer.
        issuer: the ``iss`` claim, or ``None`` where the verifier was told not to ask for one.
        client_id: the application that the token was issued to, where the token says so, in the
            claim that the verifier was told.
        groups: the names of the caller's groups, in the token's order, without duplicates.
        scopes: the OAuth scopes of the token.
        tenant_id: the value of the configured tenant claim; ``None`` when none is configured or the
            token has none.
        claims: every claim, read-only.
        expires_at: the ``exp`` claim in seconds since the epoch.
        attributes: the declared attributes that the token has, read-only.

    Its ``repr`` shows no claim values: it is safe in a log line.

    >>> caller = Principal(subject="alice", groups=("buyers",), tenant_id="t1")
    >>> caller
    <Principal groups=1 scopes=0>
    >>> caller.entity().uid
    EntityUid(type='User', id='alice')
    """

    subject: str
    issuer: str | None
    client_id: str | None
    groups: tuple[str, ...]
    scopes: frozenset[str]
    tenant_id: str | None
    claims: Mapping[str, Any] = field(hash=False)
    expires_at: float | None
    attributes: Mapping[str, AttributeValue] = field(hash=False)

    def __init__(  # noqa: PLR0917  made per request: keywords would cost more
        self,
        subject: str,
        issuer: str | None = None,
        client_id: str | None = None,
        groups: tuple[str, ...] = (),
        scopes: frozenset[str] = frozenset(),
        tenant_id: str | None = None,
        claims: Mapping[str, Any] = _NO_CLAIMS,
        expires_at: float | None = None,
        attributes: Mapping[str, AttributeValue] = _NO_CLAIMS,
    ) -> None:
        _set_subject(self, subject)
        _set_issuer(self, issuer)
        _set_client_id(self, client_id)
        _set_groups(self, groups)
        _set_scopes(self, scopes)
        _set_tenant_id(self, tenant_id)
        # A verified token's claims are read-only already.
        is_frozen = type(claims) is MappingProxyType
        _set_claims(self, claims if is_frozen else MappingProxyType(dict(claims)))
        _set_expires_at(self, expires_at)
        _set_attributes(
            self,
            attributes if attributes is _NO_CLAIMS else MappingProxyType(dict(attributes)),
        )

    def __repr__(self) -> str:
        return f"<Principal groups={len(self.groups)} scopes={len(self.scopes)}>"

    def __reduce__(self) -> tuple[Any, ...]:  # a mappingproxy does not pickle
        values = (
            self.subject,
            self.issuer,
            self.client_id,
            self.groups,
            self.scopes,
            self.tenant_id,
        )
        attributes = dict(self.attributes)
        return type(self), (*values, dict(self.claims), self.expires_at, attributes)

    @classmethod
    def from_token(
        cls,
        token: VerifiedToken,
        *,
        tenant_claim: ClaimPath | None,
        groups_claim: ClaimPath | None = COGNITO_GROUPS,
        attributes: Attributes | None = None,
    ) -> Principal:
        """The caller that a verified token names.

        Args:
            token: the answer of a verifier.
            tenant_claim: the claim that holds the tenant, or the path to it.  It has no default
                because any claim that users may write themselves (a writable ``custom:*``
                attribute of Cognito, for one) would let them choose their tenant.
                ``None`` gives up tenants: `tenant_id` is then always ``None``.
            groups_claim: the claim that holds the names of groups or roles, or the path to it, such
                as ``"realm_access.roles"``; ``None`` for no groups.
            attributes: the claims that are attributes; ``None`` for no attributes.

        Raises:
            InvalidClaimError: ``sub`` is missing, or a claim that is read has another type than it
                must have.  A tenant, a client, groups or scopes that are simply absent are no
                error; groups that the token says are kept elsewhere are one.

        See RFC 9068, section 2.2, and the Cognito developer guide, "Using tokens with user pools".

        >>> from types import SimpleNamespace
        >>> claims = {"sub": "alice", "scope": "orders.read", "org": "t1"}
        >>> token = SimpleNamespace(issuer=None, claims=claims)
        >>> caller = Principal.from_token(token, tenant_claim="org")
        >>> caller.subject, caller.tenant_id, sorted(caller.scopes)
        ('alice', 't1', ['orders.read'])
        """
        claims, issuer = token.claims, token.issuer
        subject, expires_at = claims.get("sub"), claims.get("exp")
        if type(subject) is not str or not subject:
            text_claim(claims, "sub")
            raise InvalidClaimError("`sub` is missing", claim="sub")
        # A token of another verifier may not say where its client is: then the standard holds.
        reader = getattr(token, "client_reader", STANDARD_CLIENT)
        return cls(
            subject,
            issuer,
            reader.read(claims) if reader is STANDARD_CLIENT else reader.of(token),
            () if groups_claim is None else groups_of(claims, groups_claim),
            scopes_of(claims),
            None if tenant_claim is None else tenant_of(claims, tenant_claim),
            claims,
            (
                float(expires_at)
                if type(expires_at) is int and 0 < expires_at < _MAX_SECONDS  # nearly every one
                else _seconds(expires_at)
            ),
            _NO_CLAIMS if attributes is None else attributes.read(claims, issuer),
        )

    def uid(
        self, *, principal_type: str = "User", principal_id: PrincipalIdForm = "sub"
    ) -> EntityUid:
        """The caller's Cedar id.

        Raises:
            InvalidClaimError: the id is to contain the issuer or pool and there is none.
            ConfigurationError: ``principal_id`` is not one of the three forms.

        >>> host = "https://cognito-idp.eu-west-1.amazonaws.com"
        >>> caller = Principal("alice", issuer=f"{host}/eu-west-1_Ab1")
        >>> caller.uid(principal_id="pool|sub").id
        'eu-west-1_Ab1|alice'
        """
        subject = self.subject
        return EntityUid(
            principal_type,
            subject if principal_id == "sub" else self._qualifier(principal_id) + subject,
        )

    def group_uids(
        self, *, group_type: str = "Group", principal_id: PrincipalIdForm = "sub"
    ) -> tuple[EntityUid, ...]:
        """The Cedar ids of the caller's groups, qualified as the caller's own id is.

        >>> Principal("alice", groups=("buyers", "admins")).group_uids()
        (EntityUid(type='Group', id='buyers'), EntityUid(type='Group', id='admins'))
        """
        qualifier = "" if principal_id == "sub" else self._qualifier(principal_id)
        return tuple([_GROUP_UIDS[group_type, qualifier + name] for name in self.groups])

    def entity(
        self,
        *,
        principal_type: str = "User",
        group_type: str = "Group",
        principal_id: PrincipalIdForm = "sub",
    ) -> Entity:
        """The caller as a Cedar entity: groups are parents, ``tenant_id`` and `attributes` are its
        attributes.

        Raises:
            InvalidClaimError: the id is to contain the issuer or pool and there is none.
            ConfigurationError: ``principal_id`` is not one of the three forms.

        >>> sorted(Principal("alice", tenant_id="t1").entity().attrs)
        ['tenant_id']
        """
        attrs = {**self.attributes} if self.attributes else {}
        if self.tenant_id is not None:
            attrs["tenant_id"] = self.tenant_id
        return Entity(
            self.uid(principal_type=principal_type, principal_id=principal_id),
            attrs=attrs,
            parents=self.group_uids(group_type=group_type, principal_id=principal_id),
        )

    def _qualifier(self, form: PrincipalIdForm) -> str:
        if form == "sub":
            return ""
        if form not in {"pool|sub", "issuer|sub"}:
            raise ConfigurationError("`principal_id` must be `sub`, `pool|sub` or `issuer|sub`")
        if not self.issuer or "|" in self.issuer:
            raise InvalidClaimError(
                "the principal has no `iss` to qualify its id with", claim="iss"
            )
        if form == "issuer|sub":
            return f"{self.issuer}|"
        pool = cognito_pool(self.issuer)
        # Another issuer's last path segment may look the same and be someone else's.
        if pool is None:
            raise InvalidClaimError("`iss` is not a Cognito user pool's", claim="iss")
        return f"{pool}|"


# The slots' own setters take half the time of the `object.__setattr__` of a generated `__init__`.
(
    _set_subject,
    _set_issuer,
    _set_client_id,
    _set_groups,
    _set_scopes,
    _set_tenant_id,
    _set_claims,
    _set_expires_at,
    _set_attributes,
) = (vars(Principal)[member.name].__set__ for member in fields(Principal))


def cognito_pool(issuer: str) -> str | None:
    """The user pool that an issuer is, or ``None`` if it is not one of Cognito's.

    >>> cognito_pool("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1")
    'eu-west-1_Ab1'
    """
    match = _COGNITO_ISSUER.fullmatch(issuer)
    return None if match is None else match[2]


def entra_tenant(issuer: str) -> str | None:
    """The Entra tenant that an issuer is, or ``None`` if it is not one.

    >>> tenant = "11111111-2222-3333-4444-555555555555"
    >>> entra_tenant(f"https://sts.windows.net/{tenant}/") == tenant
    True
    """
    if not issuer.startswith(("https://login.", "https://sts.")):
        return None
    # Version 2.0 and version 1.0 of a tenant's tokens, in each cloud.
    match = re.fullmatch(
        r"https://(?:login\.(?:microsoftonline\.(?:com|us)|partner\.microsoftonline\.cn)/([0-9a-f-]{36})/v2\.0"
        r"|sts\.(?:windows\.net|chinacloudapi\.cn)/([0-9a-f-]{36})/)",
        issuer,
    )
    return None if match is None else match[1] or match[2]


def issuers_of(verifier: object) -> frozenset[str] | None:
    """The issuers of a verifier, which it must name: to take silence for one would be to guess.

    Raises:
        ConfigurationError: it has no `issuers`, or they are not a set of names or ``None``.
    """
    try:
        issuers = verifier.issuers  # type: ignore[attr-defined]
    except AttributeError:
        raise ConfigurationError(
            "`verifier` must have the attribute `issuers`, as `JWTVerifier` has; a class around "
            "one must hand it on"
        ) from None
    if issuers is None:
        return None
    return frozenset(require_names(issuers, "issuers"))


def distinct_issuers(issuers: frozenset[str] | None) -> frozenset[str]:
    """The issuers whose users are not the same.

    A Cognito pool has two, one per configuration; an Entra tenant has two, one per version of its
    tokens.
    """
    return frozenset(
        cognito_pool(issuer) or entra_tenant(issuer) or issuer for issuer in issuers or ()
    )


CallerKey: TypeAlias = (
    tuple[str, str | None, tuple[str, ...], str | None]
    | tuple[str, str | None, tuple[str, ...], str | None, "_AttributesKey"]
)
"""What a principal's Cedar entities are made of, under one configuration.

It holds subject, issuer, groups, tenant and any attributes.
"""

_AttributesKey: TypeAlias = "tuple[tuple[str, type, AttributeValue], ...]"
_PLAIN = frozenset({str, type(None)})
_PLAIN_ATTRIBUTES = {str, int, bool, tuple}


def caller_key(principal: Principal) -> CallerKey | None:
    """The same for two principals only if their ids, groups and attributes in Cedar are the same.

    ``None`` where that cannot be said: a principal built by hand may hold anything (``1 == True``),
    a subclass may make its entity of more.

    >>> caller_key(Principal("alice", groups=("buyers",), tenant_id="t1"))
    ('alice', None, ('buyers',), 't1')
    """
    if type(principal) is not Principal or type(principal.groups) is not tuple:
        return None
    key = principal.subject, principal.issuer, principal.groups, principal.tenant_id
    if not _PLAIN.issuperset(map(type, (key[0], key[1], key[3], *key[2]))):
        return None
    if not principal.attributes:
        return key
    attributes = _attributes_key(principal.attributes)
    return None if attributes is None else (*key, attributes)


def _attributes_key(attributes: Mapping[str, AttributeValue]) -> _AttributesKey | None:
    """The attributes with their types, as ``1 == True``; ``None`` where they are not plain."""
    for name, value in attributes.items():
        if type(name) is not str or type(value) not in _PLAIN_ATTRIBUTES:
            return None
        if isinstance(value, tuple) and not all(type(item) is str for item in value):
            return None
    return tuple([(name, type(attributes[name]), attributes[name]) for name in sorted(attributes)])


# Few groups stand in the tokens of many callers.  Ids are frozen.
_GROUP_UIDS: Memo[tuple[str, str], EntityUid] = Memo(lambda key: EntityUid(*key), max_entries=4096)


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    # Past 2**53 a number is no time any more, and a huge integer does not even convert.
    # NaN compares false.
    if (type(value) is int or type(value) is float) and -_MAX_SECONDS < value < _MAX_SECONDS:
        return float(value)
    raise InvalidClaimError("`exp` is not a number of seconds", claim="exp")
