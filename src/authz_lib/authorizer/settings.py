"""All ``AUTHZ_*`` variables, validated whole, once, at start."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeVar

from pydantic import Field, ValidationError, model_validator

from authz_lib._support.json_file import in_one_line
from authz_lib.authorizer.issuer_settings import IssuerSettings, prefix_of, require_pool
from authz_lib.authorizer.setting_texts import (
    PREFIX,
    Flag,
    MaybeEntity,
    NameList,
    Pairs,
    Text,
)
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_ISSUERS", "Settings"]

MAX_ISSUERS: Final = 9

_NUMBERED: Final = re.compile(r"([0-9]+)_(.*)", re.DOTALL)


class Settings(IssuerSettings):
    """What ``LambdaAuthorizer.from_env()`` reads.

    A variable that is unknown, empty or half of a pair is refused.

    The variables of a second issuer have a number, such as ``AUTHZ_2_ISSUER``.  It takes nothing
    over from the first.

    There is no variable that switches a check off, except an explicit ``none`` where the table in
    the docs says so.

    >>> Settings.read({"AUTHZ_DISABLED": "true"})
    Traceback (most recent call last):
      ...
    authz_lib.errors.ConfigurationError: `AUTHZ_DISABLED` is not a setting of this library
    """

    # who is calling
    token_sources: NameList = Field(default=["bearer"])
    insecure_http_hosts: NameList | None = None
    # may they do it
    actions: Text
    application: MaybeEntity = None
    policy_store_id: Text | None = None
    policies: Text | None = None
    allow_ttl_seconds: Annotated[float, Field(ge=0, le=3600)] = 60
    deny_ttl_seconds: Annotated[float, Field(ge=0, le=3600)] = 5
    action_ttl_seconds: Pairs = Field(default={})
    no_cache: NameList = Field(default=[])
    action_type: Text = "Action"
    principal_type: Text = "User"
    group_type: Text = "Group"
    principal_id: Literal["sub", "pool|sub", "issuer|sub"] = "sub"
    context: Pairs = Field(default={})
    log_ids: Flag = False
    revision: Text | None = None
    # what the gateway expects
    response: Literal["simple", "iam", "appsync"]
    gateway_ttl_seconds: Annotated[int, Field(ge=0, le=3600)]
    identity_sources: NameList | None = None
    max_policy_bytes: Annotated[int, Field(ge=1)] = 8192
    no_resource_policy: Flag = False
    # what proves the caller to the services behind
    assertion_secret_id: Text | None = None
    assertion_algorithm: Literal["EdDSA", "HS256", "HS384", "HS512"] = "EdDSA"
    assertion_issuer: Text | None = None
    assertion_audience: Text | None = None
    assertion_lifetime_seconds: float = 60

    others: tuple[IssuerSettings, ...] = ()
    """The issuers with a number; no variable itself."""

    @property
    def issuers(self) -> tuple[IssuerSettings, ...]:
        """The settings of each issuer, in the order of their numbers."""
        return (self, *self.others)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Read the variables.

        Raises:
            ConfigurationError: names the first variable that is wrong; never its value.
        """
        groups = _groups_of(
            {name: value for name, value in environment.items() if name.startswith(PREFIX)}
        )
        first = _validated(cls, groups.pop(1, {}), 1)
        others = tuple(
            _validated(IssuerSettings, values, number) for number, values in sorted(groups.items())
        )
        settings = first.model_copy(update={"others": others}) if others else first
        _require_told_apart(settings)
        return settings

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        if (self.policy_store_id is None) == (self.policies is None):
            raise ValueError(
                "exactly one of `AUTHZ_POLICY_STORE_ID` and `AUTHZ_POLICIES` must be set"
            )
        if (self.gateway_ttl_seconds > 0) != (self.identity_sources is not None):
            raise ValueError(
                "`AUTHZ_IDENTITY_SOURCES` goes with a `AUTHZ_GATEWAY_TTL_SECONDS` above 0, and "
                "only with it"
            )
        _require_whole_assertion(self)
        _refuse_without_effect(self)
        return self


def _groups_of(given: Mapping[str, str]) -> dict[int, dict[str, str]]:
    """The variables of each issuer by its number, without their prefixes."""
    groups: dict[int, dict[str, str]] = {}
    for name, value in sorted(given.items()):
        shown = in_one_line(name)
        if not value.strip():
            raise ConfigurationError(f"{shown} is empty")
        if value != value.strip() or not value.isprintable():
            raise ConfigurationError(
                f"{shown} has white space around it, or holds an invisible character"
            )
        field, number = name.removeprefix(PREFIX).lower(), 1
        numbered = _NUMBERED.fullmatch(field)
        if numbered is not None:
            field, number = numbered[2], _number_of(numbered[1], shown)
        known = _OF_ONE if number > 1 else _OF_ALL
        if field not in known or name != f"{prefix_of(number)}{field.upper()}":
            hint = f": `{PREFIX}{field.upper()}` is for all issuers" if field in _OF_ALL else ""
            raise ConfigurationError(f"{shown} is not a setting of this library{hint}")
        groups.setdefault(number, {})[field] = value
    for number in groups:
        if number > 2 and number - 1 not in groups:
            raise ConfigurationError(
                f"`{prefix_of(number)}*` is set, and `{prefix_of(number - 1)}*` is not"
            )
    return groups


def _number_of(digits: str, shown: str) -> int:
    if len(digits) > 1 or not 2 <= int(digits) <= MAX_ISSUERS:
        raise ConfigurationError(
            f"{shown} is not a setting of this library: issuers have numbers from 2 to "
            f"{MAX_ISSUERS}, and the first one has none"
        )
    return int(digits)


def _validated(model: type[_Model], values: dict[str, str], number: int) -> _Model:
    try:
        return model.model_validate({**values, "number": number} if number > 1 else values)
    except ValidationError as error:
        message = _describe(error, number)
    raise ConfigurationError(message)  # outside of `except`: the cause may quote a value


def _describe(error: ValidationError, number: int) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    prefix = prefix_of(number)
    if not first["loc"]:
        return message.replace(f"`{PREFIX}", f"`{prefix}")
    name = f"{prefix}{str(first['loc'][0]).upper()}"
    return (
        f"`{name}` is missing"
        if first["type"] == "missing"
        else f"`{name}`: {message[:1].lower()}{message[1:]}"
    )


def _refuse_without_effect(settings: Settings) -> None:
    """Whoever sets a variable believes that it does something."""
    given = settings.model_fields_set
    for name in ("allow_ttl_seconds", "deny_ttl_seconds", "action_ttl_seconds", "no_cache"):
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


def _require_whole_assertion(settings: Settings) -> None:
    given = {name for name in settings.model_fields_set if name.startswith("assertion_")}
    for name in ("assertion_secret_id", "assertion_issuer", "assertion_audience"):
        if given and name not in given:
            other = f"{PREFIX}{min(given).upper()}"
            raise ValueError(f"`{other}` needs `{PREFIX}{name.upper()}`")


def _require_told_apart(settings: Settings) -> None:
    """What concerns several issuers: a subject, a group and a tenant mean something in one only."""
    issuers = settings.issuers
    if settings.principal_id == "pool|sub":
        for one in issuers:
            require_pool(one)
    calls = settings.policy_store_id is not None or any(one.fetches for one in issuers)
    if settings.insecure_http_hosts is not None and not calls:
        raise ConfigurationError(
            "`AUTHZ_INSECURE_HTTP_HOSTS` goes with a key set that is fetched, or with "
            "`AUTHZ_POLICY_STORE_ID`"
        )
    if len(issuers) == 1:
        return
    if settings.principal_id == "sub":
        raise ConfigurationError(
            "with several issuers `AUTHZ_PRINCIPAL_ID` must be `issuer|sub` or `pool|sub`"
        )
    for one in issuers:
        if one.user_pool_id is None and "groups_claim" not in one.model_fields_set:
            raise ConfigurationError(
                f"with several issuers `{one.variable('groups_claim')}` must be set; `none` is for "
                "no groups"
            )


_Model = TypeVar("_Model", bound=IssuerSettings)

_NO_VARIABLES: Final = frozenset({"number", "others"})
_OF_ONE: Final = frozenset(IssuerSettings.model_fields) - _NO_VARIABLES
_OF_ALL: Final = frozenset(Settings.model_fields) - _NO_VARIABLES
