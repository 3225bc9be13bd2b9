"""REST, HTTP and WebSocket APIs of Amazon API Gateway: their routes and their authorizers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from authz_lib._support.json_file import in_one_line
from authz_lib.audit.conditions import Guard
from authz_lib.audit.entry_point import (
    Authorization,
    AuthorizerUse,
    EntryPoint,
    Gateway,
    ResultCache,
    authorization_kind,
    written_kind,
)
from authz_lib.audit.openapi_body import (
    body_authorizers,
    body_operations,
    default_ttl_seconds,
    is_readable_body,
    plain_number,
    source_list,
    text_list,
)
from authz_lib.audit.stack_values import ABSENT, UNKNOWN
from authz_lib.audit.template import own_condition, presence_of, properties_of
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.template import Template

__all__ = ["gateway_routes", "gateways"]

_REST: Final = "AWS::ApiGateway::RestApi"
_V2: Final = "AWS::ApiGatewayV2::Api"
_REST_AUTHORIZER: Final = "AWS::ApiGateway::Authorizer"
_V2_AUTHORIZER: Final = "AWS::ApiGatewayV2::Authorizer"
_MAX_DEPTH: Final = 64
_KINDS: Final = {
    "COGNITO_USER_POOLS": "COGNITO_USER_POOLS",
    "JWT": "JWT",
    "REQUEST": "CUSTOM",
    "TOKEN": "CUSTOM",
}


def gateways(template: Template) -> dict[str, Gateway]:
    """The APIs of a template, with their authorizers."""
    found: dict[str, Gateway] = {}
    for name, resource in template.of_type(_REST, _V2):
        found[name] = Gateway(
            name,
            _surface(template, resource),
            template.origins.line_of_resource(name),
            properties_of(resource),
            condition=own_condition(resource),
        )
    for name, resource in template.of_type(_REST_AUTHORIZER, _V2_AUTHORIZER):
        properties = properties_of(resource)
        api = template.resource_id(properties.get("RestApiId", properties.get("ApiId")))
        if api in found:
            use = _authorizer(template, name, properties, found[api].surface)
            found[api].authorizers[name] = use
    for gateway in found.values():
        _add_body_authorizers(template, gateway)
    return found


def _surface(template: Template, resource: dict[str, Any]) -> str:
    if resource["Type"] == _REST:
        return "rest"
    kind = template.values.plain(properties_of(resource).get("ProtocolType"))
    return "websocket" if kind == "WEBSOCKET" else "http"


def _add_body_authorizers(template: Template, gateway: Gateway) -> None:
    body = gateway.properties.get("Body")
    for _, inner in template.values.branches(body, Guard()):
        if not is_readable_body(inner):
            continue
        for use in body_authorizers(
            inner,
            template.values,
            gateway.surface,
            lambda name: template.origins.line_of_scheme(gateway.name, name),
            template.resource_id,
        ):
            gateway.authorizers.setdefault(use.name, use)


def _authorizer(
    template: Template, name: str, properties: dict[str, Any], surface: str
) -> AuthorizerUse:
    plain = template.values.plain
    form = str(plain(properties.get("Type", properties.get("AuthorizerType")))).upper()
    kind = _KINDS.get(form, "UNKNOWN")
    jwt = plain(properties.get("JwtConfiguration"))
    jwt = jwt if isinstance(jwt, dict) else {}
    issuer = jwt.get("Issuer")
    ttl = plain(properties.get("AuthorizerResultTtlInSeconds"))
    cache = ResultCache(
        plain_number(ttl, default_ttl_seconds(surface)) if surface != "websocket" else 0,
        source_list(plain(properties.get("IdentitySource"))),
    )
    return AuthorizerUse(
        name,
        kind,
        template.origins.line_of_resource(name),
        form=form.lower() if kind == "CUSTOM" else "",
        cache=cache if kind == "CUSTOM" else None,
        audience=text_list(jwt.get("Audience")) if kind == "JWT" else (),
        issuer=issuer if isinstance(issuer, str) else None,
        function=template.resource_id(properties.get("AuthorizerUri")),
        simple=plain(properties.get("EnableSimpleResponses")) in (True, "true"),
    )


def gateway_routes(template: Template, apis: dict[str, Gateway]) -> Iterator[EntryPoint]:
    """The routes of all APIs of a template."""
    for gateway in apis.values():
        yield from _of_body(template, gateway)
    for name, resource in template.of_type("AWS::ApiGateway::Method"):
        yield from _of_method(template, name, resource)
    for name, resource in template.of_type("AWS::ApiGatewayV2::Route"):
        yield from _of_route(template, apis, name, resource)


# -- bodies -------------------------------------------------------------------------------------


def _of_body(template: Template, gateway: Gateway) -> Iterator[EntryPoint]:
    properties = gateway.properties
    if "BodyS3Location" in properties:
        yield _opaque(template, gateway, "OPAQUE_S3", Guard())
    is_made = "Fn::Transform" in template.resources[gateway.name] or "Fn::Transform" in properties
    if "CloneFrom" in properties or (is_made and "Body" not in properties):
        yield _opaque(template, gateway, "OPAQUE_BODY", Guard())
    for guard, body in template.values.branches(properties.get("Body"), Guard()):
        if body is None or body is ABSENT:
            continue
        if not is_readable_body(body):
            yield _opaque(template, gateway, "OPAQUE_BODY", guard)
            continue
        yield from _of_readable(template, gateway, body, guard)


def _opaque(template: Template, gateway: Gateway, kind: str, guard: Guard) -> EntryPoint:
    line = template.origins.line_of_resource(gateway.name)
    for member in ("DefinitionBody", "DefinitionUri", "Body", "BodyS3Location", "CloneFrom"):
        place = template.origins.place("Resources", gateway.name, "Properties", member)
        if place is not None:
            line = place.line
    return EntryPoint(
        gateway.name,
        gateway.name,
        gateway.surface,
        "*",
        "*",
        Authorization(kind),
        line,
        guard,
        gateway.condition,
    )


def _of_readable(
    template: Template, gateway: Gateway, body: dict[str, Any], outer: Guard
) -> Iterator[EntryPoint]:
    for operation in body_operations(body, template.values, gateway.surface):
        guard: Guard | None = outer
        for name, side in operation.guard.terms:
            guard = guard.also(name, side) if guard is not None else None
        if guard is None:
            continue
        event = template.origins.event(gateway.name, operation.method, operation.path)
        yield EntryPoint(
            gateway.name,
            gateway.name,
            gateway.surface,
            operation.method,
            operation.path,
            operation.authorization,
            template.origins.line_of_operation(gateway.name, operation.path, operation.key),
            guard,
            gateway.condition,
            is_preflight=operation.is_preflight,
            on_purpose=event is not None and _says_none(event.auth),
            function=template.resource_id(operation.integration_uri),
        )


def _says_none(auth: Any) -> bool:
    return isinstance(auth, dict) and auth.get("Authorizer") == "NONE"


# -- resources ----------------------------------------------------------------------------------


def _authorizations(
    template: Template, properties: dict[str, Any], outer: Guard
) -> Iterator[tuple[Guard, Authorization]]:
    """Who is let in by a method or a route, under each condition."""
    values = template.values
    for guard, written in values.texts(written_kind(properties, "AuthorizationType"), outer):
        kind = authorization_kind(written)
        authorizer: Any = None
        for _, value in values.branches(properties.get("AuthorizerId"), guard):
            authorizer = authorizer if value is ABSENT else value
        scopes = values.plain(properties.get("AuthorizationScopes"), guard)
        is_asked = kind not in {"NONE", "UNKNOWN"}
        yield (
            guard.beyond(outer),
            Authorization(
                kind,
                template.resource_id(authorizer) if is_asked else None,
                text_list(scopes) or () if is_asked else (),
                api_key=values.plain(properties.get("ApiKeyRequired"), guard) in (True, "true"),
            ),
        )


def _of_method(template: Template, name: str, resource: dict[str, Any]) -> Iterator[EntryPoint]:
    properties = properties_of(resource)
    presence = presence_of(resource)
    integration = properties.get("Integration")
    kind = integration.get("Type") if isinstance(integration, dict) else None
    is_mock = all(one == "MOCK" for _, one in template.values.texts(kind, Guard()))
    for outer, written in template.values.texts(properties.get("HttpMethod"), presence):
        method = written.upper() if isinstance(written, str) else "?"
        for guard, authorization in _authorizations(template, properties, outer):
            yield EntryPoint(
                name,
                template.resource_id(properties.get("RestApiId")),
                "rest",
                method,
                _path_of(template, properties.get("ResourceId"), 0),
                authorization,
                template.origins.line_of_resource(name),
                Guard((*outer.beyond(presence).terms, *guard.terms)),
                own_condition(resource),
                is_preflight=method == "OPTIONS" and is_mock,
                function=template.resource_id(
                    integration.get("Uri") if isinstance(integration, dict) else None
                ),
            )


def _path_of(template: Template, value: Any, depth: int) -> str | None:
    """The path of a REST API's resource."""
    name = template.resource_id(value)
    resource = template.resources.get(name or "")
    if resource is None:
        return None
    if resource.get("Type") == _REST:
        return "/"
    if resource.get("Type") != "AWS::ApiGateway::Resource":
        return None
    if depth > _MAX_DEPTH:
        raise ConfigurationError(f"the path of {in_one_line(str(name))} has no beginning")
    properties = properties_of(resource)
    above = _path_of(template, properties.get("ParentId"), depth + 1)
    part = template.values.plain(properties.get("PathPart"))
    if above is None or not isinstance(part, str):
        return None
    return f"{above.rstrip('/')}/{part}"


def _of_route(
    template: Template, apis: dict[str, Gateway], name: str, resource: dict[str, Any]
) -> Iterator[EntryPoint]:
    properties = properties_of(resource)
    api = template.resource_id(properties.get("ApiId"))
    presence = presence_of(resource)
    for outer, key in template.values.texts(properties.get("RouteKey"), presence):
        surface = apis[api].surface if api in apis else _guessed_surface(key)
        method, path = _place_of_key(key, surface)
        for guard, authorization in _authorizations(template, properties, outer):
            yield EntryPoint(
                name,
                api,
                surface,
                method,
                path,
                authorization,
                template.origins.line_of_resource(name),
                Guard((*outer.beyond(presence).terms, *guard.terms)),
                own_condition(resource),
                function=_function_of_route(template, properties),
            )


def _guessed_surface(key: Any) -> str:
    """An API of another stack: only its routes tell what it is."""
    is_http = isinstance(key, str) and (" /" in key or key == "$default")
    return "http" if is_http or key is UNKNOWN else "websocket"


def _place_of_key(key: Any, surface: str) -> tuple[str, str | None]:
    if not isinstance(key, str):
        return "ANY", None
    if surface == "websocket":
        return "*", key
    method, space, path = key.partition(" ")
    return (method.upper(), path) if space else ("ANY", key)


def _function_of_route(template: Template, properties: dict[str, Any]) -> str | None:
    integration = template.resource_id(properties.get("Target"))
    target = template.properties(integration).get("IntegrationUri")
    return template.resource_id(target)
