"""The presets of `JWTVerifier`: what is known of providers, said once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self, Unpack

from authz_lib._support.clock import system_clock
from authz_lib.errors import ConfigurationError
from authz_lib.tokens.providers import ProviderPresets
from authz_lib.tokens.shared_secret import SecretKeySet
from authz_lib.tokens.trusted_issuer import CheckOptions, one_issuer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from authz_lib.tokens.keys import KeySet
    from authz_lib.tokens.remote_keys import FetchOptions, KeySetOptions
    from authz_lib.tokens.secret_material import Secret
    from authz_lib.tokens.secret_source import SecretSource
    from authz_lib.tokens.trusted_issuer import Configuration
    from authz_lib.transport.fetch import Fetcher

__all__ = ["DEFAULT_REMEMBER", "Presets"]

DEFAULT_REMEMBER: Final = 1024


class Presets(ProviderPresets):
    """The presets of AWS, of OpenID providers in general, and of shared secrets."""

    __slots__ = ("configuration",)

    configuration: Configuration

    @classmethod
    def cognito(
        cls,
        *,
        user_pool_id: str,
        client_id: str | Iterable[str] | None,
        token_use: str | None,
        audience: str | Iterable[str] | None = None,
        issuer: str | Iterable[str] | None = None,
        jwks_url: str | None = None,
        keys: KeySet | None = None,
        fetcher: Fetcher | None = None,
        key_set: KeySetOptions | None = None,
        **options: Unpack[CheckOptions],
    ) -> Self:
        """A verifier for the tokens of a Cognito user pool.

        Accepts both issuers that a pool may have, each with its own key set.  Checks ``token_use``,
        and the client in the claim that such a token has it in: ``client_id`` of an access token,
        ``aud`` of an ID token.

        Args:
            user_pool_id: such as ``us-east-1_Abc123``.
            client_id: the app client or clients; ``None`` accepts every client of the pool.
            token_use: ``"access"``, ``"id"``, or ``None`` for both.
            audience: for access tokens with resource binding: checked when the token has ``aud``.
            issuer: the exact issuer or issuers instead of the pool's own, for a local AWS.
            jwks_url: where the key set is, instead of below the issuer.  Without it, the variable
                ``AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER`` names another endpoint for the
                pool's key set, a local AWS say; the page "The network" has the rules.
            keys: a key set, instead of one that is fetched.
            fetcher: how the key set is fetched.
            key_set: arguments of the :class:`~authz_lib.RemoteKeySet` that is fetched, such as
                ``{"timeout_seconds": 5, "max_keys": 64}``.

        Raises:
            ConfigurationError: an argument that makes no sense.

        >>> from authz_lib import JWTVerifier
        >>> JWTVerifier.cognito(
        ...     user_pool_id="us-east-1_Abc123",
        ...     client_id="orders-web",
        ...     token_use="access",
        ... )
        <JWTVerifier for 2 issuer(s)>

        See the Cognito developer guide, "Verifying JSON web tokens".
        """
        from authz_lib.tokens import issuers

        configuration = issuers.cognito(
            user_pool_id=user_pool_id,
            client_id=client_id,
            token_use=token_use,
            audience=audience,
            issuer=issuer,
            jwks_url=jwks_url,
            keys=keys,
            fetcher=fetcher,
            key_set=key_set,
            options=options,
        )
        return cls._of(configuration, options)

    @classmethod
    def oidc(
        cls,
        issuer: str,
        *,
        audience: str | Iterable[str] | None,
        algorithms: Iterable[str] = ("RS256",),
        client_id: str | Iterable[str] | None = None,
        fetcher: Fetcher | None = None,
        key_set: KeySetOptions | None = None,
        **options: Unpack[CheckOptions],
    ) -> Self:
        """A verifier for an OpenID provider, whose key set discovery finds when needed.

        The discovery document must name exactly ``issuer``.  ``key_set`` is as in `cognito`.

        Raises:
            ConfigurationError: an argument that makes no sense.

        >>> from authz_lib import JWTVerifier
        >>> JWTVerifier.oidc("https://accounts.example.com", audience="orders-web")
        <JWTVerifier for 1 issuer(s)>

        See OpenID Connect Discovery 1.0, section 4.
        """
        from authz_lib.tokens import issuers

        keys = issuers.discovered_keys(
            issuer, fetcher=fetcher, clock=options.get("clock", system_clock), key_set=key_set
        )
        configuration = one_issuer(
            issuer=issuer,
            audience=audience,
            algorithms=algorithms,
            keys=keys,
            client_id=client_id,
            options=options,
        )
        return cls._of(configuration, options)

    @classmethod
    def alb(
        cls,
        *,
        load_balancer_arn: str | Iterable[str],
        client_id: str | Iterable[str] | None,
        issuer: str | Iterable[str] | None,
        keys_url: str | None = None,
        keys: KeySet | None = None,
        fetcher: Fetcher | None = None,
        key_set: FetchOptions | None = None,
        **options: Unpack[CheckOptions],
    ) -> Self:
        """A verifier for ``x-amzn-oidc-data``, which a load balancer's authenticate action adds.

        Checks ``signer``, ``client``, ``iss`` and ``exp`` of the header, then the ES256 signature.
        The signer is compared **before** a key is fetched: anyone can have a load balancer of
        their own sign a token.  Does **not** check an audience: such a token has none.

        ``x-amzn-oidc-identity`` is not signed: do not use it.  ``x-amzn-oidc-accesstoken`` is the
        provider's own token: verify it with a verifier for the provider.

        Args:
            load_balancer_arn: the load balancer or balancers (of one region) whose tokens are
                accepted.
            client_id: the client of the authenticate action; ``None`` accepts the tokens of every
                rule of the balancer.
            issuer: the provider of the authenticate action; ``None`` likewise.
            keys_url: where the public keys are, instead of the region's own place.
            keys: a key set, instead of one that is fetched.
            fetcher: how a key is fetched.
            key_set: how it is fetched by default, such as ``{"timeout_seconds": 5}``.

        Raises:
            ConfigurationError: an argument that makes no sense.

        >>> from authz_lib import JWTVerifier
        >>> account = "arn:aws:elasticloadbalancing:us-east-1:123456789012"
        >>> JWTVerifier.alb(
        ...     load_balancer_arn=f"{account}:loadbalancer/app/web/50dc6c495c",
        ...     client_id="orders-web",
        ...     issuer="https://issuer.example",
        ... )
        <JWTVerifier for 1 issuer(s)>

        See the guide for Application Load Balancers, "Authenticate users".
        """
        from authz_lib.tokens import load_balancer

        configuration = load_balancer.configure(
            load_balancer_arn=load_balancer_arn,
            client_id=client_id,
            issuer=issuer,
            keys_url=keys_url,
            keys=keys,
            fetcher=fetcher,
            key_set=key_set,
            options=options,
        )
        return cls._of(configuration, options)

    @classmethod
    def shared_secret(
        cls,
        *,
        secret: Secret | Sequence[Secret] | SecretSource,
        issuer: str | Iterable[str] | None,
        audience: str | Iterable[str] | None,
        algorithm: str = "HS256",
        **options: Unpack[CheckOptions],
    ) -> Self:
        """A verifier for tokens signed with a secret that issuer and verifier share.

        Args:
            secret: at least 32, 48 or 64 bytes for HS256, HS384, HS512; or a list of such, the
                current one first; or a `SecretSource`, which is read anew.
            issuer: the exact ``iss``; ``None`` accepts tokens of everyone who knows the secret.
            audience: the ``aud``; ``None`` accepts tokens that were minted for another service with
                the same secret.

        Raises:
            ConfigurationError: a weak secret, one that looks like a key file, or another argument
                that makes no sense.

        >>> from authz_lib import JWTVerifier
        >>> secret = "correct horse battery staple, and more"
        >>> JWTVerifier.shared_secret(secret=secret, issuer=None, audience="shop")
        <JWTVerifier for any issuer>

        See RFC 7518, section 3.2.
        """
        keys = SecretKeySet(secret, algorithm=algorithm)
        configuration = one_issuer(
            issuer=issuer,
            audience=audience,
            algorithms=[algorithm],
            keys=keys,
            client_id=None,
            options=options,
        )
        return cls._of(configuration, options)

    @classmethod
    def any_of(cls, *verifiers: Presets, remember: int = DEFAULT_REMEMBER) -> Self:
        """A verifier for the tokens of several issuers, each checked by its own verifier only.

        The ``iss`` of the token, not yet verified, selects among the configured verifiers; the
        selected one then checks everything, ``iss`` included.

        Raises:
            ConfigurationError: no verifier, something else, one that does not check ``iss``, or two
                for one issuer.
        """
        from authz_lib.tokens import issuers

        if not all(isinstance(verifier, Presets) for verifier in verifiers):
            raise ConfigurationError(
                "`any_of` takes verifiers, not a list of them: `any_of(*verifiers)`"
            )
        configuration = issuers.any_of([verifier.configuration for verifier in verifiers])
        return cls._of(configuration, {"remember": remember})
