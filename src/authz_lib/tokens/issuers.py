"""Issuers with a preset: Cognito, Entra, Okta, Auth0, Keycloak, any OpenID provider, several."""

from __future__ import annotations

import re
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from authz_lib._support.checks import require_one_of
from authz_lib._support.clock import system_clock
from authz_lib.errors import ConfigurationError
from authz_lib.tokens.claim_reader import STANDARD_CLIENT, ClientReader
from authz_lib.tokens.claims import one_or_many
from authz_lib.tokens.issuer_names import UUID, require_issuer_names
from authz_lib.tokens.jwk import InvalidJWKError, load_jwk_set
from authz_lib.tokens.key_set_document import (
    any_json_object,
    read_json_object,
    without_usable_key,
)
from authz_lib.tokens.pool_keys import pool_keys
from authz_lib.tokens.remote_keys import KeySetOptions, RemoteKeySet, read_options
from authz_lib.tokens.trusted_issuer import (
    CheckOptions,
    Configuration,
    build_rules,
    build_trust,
    one_issuer,
)
from authz_lib.transport.fetch import FetchError, HTTPFetcher, bounded
from authz_lib.transport.insecure_hosts import InsecureHosts
from authz_lib.transport.url import parse_url, require_url

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from authz_lib._support.clock import Clock
    from authz_lib.tokens.keys import KeySet
    from authz_lib.tokens.trusted_issuer import Trust
    from authz_lib.transport.fetch import Fetcher

__all__ = [
    "AUTH0",
    "KEYCLOAK",
    "OKTA",
    "DiscoveringFetcher",
    "Provider",
    "any_of",
    "cognito",
    "cognito_issuers",
    "discovered_keys",
    "entra",
    "provider",
]

_POOL_ID: Final = re.compile(r"([\w-]+)_[0-9a-zA-Z]+", re.ASCII)
_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
_MAX_POOL_ID_LENGTH: Final = 55
_DISCOVERY_SECONDS: Final = 3.0
_MAX_DOCUMENT_BYTES: Final = 150_000


def cognito_issuers(user_pool_id: str) -> tuple[str, str]:
    """The two issuers of a user pool: the original one, and one that it can be switched to.

    Raises:
        ConfigurationError: not a pool id, or of a partition whose issuer is not known.

    >>> cognito_issuers("us-gov-west-1_EXAMPLE")[0]
    'https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_EXAMPLE'
    """
    match = _POOL_ID.fullmatch(str(user_pool_id))
    if match is None or len(match[0]) > _MAX_POOL_ID_LENGTH:
        raise ConfigurationError("`user_pool_id` must look like `us-east-1_Abc123`")
    region = match[1]
    if not _REGION.fullmatch(region):
        raise ConfigurationError(
            "`user_pool_id` must begin with its region, as in `us-east-1_Abc123`"
        )
    if region.startswith("cn-"):
        raise ConfigurationError("there are no Cognito user pools in the China partition")
    if region.startswith(("eusc-", "us-iso", "eu-iso")):
        raise ConfigurationError(
            "the issuer of user pools in this partition is not known: pass `issuer=`"
        )
    return (
        f"https://cognito-idp.{region}.amazonaws.com/{user_pool_id}",
        f"https://issuer-cognito-idp.{region}.amazonaws.com/{user_pool_id}",
    )


def cognito(
    *,
    user_pool_id: str,
    client_id: str | Iterable[str] | None,
    token_use: str | None,
    audience: str | Iterable[str] | None,
    issuer: str | Iterable[str] | None,
    jwks_url: str | None,
    keys: KeySet | None,
    fetcher: Fetcher | None,
    key_set: KeySetOptions | None,
    options: CheckOptions,
) -> Configuration:
    """One trust for each issuer of the pool, with a key set of its own unless one is given.

    A configured endpoint has one key set for the pool's own issuers, and for no other.
    """
    clock = options.get("clock", system_clock)
    fetching = read_options(key_set, alone=keys is None)
    keys = _given_keys(keys, jwks_url, fetcher=fetcher, clock=clock, fetching=fetching)
    audiences = one_or_many(audience, argument="audience")
    clients = one_or_many(client_id, argument="client_id")
    chosen = one_or_many(issuer, argument="issuer")
    names = cognito_issuers(user_pool_id) if chosen is None else tuple(sorted(chosen))
    find = partial(pool_keys, user_pool_id, fetcher=fetcher, clock=clock, fetching=fetching)
    own = dict.fromkeys(names, keys) if keys is not None else find(names)
    trusts = []
    for name in names:
        rules = build_rules(
            options,
            issuers=frozenset({name}),
            audiences=audiences,
            clients=clients,
            cognito=True,
            client=STANDARD_CLIENT,
            token_use=token_use,
        )
        trust = build_trust(keys=own[name], algorithms=["RS256"], rules=rules, options=options)
        trusts.append(trust)
    return Configuration(tuple(trusts), (tuple(trust.keys for trust in trusts),))


def _given_keys(
    keys: KeySet | None,
    jwks_url: str | None,
    *,
    fetcher: Fetcher | None,
    clock: Clock,
    fetching: KeySetOptions,
) -> KeySet | None:
    """The key set that is given, or the one of the place that is given."""
    if jwks_url is None:
        return keys
    if keys is not None:
        raise ConfigurationError("pass `keys` or `jwks_url`, not both")
    return RemoteKeySet(jwks_url, fetcher=fetcher, clock=clock, **fetching)


class Provider(NamedTuple):
    """What is known of a kind of provider: the form of its issuers, its keys, its client claims."""

    issuer: re.Pattern[str]
    hint: str
    keys: str
    clients: tuple[str, ...]


OKTA: Final = Provider(
    re.compile(r"[^?#]+/oauth2/[^/?#]+"),
    "`issuer` must be that of a custom authorization server, such as "
    "`https://example.okta.com/oauth2/default`: only its access tokens are for you to verify",
    "/v1/keys",
    ("cid",),
)
AUTH0: Final = Provider(
    re.compile(r"[^/?#]+//[^/?#]+/"),
    "`issuer` must be the tenant's domain with https and a slash at the end, such as "
    "`https://example.eu.auth0.com/`: so Auth0 writes `iss`",
    ".well-known/jwks.json",
    ("azp", "client_id"),
)
KEYCLOAK: Final = Provider(
    re.compile(r"[^?#]+/realms/[^/?#]+"),
    "`issuer` must be the address of a realm without a slash at the end, such as "
    "`https://id.example.com/realms/orders`",
    "/protocol/openid-connect/certs",
    ("azp",),
)


def provider(
    kind: Provider,
    *,
    issuer: str,
    audience: str | Iterable[str] | None,
    client_id: str | Iterable[str] | None,
    algorithms: Iterable[str],
    jwks_url: str | None,
    keys: KeySet | None,
    fetcher: Fetcher | None,
    key_set: KeySetOptions | None,
    options: CheckOptions,
) -> Configuration:
    """One trust for an issuer of a known kind, in its access tokens."""
    if type(issuer) is not str or not kind.issuer.fullmatch(issuer):
        raise ConfigurationError(kind.hint)
    clock = options.get("clock", system_clock)
    fetching = read_options(key_set, alone=keys is None)
    own = _given_keys(keys, jwks_url, fetcher=fetcher, clock=clock, fetching=fetching)
    if own is None:
        hosts = InsecureHosts.of(fetching.get("insecure_http_hosts"))
        require_issuer_names([issuer])
        require_url(issuer, argument="issuer", insecure_http_hosts=hosts)
    return one_issuer(
        issuer=issuer,
        audience=audience,
        algorithms=algorithms,
        keys=own or RemoteKeySet(issuer + kind.keys, fetcher=fetcher, clock=clock, **fetching),
        client_id=client_id,
        options=options,
        client=ClientReader(kind.clients),
        access_only=True,
    )


_ENTRA: Final = {  # the host of a cloud, and of its issuer in version 1.0
    "login.microsoftonline.com": "sts.windows.net",
    "login.microsoftonline.us": "sts.windows.net",
    "login.partner.microsoftonline.cn": "sts.chinacloudapi.cn",
}


def entra(
    *,
    tenant_id: str,
    audience: str | Iterable[str] | None,
    client_id: str | Iterable[str] | None,
    authority: str,
    keys: KeySet | None,
    fetcher: Fetcher | None,
    key_set: KeySetOptions | None,
    options: CheckOptions,
) -> Configuration:
    """One trust for each version of a tenant's access tokens."""
    if type(tenant_id) is not str or not UUID.fullmatch(tenant_id):
        raise ConfigurationError(
            "`tenant_id` must be the directory (tenant) id, such as "
            "`11111111-2222-3333-4444-555555555555`: tokens name no domain in `iss`, and never "
            "`common` or `organizations`; for several tenants give each a verifier in `any_of`"
        )
    require_one_of(authority, "authority", sorted(_ENTRA))
    tenant, clock = tenant_id.lower(), options.get("clock", system_clock)
    fetching = read_options(key_set, alone=keys is None)
    home = f"https://{authority}/{tenant}"
    trusts: list[Trust] = []
    for issuer, keys_url, client in (
        (f"{home}/v2.0", f"{home}/discovery/v2.0/keys", "azp"),
        (f"https://{_ENTRA[authority]}/{tenant}/", f"{home}/discovery/keys", "appid"),
    ):
        version = one_issuer(
            issuer=issuer,
            audience=audience,
            algorithms=["RS256"],
            keys=keys or RemoteKeySet(keys_url, fetcher=fetcher, clock=clock, **fetching),
            client_id=client_id,
            options=options,
            client=ClientReader((client,)),
            access_only=True,
        )
        trusts.extend(version.trusts)
    return Configuration(tuple(trusts), (tuple(trust.keys for trust in trusts),))


def any_of(configurations: Sequence[Configuration]) -> Configuration:
    """The trusts of all, told apart by issuer."""
    for configuration in configurations:
        if configuration.padded or any(trust.issuers is None for trust in configuration.trusts):
            raise ConfigurationError("`any_of` needs verifiers that check `iss`: it selects by it")
    trusts = [trust for configuration in configurations for trust in configuration.trusts]
    names = [issuer for trust in trusts for issuer in trust.issuers or ()]
    if not names:
        raise ConfigurationError("`any_of` needs at least one verifier")
    if len(names) != len(set(names)):
        raise ConfigurationError("`any_of` got two verifiers for one issuer")
    return Configuration(
        tuple(trusts), tuple(group for each in configurations for group in each.prefetches)
    )


def discovered_keys(
    issuer: str, *, fetcher: Fetcher | None, clock: Clock, key_set: KeySetOptions | None = None
) -> RemoteKeySet:
    """The key set of an OpenID provider, found by discovery when it is first needed.

    Raises:
        ConfigurationError: ``issuer`` is not a URL that may be fetched.
    """
    fetching = read_options(key_set, alone=True)
    hosts = InsecureHosts.of(fetching.get("insecure_http_hosts"))
    require_url(issuer, argument="issuer", insecure_http_hosts=hosts)
    require_issuer_names([issuer])
    limits: dict[str, Any] = {
        name: fetching.get(name)
        for name in ("connect_timeout_seconds", "max_bytes", "insecure_http_hosts")
        if name in fetching
    }
    return RemoteKeySet(
        f"{issuer.removesuffix('/')}/.well-known/openid-configuration",
        fetcher=DiscoveringFetcher(
            issuer,
            fetcher=fetcher,
            timeout_seconds=fetching.get("timeout_seconds", _DISCOVERY_SECONDS),
            **limits,
        ),
        clock=clock,
        **fetching,
    )


class DiscoveringFetcher:
    """Fetches the key set that an OpenID provider's discovery document names.

    The document must name exactly the issuer that was asked.  Its ``jwks_uri`` must be a URL that
    may be fetched, and https when the issuer is.  That URL is kept until a fetch from it fails, or
    brings no usable key.
    Both fetches share one deadline.  See OpenID Connect Discovery 1.0, section 4.
    """

    __slots__ = ("_fetcher", "_hosts", "_issuer", "_keys_url", "_limits", "_timeout_seconds")

    def __init__(
        self,
        issuer: str,
        *,
        fetcher: Fetcher | None = None,
        timeout_seconds: float = _DISCOVERY_SECONDS,
        **limits: Any,
    ) -> None:
        self._issuer = issuer
        self._fetcher = fetcher
        self._timeout_seconds = timeout_seconds
        self._limits = limits
        self._hosts: Collection[str] = limits.get("insecure_http_hosts", ())
        self._keys_url: str | None = None

    def __call__(self, url: str, /) -> bytes:
        """Fetch the key set by way of the discovery document at ``url``."""
        deadline = monotonic() + self._timeout_seconds
        keys_url = self._keys_url or self._discover(url, deadline)
        try:
            document = self._fetch(keys_url, deadline)
            _require_usable(document)
        except Exception:
            self._keys_url = None
            raise
        self._keys_url = keys_url
        return document

    def _fetch(self, url: str, deadline: float) -> bytes:
        fetch = self._fetcher or HTTPFetcher(
            timeout_seconds=max(0.001, deadline - monotonic()), **self._limits
        )
        return bounded(fetch(url), self._limits.get("max_bytes", _MAX_DOCUMENT_BYTES))

    def _discover(self, url: str, deadline: float) -> str:
        try:
            content = self._fetch(url, deadline)
            document = any_json_object(content, "a discovery document")
        except InvalidJWKError as error:
            raise FetchError(f"the discovery document is unusable: {error}") from None
        except FetchError as error:
            raise FetchError(
                f"the discovery document: {error}", status=error.status, transient=error.transient
            ) from None
        if document.get("issuer") != self._issuer:
            raise FetchError("the discovery document names another issuer")
        try:
            place = parse_url(
                document.get("jwks_uri"), argument="jwks_uri", insecure_http_hosts=self._hosts
            )
        except ConfigurationError as error:
            raise FetchError(f"the discovery document is unusable: {error}") from None
        if place.scheme != "https" and self._issuer[:6].lower() == "https:":
            raise FetchError(
                "the discovery document is unusable: it names a key set on this machine, or over "
                "plain http"
            )
        return str(document["jwks_uri"])


def _require_usable(document: bytes) -> None:
    """Refuse what is no key set, or one that could verify nothing: the provider may have moved."""
    try:
        table = load_jwk_set(read_json_object(document), max_keys=1000, allow_missing_kid=True)
    except InvalidJWKError as error:
        raise FetchError(str(error)) from None
    if not table.is_usable:
        raise FetchError(without_usable_key(table))
