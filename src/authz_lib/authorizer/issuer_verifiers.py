"""The verifier that the ``AUTHZ_*`` variables of one issuer describe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from authz_lib.authorizer.issuer_settings import OF_A_KEY_SET, OF_A_SECRET, IssuerSettings
from authz_lib.authorizer.setting_texts import PREFIX, variable_named
from authz_lib.tokens import JWTVerifier, RemoteKeySet, StaticKeySet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from authz_lib.tokens import SecretSource
    from authz_lib.transport.insecure_hosts import InsecureHosts

__all__ = ["verifier_of"]

_CHECKS: Final = (
    "typ",
    "client_claim",
    "all_scopes",
    "any_scope",
    "any_group",
    "leeway_seconds",
    "not_before_leeway_seconds",
    "max_token_age_seconds",
)


def verifier_of(settings: IssuerSettings, hosts: InsecureHosts) -> JWTVerifier:
    """The verifier of a Cognito pool, an OpenID provider, or an issuer with given keys.

    Args:
        settings: of the issuer.
        hosts: that plain http is allowed to.

    Raises:
        ConfigurationError: names the variable that is wrong.
    """
    named = {field: settings.variable(field) for field in IssuerSettings.model_fields}
    named |= {name: settings.variable(f"jwks_{name}") for name in OF_A_KEY_SET}
    named |= {
        "client_id": settings.variable("client_ids"),
        "algorithm": settings.variable("algorithms"),
        "url": settings.variable("jwks_url"),
        "insecure_http_hosts": f"{PREFIX}INSECURE_HTTP_HOSTS",
        "tenant_id": settings.variable("entra_tenant_id"),
        "authority": settings.variable("entra_authority"),
    }
    with variable_named(settings.identity, named):
        return _build(settings, hosts)


def _build(settings: IssuerSettings, hosts: InsecureHosts) -> JWTVerifier:
    options = _given(settings, "", _CHECKS)
    if settings.any_group is not None:
        options["groups_claim"] = settings.groups_claim
    options["audience"] = settings.audience
    secret = _secret_of(settings)
    if secret is not None:
        is_given = "algorithms" in settings.model_fields_set
        return JWTVerifier.shared_secret(
            secret=secret,
            issuer=settings.issuer,
            algorithm=settings.algorithms[0] if is_given else "HS256",
            **options,
        )
    options["client_id"] = settings.client_ids
    fetching = _given(settings, "jwks_", OF_A_KEY_SET)
    if hosts and settings.fetches:
        fetching["insecure_http_hosts"] = hosts
    if settings.jwks_file is not None:
        with variable_named(settings.variable("jwks_file")):
            options["keys"] = StaticKeySet(Path(settings.jwks_file))
    return _of_kind(settings, options, fetching)


def _of_kind(
    settings: IssuerSettings, options: dict[str, Any], fetching: dict[str, Any]
) -> JWTVerifier:
    key_set: Any = fetching or None
    if settings.entra_tenant_id is not None:
        options |= _given(settings, "entra_", ["tenant_id", "authority"])
        return JWTVerifier.entra(key_set=key_set, **options)
    if settings.user_pool_id is not None:
        return JWTVerifier.cognito(
            user_pool_id=settings.user_pool_id,
            token_use=settings.token_use,
            issuer=settings.issuer,
            jwks_url=settings.jwks_url,
            key_set=key_set,
            **options,
        )
    options |= {"issuer": settings.issuer, "algorithms": settings.algorithms}
    if settings.provider is not None:
        preset: Callable[..., JWTVerifier] = getattr(JWTVerifier, settings.provider)
        return preset(jwks_url=settings.jwks_url, key_set=key_set, **options)
    if settings.jwks_url is not None:
        options["keys"] = RemoteKeySet(settings.jwks_url, **fetching)
    if "keys" in options:
        return JWTVerifier(**options)
    return JWTVerifier.oidc(key_set=key_set, **options)


def _secret_of(settings: IssuerSettings) -> SecretSource | None:
    """A source, which reads the secret with the first token."""
    if settings.secret_id is None and settings.secret_parameter is None:
        return None
    from authz_lib.tokens import secret_from_parameter_store, secret_from_secrets_manager

    options = _given(settings, "secret_", OF_A_SECRET)
    named = {name: settings.variable(f"secret_{name}") for name in OF_A_SECRET}
    if settings.secret_id is not None:
        with variable_named(settings.variable("secret_id"), named):
            return secret_from_secrets_manager(settings.secret_id, **options)
    with variable_named(settings.variable("secret_parameter"), named):
        return secret_from_parameter_store(settings.secret_parameter or "", **options)


def _given(settings: IssuerSettings, before: str, names: Iterable[str]) -> dict[str, Any]:
    """The arguments whose variables are set."""
    given = settings.model_fields_set
    return {
        name: getattr(settings, f"{before}{name}") for name in names if f"{before}{name}" in given
    }
