"""An authorizer from the ``AUTHZ_*`` environment variables.

`Settings` reads them.  The functions below make of them what an authorizer is built of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from authz_lib.actions.map import ActionMap
from authz_lib.authorizer.assertion_settings import assertion_of
from authz_lib.authorizer.claim_settings import attributes_of, per_issuer, usage_claims_of
from authz_lib.authorizer.gateway_cache import GatewayCache
from authz_lib.authorizer.identity_source import IdentitySource
from authz_lib.authorizer.issuer_verifiers import verifier_of
from authz_lib.authorizer.setting_texts import PREFIX, token_source_of, variable_named
from authz_lib.authorizer.settings import Settings
from authz_lib.entities import EntityUid
from authz_lib.errors import ConfigurationError
from authz_lib.tokens import JWTVerifier
from authz_lib.transport.endpoints import configured_endpoint
from authz_lib.transport.insecure_hosts import InsecureHosts
from authz_lib.transport.url import is_loopback, parse_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.authorizer.callers import Claim
    from authz_lib.authorizer.questions import Decisions
    from authz_lib.gateway.sources import TokenSource
    from authz_lib.tokens.attributes import Attribute

__all__ = ["VARIABLES", "Settings", "arguments_from", "variable_named"]

# What is said of an argument where nobody has set one.
VARIABLES: Final = {name: f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {
    "ttl": "AUTHZ_ACTION_TTL_SECONDS",
    "endpoint_url": "AWS_ENDPOINT_URL",
}


class Issuers(NamedTuple):
    """The arguments of `LambdaAuthorizer` that concern each issuer."""

    verifier: JWTVerifier
    tenant_claim: Claim
    groups_claim: Claim
    usage_identifier_key: Claim
    attributes: dict[str, Attribute] | None


def configured_issuers(settings: Settings, hosts: InsecureHosts) -> Issuers:
    """One verifier for the tokens of all issuers, and which claims of each are read.

    Raises:
        ConfigurationError: names the variable that is wrong.
    """
    verifiers = [verifier_of(one, hosts) for one in settings.issuers]
    names = [sorted(verifier.issuers or ()) for verifier in verifiers]
    for position, (one, own) in enumerate(zip(settings.issuers, names, strict=True)):
        if any(not set(own).isdisjoint(others) for others in names[:position]):
            raise ConfigurationError(
                f"`{one.identity}` stands for an issuer that another variable stands for"
            )

    return Issuers(
        verifiers[0] if len(verifiers) == 1 else JWTVerifier.any_of(*verifiers),
        per_issuer(names, [one.tenant_claim for one in settings.issuers]),
        per_issuer(names, [one.groups_claim for one in settings.issuers]),
        usage_claims_of(settings, names),
        attributes_of(settings, names),
    )


def application_of(settings: Settings) -> EntityUid | None:
    """The resource of the actions that are on no particular one."""
    if settings.application is None:
        return None
    with variable_named("AUTHZ_APPLICATION"):
        return EntityUid(*settings.application)


def token_sources_of(settings: Settings) -> list[TokenSource]:
    """Where the token is read from."""
    with variable_named("AUTHZ_TOKEN_SOURCES"):
        return [token_source_of(text) for text in settings.token_sources]


def gateway_cache_of(settings: Settings) -> GatewayCache:
    """What is deployed; a time to live of 0 is `GatewayCache.OFF`."""
    if settings.identity_sources is None:
        return GatewayCache.OFF
    with variable_named("AUTHZ_IDENTITY_SOURCES", VARIABLES):
        return GatewayCache(
            identity_sources=settings.identity_sources,
            ttl_seconds=settings.gateway_ttl_seconds,
            max_policy_bytes=settings.max_policy_bytes,
            no_resource_policy=settings.no_resource_policy,
        )


def decisions_of(
    settings: Settings, variables: Mapping[str, str], actions: ActionMap, hosts: InsecureHosts
) -> Decisions:
    """A folder of policies for the embedded engine, or a policy store with a cache in front."""
    words: dict[str, Any] = {
        "action_type": settings.action_type,
        "principal_type": settings.principal_type,
        "group_type": settings.group_type,
        "principal_id": settings.principal_id,
        "revision": settings.revision,
    }
    if settings.log_ids:
        from authz_lib.decisions.log import DecisionLog

        words["decision_log"] = DecisionLog(log_ids=True)
    if settings.policies is not None:
        from authz_lib.decisions.cedar import CedarEngine

        with variable_named("AUTHZ_POLICIES", VARIABLES):
            return CedarEngine.from_directory(settings.policies, **words)
    from authz_lib.decisions.verified_permissions import VerifiedPermissions

    with variable_named("AUTHZ_POLICY_STORE_ID", VARIABLES):
        store = VerifiedPermissions(
            settings.policy_store_id or "", **_place_of_store(variables, hosts), **words
        )
        return store.cached(
            ttl_seconds=settings.allow_ttl_seconds,
            deny_ttl_seconds=settings.deny_ttl_seconds,
            ttl=_action_ttl(settings, actions),
            no_cache=settings.no_cache,
        )


def _place_of_store(variables: Mapping[str, str], hosts: InsecureHosts) -> dict[str, Any]:
    """Region and endpoint, or a client for an endpoint over plain http whose host is named."""
    from authz_lib.decisions.avp_client import ENDPOINT_SERVICE, ThinClient, default_endpoint

    region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
    if not region:
        return {}
    endpoint = default_endpoint(region, variables)
    configured = configured_endpoint(ENDPOINT_SERVICE, variables)
    named = "endpoint_url" if configured is None else configured.variable
    place = parse_url(endpoint, argument=named, insecure_http_hosts=hosts)
    if place.scheme == "https" or is_loopback(place.host):
        return {"region": region, "endpoint_url": endpoint}
    return {"client": ThinClient(region=region, endpoint_url=endpoint, require_https=False)}


def _action_ttl(settings: Settings, actions: ActionMap) -> dict[str, float]:
    """Seconds for each action.  An action that no route means would never be remembered so."""
    known = {entry.action for entry in actions.entries}
    for name, given in (
        ("AUTHZ_ACTION_TTL_SECONDS", settings.action_ttl_seconds),
        ("AUTHZ_NO_CACHE", settings.no_cache),
    ):
        if not known.issuperset(given):
            raise ConfigurationError(f"`{name}` names an action that is not in the map")
    try:
        return {name: float(text) for name, text in settings.action_ttl_seconds.items()}
    except ValueError:
        message = "`AUTHZ_ACTION_TTL_SECONDS` is a list of `action=seconds`"
    raise ConfigurationError(message)


def arguments_from(variables: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of `LambdaAuthorizer` that the variables stand for.

    Raises:
        ConfigurationError: names the first variable that is wrong; never its value.
    """
    settings = Settings.read(variables)
    with variable_named("AUTHZ_ACTIONS"):
        actions = ActionMap.load(settings.actions)
    with variable_named("AUTHZ_INSECURE_HTTP_HOSTS", VARIABLES):
        hosts = InsecureHosts.of(settings.insecure_http_hosts)
    issuers = configured_issuers(settings, hosts)
    with variable_named("AUTHZ_CONTEXT"):
        for expression in settings.context.values():
            IdentitySource.parse(expression)
    return {
        **issuers._asdict(),
        "token_sources": token_sources_of(settings),
        "actions": actions,
        "decisions": decisions_of(settings, variables, actions, hosts),
        "application": application_of(settings),
        "gateway_cache": gateway_cache_of(settings),
        "response": settings.response,
        "context": settings.context,
        "assertion": assertion_of(settings),
    }
