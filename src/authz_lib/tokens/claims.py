"""The checks of a token's claims (RFC 7519, 4.1; RFC 8725; RFC 9068)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from authz_lib.errors import (
    AccessDeniedError,
    ConfigurationError,
    InsufficientScopeError,
    InvalidClaimError,
    InvalidTokenError,
    TokenExpiredError,
    TokenNotYetValidError,
)
from authz_lib.tokens.claim_reader import (
    COGNITO_GROUPS,
    STANDARD_CLIENT,
    groups_of,
    scopes_of,
    shown_path,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from authz_lib.tokens.claim_reader import ClaimPath, ClientReader

__all__ = [
    "ClaimRules",
    "HeaderRules",
    "TimeRules",
    "Times",
    "date_of",
    "is_text_in",
    "one_or_many",
]

_LATEST: Final = 2**53  # what every JSON reader agrees on; far beyond any date
_WHERE_CLIENT_IS: Final = "an ID token names the client in `aud`, an access token in `client_id`"
_NO_ACCESS_TOKENS: Final = {
    "id": "an ID",
    "refresh": "a refresh",
    "offline": "an offline",
    "logout": "a logout",
}
_WRONG_USE: Final = {
    "access": "an access token is expected, and this is an ID token or none of Cognito's",
    "id": "an ID token is expected, and this is an access token or none of Cognito's",
    None: "it must be `access` or `id`",
}


def one_or_many(value: object, *, argument: str) -> frozenset[str] | None:
    """A configured value or list of values as a set; ``None`` stays ``None``: not checked.

    Raises:
        ConfigurationError: an empty list, or anything that is not non-empty text.

    >>> sorted(one_or_many(["a", "b"], argument="audience"))
    ['a', 'b']
    """
    if value is None:
        return None
    values = (
        [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else []
    )
    if not values or not all(isinstance(item, str) and item for item in values):
        raise ConfigurationError(
            f"`{argument}` must be text or a list of texts, or `None` to skip the check"
        )
    return frozenset(values)


Times: TypeAlias = tuple[float, float | None, float | None]
"""``exp``, ``nbf`` and ``iat`` of a token, checked to be numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRules:
    """What is asked of ``exp``, ``nbf`` and ``iat``, on every call.  All in seconds."""

    expiry_leeway_seconds: float = 0.0
    not_before_leeway_seconds: float = 30.0
    max_token_age_seconds: float | None = None

    def __post_init__(self) -> None:
        for name, value in (
            ("leeway_seconds", self.expiry_leeway_seconds),
            ("not_before_leeway_seconds", self.not_before_leeway_seconds),
        ):
            if not 0 <= value <= 600:
                raise ConfigurationError(f"`{name}` must be between 0 and 600")
        if self.max_token_age_seconds is not None and not self.max_token_age_seconds > 0:
            raise ConfigurationError("`max_token_age_seconds` must be positive")

    def read(self, claims: Mapping[str, Any]) -> Times:
        """The dates of a token; ``exp`` is required, and ``iat`` when an age is.

        Raises:
            InvalidClaimError: one is missing where required, or is not a finite number.
        """
        expires_at, issued_at = claims.get("exp"), claims.get("iat")
        # Nearly every token has whole numbers; the rest is told apart by `date_of`.
        if type(expires_at) is not int or not 0 < expires_at < _LATEST:
            expires_at = date_of(claims, "exp")
        if type(issued_at) is not int or not 0 < issued_at < _LATEST:
            issued_at = date_of(claims, "iat")
        if expires_at is None:
            raise InvalidClaimError("`exp` is missing", claim="exp")
        if issued_at is None and self.max_token_age_seconds is not None:
            raise InvalidClaimError(
                "`iat` is missing, and `max_token_age_seconds` needs it", claim="iat"
            )
        return expires_at, date_of(claims, "nbf") if "nbf" in claims else None, issued_at

    def check(self, times: Times, now: float) -> None:
        """Compare the dates with the clock.

        Raises:
            TokenExpiredError: ``exp`` has come, or the token is older than it may be.
            TokenNotYetValidError: ``nbf`` or ``iat`` lies in the future.
        """
        expires_at, not_before, issued_at = times
        # So that a clock that says NaN accepts nothing.
        if not now < expires_at + self.expiry_leeway_seconds:
            raise TokenExpiredError(
                "the token has expired", configured={"leeway_seconds": self.expiry_leeway_seconds}
            )
        latest = now + self.not_before_leeway_seconds
        if not_before is not None and not_before > latest:
            raise self._too_early("nbf")
        if issued_at is not None:
            if issued_at > latest:
                raise self._too_early("iat")
            if (
                self.max_token_age_seconds is not None
                and now - issued_at >= self.max_token_age_seconds
            ):
                raise TokenExpiredError(
                    "the token is older than `max_token_age_seconds`",
                    configured={"max_token_age_seconds": self.max_token_age_seconds},
                )

    def _too_early(self, claim: str) -> TokenNotYetValidError:
        return TokenNotYetValidError(
            f"`{claim}` lies in the future",
            configured={"not_before_leeway_seconds": self.not_before_leeway_seconds},
        )

    def window(self, times: Times) -> tuple[float, float]:
        """From when until when `check` passes: from the first moment, before the second.

        >>> TimeRules(max_token_age_seconds=60).window((1000.0, None, 900.0))
        (870.0, 960.0)
        """
        expires_at, not_before, issued_at = times
        start = -inf if not_before is None else not_before
        end = expires_at + self.expiry_leeway_seconds
        if issued_at is not None:
            start = max(start, issued_at)
            if self.max_token_age_seconds is not None:
                end = min(end, issued_at + self.max_token_age_seconds)
        return start - self.not_before_leeway_seconds, end


def date_of(claims: Mapping[str, Any], name: str) -> float | None:
    """A date of the claims as the number it must be; ``None`` when it is absent.

    Raises:
        InvalidClaimError: it is not a finite number.
    """
    value = claims.get(name)
    # A bool is an int to `isinstance`; the comparison is false for NaN, infinities and absurd
    # integers.
    if (type(value) is int or type(value) is float) and -_LATEST <= value <= _LATEST:
        return value
    if name not in claims:
        return None
    raise InvalidClaimError(f"`{name}` is not a number of seconds, such as a text", claim=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRules:
    """What is asked of every other claim, once per token.  ``None`` means: not checked.

    Attributes:
        access_only: the token must name a client, and say nowhere that it is an ID token.
        reads_groups: the groups are read even where none is required.
    """

    issuers: frozenset[str] | None
    audiences: frozenset[str] | None
    clients: frozenset[str] | None = None
    cognito: bool = False
    token_use: str | None = None
    type: str | None = None
    all_scopes: frozenset[str] | None = None
    any_scope: frozenset[str] | None = None
    any_group: frozenset[str] | None = None
    client: ClientReader = STANDARD_CLIENT
    access_only: bool = False
    groups_claim: ClaimPath = COGNITO_GROUPS
    reads_groups: bool = False
    _expected_type: str | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.token_use not in (None, "access", "id"):
            raise ConfigurationError('`token_use` must be "access", "id", or `None` to accept both')
        if self.type is not None:
            object.__setattr__(self, "_expected_type", _media_type(self.type))

    def check(self, header_type: str | None, claims: Mapping[str, Any]) -> None:
        """Check all but the dates.  ``claims`` are deeply read-only: arrays are tuples.

        Raises:
            InvalidTokenError: ``typ`` is another than the expected.
            InvalidClaimError: a claim is missing or not the expected one.
            InsufficientScopeError: a required scope is missing.
            AccessDeniedError: a required group is missing.
        """
        if (
            self._expected_type is not None
            and header_type is not None
            and _media_type(header_type) != self._expected_type
        ):
            raise InvalidTokenError("`typ` is not the expected one", configured={"typ": self.type})
        issuers = self.issuers
        if issuers is not None:
            issuer = claims.get("iss")
            if type(issuer) is not str or issuer not in issuers:
                raise _wrong(claims, "iss", issuer=issuers)
        if self.cognito:
            self._check_cognito(claims)
        elif self.audiences is not None or self.clients is not None or self.access_only:
            self._check_addressees(claims)
        if self.all_scopes is not None or self.any_scope is not None:
            self._check_scopes(claims)
        if self.reads_groups or self.any_group is not None:
            groups = groups_of(claims, self.groups_claim)
            if self.any_group is not None and self.any_group.isdisjoint(groups):
                raise AccessDeniedError(
                    "the caller is in none of the required groups",
                    configured={
                        "any_group": self.any_group,
                        "groups_claim": shown_path(self.groups_claim),
                    },
                )

    def _check_addressees(self, claims: Mapping[str, Any]) -> None:
        if self.audiences is not None:
            _require_audience(
                claims, self.audiences, "`aud` is not the expected one", argument="audience"
            )
        if self.access_only:
            self._require_access_token(claims)
        if self.clients is not None and self.client.read(claims) not in self.clients:
            raise _wrong(claims, self.client.claim_in(claims), client_id=self.clients)

    def _require_access_token(self, claims: Mapping[str, Any]) -> None:
        kind = claims.get("typ")  # so Keycloak says it
        if type(kind) is str and kind.lower() in _NO_ACCESS_TOKENS:
            raise InvalidClaimError(
                f"`typ` says that this is {_NO_ACCESS_TOKENS[kind.lower()]} token, and an access "
                "token is expected",
                claim="typ",
            )
        if self.client.read(claims) is None:
            name = self.client.claim_in(claims)
            raise InvalidClaimError(
                f"`{name}` is missing: an access token names its client there, an ID token does "
                "not",
                claim=name,
            )

    def _check_cognito(self, claims: Mapping[str, Any]) -> None:
        """Check the client: in ``aud`` of an ID token, in ``client_id`` of an access token."""
        use = claims.get("token_use")
        if use not in ("access", "id") or (self.token_use is not None and use != self.token_use):
            raise InvalidClaimError(
                f"`token_use` is not the expected one: {_WRONG_USE[self.token_use]}",
                claim="token_use",
                configured={"token_use": self.token_use or ("access", "id")},
            )
        if self.clients is not None and self.client.read(claims) not in self.clients:
            name = self.client.claim_in(claims)
            raise InvalidClaimError(
                f"`{name}` is none of the expected clients: {_WHERE_CLIENT_IS}",
                claim=name,
                configured={"client_id": self.clients},
            )
        if use == "access" and self.audiences is not None and "aud" in claims:
            _require_audience(
                claims, self.audiences, "`aud` is not the expected one", argument="audience"
            )

    def _check_scopes(self, claims: Mapping[str, Any]) -> None:
        held = scopes_of(claims)
        if self.all_scopes is not None and not self.all_scopes <= held:
            raise InsufficientScopeError(
                "the token lacks a required scope", configured={"all_scopes": self.all_scopes}
            )
        if self.any_scope is not None and not self.any_scope & held:
            raise InsufficientScopeError(
                "the token has none of the required scopes",
                configured={"any_scope": self.any_scope},
            )


def _media_type(value: str) -> str:
    """``typ`` as RFC 7515, section 4.1.9 compares it: any case, no ``application/``."""
    return value.lower().removeprefix("application/")


def is_text_in(value: object, expected: Collection[str]) -> bool:
    """Whether a value is text and exactly one of the expected."""
    return type(value) is str and value in expected


def _wrong(claims: Mapping[str, Any], name: str, **configured: object) -> InvalidClaimError:
    state = "not the expected one" if name in claims else "missing"
    return InvalidClaimError(f"`{name}` is {state}", claim=name, configured=configured)


def _require_audience(
    claims: Mapping[str, Any], expected: frozenset[str], message: str, *, argument: str
) -> None:
    audience = claims.get("aud")
    if type(audience) is str:
        if audience in expected:
            return
    elif type(audience) is not tuple or not all(type(item) is str for item in audience):
        message = f"{message}; it is missing, or neither text nor a list of texts"
    elif not expected.isdisjoint(audience):
        return
    raise InvalidClaimError(message, claim="aud", configured={argument: expected})


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRules:
    """What is asked of the header before a key is looked for; ``None`` is not checked."""

    signers: frozenset[str]
    clients: frozenset[str] | None
    issuers: frozenset[str] | None

    def check(self, header: Mapping[str, Any]) -> None:
        """Compare ``signer``, ``client`` and ``iss`` exactly.

        Raises:
            InvalidClaimError: one is missing or not the expected one.
        """
        for name, argument, expected in (
            ("signer", "load_balancer_arn", self.signers),
            ("client", "client_id", self.clients),
            ("iss", "issuer", self.issuers),
        ):
            if expected is not None and not is_text_in(header.get(name), expected):
                raise InvalidClaimError(
                    f"header member `{name}` is not the expected one",
                    claim=name,
                    configured={argument: expected},
                )

    def read(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> Times:
        """The dates: ``exp`` of the header is required, those of the payload count too.

        Raises:
            InvalidClaimError: the header has no ``exp``, or a date is not a finite number.
        """
        expires_at = date_of(header, "exp")
        if expires_at is None:
            raise InvalidClaimError("header member `exp` is missing", claim="exp")
        inner = date_of(claims, "exp")
        expires_at = expires_at if inner is None else min(expires_at, inner)
        return expires_at, date_of(claims, "nbf"), date_of(claims, "iat")
