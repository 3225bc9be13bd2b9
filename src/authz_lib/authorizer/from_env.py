"""An authorizer from the ``AUTHZ_*`` environment variables, validated whole, once, at start.

`Settings` reads the variables.  The functions below make of them what an authorizer is built of.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from authz_lib._support.json_file import in_one_line
from authz_lib.actions.map import ActionMap
from authz_lib.authorizer.gateway_cache import GatewayCache
from authz_lib.entities import TYPE_NAME, EntityUid
from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.gateway.sources import BearerToken, Cookie, Header, QueryParameter
from authz_lib.principal import cognito_pool
from authz_lib.tokens import JWTVerifier, StaticKeySet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from authz_lib.authorizer.questions import Decisions
    from authz_lib.gateway.sources import TokenSource
    from authz_lib.tokens import SecretSource
    from authz_lib.tokens.secret_source import SecretOptions

__all__ = ["Settings", "arguments_from", "variable_named"]

PREFIX = "AUTHZ_"

_ENTITY = re.compile(rf'({TYPE_NAME.pattern})::"([^"\\]+)"')

_MAX_NAME_CHARACTERS = 200  # of an `EntityIdentifier` of Verified Permissions


class EntityName(NamedTuple):
    """A Cedar entity id as it is written in a policy, ``Application::"orders"``."""

    type: str
    id: str


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",")]
    if "" in parts:
        raise ValueError("an item of the list is empty")
    if any(part.lower() == "none" for part in parts):
        raise ValueError("`none` is no item of a list")
    return parts


def _pairs(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in _strings(_split(value))]
    if not all(name.strip() and expression.strip() for name, _, expression in pairs):
        raise ValueError("expected `name=expression`")
    if len({name.strip() for name, _, _ in pairs}) != len(pairs):
        raise ValueError("a name is given twice")
    return {name.strip(): expression.strip() for name, _, expression in pairs}


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _none(value: object) -> object:
    if isinstance(value, str) and value.lower() == "none" != value:
        raise ValueError("`none` is written in small letters")
    return None if value == "none" else value


def _entity(value: object) -> object:
    match = _ENTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('expected `Type::"id"`')
    if max(map(len, match.groups())) > _MAX_NAME_CHARACTERS:
        raise ValueError(f"type and id have at most {_MAX_NAME_CHARACTERS} characters")
    return EntityName(match[1], match[2])


Text = Annotated[str, Field(min_length=1)]
Names = Annotated[list[Text], BeforeValidator(_split)]
OrNone = Annotated[Text | None, BeforeValidator(_none)]


class Settings(BaseModel):
    """What ``LambdaAuthorizer.from_env()`` reads.

    A variable that is unknown, empty or half of a pair is refused.

    There is no variable that switches a check off, except an explicit ``none`` where the table in
    the docs says so.

    >>> Settings.read({"AUTHZ_DISABLED": "true"})
    Traceback (most recent call last):
      ...
    authz_lib.errors.ConfigurationError: `AUTHZ_DISABLED` is not a setting of this library
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    # who is calling
    user_pool_id: Text | None = None
    issuer: Text | None = None
    audience: Annotated[list[Text] | None, BeforeValidator(lambda value: _split(_none(value)))] = (
        None
    )
    client_ids: Names | None = None
    token_use: Literal["access", "id"] | None = None
    algorithms: Names = ["RS256"]
    jwks_url: Text | None = None
    jwks_file: Text | None = None
    secret_id: Text | None = None
    secret_parameter: Text | None = None
    secret_json_key: Text | None = None
    secret_previous_seconds: Annotated[float | None, Field(ge=0, le=86_400)] = None
    token_sources: Names = ["bearer"]
    tenant_claim: OrNone
    groups_claim: OrNone = "cognito:groups"
    # may they do it
    actions: Text
    application: Annotated[EntityName | None, BeforeValidator(_entity)] = None
    policy_store_id: Text | None = None
    policies: Text | None = None
    allow_ttl_seconds: Annotated[float, Field(ge=0, le=3600)] = 60
    deny_ttl_seconds: Annotated[float, Field(ge=0, le=3600)] = 5
    action_type: Text = "Action"
    principal_type: Text = "User"
    group_type: Text = "Group"
    principal_id: Literal["sub", "pool|sub", "issuer|sub"] = "sub"
    context: Annotated[dict[str, str], BeforeValidator(_pairs)] = {}
    # what the gateway expects
    response: Literal["simple", "iam", "appsync"]
    gateway_ttl_seconds: Annotated[int, Field(ge=0, le=3600)]
    identity_sources: Names | None = None
    max_policy_bytes: Annotated[int, Field(ge=1)] = 8192
    no_resource_policy: Literal["true", "false"] = "false"

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Read the variables.

        Raises:
            ConfigurationError: names the first variable that is wrong; never its value.
        """
        given = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
        for name, value in sorted(given.items()):
            shown = in_one_line(name)
            if not value.strip():
                raise ConfigurationError(f"{shown} is empty")
            if value != value.strip() or not value.isprintable():
                raise ConfigurationError(
                    f"{shown} has white space around it, or holds an invisible character"
                )
            if name.removeprefix(PREFIX).lower() not in cls.model_fields or name != name.upper():
                raise ConfigurationError(f"{shown} is not a setting of this library")
        try:
            return cls.model_validate(
                {name.removeprefix(PREFIX).lower(): value for name, value in given.items()}
            )
        except ValidationError as error:
            message = _describe(error)
        raise ConfigurationError(message)  # outside of `except`: the cause may quote a value

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        _exactly_one(self, "user_pool_id", "issuer")
        _exactly_one(self, "policy_store_id", "policies")
        if self.user_pool_id is not None and (self.client_ids is None or self.token_use is None):
            raise ValueError("`AUTHZ_USER_POOL_ID` needs `AUTHZ_CLIENT_IDS` and `AUTHZ_TOKEN_USE`")
        # Only Cognito's tokens say what they are for.
        if self.issuer is not None and self.token_use is not None:
            raise ValueError(
                "`AUTHZ_TOKEN_USE` is not checked with `AUTHZ_ISSUER`: it goes with "
                "`AUTHZ_USER_POOL_ID`"
            )
        if self.user_pool_id is not None and "algorithms" in self.model_fields_set:
            raise ValueError(
                "`AUTHZ_ALGORITHMS` goes with `AUTHZ_ISSUER`: a user pool signs with RS256"
            )
        if self.issuer is not None and self.audience is None and self.client_ids is None:
            raise ValueError(
                "`AUTHZ_ISSUER` needs `AUTHZ_AUDIENCE`, or `AUTHZ_CLIENT_IDS` with an audience of "
                "`none`"
            )
        if self.issuer is not None and "audience" not in self.model_fields_set:
            raise ValueError(
                "`AUTHZ_ISSUER` needs `AUTHZ_AUDIENCE`; `none` says that `aud` is not checked"
            )
        if self.jwks_url is not None and self.jwks_file is not None:
            raise ValueError("`AUTHZ_JWKS_URL` and `AUTHZ_JWKS_FILE` exclude each other")
        if (self.gateway_ttl_seconds > 0) != (self.identity_sources is not None):
            raise ValueError(
                "`AUTHZ_IDENTITY_SOURCES` goes with a `AUTHZ_GATEWAY_TTL_SECONDS` above 0, and "
                "only with it"
            )
        _require_whole_secret(self)
        _refuse_without_effect(self)
        return self


def _refuse_without_effect(settings: Settings) -> None:
    """Whoever sets a variable believes that it does something."""
    given = settings.model_fields_set
    for name in ("allow_ttl_seconds", "deny_ttl_seconds"):
        if settings.policies is not None and name in given:
            raise ValueError(
                f"`{PREFIX}{name.upper()}` goes with `AUTHZ_POLICY_STORE_ID`: a folder is not "
                "cached"
            )
    for name in ("max_policy_bytes", "no_resource_policy"):
        if name in given and (settings.gateway_ttl_seconds == 0 or settings.response != "iam"):
            raise ValueError(
                f"`{PREFIX}{name.upper()}` goes with `AUTHZ_RESPONSE=iam` and a "
                "`AUTHZ_GATEWAY_TTL_SECONDS` above 0"
            )


def _require_whole_secret(settings: Settings) -> None:
    """A secret stands beside no key set, and what describes one beside a secret only."""
    given = settings.model_fields_set
    secrets = sorted(given & {"secret_id", "secret_parameter"})
    if len(secrets) > 1:
        raise ValueError("`AUTHZ_SECRET_ID` and `AUTHZ_SECRET_PARAMETER` exclude each other")
    if not secrets:
        for name in sorted(given & {"secret_json_key", "secret_previous_seconds"}):
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


def _exactly_one(settings: Settings, one: str, other: str) -> None:
    if (getattr(settings, one) is None) == (getattr(settings, other) is None):
        raise ValueError(
            f"exactly one of `{PREFIX}{one.upper()}` and `{PREFIX}{other.upper()}` must be set"
        )


def _describe(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return message
    name = f"{PREFIX}{str(first['loc'][0]).upper()}"
    return (
        f"`{name}` is missing"
        if first["type"] == "missing"
        else f"`{name}`: {message[:1].lower()}{message[1:]}"
    )


_SOURCES: dict[str, Callable[[str], TokenSource]] = {
    "header": Header,
    "cookie": Cookie,
    "query": QueryParameter,
}


@contextmanager
def variable_named(variable: str) -> Iterator[None]:
    """Name the variable whose value is refused in the words of what it is for."""
    try:
        yield
    except (ConfigurationError, InvalidRequestError) as error:
        message = f"`{variable}`: {error}"
    else:
        return
    raise ConfigurationError(message)


def verifier_of(settings: Settings) -> JWTVerifier:
    """The verifier of a Cognito pool, an OpenID provider, or an issuer with a given key set."""
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
        with variable_named("AUTHZ_JWKS_FILE"):
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
    secret = _secret_of(settings)
    if secret is not None:
        return JWTVerifier.shared_secret(
            secret=secret,
            issuer=settings.issuer,
            audience=settings.audience,
            algorithm=settings.algorithms[0]
            if "algorithms" in settings.model_fields_set
            else "HS256",
        )
    if settings.jwks_url is not None:
        from authz_lib.tokens import RemoteKeySet

        with variable_named("AUTHZ_JWKS_URL"):
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


def _secret_of(settings: Settings) -> SecretSource | None:
    """A source, which reads the secret with the first token."""
    if settings.secret_id is None and settings.secret_parameter is None:
        return None
    from authz_lib.tokens import secret_from_parameter_store, secret_from_secrets_manager

    options: SecretOptions = {"json_key": settings.secret_json_key}
    if settings.secret_previous_seconds is not None:
        options["previous_seconds"] = settings.secret_previous_seconds
    if settings.secret_id is not None:
        return secret_from_secrets_manager(settings.secret_id, **options)
    return secret_from_parameter_store(settings.secret_parameter or "", **options)


def application_of(settings: Settings) -> EntityUid | None:
    """The resource of the actions that are on no particular one."""
    if settings.application is None:
        return None
    with variable_named("AUTHZ_APPLICATION"):
        return EntityUid(*settings.application)


def token_sources_of(settings: Settings) -> list[TokenSource]:
    """``bearer``, ``header:NAME``, ``cookie:NAME``, ``query:NAME``."""
    sources: list[TokenSource] = []
    for text in settings.token_sources:
        kind, _, name = text.partition(":")
        if text == "bearer":
            sources.append(BearerToken())
        elif kind in _SOURCES and name:
            with variable_named("AUTHZ_TOKEN_SOURCES"):
                sources.append(_SOURCES[kind](name))
        else:
            raise ConfigurationError(
                "`AUTHZ_TOKEN_SOURCES` is a list of `bearer`, `header:NAME`, `cookie:NAME` and "
                "`query:NAME`"
            )
    return sources


def gateway_cache_of(settings: Settings) -> GatewayCache:
    """What is deployed; a time to live of 0 is `GatewayCache.OFF`."""
    if settings.identity_sources is None:
        return GatewayCache.OFF
    with variable_named("AUTHZ_IDENTITY_SOURCES"):
        return GatewayCache(
            identity_sources=settings.identity_sources,
            ttl_seconds=settings.gateway_ttl_seconds,
            max_policy_bytes=settings.max_policy_bytes,
            no_resource_policy=settings.no_resource_policy == "true",
        )


def decisions_of(settings: Settings, variables: Mapping[str, str]) -> Decisions:
    """A folder of policies for the embedded engine, or a policy store with a cache in front."""
    words: dict[str, Any] = {
        "action_type": settings.action_type,
        "principal_type": settings.principal_type,
        "group_type": settings.group_type,
        "principal_id": settings.principal_id,
    }
    if settings.policies is not None:
        from authz_lib.decisions.cedar import CedarEngine

        with variable_named("AUTHZ_POLICIES"):
            return CedarEngine.from_directory(settings.policies, **words)
    from authz_lib.decisions.verified_permissions import VerifiedPermissions

    region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
    with variable_named("AUTHZ_POLICY_STORE_ID"):
        store = VerifiedPermissions(settings.policy_store_id or "", region=region, **words)
    return store.cached(
        ttl_seconds=settings.allow_ttl_seconds, deny_ttl_seconds=settings.deny_ttl_seconds
    )


def arguments_from(variables: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of `LambdaAuthorizer` that the variables stand for.

    Raises:
        ConfigurationError: names the first variable that is wrong; never its value.
    """
    settings = Settings.read(variables)
    with variable_named("AUTHZ_ACTIONS"):
        actions = ActionMap.load(settings.actions)
    return {
        "verifier": verifier_of(settings),
        "token_sources": token_sources_of(settings),
        "actions": actions,
        "decisions": decisions_of(settings, variables),
        "application": application_of(settings),
        "gateway_cache": gateway_cache_of(settings),
        "response": settings.response,
        "tenant_claim": settings.tenant_claim,
        "groups_claim": settings.groups_claim,
        "context": settings.context,
    }
