"""From a request to its `Principal`: which claims of which issuer are the tenant and the groups."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from authz_lib._support.checks import is_answering, require_method
from authz_lib._support.key_id import digest_of_tokens_key_id
from authz_lib.errors import (
    AuthenticationError,
    AuthzError,
    ConfigurationError,
    InvalidClaimError,
)
from authz_lib.gateway.context import to_context
from authz_lib.gateway.sources import read_token
from authz_lib.principal import (
    Principal,
    caller_key,
    cognito_pool,
    distinct_issuers,
    issuers_of,
)
from authz_lib.tokens.attributes import Attributes
from authz_lib.tokens.claim_reader import ClaimPath, claim_path, tenant_of
from authz_lib.tokens.trusted_issuer import VerifiedToken
from authz_lib.tokens.verifier import verify_async

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from authz_lib.gateway.events import Event
    from authz_lib.gateway.responses import ContextValue
    from authz_lib.gateway.sources import TokenSource
    from authz_lib.principal import CallerKey
    from authz_lib.tokens.attributes import Attribute
    from authz_lib.tokens.verifier import Verifier

__all__ = ["Caller", "Callers", "Claim", "require_qualified_ids"]

Claim: TypeAlias = "ClaimPath | Mapping[str, ClaimPath | None] | None"
"""A claim, or with several issuers one per issuer; ``None`` for nothing.

The id of a user pool stands for both of its issuers.
"""

_POOLS_GROUPS = "cognito:groups"  # what a pool writes into it, and nobody else may


class Caller(NamedTuple):
    """Who calls, and what the integration is told; made once per token."""

    principal: Principal
    context: Mapping[str, ContextValue]
    key: CallerKey | None = None
    """Equal for all tokens of one caller that mean the same to a policy; see `caller_key`."""
    usage_key: str | None = None
    """The API key that a REST API's usage plan counts this request against."""


_new = tuple.__new__  # what a named tuple's own constructor calls


class Callers:
    """Finds out who calls: reads the token, has it verified, and maps its claims.

    A ``sub``, a group and a tenant mean something only within their issuer.  So with several
    issuers the claims must be named per issuer, and the decision point must make its ids of the
    issuer too.  One name does for the ``cognito:groups`` of several pools.

    Raises:
        ConfigurationError: that is not so, or a claim is named for an issuer that the verifier does
            not know.
    """

    __slots__ = (
        "_attributes",
        "_groups_claim",
        "_mark",
        "_sources",
        "_tenant_claim",
        "_usage_claim",
        "_verifier",
    )

    def __init__(
        self,
        verifier: Verifier,
        sources: Sequence[TokenSource],
        *,
        tenant_claim: Claim,
        groups_claim: Claim,
        attributes: Mapping[str, str | Attribute] | None = None,
        usage_claim: Claim = None,
    ) -> None:
        if not isinstance(sources, list | tuple) or not all(_is_source(s) for s in sources):
            raise ConfigurationError(
                "`token_sources` must be a list of sources, such as `[BearerToken()]`"
            )
        if not sources:
            raise ConfigurationError("`token_sources` must not be empty")
        require_method(verifier, "verifier", "verify", such_as="`JWTVerifier`")
        issuers = issuers_of(verifier)
        self._verifier = verifier
        self._sources = tuple(sources)
        self._tenant_claim = _per_issuer(tenant_claim, issuers, "tenant_claim")
        self._groups_claim = _per_issuer(groups_claim, issuers, "groups_claim")
        self._usage_claim = _per_issuer(usage_claim, issuers, "usage_identifier_key")
        self._attributes = (
            None
            if attributes is None
            else Attributes(
                attributes, claim_of=lambda claim: _per_issuer(claim, issuers, "attributes")
            )
        )
        # The verifier remembers tokens, within its bound.  A token keeps its caller under this.
        self._mark = object()

    @property
    def attribute_types(self) -> Mapping[str, str]:
        """The declared attributes of callers, each with its type."""
        return {} if self._attributes is None else self._attributes.types

    def identify(self, event: Event) -> Caller:
        """The caller of an event.

        Raises:
            AuthenticationError: there is no acceptable token, or it does not say when it expires.
            AccessDeniedError: the token lacks a scope or group that the verifier asks for.
            InvalidRequestError: the caller's groups and claims are more than a gateway passes on.
            DependencyError: the key set did not answer.
        """
        token = self._verifier.verify(read_token(event, self._sources))
        known = token.derived if type(token) is VerifiedToken else None
        if known is not None and known[0] is self._mark:
            return known[1]  # type: ignore[no-any-return]  # it is kept below
        caller = self._caller_of(token)
        if type(token) is VerifiedToken:
            token.keep(self._mark, caller)
        return caller

    def principal(self, event: Event) -> Principal:
        """The caller of an event, for a service that is told by no gateway.

        Raises:
            AuthenticationError: there is no acceptable token, or it does not say when it expires.
            AccessDeniedError: the token lacks a scope or group that the verifier asks for.
            DependencyError: the key set did not answer.
        """
        text = read_token(event, self._sources)
        with _key_told(text):
            return self._lasting_principal_of(self._verifier.verify(text))

    async def aprincipal(self, event: Event) -> Principal:
        """What `principal` answers or raises, without blocking the event loop."""
        text = read_token(event, self._sources)
        with _key_told(text):
            return self._lasting_principal_of(await verify_async(self._verifier, text))

    def _lasting_principal_of(self, token: VerifiedToken) -> Principal:
        principal = self._principal_of(token)
        if principal.expires_at is None:
            raise InvalidClaimError("`exp` is missing", claim="exp")
        return principal

    def _principal_of(self, token: VerifiedToken) -> Principal:
        tenant_claim, groups_claim = self._tenant_claim, self._groups_claim
        return Principal.from_token(
            token,
            tenant_claim=(
                tenant_claim.get(token.issuer or "")
                if isinstance(tenant_claim, dict)
                else tenant_claim
            ),
            groups_claim=(
                groups_claim.get(token.issuer or "")
                if isinstance(groups_claim, dict)
                else groups_claim
            ),
            attributes=self._attributes,
        )

    def _caller_of(self, token: VerifiedToken) -> Caller:
        principal = self._principal_of(token)
        context = to_context(principal, self._attributes)
        usage_claim = self._usage_claim
        if isinstance(usage_claim, dict):
            usage_claim = usage_claim.get(token.issuer or "")
        usage_key = None if usage_claim is None else tenant_of(token.claims, usage_claim)
        return _new(Caller, (principal, context, caller_key(principal), usage_key))

    def key_id_digest(self, event: Event) -> str | None:
        """Which key a refused event's token names, by a digest; ``None`` where none is told."""
        try:
            return digest_of_tokens_key_id(read_token(event, self._sources))
        except AuthenticationError:
            return None


@contextmanager
def _key_told(text: str) -> Iterator[None]:
    """Say in an error which key the refused token names, by a digest."""
    try:
        yield
    except AuthzError as error:
        error.key_id_digest = digest_of_tokens_key_id(text)
        raise


def _is_source(source: object) -> bool:
    return not isinstance(source, type) and is_answering(getattr(source, "read", None))


def require_qualified_ids(verifier: object, decisions: object) -> None:
    """Refuse bare subjects as Cedar ids where two issuers may use the same.

    Raises:
        ConfigurationError: the verifier takes tokens of several issuers, and the ids do not tell
            them apart, or nobody can say whether they do.
    """
    if decisions is None or len(distinct_issuers(issuers_of(verifier))) < 2:
        return
    try:
        form = decisions.vocabulary.principal_id  # type: ignore[attr-defined]
    except AttributeError:
        raise ConfigurationError(
            "with several issuers `decisions` must have the attribute `vocabulary` of its decision "
            "point: it says how a principal's id is made"
        ) from None
    if form not in {"issuer|sub", "pool|sub"}:
        raise ConfigurationError(
            "with several issuers `principal_id` must be `issuer|sub` or `pool|sub`"
        )


def _per_issuer(
    claim: Claim, issuers: frozenset[str] | None, argument: str
) -> ClaimPath | dict[str, ClaimPath | None] | None:
    if isinstance(claim, Mapping):
        if issuers is None:
            raise ConfigurationError(
                f"`{argument}` is a mapping from issuer to claim, and the verifier does not check "
                "`iss`"
            )
        return _by_issuer(claim, issuers, argument)
    _check(claim, argument)
    if claim is None or len(distinct_issuers(issuers)) < 2:
        return claim
    # In every pool it is the pool's own list, so it means the same; ids keep the pools apart.
    strangers = [name for name in sorted(issuers or ()) if cognito_pool(name) is None]
    if argument == "groups_claim" and claim == _POOLS_GROUPS and not strangers:
        return claim
    raise ConfigurationError(
        f"with several issuers `{argument}` must be a mapping from issuer, or user pool id, to "
        f"claim, or `None`; the issuers are {_listed(sorted(issuers or ()))}"
    )


def _by_issuer(
    claim: Mapping[str, ClaimPath | None], issuers: frozenset[str], argument: str
) -> dict[str, ClaimPath | None]:
    """A claim for each issuer, of a mapping that may name pools instead."""
    found: dict[str, ClaimPath | None] = {}
    for key, name in claim.items():
        _check(name, argument)
        meant = [key] if key in issuers else [i for i in issuers if cognito_pool(i) == key]
        if not meant:
            raise ConfigurationError(
                f"`{argument}` names what is no issuer of the verifier; its issuers are "
                f"{_listed(sorted(issuers))}"
            )
        twice = sorted(found.keys() & set(meant))
        if twice:
            raise ConfigurationError(f"`{argument}` names {_listed(twice)} twice")
        found |= dict.fromkeys(meant, name)
    missing = sorted(issuers - found.keys())
    if missing:
        raise ConfigurationError(
            f"`{argument}` must name each issuer of the verifier: {_listed(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing"
        )
    return found


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _check(name: object, argument: str) -> None:
    if name is not None:
        claim_path(name, argument)
