"""The one reader of what a token says of its caller: client, scopes, groups and tenant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from authz_lib._support.memo import Memo
from authz_lib.errors import ConfigurationError, InvalidClaimError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "COGNITO_GROUPS",
    "SCOPE_CLAIMS",
    "STANDARD_CLIENT",
    "ClaimPath",
    "ClientReader",
    "claim_path",
    "client_reader",
    "groups_of",
    "scopes_of",
    "shown_path",
    "tenant_of",
    "text_claim",
]

ClaimPath: TypeAlias = "str | tuple[str, ...]"
"""Where a claim is: its name, or the names on the way to it.

| given | read as |
|---|---|
| a tuple | these names, each exactly |
| a text with ``:`` or ``/`` in it | one name: ``cognito:groups``, ``https://example.com/roles`` |
| any other text | the names between its dots: ``realm_access.roles`` |
"""

COGNITO_GROUPS: Final = "cognito:groups"
"""What Cognito writes as a list always."""

SCOPE_CLAIMS: Final = ("scope", "scp")
"""The first that is there: RFC 9068 and RFC 8693 write one text; Okta a list, Entra a text."""

# RFC 9068 and Cognito access tokens, then OpenID Connect.
_CLIENT_CLAIMS: Final = ("client_id", "azp")
_OBJECTS: Final = (MappingProxyType, dict)


def claim_path(value: object, argument: str) -> tuple[str, ...]:
    """The names on the way to a claim.

    Raises:
        ConfigurationError: it is neither text nor a tuple of texts, or a name is empty.

    >>> claim_path("realm_access.roles", "groups_claim")
    ('realm_access', 'roles')
    >>> claim_path("https://example.com/roles", "groups_claim")
    ('https://example.com/roles',)
    >>> claim_path(("resource_access", "orders.web", "roles"), "groups_claim")
    ('resource_access', 'orders.web', 'roles')
    """
    names: tuple[object, ...] = value if type(value) is tuple else ()
    if type(value) is str:
        names = (value,) if ":" in value or "/" in value else tuple(value.split("."))
    if not names or not all(type(name) is str and name for name in names):
        raise ConfigurationError(
            f"`{argument}` must be the name of a claim, or the names on the way to it as "
            '`"realm_access.roles"` or `("realm_access", "roles")`'
        )
    return names  # type: ignore[return-value]  # just checked


# Few names are configured, and each is read for every token.
_PATHS: Memo[ClaimPath, tuple[str, ...]] = Memo(
    lambda value: claim_path(value, "a claim"), max_entries=64
)


def shown_path(path: ClaimPath) -> str:
    """A path as errors name it."""
    return path if isinstance(path, str) else ".".join(path)


class _Token(Protocol):
    """What `VerifiedToken` says."""

    @property
    def claims(self) -> Mapping[str, Any]: ...

    @property
    def header(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class ClientReader:
    """Where a verifier's tokens name the application that they were issued to.

    Attributes:
        claims: the first of these that is there.  ``None`` reads what is standard: ``aud`` where
            ``token_use`` is ``id``, as in an ID token of Cognito; else ``client_id``, else ``azp``.
        in_header: the header's ``client``, as a load balancer writes it.

    ``aud`` is the client of a token only where ``claims`` name it, or ``token_use`` says so:
    elsewhere it is the service that the token is meant for.

    >>> ClientReader().read({"azp": "web", "aud": "orders"})
    'web'
    >>> ClientReader(("cid",)).read({"cid": "web"})
    'web'
    """

    claims: tuple[str, ...] | None = None
    in_header: bool = False

    def of(self, token: _Token) -> str | None:
        """The client of a verified token; see `read`."""
        if self.in_header:
            return text_claim(token.header, "client")
        return self.read(token.claims)

    def read(self, claims: Mapping[str, Any]) -> str | None:
        """The client that claims name, or ``None`` where they name none.

        Raises:
            InvalidClaimError: what names it is not one text.
        """
        if self.claims is None and claims.get("token_use") != "id":
            value = claims.get("client_id")
            if type(value) is str and value:  # nearly every token; the rest says the same
                return value
            if value is None and claims.get("azp") is None:
                return None
        name = self.claim_in(claims)
        value = claims.get(name)
        if value is None or (type(value) is str and value):
            return value
        if name == "aud" and isinstance(value, tuple | list) and len(value) == 1:
            [only] = value
            if type(only) is str and only:
                return only
        raise InvalidClaimError(f"`{name}` is not a non-empty string", claim=name)

    def claim_in(self, claims: Mapping[str, Any]) -> str:
        """The name of the claim that names the client, or would."""
        names = self.claims
        if names is None:
            if claims.get("token_use") == "id":
                return "aud"
            names = _CLIENT_CLAIMS
        for name in names:
            if claims.get(name) is not None:
                return name
        return names[0]


STANDARD_CLIENT: Final = ClientReader()
"""Reads the client from ``client_id``, else ``azp``."""

_NO_SCOPES: Final = frozenset[str]()


def client_reader(value: object) -> ClientReader:
    """The reader for a configured ``client_claim``: one name or several, or ``None``.

    Raises:
        ConfigurationError: it is something else.
    """
    if value is None:
        return STANDARD_CLIENT
    names = (value,) if isinstance(value, str) else value
    if isinstance(names, Iterable):
        names = tuple(names)
        if names and all(type(name) is str and name for name in names):
            return ClientReader(names)
    raise ConfigurationError(
        "`client_claim` must be the name of a claim, a list of names of which the first that is "
        "there counts, or `None` for the standard ones"
    )


def text_claim(claims: Mapping[str, Any], name: str) -> str | None:
    """A claim that is text; ``None`` where there is none, or ``null``.

    Raises:
        InvalidClaimError: it is empty or of another type.
    """
    value = claims.get(name)
    if value is None or (type(value) is str and value):
        return value
    raise InvalidClaimError(f"`{name}` is not a non-empty string", claim=name)


def scopes_of(claims: Mapping[str, Any]) -> frozenset[str]:
    """The scopes: one text with spaces between them, or a list.

    Raises:
        InvalidClaimError: neither.

    >>> sorted(scopes_of({"scp": ["read", "write"]}))
    ['read', 'write']
    """
    value = claims.get("scope")
    if value is None:
        value = claims.get("scp")
        if value is None:
            return _NO_SCOPES
    if type(value) is str:
        return _WORDS[value]
    name = next(name for name in SCOPE_CLAIMS if claims.get(name) is not None)
    return frozenset(_names(value, name))


def groups_of(claims: Mapping[str, Any], claim: ClaimPath) -> tuple[str, ...]:
    """The names of groups or roles, in order, without duplicates: a list, or one text as one name.

    ``cognito:groups`` must be a list, as Cognito always writes it.

    Raises:
        InvalidClaimError: neither; or the token says that the groups are elsewhere, which is not
            the same as none.

    >>> groups_of({"realm_access": {"roles": ["clerk"]}}, "realm_access.roles")
    ('clerk',)
    """
    path = _PATHS[claim]
    value = claims.get(path[0]) if len(path) == 1 else _value_at(claims, path)
    if value is None:
        names: tuple[str, ...] = ()
    else:
        is_one = type(value) is str and path[0] != COGNITO_GROUPS
        names = _names((value,) if is_one else value, path)
    if "_claim_names" in claims or (not names and claims.get("hasgroups") is not None):
        _require_known(claims, path, found=bool(names))
    return names


def tenant_of(claims: Mapping[str, Any], claim: ClaimPath) -> str | None:
    """The tenant; ``None`` where the token names none.

    Raises:
        InvalidClaimError: it is not one text, or the token says that it is elsewhere.

    >>> tenant_of({"firebase": {"tenant": "t1"}}, "firebase.tenant")
    't1'
    """
    path = _PATHS[claim]
    value = claims.get(path[0]) if len(path) == 1 else _value_at(claims, path)
    if "_claim_names" in claims:
        _require_known(claims, path, found=value is not None)
    if value is None or (type(value) is str and value):
        return value
    raise InvalidClaimError(
        f"`{shown_path(path)}` is not a non-empty string", claim=shown_path(path)
    )


def _value_at(claims: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = claims
    for name in path:
        if value is None:
            return None
        if not isinstance(value, _OBJECTS):
            raise InvalidClaimError(
                f"`{shown_path(path)}` is not there: `{name}` would stand in what is no object",
                claim=shown_path(path),
            )
        value = value.get(name)
    return value


def _require_known(claims: Mapping[str, Any], path: tuple[str, ...], *, found: bool) -> None:
    """Refuse what a token names without saying it: the claims of OpenID Connect Core, 5.6.2.

    Entra does so from 200 groups on.  ``hasgroups`` is its sign for the same in the implicit flow.
    A gateway writes ``_claim_names`` as a text that holds the names.
    """
    elsewhere = claims.get("_claim_names")
    is_elsewhere = elsewhere is not None and (
        not isinstance(elsewhere, (*_OBJECTS, str)) or path[0] in elsewhere
    )
    has_groups = claims.get("hasgroups")
    is_cut = not found and path == ("groups",) and has_groups not in (None, False, "false")
    if is_elsewhere or is_cut:
        raise InvalidClaimError(
            f"`{shown_path(path)}` is not in the token, which says that it is kept elsewhere (group"
            " overage): have the provider send assigned groups only, or use roles",
            claim=shown_path(path),
        )


def _names(value: object, place: str | tuple[str, ...]) -> tuple[str, ...]:
    try:
        return _GROUPS[tuple(value) if isinstance(value, list) else value]  # type: ignore[index]
    except TypeError:
        name = place if isinstance(place, str) else shown_path(place)
        raise InvalidClaimError(
            f"`{name}` is not a list of non-empty strings", claim=name
        ) from None


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    """The same without duplicates; ``TypeError`` if it is no tuple of names."""
    if type(values) is not tuple or [
        value for value in values if type(value) is not str or not value
    ]:
        raise TypeError
    return tuple(dict.fromkeys(values))


# Most tokens of an issuer come with one of few lists of groups and of few scopes.
_GROUPS: Memo[tuple[str, ...], tuple[str, ...]] = Memo(_distinct, max_entries=256)
_WORDS: Memo[str, frozenset[str]] = Memo(
    lambda text: frozenset(text.split(" ")) - {""}, max_entries=256
)
