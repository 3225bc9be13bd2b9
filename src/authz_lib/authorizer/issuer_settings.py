"""The ``AUTHZ_*`` variables of one issuer, and the verifier that is built of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from authz_lib.authorizer.setting_texts import (
    PREFIX,
    Flag,
    MaybeNames,
    MaybePath,
    NameList,
    Pairs,
    Text,
)
from authz_lib.errors import ConfigurationError
from authz_lib.principal import cognito_pool
from authz_lib.transport.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Iterable


__all__ = ["OF_A_KEY_SET", "OF_A_SECRET", "IssuerSettings", "prefix_of", "require_pool"]

# Arguments of a key set and of a secret, with what stands before them in their variables.
OF_A_KEY_SET: Final = (
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
OF_A_SECRET: Final = (
    "json_key",
    "encoding",
    "ttl_seconds",
    "max_stale_seconds",
    "previous_seconds",
    "miss_cooldown_seconds",
)


_IDENTITIES: Final = ("user_pool_id", "entra_tenant_id", "issuer")
_OTHER_KEYS: Final = ("jwks_url", "jwks_file")


class IssuerSettings(BaseModel):
    """Whose tokens are taken, and what they must say."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    user_pool_id: Text | None = None
    entra_tenant_id: Text | None = None
    entra_authority: Text | None = None
    issuer: Text | None = None
    provider: Literal["okta", "auth0", "keycloak"] | None = None
    audience: MaybeNames = None
    client_ids: MaybeNames = None
    client_claim: NameList | None = None
    token_use: Literal["access", "id"] | None = None
    algorithms: NameList = ["RS256"]
    typ: Text | None = None
    all_scopes: NameList | None = None
    any_scope: NameList | None = None
    any_group: NameList | None = None
    leeway_seconds: float = 0
    not_before_leeway_seconds: float = 30
    max_token_age_seconds: float | None = None
    tenant_claim: MaybePath
    groups_claim: MaybePath = "cognito:groups"
    attributes: Pairs = Field(default={})
    usage_identifier_key: MaybePath = None
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
    def identity(self) -> str:
        """The name of the variable that says whose tokens they are."""
        given = [name for name in _IDENTITIES if getattr(self, name) is not None]
        return self.variable(given[0])

    @property
    def fetches(self) -> bool:
        """Whether keys come over the network."""
        return self.jwks_file is None and self.secret_id is None and self.secret_parameter is None

    @model_validator(mode="after")
    def _one_issuer(self) -> IssuerSettings:
        given = self.model_fields_set
        if not any(getattr(self, name) is not None for name in _IDENTITIES):
            raise ValueError(
                "`AUTHZ_USER_POOL_ID`, `AUTHZ_ENTRA_TENANT_ID` or `AUTHZ_ISSUER` must be set"
            )
        _require_one_kind(self)
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
            for name in OF_A_KEY_SET:
                if f"jwks_{name}" in given:
                    raise ValueError(
                        f"`{PREFIX}JWKS_{name.upper()}` goes with a key set that is fetched"
                    )
        return self


def prefix_of(number: int) -> str:
    """What the variables of an issuer begin with; those of the first one have no number."""
    return PREFIX if number == 1 else f"{PREFIX}{number}_"


def _require_one_kind(settings: IssuerSettings) -> None:
    """Refuse two kinds of issuer at once, and what describes a kind that is not there."""
    tenant, pool = settings.entra_tenant_id is not None, settings.user_pool_id is not None
    for name in ("user_pool_id", "issuer", "jwks_url"):
        if tenant and getattr(settings, name) is not None:
            raise ValueError(
                f"`AUTHZ_ENTRA_TENANT_ID` and `{PREFIX}{name.upper()}` exclude each other"
            )
    if settings.entra_authority is not None and not tenant:
        raise ValueError("`AUTHZ_ENTRA_AUTHORITY` goes with `AUTHZ_ENTRA_TENANT_ID`")
    if settings.provider is not None and (pool or settings.issuer is None):
        raise ValueError("`AUTHZ_PROVIDER` goes with `AUTHZ_ISSUER` alone")


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
    whose = "AUTHZ_ISSUER" if settings.entra_tenant_id is None else "AUTHZ_ENTRA_TENANT_ID"
    # Only Cognito's tokens say what they are for.
    if settings.token_use is not None:
        raise ValueError(
            f"`AUTHZ_TOKEN_USE` is not checked with `{whose}` alone: it goes with "
            "`AUTHZ_USER_POOL_ID`"
        )
    if settings.audience is None and settings.client_ids is None:
        raise ValueError(
            f"`{whose}` needs `AUTHZ_AUDIENCE`, or `AUTHZ_CLIENT_IDS` with an audience of `none`"
        )
    if "audience" not in given:
        raise ValueError(f"`{whose}` needs `AUTHZ_AUDIENCE`; `none` says that `aud` is not checked")
    if settings.provider is not None:
        whose = "AUTHZ_PROVIDER"
    if whose == "AUTHZ_ISSUER":
        return
    # Its tokens name a client and hold no `cognito:groups`.
    for name, meaning in (("client_ids", "that every client may call"), ("groups_claim", "none")):
        if name not in given:
            raise ValueError(f"`{whose}` needs `{PREFIX}{name.upper()}`; `none` says {meaning}")
    if settings.entra_tenant_id is not None and "algorithms" in given:
        raise ValueError("`AUTHZ_ALGORITHMS` goes with `AUTHZ_ISSUER`: Entra signs with RS256")


def _require_whole_secret(settings: IssuerSettings, given: set[str]) -> None:
    """A secret stands beside no key set, and what describes one beside a secret only."""
    secrets = sorted(given & {"secret_id", "secret_parameter"})
    if len(secrets) > 1:
        raise ValueError("`AUTHZ_SECRET_ID` and `AUTHZ_SECRET_PARAMETER` exclude each other")
    if not secrets:
        for name in sorted(given & {f"secret_{option}" for option in OF_A_SECRET}):
            raise ValueError(
                f"`{PREFIX}{name.upper()}` goes with `AUTHZ_SECRET_ID` or `AUTHZ_SECRET_PARAMETER`"
            )
        return
    secret = f"`{PREFIX}{secrets[0].upper()}`"
    for name in ("user_pool_id", "entra_tenant_id", "provider", "client_ids", *_OTHER_KEYS):
        if name in given:
            raise ValueError(f"`{PREFIX}{name.upper()}` and {secret} exclude each other")
    if "algorithms" in given and settings.algorithms not in (["HS256"], ["HS384"], ["HS512"]):
        raise ValueError(f"`AUTHZ_ALGORITHMS` with {secret} is `HS256`, `HS384` or `HS512`")


def require_pool(settings: IssuerSettings) -> None:
    """Refuse ids of a pool for an issuer that is none.

    Raises:
        ConfigurationError: names the variable.
    """
    other = "issuer" if settings.entra_tenant_id is None else "entra_tenant_id"
    name = getattr(settings, other)
    if name is not None and cognito_pool(name) is None:
        raise ConfigurationError(
            f"`AUTHZ_PRINCIPAL_ID` is of a Cognito pool, and `{settings.variable(other)}` is none"
        )
