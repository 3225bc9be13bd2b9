"""An action map made from the routes of an API, for those who have no Smithy model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from authz_lib._support.checks import require_one_of
from authz_lib.actions.entry import METHODS
from authz_lib.actions.served import ANY, DEFAULT
from authz_lib.errors import ConfigurationError
from authz_lib.routes.uri import UriPattern
from authz_lib.smithy.lint import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from authz_lib._support.strict_json import JSONObject
    from authz_lib.actions.served import ServedRoute
    from authz_lib.smithy.model import ResourceForm

__all__ = ["make_document"]

# `orderId`, `order_id`, `order-id`: the id of an `Order`.
_PLAIN = re.compile(r"([A-Za-z][A-Za-z0-9_-]*?)(?:Id|ID|[_-]id)")


def make_document(
    routes: Sequence[ServedRoute],
    found: list[Finding],
    *,
    prefix: str = "",
    resources: ResourceForm = "path",
) -> JSONObject:
    """The document of an action map, in a stable order.

    ==================================== ==================================================
    of the route                         in the map
    ==================================== ==================================================
    its name, else method and path       the action: ``getPet``, ``get /pets/{petId}``
    the gateway asks nobody              ``public``
    one label, such as ``{petId}``       type and id of the resource: ``Pet``, ``petId``
    ``x-authz``                          counts before all else
    ==================================== ==================================================

    Args:
        routes: those of one API.
        found: what cannot be decided is added to it.
        prefix: what action ids start with, before a colon.
        resources: ``"application"``: no line names a resource.

    Raises:
        ConfigurationError: an ``x-authz`` breaks a rule of the map.
    """
    require_one_of(resources, "resources", ("path", "application"))
    maker = _Maker(found, prefix, resources)
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for route in sorted(routes, key=lambda route: (route.method == ANY, route.path, route.method)):
        for line, shape in maker.lines(route):
            known = lines.setdefault((line["method"], shape), line)
            if known is not line and route.method != ANY:
                where = f"{line['method']} {line['route']}"
                message = f"`{known['route']}` is the same route: it has one line"
                found.append(Finding("error", "twice", where, message))
    ordered = sorted(lines.values(), key=lambda line: (line["route"], line["method"]))
    return {"version": 1, "prefix": prefix, "actions": ordered}


class _Maker:
    def __init__(self, found: list[Finding], prefix: str, resources: ResourceForm) -> None:
        self._found = found
        self._prefix = prefix
        self._resources = resources

    def _add(self, level: str, rule: str, route: ServedRoute, message: str) -> None:
        self._found.append(Finding(level, rule, str(route), message))  # type: ignore[arg-type]

    def lines(self, route: ServedRoute) -> Iterator[tuple[dict[str, Any], str]]:
        if route.path == DEFAULT:
            self._add("error", "default-route", route, "it serves every path: write its lines")
            return
        try:
            pattern = UriPattern.parse(route.path)
        except ConfigurationError as error:
            self._add("error", "path", route, str(error))
            return
        if route.method not in METHODS | {ANY}:
            self._add("error", "method", route, "API Gateway does not route this method")
            return
        if any(segment.kind == "greedy" for segment in pattern.segments):
            message = "one line for every path below: write a line for each operation instead"
            self._add("warning", "greedy", route, message)
        if route.is_open is None and "public" not in route.overrides:
            message = "it does not say who may call: taken as protected"
            self._add("warning", "no-security", route, message)
        more = self._resource(route, pattern) | self._access(route) | dict(route.overrides)
        for method in sorted(METHODS) if route.method == ANY else [route.method]:
            name = route.operation or f"{method.lower()} {pattern.path}"
            action = f"{self._prefix}:{name}" if self._prefix else name
            line = {"method": method, "route": pattern.path, "action": action, **more}
            yield line, pattern.shape

    @staticmethod
    def _access(route: ServedRoute) -> dict[str, Any]:
        if route.overrides.get("public", route.is_open is True):
            return {"public": True}
        return {"scopes": sorted(route.scopes)} if route.scopes else {}

    def _resource(self, route: ServedRoute, pattern: UriPattern) -> dict[str, Any]:
        labels = pattern.labels
        is_told = {"resource_type", "resource_id_label"} & route.overrides.keys()
        is_greedy = any(segment.kind == "greedy" for segment in pattern.segments)
        if not labels or is_told or is_greedy or self._resources == "application":
            return {}
        plain = _PLAIN.fullmatch(labels[0])
        if len(labels) != 1 or plain is None:
            if self._access(route).get("public"):
                return {}  # nobody asks about it
            names = ", ".join(f"`{label}`" for label in labels)
            message = (
                f"its resource is not told by {names}: asked about the application; write "
                "`resource_type` and `resource_id_label`"
            )
            self._add("warning", "no-resource", route, message)
            return {}
        words = plain[1].replace("-", "_").split("_")
        kind = "".join([word[:1].upper() + word[1:] for word in words])
        return {"resource_type": kind, "resource_id_label": labels[0]}
