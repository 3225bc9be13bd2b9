"""A deployed result cache under which the application's decisions are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._samples import CACHED_LAMBDA_AUTHORIZER
from authz_lib.authorizer.cache_key import require_covered
from authz_lib.authorizer.gateway_cache import GatewayCache
from authz_lib.authorizer.route_policies import RoutePolicies
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from authz_lib.actions.map import ActionMap
    from authz_lib.audit.entry_point import AuthorizerUse, Gateway
    from authz_lib.audit.entry_points import Inventory
    from authz_lib.authorizer.identity_source import IdentitySource

__all__ = ["CACHE_UNPROVEN"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    if inventory.actions is None:
        return
    for gateway in inventory.gateways.values():
        used = {point.authorization.authorizer for point in inventory.routes_of(gateway.name)}
        for use in gateway.authorizers.values():
            if use.name not in used or not remembers(use):
                continue
            reason = _unproven(gateway, use, inventory.actions)
            if reason is not None:
                message = f"the cache of `{use.name}` is wrong for the action map: {reason}"
                yield Sight(gateway.name, use.line, message)


def remembers(use: AuthorizerUse) -> bool:
    """Whether the gateway remembers what an authorizer said."""
    return use.cache is not None and use.cache.ttl_seconds != 0 and bool(use.cache.identity_sources)


def _unproven(gateway: Gateway, use: AuthorizerUse, actions: ActionMap) -> str | None:
    cache = use.cache
    if cache is None or cache.ttl_seconds is None:
        return "its time to live is known only when it is deployed"
    body = gateway.properties.get("Body")
    policy = gateway.properties.get("Policy") or (
        isinstance(body, dict) and body.get("x-amazon-apigateway-policy")
    )
    try:
        declared = GatewayCache(
            identity_sources=cache.identity_sources,
            ttl_seconds=cache.ttl_seconds,
            no_resource_policy=not policy,
        )
        require_right(declared, actions, simple=use.simple)
    except ConfigurationError as error:
        return str(error)
    return None


def require_right(
    declared: GatewayCache,
    actions: ActionMap,
    *,
    simple: bool,
    tokens: Sequence[IdentitySource | None] | None = None,
) -> None:
    """Require what `LambdaAuthorizer` requires of a cache when it is built.

    Raises:
        ConfigurationError: an answer would be used where it is wrong.
    """
    if tokens is None:
        tokens = [one for one in declared.parsed_sources if one.part == "header"][:1]
    coverage = require_covered(
        declared,
        tokens=tokens,
        actions=actions,
        context={},
        response="simple" if simple else "iam",
    )
    if coverage == "every-route":
        RoutePolicies(actions, max_bytes=declared.max_policy_bytes)


CACHE_UNPROVEN = AuditRule(
    id="cache-unproven",
    title="The deployed cache is wrong for the application's decisions",
    severity="high",
    confidence="high",
    why="""
The application's decisions read the route, and the id in the path. The deployed key of the result
cache does not hold them, so an answer for one request is used for another. `LambdaAuthorizer`
refuses to be built with such a `GatewayCache`; here the same proof is made with what the template
deploys, before it does.
""",
    before=CACHED_LAMBDA_AUTHORIZER.replace("SOURCES", "[$request.header.Authorization]"),
    after=CACHED_LAMBDA_AUTHORIZER.replace(
        "SOURCES", "[$request.header.Authorization, $context.routeKey, $context.path]"
    ),
    check=_check,
    actions=(
        {
            "method": "GET",
            "route": "/orders/{orderId}",
            "action": "orders:GetOrder",
            "resource_type": "Order",
            "resource_id_label": "orderId",
        },
    ),
)
