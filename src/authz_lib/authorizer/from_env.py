"""From `Settings` to what an authorizer is built of: verifier, token sources, gateway cache."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from authz_lib.authorizer.gateway_cache import GatewayCache
from authz_lib.entities import EntityUid
from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.gateway.sources import BearerToken, Cookie, Header, QueryParameter
from authz_lib.principal import cognito_pool
from authz_lib.tokens import JWTVerifier, StaticKeySet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from authz_lib.authorizer.settings import Settings
    from authz_lib.gateway.sources import TokenSource

__all__ = ["application_of", "blamed", "gateway_cache_of", "token_sources_of", "verifier_of"]

_SOURCES: dict[str, Callable[[str], TokenSource]] = {
    "header": Header,
    "cookie": Cookie,
    "query": QueryParameter,
}


@contextmanager
def blamed(variable: str) -> Iterator[None]:
    """Name the variable whose value is refused in the words of what it is for."""
    try:
        yield
    except (ConfigurationError, InvalidRequestError) as error:
        message = f"`{variable}`: {error}"
    else:
        return
    raise ConfigurationError(message)


def verifier_of(settings: Settings) -> JWTVerifier:
    """The verifier: of a Cognito pool, of an OpenID provider, or of an issuer with a given key
    set.
    """
    if (
        settings.principal_id == "pool|sub"
        and settings.issuer is not None
        and cognito_pool(settings.issuer) is None
    ):
        raise ConfigurationError(
            "`AUTHZ_PRINCIPAL_ID` is of a Cognito pool, and `AUTHZ_ISSUER` is none"
        )
    keys: dict[str, Any] = {}
    if settings.jwks_file is not None:
        with blamed("AUTHZ_JWKS_FILE"):
            keys["keys"] = StaticKeySet(Path(settings.jwks_file))
    if settings.user_pool_id is not None:
        if settings.jwks_url is not None:
            keys["jwks_url"] = settings.jwks_url
        return JWTVerifier.cognito(
            user_pool_id=settings.user_pool_id,
            client_id=settings.client_ids,
            token_use=settings.token_use,
            audience=settings.audience,
            **keys,
        )
    if settings.issuer is None:
        raise ConfigurationError("`AUTHZ_ISSUER` is missing")
    if settings.jwks_url is not None:
        from authz_lib.tokens import RemoteKeySet

        with blamed("AUTHZ_JWKS_URL"):
            keys["keys"] = RemoteKeySet(settings.jwks_url)
    make: Callable[..., JWTVerifier] = JWTVerifier if keys else JWTVerifier.oidc
    issuer: dict[str, Any] = {"issuer": settings.issuer}
    return make(
        **issuer,
        audience=settings.audience,
        algorithms=settings.algorithms,
        client_id=settings.client_ids,
        **keys,
    )


def application_of(settings: Settings) -> EntityUid | None:
    """The resource of the actions that are on no particular one."""
    if settings.application is None:
        return None
    with blamed("AUTHZ_APPLICATION"):
        return EntityUid(*settings.application)


def token_sources_of(settings: Settings) -> list[TokenSource]:
    """``bearer``, ``header:NAME``, ``cookie:NAME``, ``query:NAME``."""
    sources: list[TokenSource] = []
    for text in settings.token_sources:
        kind, _, name = text.partition(":")
        if text == "bearer":
            sources.append(BearerToken())
        elif kind in _SOURCES and name:
            with blamed("AUTHZ_TOKEN_SOURCES"):
                sources.append(_SOURCES[kind](name))
        else:
            raise ConfigurationError(
                "`AUTHZ_TOKEN_SOURCES` is a list of `bearer`, `header:NAME`, `cookie:NAME` and `query:NAME`"
            )
    return sources


def gateway_cache_of(settings: Settings) -> GatewayCache:
    """What is deployed; a time to live of 0 is `GatewayCache.OFF`."""
    if settings.identity_sources is None:
        return GatewayCache.OFF
    with blamed("AUTHZ_IDENTITY_SOURCES"):
        return GatewayCache(
            identity_sources=settings.identity_sources,
            ttl_seconds=settings.gateway_ttl_seconds,
            max_policy_bytes=settings.max_policy_bytes,
            no_resource_policy=settings.no_resource_policy == "true",
        )
