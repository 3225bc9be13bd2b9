"""Every way into what a template deploys, and who is let in there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from authz_lib.audit.conditions import Guard
from authz_lib.audit.gateway_routes import gateway_routes, gateways
from authz_lib.audit.intrinsics import functions_in
from authz_lib.audit.other_doors import appsync_doors, function_urls, other_gateways
from authz_lib.audit.template import template_of
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from authz_lib.actions.map import ActionMap
    from authz_lib.actions.served import ServedRoute
    from authz_lib.audit.entry_point import EntryPoint, Gateway
    from authz_lib.audit.source import Source
    from authz_lib.audit.template import Template

__all__ = ["MAX_ENTRY_POINTS", "Inventory", "inventory_of"]

MAX_ENTRY_POINTS: Final = 5_000
"""Of one file; an API of API Gateway has 300 routes, or 300 resources."""

_MAX_TRANSFORMS: Final = 32
_DECIDING: Final = frozenset({"Auth", "FunctionUrlConfig", "DefaultAuthorizer"})


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a template deploys, for the rules.

    Attributes:
        template: the template.
        gateways: its APIs by their logical ids.
        entry_points: every way in.
        actions: what the application says of its routes; ``None`` where that is not known.
        deployed: the routes of all audited files, for the first of them; else ``None``.
    """

    template: Template
    gateways: dict[str, Gateway]
    entry_points: tuple[EntryPoint, ...] = ()
    actions: ActionMap | None = None
    deployed: tuple[ServedRoute, ...] | None = None

    def routes_of(self, gateway: str) -> list[EntryPoint]:
        """The entry points of one API."""
        return [point for point in self.entry_points if point.gateway == gateway]


def inventory_of(
    source: Source, parameters: Mapping[str, str], actions: ActionMap | None = None
) -> Inventory:
    """The APIs and entry points of a file.

    Where a parameter has ``AllowedValues`` and the transform reads it to authorize something, each
    of them is tried.

    Raises:
        ConfigurationError: it is no template, or AWS would refuse it.
    """
    template = template_of(source, parameters)
    points = _entry_points(template)
    names = _deciding_parameters(template)
    if sum(len(template.values.allowed_values(name)) for name in names) > _MAX_TRANSFORMS:
        raise ConfigurationError(
            f"the parameters of `{source.path.name}` allow too many values where something is "
            "authorized: give them with `--parameter`"
        )
    for name in names:
        points = list(_under_each_value(points, name, template, parameters))
    points.sort(key=lambda point: (point.line, point.api, point.path or "", point.method))
    apis = {**gateways(template), **other_gateways(template)}
    return Inventory(template, apis, tuple(points), actions)


def _entry_points(template: Template) -> list[EntryPoint]:
    found: list[EntryPoint] = []
    for point in chain(
        gateway_routes(template, gateways(template)),
        function_urls(template),
        appsync_doors(template),
    ):
        presence = ((point.present_if, True),) if point.present_if is not None else ()
        if template.values.is_possible(Guard((*presence, *point.guard.terms))):
            found.append(point)
        if len(found) > MAX_ENTRY_POINTS:
            name = template.source.path.name
            raise ConfigurationError(f"`{name}` has more than {MAX_ENTRY_POINTS} entry points")
    return found


def _deciding_parameters(template: Template) -> list[str]:
    """The parameters that the transform of SAM reads where something is authorized."""
    if not template.is_sam:
        return []
    found: dict[str, None] = {}
    todo: list[Any] = [template.origins.document]
    while todo:
        item = todo.pop()
        if isinstance(item, list):
            todo += item
        elif isinstance(item, dict):
            for key, value in item.items():
                todo.append(value)
                if key in _DECIDING:
                    found |= {
                        str(given): None
                        for function, given in functions_in(value)
                        if function == "Ref" and template.values.allowed_values(str(given))
                    }
    return list(found)


def _under_each_value(
    points: list[EntryPoint], name: str, template: Template, parameters: Mapping[str, str]
) -> Iterator[EntryPoint]:
    """The entry points, with a term for the parameter where it makes a difference."""
    default = template.values.values.get(name)
    found: dict[Any, list[tuple[str, EntryPoint]]] = {}
    allowed = template.values.allowed_values(name)
    for value in dict.fromkeys(map(str, [default, *allowed])):
        if value == str(default):
            variant = points
        else:
            other = template_of(template.source, parameters, overrides={name: value})
            variant = _entry_points(other)
        for point in variant:
            key = (point.api, point.method, point.path, point.guard)
            found.setdefault(key, []).append((value, point))
    for same in found.values():
        kinds = {point.authorization for _, point in same}
        if len(kinds) == 1:
            yield same[0][1]
            continue
        for value, point in same:
            guard = point.guard.also(name, value)
            if guard is not None:
                yield replace(point, guard=guard)
