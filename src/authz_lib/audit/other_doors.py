"""Ways in that are no API of API Gateway: function URLs and AppSync."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from authz_lib.audit.conditions import Guard
from authz_lib.audit.entry_point import (
    Authorization,
    EntryPoint,
    Gateway,
    authorization_kind,
    written_kind,
)
from authz_lib.audit.template import own_condition, properties_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.template import Template

__all__ = ["appsync_doors", "function_urls", "other_gateways"]

_URL: Final = "AWS::Lambda::Url"
_GRAPHQL: Final = "AWS::AppSync::GraphQLApi"
_EVENTS: Final = "AWS::AppSync::Api"
_NAMESPACE: Final = "AWS::AppSync::ChannelNamespace"
_SURFACES: Final = {_URL: "function-url", _GRAPHQL: "graphql", _EVENTS: "events"}


def other_gateways(template: Template) -> dict[str, Gateway]:
    """Each function URL and each API of AppSync."""
    return {
        name: Gateway(
            name,
            _SURFACES[resource["Type"]],
            template.origins.line_of_resource(name),
            properties_of(resource),
            condition=own_condition(resource),
        )
        for name, resource in template.of_type(*_SURFACES)
    }


def function_urls(template: Template) -> Iterator[EntryPoint]:
    """The function URLs."""
    for name, resource in template.of_type(_URL):
        properties = properties_of(resource)
        for guard, kind in template.values.texts(
            written_kind(properties, "AuthType"), _presence(resource)
        ):
            yield EntryPoint(
                name,
                name,
                "function-url",
                "*",
                "FUNCTION_URL",
                Authorization(authorization_kind(kind)),
                template.origins.line_of_resource(name),
                guard.beyond(_presence(resource)),
                own_condition(resource),
                function=template.resource_id(properties.get("TargetFunctionArn")),
            )


def appsync_doors(template: Template) -> Iterator[EntryPoint]:
    """The GraphQL APIs and the event APIs of AppSync."""
    for name, resource in template.of_type(_GRAPHQL):
        yield from _graphql(template, name, resource)
    for name, resource in template.of_type(_EVENTS):
        configuration = properties_of(resource).get("EventConfig")
        written = configuration if isinstance(configuration, dict) else {}
        for method, member in (
            ("CONNECT", "ConnectionAuthModes"),
            ("PUBLISH", "DefaultPublishAuthModes"),
            ("SUBSCRIBE", "DefaultSubscribeAuthModes"),
        ):
            yield _event_door(template, name, name, (method, "EVENTS"), written.get(member))
    for name, resource in template.of_type(_NAMESPACE):
        properties = properties_of(resource)
        api = template.resource_id(properties.get("ApiId"))
        path = f"/{template.values.plain(properties.get('Name'))}/*"
        for method, member in (
            ("PUBLISH", "PublishAuthModes"),
            ("SUBSCRIBE", "SubscribeAuthModes"),
        ):
            if member in properties:  # else the API's own count
                yield _event_door(template, name, api, (method, path), properties[member])


def _graphql(template: Template, name: str, resource: dict[str, Any]) -> Iterator[EntryPoint]:
    properties = properties_of(resource)
    outer = _presence(resource)
    for guard, kind in template.values.texts(written_kind(properties, "AuthenticationType"), outer):
        others = template.values.plain(properties.get("AdditionalAuthenticationProviders"), guard)
        names = [
            str(one.get("AuthenticationType"))
            for one in (others if isinstance(others, list) else [])
            if isinstance(one, dict)
        ]
        yield EntryPoint(
            name,
            name,
            "graphql",
            "*",
            "GRAPHQL",
            Authorization(authorization_kind(kind), names=tuple(sorted(names))),
            template.origins.line_of_resource(name),
            guard.beyond(outer),
            own_condition(resource),
        )


def _event_door(
    template: Template, name: str, api: str | None, place: tuple[str, str], written: Any
) -> EntryPoint:
    modes = template.values.plain(written)
    names = [
        str(one.get("AuthType"))
        for one in (modes if isinstance(modes, list) else [])
        if isinstance(one, dict)
    ]
    weakest = "API_KEY" if "API_KEY" in names else next(iter(names), "UNKNOWN")
    weakest = authorization_kind(weakest)
    resource = template.resources[name]
    return EntryPoint(
        name,
        api,
        "events",
        *place,
        Authorization(weakest, names=tuple(sorted(names))),
        template.origins.line_of_resource(name),
        Guard(),
        own_condition(resource),
    )


def _presence(resource: dict[str, Any]) -> Guard:
    name = own_condition(resource)
    return Guard(((name, True),)) if name is not None else Guard()
