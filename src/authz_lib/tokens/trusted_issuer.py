"""What a verifier believes about an issuer: keys, algorithms, rules and hooks."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypedDict

from authz_lib._support.checks import is_answering
from authz_lib._support.clock import Clock, system_clock
from authz_lib.errors import (
    AuthzError,
    ConfigurationError,
    DependencyError,
    InvalidTokenError,
    TokenRevokedError,
)
from authz_lib.tokens.algorithms import HMAC, load_algorithms, require_algorithms
from authz_lib.tokens.claim_reader import (
    COGNITO_GROUPS,
    STANDARD_CLIENT,
    ClientReader,
    claim_path,
    client_reader,
)
from authz_lib.tokens.claims import ClaimRules, TimeRules, one_or_many
from authz_lib.tokens.issuer_names import require_issuer_names
from authz_lib.tokens.shared_secret import SecretKeySet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from authz_lib.tokens.claim_reader import ClaimPath
    from authz_lib.tokens.claims import HeaderRules, Times
    from authz_lib.tokens.keys import KeySet

__all__ = [
    "CheckOptions",
    "Configuration",
    "Trust",
    "VerifiedToken",
    "build_rules",
    "build_trust",
    "one_issuer",
]


@dataclass(frozen=True, slots=True, weakref_slot=True, repr=False, init=False)
class VerifiedToken:
    """A token that passed every check of a verifier.  It is deeply read-only.

    Attributes:
        claims: the payload.
        header: the protected header.
        issuer: the ``iss`` claim, or ``None`` when the token has none.
        key_id: the ``kid`` of the header, or ``None``.
        client_reader: where the verifier was told that such a token names its client.
        derived: what a reader made of it, with that reader's mark; it lives as long as the token.

    Its ``repr`` names the claims and shows none of their values.

    >>> from authz_lib import JWTVerifier
    >>> from authz_lib.testing.issuer import TestIssuer
    >>> issuer = TestIssuer(algorithm="ES256")
    >>> verifier = JWTVerifier(
    ...     issuer=issuer.issuer,
    ...     audience="orders",
    ...     algorithms=["ES256"],
    ...     keys=issuer.key_set(),
    ... )
    >>> token = verifier.verify(issuer.token({"sub": "alice", "aud": "orders"}))
    >>> token.claims["sub"], token.key_id == issuer.key_id
    ('alice', True)
    """

    claims: Mapping[str, Any]
    header: Mapping[str, Any]
    issuer: str | None
    key_id: str | None
    client_reader: ClientReader = field(compare=False)
    derived: tuple[object, Any] | None = field(init=False, compare=False)

    def __init__(
        self,
        claims: Mapping[str, Any],
        header: Mapping[str, Any],
        issuer: str | None,
        key_id: str | None,
        client_reader: ClientReader = STANDARD_CLIENT,
    ) -> None:
        _set_claims(self, claims)
        _set_header(self, header)
        _set_issuer(self, issuer)
        _set_key_id(self, key_id)
        _set_client_reader(self, client_reader)
        _set_derived(self, None)

    def keep(self, mark: object, value: object) -> None:
        """Keep what a reader made of this token; the last reader's is kept."""
        _set_derived(self, (mark, value))

    def __repr__(self) -> str:
        return f"<VerifiedToken with claims {', '.join(sorted(self.claims))}>"


# The slots' own setters take half the time of the `object.__setattr__` of a generated `__init__`.
_set_claims, _set_header, _set_issuer, _set_key_id, _set_client_reader, _set_derived = (
    vars(VerifiedToken)[member.name].__set__ for member in fields(VerifiedToken)
)


class CheckOptions(TypedDict, total=False):
    """The checks that every kind of verifier can add to its own."""

    typ: str | None
    all_scopes: str | Iterable[str] | None
    any_scope: str | Iterable[str] | None
    any_group: str | Iterable[str] | None
    groups_claim: ClaimPath
    client_claim: str | Iterable[str] | None
    leeway_seconds: float
    not_before_leeway_seconds: float
    max_token_age_seconds: float | None
    revoked: Callable[[VerifiedToken], bool] | None
    check: Callable[[VerifiedToken], object] | None
    remember: int
    remember_bytes: int
    clock: Clock


_NUMBER: Final = (int, float)
_OPTION_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "typ": (str, type(None)),
    "leeway_seconds": _NUMBER,
    "not_before_leeway_seconds": _NUMBER,
    "max_token_age_seconds": (*_NUMBER, type(None)),
    "remember": (int,),
    "remember_bytes": (int,),
}


def _require_options(options: CheckOptions) -> None:
    """Refuse a misspelt check, which nobody would make."""
    unknown = options.keys() - CheckOptions.__optional_keys__
    if unknown:
        raise ConfigurationError(
            f"unknown argument: {', '.join(f'`{name}`' for name in sorted(unknown))}"
        )
    for name, value in options.items():
        if name in _OPTION_TYPES and not isinstance(value, _OPTION_TYPES[name]):
            raise ConfigurationError(f"`{name}` is of the wrong type")
    for name in ("revoked", "check"):
        hook = options.get(name)
        if hook is not None and not is_answering(hook):
            raise ConfigurationError(
                f"`{name}` must be a plain function: nobody would await another"
            )
    if not is_answering(options.get("clock", system_clock)):
        raise ConfigurationError("`clock` must be a function that returns seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """All that is believed about one issuer: its keys, and what its tokens must say."""

    keys: KeySet
    algorithms: frozenset[str]
    rules: ClaimRules
    time_rules: TimeRules
    revoked: Callable[[VerifiedToken], bool] | None
    custom: Callable[[VerifiedToken], object] | None
    clock: Clock
    header_rules: HeaderRules | None = None

    @property
    def issuers(self) -> frozenset[str] | None:
        """The issuers whose tokens may pass; ``None`` when that is not checked."""
        return self.rules.issuers if self.header_rules is None else self.header_rules.issuers

    def settle(self, token: VerifiedToken, times: Times) -> None:
        """The checks of every call: the dates, then the hooks."""
        self.time_rules.check(times, self.clock())
        if self.revoked is not None:
            _require_not_revoked(self.revoked, token)
        if self.custom is not None:
            _require_custom(self.custom, token)

    def window(self, times: Times) -> tuple[float, float]:
        """From when until when `settle` can refuse nothing; empty where there are hooks."""
        if self.revoked is None and self.custom is None:
            return self.time_rules.window(times)
        return inf, -inf


def _require_not_revoked(revoked: Callable[[VerifiedToken], bool], token: VerifiedToken) -> None:
    try:
        answer = revoked(token)
    except AuthzError:
        raise
    # A hook that fails did not find out: that is a 503, not a 500.
    except Exception as error:  # noqa: BLE001
        raise DependencyError(
            f"could not find out whether the token is revoked ({type(error).__name__})"
        ) from None
    if answer is not False:  # `None` from a hook that forgot to answer is not a "no"
        raise TokenRevokedError("the token is revoked")


def _require_custom(check: Callable[[VerifiedToken], object], token: VerifiedToken) -> None:
    try:
        answer = check(token)
    except AuthzError:
        raise
    except Exception as error:  # noqa: BLE001 - any doubt about a token is a 401
        raise InvalidTokenError(f"the custom check raised `{type(error).__name__}`") from None
    # A claim that is empty or 0 is no "yes", nor is an awaitable.
    if answer is not None and answer is not True:
        raise InvalidTokenError("the custom check refused the token")


class Configuration(NamedTuple):
    """All that a verifier needs to know: whom it trusts, and what to fetch ahead."""

    trusts: tuple[Trust, ...]
    prefetches: tuple[tuple[KeySet, ...], ...]
    padded: bool = False

    @property
    def issuers(self) -> frozenset[str] | None:
        """The issuers whose tokens may pass; ``None`` when ``iss`` is not checked."""
        return frozenset().union(*(trust.issuers or () for trust in self.trusts)) or None


def build_rules(
    options: CheckOptions,
    *,
    issuers: frozenset[str] | None,
    audiences: frozenset[str] | None,
    clients: frozenset[str] | None,
    cognito: bool = False,
    token_use: str | None = None,
    client: ClientReader | None = None,
    access_only: bool = False,
) -> ClaimRules:
    """The rules of one issuer; ``client`` is what its tokens are known to have, if anything is.

    Raises:
        ConfigurationError: an option is unknown or makes no sense.
    """
    _require_options(options)
    require_issuer_names(issuers or ())
    if client is not None and options.get("client_claim") is not None:
        raise ConfigurationError("`client_claim` is known for tokens of this kind: leave it out")
    return ClaimRules(
        issuers=issuers,
        audiences=audiences,
        clients=clients,
        cognito=cognito,
        token_use=token_use,
        type=options.get("typ"),
        all_scopes=one_or_many(options.get("all_scopes"), argument="all_scopes"),
        any_scope=one_or_many(options.get("any_scope"), argument="any_scope"),
        any_group=one_or_many(options.get("any_group"), argument="any_group"),
        client=client_reader(options.get("client_claim")) if client is None else client,
        access_only=access_only,
        groups_claim=claim_path(options.get("groups_claim", COGNITO_GROUPS), "groups_claim"),
        reads_groups="groups_claim" in options,
    )


def one_issuer(
    *,
    issuer: str | Iterable[str] | None,
    audience: str | Iterable[str] | None,
    algorithms: Iterable[str],
    keys: KeySet,
    client_id: str | Iterable[str] | None,
    options: CheckOptions,
    client: ClientReader | None = None,
    access_only: bool = False,
) -> Configuration:
    """A trust in one key set, for one issuer or several names of it.

    Raises:
        ConfigurationError: an argument that makes no sense.
    """
    rules = build_rules(
        options,
        issuers=one_or_many(issuer, argument="issuer"),
        audiences=one_or_many(audience, argument="audience"),
        clients=one_or_many(client_id, argument="client_id"),
        client=client,
        access_only=access_only,
    )
    trust = build_trust(keys=keys, algorithms=algorithms, rules=rules, options=options)
    return Configuration((trust,), ((keys,),))


def build_trust(
    *,
    keys: KeySet,
    algorithms: Iterable[str],
    rules: ClaimRules,
    options: CheckOptions,
    header_rules: HeaderRules | None = None,
) -> Trust:
    names = require_algorithms(algorithms)
    if isinstance(keys, type) or not all(
        is_answering(getattr(keys, name, None)) for name in ("find", "peek", "prefetch")
    ):
        raise ConfigurationError(
            "`keys` must be a key set, such as `RemoteKeySet(url)` or `StaticKeySet(document)`"
        )
    if bool(names & HMAC) != isinstance(keys, SecretKeySet):
        raise ConfigurationError(
            "`HS*` algorithms need a shared secret, and a shared secret needs them"
        )
    load_algorithms(names)
    return Trust(
        keys=keys,
        algorithms=names,
        rules=rules,
        time_rules=TimeRules(
            expiry_leeway_seconds=options.get("leeway_seconds", 0.0),
            not_before_leeway_seconds=options.get("not_before_leeway_seconds", 30.0),
            max_token_age_seconds=options.get("max_token_age_seconds"),
        ),
        revoked=options.get("revoked"),
        custom=options.get("check"),
        clock=options.get("clock", system_clock),
        header_rules=header_rules,
    )
