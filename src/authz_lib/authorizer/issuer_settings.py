"""The ``AUTHZ_*`` variables of one issuer, and the verifier that is built of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from authz_lib.authorizer.setting_texts import (
    PREFIX,
    Flag,
    MaybeNames,
    MaybeText,
    NameList,
    Text,
    variable_named,
)
from authz_lib.errors import ConfigurationError
from authz_lib.principal import cognito_pool
from authz_lib.tokens import JWTVerifier, StaticKeySet
from authz_lib.transport.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from authz_lib.tokens import SecretSource
    from authz_lib.transport.insecure_hosts import InsecureHosts

__all__ = ["IssuerSettings", "prefix_of", "require_pool", "verifier_of"]

# Arguments of each kind, with what stands before them in the name of their variable.
_CHECKS: Final = (
    "typ",
    "all_scopes",
    "any_scope",
    "any_group",
    "leeway_seconds",
    "not_before_leeway_seconds",
    "max_token_age_seconds",
)
_OF_A_KEY_SET: Final = (
    "ttl_seconds",
    "refresh_ahead_seconds",
    "max_stale_seconds",
    "miss_cooldown_seconds",
    "timeout_seconds",
    "connect_timeout_seconds",
    "max_bytes",
    "max_keys",
    "allow_missing_kid",
)
_OF_A_SECRET: Final = (
    "json_key",
    "encoding",
    "ttl_seconds",
    "max_stale_seconds",
    "previous_seconds",
    "miss_cooldown_seconds",
)


class IssuerSettings(BaseModel):
    """Whose tokens are taken, and what they must say."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    user_pool_id: Text | None = None
    issuer: Text | None = None
    audience: MaybeNames = None
    client_ids: NameList | None = None
    token_use: Literal["access", "id"] | None = None
    algorithms: NameList = ["RS256"]
    typ: Text | None = None
    all_scopes: NameList | None = None
    any_scope: NameList | None = None
    any_group: NameList | None = None
    leeway_seconds: float = 0
    not_before_leeway_seconds: float = 30
    max_token_age_seconds: float | None = None
    tenant_claim: MaybeText
    groups_claim: MaybeText = "cognito:groups"
    jwks_url: Text | None = None
    jwks_file: Text | None = None
    jwks_ttl_seconds: float | None = None
    jwks_refresh_ahead_seconds: float | None = None
    jwks_max_stale_seconds: float | None = None
    jwks_miss_cooldown_seconds: float | None = None
    jwks_timeout_seconds: float | None = None
    jwks_connect_timeout_seconds: float | None = None
    jwks_max_bytes: int | None = None
    jwks_max_keys: int | None = None
    jwks_allow_missing_kid: Flag | None = None
    secret_id: Text | None = None
    secret_parameter: Text | None = None
    secret_json_key: Text | None = None
    secret_encoding: Literal["text", "base64"] | None = None
    secret_ttl_seconds: float | None = None
    secret_max_stale_seconds: float | None = None
    secret_previous_seconds: Annotated[float | None, Field(ge=0, le=86_400)] = None
    secret_miss_cooldown_seconds: float | None = None

    number: int = 1
    """Of its variables; no variable itself."""

    def variable(self, field: str) -> str:
        """The name of a setting's variable."""
        return f"{prefix_of(self.number)}{field.upper()}"

    @property
    def fetches(self) -> bool:
        """Whether keys come over the network."""
        return self.jwks_file is None and self.secret_id is None and self.secret_parameter is None

    @model_validator(mode="after")
    def _one_issuer(self) -> IssuerSettings:
        given = self.model_fields_set
        if self.user_pool_id is None and self.issuer is None:
            raise ValueError("`AUTHZ_USER_POOL_ID` or `AUTHZ_ISSUER` must be set")
        if self.user_pool_id is not None:
            _require_whole_pool(self, given)
        else:
            _require_whole_provider(self, given)
        if self.jwks_url is not None and self.jwks_file is not None:
            raise ValueError("`AUTHZ_JWKS_URL` and `AUTHZ_JWKS_FILE` exclude each other")
        if self.any_group is not None and self.groups_claim is None:
            raise ValueError("`AUTHZ_ANY_GROUP` needs `AUTHZ_GROUPS_CLAIM`")
        _require_whole_secret(self, given)
        if not self.fetches:
            for name in _OF_A_KEY_SET:
                if f"jwks_{name}" in given:
                    raise ValueError(
                        f"`{PREFIX}JWKS_{name.upper()}` goes with a key set that is fetched"
                    )
        return self


def prefix_of(number: int) -> str:
    """What the variables of an issuer begin with; those of the first one have no number."""
    return PREFIX if number == 1 else f"{PREFIX}{number}_"


def _require_whole_pool(settings: IssuerSettings, given: Iterable[str]) -> None:
    if settings.client_ids is None or settings.token_use is None:
        raise ValueError("`AUTHZ_USER_POOL_ID` needs `AUTHZ_CLIENT_IDS` and `AUTHZ_TOKEN_USE`")
    if "algorithms" in given:
        raise ValueError(
            "`AUTHZ_ALGORITHMS` goes with `AUTHZ_ISSUER`: a user pool signs with RS256"
        )
    if settings.issuer is not None:
        try:
            parse_url(settings.issuer, argument="AUTHZ_ISSUER", require_https=False)
        except ConfigurationError as error:
            message = str(error)
        else:
            return
        raise ValueError(message)


def _require_whole_provider(settings: IssuerSettings, given: Iterable[str]) -> None:
    # Only Cognito's tokens say what they are for.
    if settings.token_use is not None:
        raise ValueError(
            "`AUTHZ_TOKEN_USE` is not checked with `AUTHZ_ISSUER` alone: it goes with "
            "`AUTHZ_USER_POOL_ID`"
        )
    if settings.audience is None and settings.client_ids is None:
        raise ValueError(
            "`AUTHZ_ISSUER` needs `AUTHZ_AUDIENCE`, or `AUTHZ_CLIENT_IDS` with an audience of "
            "`none`"
        )
    if "audience" not in given:
        raise ValueError(
            "`AUTHZ_ISSUER` needs `AUTHZ_AUDIENCE`; `none` says that `aud` is not checked"
        )


def _require_whole_secret(settings: IssuerSettings, given: set[str]) -> None:
    """A secret stands beside no key set, and what describes one beside a secret only."""
    secrets = sorted(given & {"secret_id", "secret_parameter"})
    if len(secrets) > 1:
        raise ValueError("`AUTHZ_SECRET_ID` and `AUTHZ_SECRET_PARAMETER` exclude each other")
    if not secrets:
        for name in sorted(given & {f"secret_{option}" for option in _OF_A_SECRET}):
            raise ValueError(
                f"`{PREFIX}{name.upper()}` goes with `AUTHZ_SECRET_ID` or `AUTHZ_SECRET_PARAMETER`"
            )
        return
    secret = f"`{PREFIX}{secrets[0].upper()}`"
    for name in ("user_pool_id", "client_ids", "jwks_url", "jwks_file"):
        if name in given:
            raise ValueError(f"`{PREFIX}{name.upper()}` and {secret} exclude each other")
    if "algorithms" in given and settings.algorithms not in (["HS256"], ["HS384"], ["HS512"]):
        raise ValueError(f"`AUTHZ_ALGORITHMS` with {secret} is `HS256`, `HS384` or `HS512`")


def verifier_of(settings: IssuerSettings, hosts: InsecureHosts) -> JWTVerifier:
    """The verifier of a Cognito pool, an OpenID provider, or an issuer with given keys.

    Args:
        settings: of the issuer.
        hosts: that plain http is allowed to.

    Raises:
        ConfigurationError: names the variable that is wrong.
    """
    named = {field: settings.variable(field) for field in IssuerSettings.model_fields}
    named |= {name: settings.variable(f"jwks_{name}") for name in _OF_A_KEY_SET}
    named |= {
        "client_id": settings.variable("client_ids"),
        "algorithm": settings.variable("algorithms"),
        "url": settings.variable("jwks_url"),
        "insecure_http_hosts": f"{PREFIX}INSECURE_HTTP_HOSTS",
    }
    first = "issuer" if settings.user_pool_id is None else "user_pool_id"
    with variable_named(settings.variable(first), named):
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
    fetching = _given(settings, "jwks_", _OF_A_KEY_SET)
    if hosts:
        fetching["insecure_http_hosts"] = hosts
    if settings.jwks_file is not None:
        with variable_named(settings.variable("jwks_file")):
            options["keys"] = StaticKeySet(Path(settings.jwks_file))
    if settings.user_pool_id is not None:
        return JWTVerifier.cognito(
            user_pool_id=settings.user_pool_id,
            token_use=settings.token_use,
            issuer=settings.issuer,
            jwks_url=settings.jwks_url,
            key_set=fetching or None if settings.fetches else None,  # type: ignore[arg-type]
            **options,
        )
    if settings.jwks_url is not None:
        from authz_lib.tokens import RemoteKeySet

        options["keys"] = RemoteKeySet(settings.jwks_url, **fetching)
    make: Callable[..., JWTVerifier] = JWTVerifier
    if "keys" not in options:
        make, options["key_set"] = JWTVerifier.oidc, fetching or None
    return make(issuer=settings.issuer, algorithms=settings.algorithms, **options)


def _secret_of(settings: IssuerSettings) -> SecretSource | None:
    """A source, which reads the secret with the first token."""
    if settings.secret_id is None and settings.secret_parameter is None:
        return None
    from authz_lib.tokens import secret_from_parameter_store, secret_from_secrets_manager

    options = _given(settings, "secret_", _OF_A_SECRET)
    named = {name: settings.variable(f"secret_{name}") for name in _OF_A_SECRET}
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


def require_pool(settings: IssuerSettings) -> None:
    """Refuse ids of a pool for an issuer that is none.

    Raises:
        ConfigurationError: names the variable.
    """
    if settings.issuer is not None and cognito_pool(settings.issuer) is None:
        raise ConfigurationError(
            f"`AUTHZ_PRINCIPAL_ID` is of a Cognito pool, and `{settings.variable('issuer')}` is "
            "none"
        )
