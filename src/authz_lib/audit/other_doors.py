"""Ways in that are no API of API Gateway: function URLs and AppSync."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from authz_lib.audit.entry_point import (
    OPEN,
    Authorization,
    EntryPoint,
    Gateway,
    authorization_kind,
    written_kind,
)
from authz_lib.audit.stack_values import ABSENT, MAX_BRANCHES, UNKNOWN
from authz_lib.audit.template import own_condition, presence_of, properties_of
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.conditions import Guard
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
            written_kind(properties, "AuthType"), presence_of(resource)
        ):
            yield EntryPoint(
                name,
                name,
                "function-url",
                "*",
                "FUNCTION_URL",
                Authorization(authorization_kind(kind)),
                template.origins.line_of_resource(name),
                guard.beyond(presence_of(resource)),
                own_condition(resource),
                function=template.resource_id(properties.get("TargetFunctionArn")),
            )


def appsync_doors(template: Template) -> Iterator[EntryPoint]:
    """The GraphQL APIs and the event APIs of AppSync."""
    for name, resource in template.of_type(_GRAPHQL):
        yield from _graphql(template, name, resource)
    for name, resource in template.of_type(_EVENTS):
        configuration = properties_of(resource).get("EventConfig")
        for guard, inner in template.values.branches(configuration, presence_of(resource)):
            written = inner if isinstance(inner, dict) else {}
            for method, member in (
                ("CONNECT", "ConnectionAuthModes"),
                ("PUBLISH", "DefaultPublishAuthModes"),
                ("SUBSCRIBE", "DefaultSubscribeAuthModes"),
            ):
                place = (method, "EVENTS")
                yield from _event_doors(template, name, name, place, written.get(member), guard)
    for name, resource in template.of_type(_NAMESPACE):
        properties = properties_of(resource)
        api = template.resource_id(properties.get("ApiId"))
        path = f"/{template.values.plain(properties.get('Name'))}/*"
        for method, member in (
            ("PUBLISH", "PublishAuthModes"),
            ("SUBSCRIBE", "SubscribeAuthModes"),
        ):
            if member in properties:  # else the API's own count
                guard = presence_of(resource)
                yield from _event_doors(
                    template, name, api, (method, path), properties[member], guard
                )


def _kinds(
    template: Template, written: Any, guard: Guard, member: str
) -> Iterator[tuple[Guard, tuple[str, ...]]]:
    """The kinds in a list of AppSync, under each condition; ``UNKNOWN`` among what is not known."""
    values = template.values
    for outer, listed in values.branches(written, guard):
        if listed is None or listed is ABSENT:
            yield outer, ()
            continue
        found: list[tuple[Guard, tuple[str, ...]]] = [(outer, ())]
        for item in listed if isinstance(listed, list) else [UNKNOWN]:
            found = [
                (inner, (*kinds, kind) if kind else kinds)
                for narrowed, kinds in found
                for inner, kind in _kind_of_item(template, item, narrowed, member)
            ]
            if len(found) > MAX_BRANCHES:
                raise ConfigurationError(f"a list of AppSync has more than {MAX_BRANCHES} branches")
        yield from ((inner, tuple(sorted(kinds))) for inner, kinds in found)


def _kind_of_item(
    template: Template, written: Any, guard: Guard, member: str
) -> Iterator[tuple[Guard, str]]:
    """The kind of one item; an empty text where nothing is there."""
    for outer, item in template.values.branches(written, guard):
        if item is ABSENT:
            yield outer, ""
            continue
        kind = item.get(member, UNKNOWN) if isinstance(item, dict) else UNKNOWN
        for inner, text in template.values.texts(kind, outer):
            yield inner, authorization_kind(text)


def _graphql(template: Template, name: str, resource: dict[str, Any]) -> Iterator[EntryPoint]:
    properties = properties_of(resource)
    outer = presence_of(resource)
    others = written_kind(properties, "AdditionalAuthenticationProviders")
    for narrowed, written in template.values.texts(
        written_kind(properties, "AuthenticationType"), outer
    ):
        for guard, names in _kinds(template, others, narrowed, "AuthenticationType"):
            kind = authorization_kind(written)
            is_told = "UNKNOWN" not in names or kind in OPEN
            yield EntryPoint(
                name,
                name,
                "graphql",
                "*",
                "GRAPHQL",
                Authorization(kind if is_told else "UNKNOWN", names=names),
                template.origins.line_of_resource(name),
                guard.beyond(outer),
                own_condition(resource),
            )


def _event_doors(  # noqa: PLR0917  all of them are one door
    template: Template,
    name: str,
    api: str | None,
    place: tuple[str, str],
    written: Any,
    outer: Guard,
) -> Iterator[EntryPoint]:
    resource = template.resources[name]
    for guard, names in _kinds(template, written, outer, "AuthType"):
        first = next((one for one in ("API_KEY", "UNKNOWN") if one in names), None)
        yield EntryPoint(
            name,
            api,
            "events",
            *place,
            Authorization(first or next(iter(names), "UNKNOWN"), names=names),
            template.origins.line_of_resource(name),
            guard.beyond(presence_of(resource)),
            own_condition(resource),
        )
