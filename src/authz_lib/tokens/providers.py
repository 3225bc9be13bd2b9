"""The presets of `JWTVerifier` for Entra, Okta, Auth0 and Keycloak: what their tokens say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, Unpack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authz_lib.tokens.keys import KeySet
    from authz_lib.tokens.remote_keys import KeySetOptions
    from authz_lib.tokens.trusted_issuer import CheckOptions, Configuration
    from authz_lib.transport.fetch import Fetcher

__all__ = ["ProviderPresets"]


class ProviderPresets:
    """Makes verifiers for access tokens from what is known of a provider."""

    __slots__ = ()

    if TYPE_CHECKING:

        @classmethod
        def _of(cls, configuration: Configuration, options: CheckOptions) -> Self:
            """A verifier of a configuration: the class with the presets makes it."""

    @classmethod
    def entra(
        cls,
        *,
        tenant_id: str,
        audience: str | Iterable[str] | None,
        client_id: str | Iterable[str] | None,
        authority: str = "login.microsoftonline.com",
        keys: KeySet | None = None,
        fetcher: Fetcher | None = None,
        key_set: KeySetOptions | None = None,
        **options: Unpack[CheckOptions],
    ) -> Self:
        """A verifier for the access tokens that a tenant of Microsoft Entra ID gets for your API.

        Accepts versions 1.0 and 2.0, each with its own issuer and key set.  The client is ``azp``
        or, in version 1.0, ``appid``; a token without it, such as an ID token, is refused.  Scopes
        are read from ``scp``.  Say ``groups_claim="roles"`` for app roles, ``"groups"`` for groups.

        Args:
            tenant_id: the directory (tenant) id; for several give each a verifier in `any_of`.
            audience: your API's client id (version 2.0) and its application ID URI (version 1.0);
                ``None`` accepts tokens meant for others.
            client_id: the application or applications that call; ``None`` accepts every one.
            authority: the host of a national cloud: ``login.microsoftonline.us``,
                ``login.partner.microsoftonline.cn``.
            keys: a key set, instead of those that are fetched.
            fetcher: how a key set is fetched.
            key_set: as in `JWTVerifier.cognito`.

        Raises:
            ConfigurationError: an argument that makes no sense, or ``common``, ``organizations``
                or a domain as the tenant.

        >>> from authz_lib import JWTVerifier
        >>> JWTVerifier.entra(
        ...     tenant_id="11111111-2222-3333-4444-555555555555",
        ...     audience="api://orders",
        ...     client_id="66666666-7777-8888-9999-000000000000",
        ... )
        <JWTVerifier for 2 issuer(s)>

        See "Access token claims reference" of the Microsoft identity platform.
        """
        from authz_lib.tokens import issuers

        configuration = issuers.entra(
            tenant_id=tenant_id,
            audience=audience,
            client_id=client_id,
            authority=authority,
            keys=keys,
            fetcher=fetcher,
            key_set=key_set,
            options=options,
        )
        return cls._of(configuration, options)

    @classmethod
    def okta(
        cls,
        issuer: str,
        *,
        audience: str | Iterable[str] | None,
        client_id: str | Iterable[str] | None,
        algorithms: Iterable[str] = ("RS256",),
        jwks_url: str | None = None,
        keys: KeySet | None = None,
        fetcher: Fetcher | None = None,
        key_set: KeySetOptions | None = None,
        **options: Unpack[CheckOptions],
    ) -> Self:
        """A verifier for the access tokens of a custom authorization server of Okta.

        The client is ``cid``; a token without it, such as an ID token, is refused.  Scopes are read
        from ``scp``.  Groups are in the claim that you configured in Okta, such as
        ``groups_claim="groups"``.

        Args:
            issuer: the authorization server's, such as ``https://example.okta.com/oauth2/default``.
            audience: the audience of the authorization server, such as ``api://default``; ``None``
                accepts tokens meant for others.
            client_id: the application or applications that call; ``None`` accepts every one.
            algorithms: the allow-list.
            jwks_url: where the key set is, instead of ``<issuer>/v1/keys``.
            keys: a key set, instead of one that is fetched.
            fetcher: how the key set is fetched.
            key_set: as in `JWTVerifier.cognito`.

        Raises:
            ConfigurationError: an argument that makes no sense.

        >>> from authz_lib import JWTVerifier
        >>> JWTVerifier.okta(
        ...     "https://example.okta.com/oauth2/default",
        ...     audience="https://orders.example",
        ...     client_id="orders-web",
        ... )
        <JWTVerifier for 1 issuer(s)>

        See "Validate access tokens" of Okta's guides.
        """
        from authz_lib.tokens import issuers

        configuration = issuers.provider(
            issuers.OKTA,
            issuer=issuer,
            audience=audience,
            client_id=client_id,
            algorithms=algorithms,
            jwks_url=jwks_url,
            keys=keys,
            fetcher=fetcher,
            key_set=key_set,
            options=options,
        )
        return cls._of(configuration, options)

    @classmethod
    def auth0(
        cls,
        issuer: str,
        *,
        audience: str | Iterable[str] | None,
        client_id: str | Iterable[str] | None,
        algorithms: Iterable[str] = ("RS256",),
        jwks_url: str | None = None,
        keys: KeySet | None = None,
        fetcher: Fetcher | None = None,
        key_set: KeySetOptions | None = None,
        **options: Unpack[CheckOptions],
    ) -> Self:
        """A verifier for the access tokens that Auth0 issues for an API, in both of its profiles.

        The client is ``azp`` or, in the profile of RFC 9068, ``client_id``; a token without it, as
        an ID token is, is refused.  Scopes are read from ``scope``.  Say
        ``groups_claim="permissions"`` for the permissions of RBAC, or the full name of a claim that
        an Action adds, such as ``"https://orders.example/roles"``.

        Args:
            issuer: the tenant's domain or your own, with https and a slash at the end.
            audience: the identifier of the API; ``None`` accepts tokens meant for others.
            client_id: the application or applications that call; ``None`` accepts every one.
            algorithms: the allow-list.
            jwks_url: where the key set is, instead of ``<issuer>.well-known/jwks.json``.
            keys: a key set, instead of one that is fetched.
            fetcher: how the key set is fetched.
            key_set: as in `JWTVerifier.cognito`.

        Raises:
            ConfigurationError: an argument that makes no sense.

        >>> from authz_lib import JWTVerifier
        >>> JWTVerifier.auth0(
        ...     "https://example.eu.auth0.com/",
        ...     audience="https://orders.example",
        ...     client_id="orders-web",
        ... )
        <JWTVerifier for 1 issuer(s)>

        See "Access token profiles" of Auth0's documentation.
        """
        from authz_lib.tokens import issuers

        configuration = issuers.provider(
            issuers.AUTH0,
            issuer=issuer,
            audience=audience,
            client_id=client_id,
            algorithms=algorithms,
            jwks_url=jwks_url,
            keys=keys,
            fetcher=fetcher,
            key_set=key_set,
            options=options,
        )
        return cls._of(configuration, options)

    @classmethod
    def keycloak(
        cls,
        issuer: str,
        *,
        audience: str | Iterable[str] | None,
        client_id: str | Iterable[str] | None,
        algorithms: Iterable[str] = ("RS256",),
        jwks_url: str | None = None,
        keys: KeySet | None = None,
        fetcher: Fetcher | None = None,
        key_set: KeySetOptions | None = None,
        **options: Unpack[CheckOptions],
    ) -> Self:
        """A verifier for the access tokens of a realm of Keycloak.

        The client is ``azp``; a token without it, or with ``ID``, ``Refresh``, ``Offline`` or
        ``Logout`` as its ``typ`` claim, is refused.  Scopes are read from ``scope``.  Say
        ``groups_claim="realm_access.roles"`` for realm roles,
        ``("resource_access", client, "roles")`` for a client's, ``"groups"`` where a mapper adds
        them.

        Args:
            issuer: the realm's address, such as ``https://id.example.com/realms/orders``.
            audience: what an audience mapper adds; ``None`` accepts tokens meant for others.
            client_id: the client or clients that call; ``None`` accepts every one of the realm.
            algorithms: the allow-list.
            jwks_url: where the key set is, instead of ``<issuer>/protocol/openid-connect/certs``.
            keys: a key set, instead of one that is fetched.
            fetcher: how the key set is fetched.
            key_set: as in `JWTVerifier.cognito`.

        Raises:
            ConfigurationError: an argument that makes no sense.

        >>> from authz_lib import JWTVerifier
        >>> JWTVerifier.keycloak(
        ...     "https://id.example.com/realms/orders",
        ...     audience="https://orders.example",
        ...     client_id="orders-web",
        ... )
        <JWTVerifier for 1 issuer(s)>

        See "Server administration guide" of Keycloak, "Protocol mappers".
        """
        from authz_lib.tokens import issuers

        configuration = issuers.provider(
            issuers.KEYCLOAK,
            issuer=issuer,
            audience=audience,
            client_id=client_id,
            algorithms=algorithms,
            jwks_url=jwks_url,
            keys=keys,
            fetcher=fetcher,
            key_set=key_set,
            options=options,
        )
        return cls._of(configuration, options)
