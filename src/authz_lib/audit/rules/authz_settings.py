"""``AUTHZ_*`` variables with which the authorizer would not start, or decide wrongly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from authz_lib.audit.conditions import condition_text
from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._samples import AUTHORIZER_WITH_SETTINGS
from authz_lib.audit.rules.cache_unproven import require_right
from authz_lib.audit.template import properties_of
from authz_lib.authorizer.identity_source import IdentitySource
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_point import AuthorizerUse
    from authz_lib.audit.entry_points import Inventory
    from authz_lib.authorizer.gateway_cache import GatewayCache

__all__ = ["AUTHZ_SETTINGS"]

_VARIABLE: Final = re.compile(r"AUTHZ_[A-Z0-9_]+")
# What stands for a value that only a deployment tells; any other variable is a text.
_STAND_INS: Final = {
    "AUDIENCE": "audience",
    "ISSUER": "https://issuer.example",
    "JWKS_URL": "https://issuer.example/keys",
    "USER_POOL_ID": "us-east-1_EXAMPLE",
}


def _check(inventory: Inventory) -> Iterator[Sight]:
    template = inventory.template
    uses = [
        use
        for gateway in inventory.gateways.values()
        for use in gateway.authorizers.values()
        if use.function is not None
    ]
    for name, resource in template.of_type("AWS::Lambda::Function"):
        environment = template.values.plain(properties_of(resource).get("Environment"))
        variables = environment.get("Variables") if isinstance(environment, dict) else None
        if not isinstance(variables, dict) or "AUTHZ_GATEWAY_TTL_SECONDS" not in variables:
            continue
        line = _line(inventory, name)
        own = [use for use in uses if use.function == name]
        for problem in _problems(inventory, variables, own):
            yield Sight(name, line, problem)


def _line(inventory: Inventory, name: str) -> int:
    origins = inventory.template.origins
    return origins.line_of_resource(name, "Properties", "Environment", "Variables")


def _problems(
    inventory: Inventory, variables: dict[str, Any], uses: list[AuthorizerUse]
) -> Iterator[str]:
    # It brings pydantic, which no other part of the audit needs.
    from authz_lib.authorizer.from_env import Settings, gateway_cache_of, token_sources_of

    unknown = {key for key, value in variables.items() if not isinstance(value, (str, int, float))}
    known = {
        key: _stand_in(key) if key in unknown else condition_text(value)
        for key, value in variables.items()
    }
    try:
        settings = Settings.read(known)
        declared = gateway_cache_of(settings)
        tokens = [IdentitySource.of_token_source(one) for one in token_sources_of(settings)]
    except ConfigurationError as error:
        if not unknown.intersection(_VARIABLE.findall(str(error))):
            yield f"the authorizer would not start: {error}"
        return
    for use in uses:
        yield from _differences(use, declared, settings.response)
    if inventory.actions is not None and not declared.is_off:
        try:
            simple = settings.response == "simple"
            require_right(declared, inventory.actions, simple=simple, tokens=tokens)
        except ConfigurationError as error:
            yield f"the authorizer would not start with this action map: {error}"


def _differences(use: AuthorizerUse, declared: GatewayCache, response: str) -> Iterator[str]:
    cache = use.cache
    if cache is None or cache.ttl_seconds is None:
        return
    if (response == "simple") != use.simple:
        deployed = "simple answers" if use.simple else "IAM policies"
        yield f"`AUTHZ_RESPONSE` is `{response}`, and `{use.name}` is deployed for {deployed}"
    told = 0 if declared.is_off else declared.ttl_seconds
    is_remembered = cache.ttl_seconds > 0 and bool(cache.identity_sources)
    deployed_ttl = cache.ttl_seconds if is_remembered else 0
    if told != deployed_ttl:
        yield (
            f"`AUTHZ_GATEWAY_TTL_SECONDS` is `{told}`, and `{use.name}` is deployed with "
            f"`{deployed_ttl}`"
        )
    elif is_remembered and set(declared.parsed_sources) != set(_parsed(cache.identity_sources)):
        yield f"`AUTHZ_IDENTITY_SOURCES` are not the identity sources of `{use.name}`"


def _parsed(sources: tuple[str, ...]) -> list[IdentitySource | None]:
    found: list[IdentitySource | None] = []
    for source in sources:
        try:
            found.append(IdentitySource.parse(source))
        except ConfigurationError:
            found.append(None)
    return found


def _stand_in(variable: str) -> str:
    words = re.sub(r"^AUTHZ_([0-9]+_)?", "", variable)
    return _STAND_INS.get(words, "known-when-deployed")


AUTHZ_SETTINGS = AuditRule(
    id="authz-settings",
    title="The `AUTHZ_*` variables do not fit what is deployed",
    severity="high",
    confidence="high",
    why="""
`LambdaAuthorizer.from_env()` reads `AUTHZ_*` variables, and refuses to start where one is wrong. It
also believes what they say of the gateway's cache: where they say another time to live or other
identity sources than the template deploys, nothing was proven. Both are found here, before the
first request.
""",
    before=AUTHORIZER_WITH_SETTINGS.replace("SECONDS_HERE", '"0"'),
    after=AUTHORIZER_WITH_SETTINGS.replace("SECONDS_HERE", '"0"').replace(
        "AuthorizerResultTtlInSeconds: 60", "AuthorizerResultTtlInSeconds: 0"
    ),
    check=_check,
)
