"""The routes of an API in a SAM or CloudFormation template.

See https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.actions.entry import SCOPE
from authz_lib.actions.openapi import openapi_routes
from authz_lib.actions.served import ANY, DEFAULT, ServedRoute
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.lint import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authz_lib._support.strict_json import JSONObject

__all__ = ["template_routes"]

_BODIES = {
    "AWS::Serverless::Api": ("DefinitionBody", "DefinitionUri"),
    "AWS::Serverless::HttpApi": ("DefinitionBody", "DefinitionUri"),
    "AWS::ApiGateway::RestApi": ("Body", "BodyS3Location"),
    "AWS::ApiGatewayV2::Api": ("Body", "BodyS3Location"),
}
_GLOBALS = {"AWS::Serverless::Api": "Api", "AWS::Serverless::HttpApi": "HttpApi"}
_EVENTS = {
    "Api": ("RestApiId", "ServerlessRestApi", "AWS::Serverless::Api"),
    "HttpApi": ("ApiId", "ServerlessHttpApi", "AWS::Serverless::HttpApi"),
}
_ANY_METHODS = frozenset({"ANY", "*", "X-AMAZON-APIGATEWAY-ANY-METHOD"})
_MAX_DEPTH = 64


def template_routes(
    template: object, found: list[Finding], *, api: str | None = None
) -> list[ServedRoute]:
    """The routes of one API; what cannot be decided is added to ``found``.

    Args:
        template: the parsed template, its short forms (``!Ref``) written out.
        found: findings.
        api: the logical id of the API; ``None`` for the only one that has routes.

    Raises:
        ConfigurationError: it is no template, or not exactly one API is meant; the message names
            those that there are.
    """
    resources = template.get("Resources") if isinstance(template, dict) else None
    if not isinstance(template, dict) or not isinstance(resources, dict):
        raise ConfigurationError("the template has no `Resources`")
    reader = _Template(template, resources)
    reader.read()
    apis = reader.apis
    if api is None and len(apis) == 1:
        api = next(iter(apis))
    if api is None or api not in apis:
        names = ", ".join(f"`{name}`" for name in sorted(apis)) or "none"
        asked = "exactly one API with routes" if api is None else f"the API `{api}`"
        raise ConfigurationError(f"the template must have {asked} (`--api`); it has {names}")
    found += reader.found.get(api, []) + reader.found.get("", [])
    return list(apis[api].values())


class _Template:
    def __init__(self, template: JSONObject, resources: JSONObject) -> None:
        self._globals = _object(template, "Globals")
        self._resources = resources
        self.apis: dict[str, dict[tuple[str, str], ServedRoute]] = {}
        self.found: dict[str, list[Finding]] = {}  # by API; "" for what is of none

    def read(self) -> None:
        kinds: dict[str, Callable[[str, JSONObject], None]] = {
            "AWS::Serverless::Function": self._events,
            "AWS::Serverless::StateMachine": self._events,
            "AWS::ApiGateway::Method": self._method,
            "AWS::ApiGatewayV2::Route": self._route,
        }
        for name, resource in self._resources.items():
            kind = resource.get("Type") if isinstance(resource, dict) else None
            if not isinstance(resource, dict) or not isinstance(kind, str):
                self._undecided("", str(name), "is no resource with a `Type`")
            elif kind in _BODIES:
                self._body(str(name), kind, _object(resource, "Properties"))
        for name, resource in self._resources.items():
            read = kinds.get(str(resource.get("Type"))) if isinstance(resource, dict) else None
            if read is not None:
                read(str(name), _object(resource, "Properties"))

    def _undecided(self, api: str, where: str, what: str) -> None:
        message = f"{what}: it has no line in the map"
        self.found.setdefault(api, []).append(Finding("error", "not-decided", where, message))

    def _auth(self, api: str, kind: str) -> JSONObject:
        """``Auth`` of an API, over that of ``Globals``."""
        own = self._resources.get(api)
        properties = _object(own, "Properties") if isinstance(own, dict) else {}
        shared = _object(_object(self._globals, _GLOBALS.get(kind, "")), "Auth")
        return {**shared, **_object(properties, "Auth")}

    def _body(self, name: str, kind: str, properties: JSONObject) -> None:
        body, elsewhere = (properties.get(member) for member in _BODIES[kind])
        if isinstance(body, dict) and isinstance(body.get("paths"), dict):
            has_default = "DefaultAuthorizer" in self._auth(name, kind)
            self.apis.setdefault(name, {})
            findings = self.found.setdefault(name, [])
            for route in openapi_routes(body, findings, has_default_authorizer=has_default):
                self._add(name, route, name)
        elif body is not None or elsewhere is not None:
            self.apis.setdefault(name, {})
            self._undecided(
                name, name, "its routes are in another file, which `from-openapi` reads"
            )

    def _add(self, api: str, route: ServedRoute, where: str) -> None:
        known = self.apis.setdefault(api, {}).get((route.method, route.path))
        self.apis[api][route.method, route.path] = ServedRoute(
            route.method,
            route.path,
            f"`{where}`",
            route.operation or (known.operation if known else None),
            route.is_open,
            route.scopes,
            route.overrides or (known.overrides if known else {}),
        )

    def _place(self, api: str, method: object, path: object, where: str) -> tuple[str, str] | None:
        if not isinstance(method, str) or not isinstance(path, str):
            self._undecided(api, where, "its method or path is known only when it is deployed")
            return None
        method = method.upper()
        return (ANY if method in _ANY_METHODS else method), (path or DEFAULT)

    def _events(self, name: str, properties: JSONObject) -> None:
        for event_name, event in _object(properties, "Events").items():
            known = _EVENTS.get(str(event.get("Type"))) if isinstance(event, dict) else None
            if known is None:
                continue
            member, implicit, kind = known
            own, where = _object(event, "Properties"), f"{name}.{event_name}"
            api = _reference(own.get(member, implicit))
            if api is None:
                self._undecided("", where, f"`{member}` names no API of the template")
                continue
            is_http = kind == "AWS::Serverless::HttpApi"
            place = self._place(
                api,
                own.get("Method", ANY if is_http else None),
                own.get("Path", DEFAULT if is_http else None),
                where,
            )
            if place is not None:
                auth, of_api = _object(own, "Auth"), self._auth(api, kind)
                authorizer = auth.get("Authorizer", of_api.get("DefaultAuthorizer"))
                is_open = None if authorizer is None else authorizer == "NONE"
                scopes = self._scopes(api, where, auth.get("AuthorizationScopes"))
                self._add(api, ServedRoute(*place, where, None, is_open, scopes), where)

    def _scopes(self, api: str, where: str, scopes: object) -> frozenset[str]:
        if scopes is None:
            return frozenset()
        listed = scopes if isinstance(scopes, list) else [None]
        if not all(isinstance(scope, str) and SCOPE.fullmatch(scope) for scope in listed):
            raise ConfigurationError(f"`AuthorizationScopes` of `{where}` must list OAuth scopes")
        if len(listed) > 1:
            message = "API Gateway asks for one of these scopes, and the map for all of them"
            finding = Finding("warning", "alternative-scopes", where, message)
            self.found.setdefault(api, []).append(finding)
        return frozenset(map(str, listed))

    def _plain(self, api: str, name: str, place: tuple[str, str], properties: JSONObject) -> None:
        kind, operation = properties.get("AuthorizationType"), properties.get("OperationName")
        route = ServedRoute(
            *place,
            name,
            operation if isinstance(operation, str) else None,
            None if not isinstance(kind, str) else kind == "NONE",
            self._scopes(api, name, properties.get("AuthorizationScopes")),
        )
        self._add(api, route, name)

    def _route(self, name: str, properties: JSONObject) -> None:
        api, key = _reference(properties.get("ApiId")), properties.get("RouteKey")
        if api is None or not isinstance(key, str):
            self._undecided(api or "", name, "its API or `RouteKey` is known only when deployed")
            return
        method, _, path = key.partition(" ")
        if key == DEFAULT:
            method, path = ANY, DEFAULT
        elif not path.startswith("/"):
            self._undecided(api, name, "it is a route of a WebSocket API")
            return
        place = self._place(api, method, path, name)
        if place is not None:
            self._plain(api, name, place, properties)

    def _method(self, name: str, properties: JSONObject) -> None:
        if _is_preflight(properties):
            return
        api = _reference(properties.get("RestApiId"))
        if api is None:
            self._undecided("", name, "`RestApiId` names no API of the template")
            return
        path = self._path(properties.get("ResourceId"), 0)
        place = self._place(api, properties.get("HttpMethod"), path, name)
        if place is not None:
            self._plain(api, name, place, properties)

    def _path(self, resource_id: object, depth: int) -> str | None:
        """The path of a REST API's resource, from its parents."""
        if _attribute(resource_id) == "RootResourceId":
            return "/"
        own = self._resources.get(_reference(resource_id) or "")
        if depth > _MAX_DEPTH or not isinstance(own, dict):
            return None
        if own.get("Type") != "AWS::ApiGateway::Resource":
            return None
        properties = _object(own, "Properties")
        above, part = self._path(properties.get("ParentId"), depth + 1), properties.get("PathPart")
        if above is None or not isinstance(part, str):
            return None
        return f"{above.rstrip('/')}/{part}"


def _object(holder: Mapping[str, Any], name: str) -> JSONObject:
    """A part that may be missing, empty, or known only when it is deployed."""
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def _reference(value: object) -> str | None:
    """The logical id behind a ``Ref``, or a literal id."""
    if isinstance(value, dict) and value.keys() == {"Ref"}:
        value = value["Ref"]
    return value if isinstance(value, str) else None


def _attribute(value: object) -> str | None:
    """The attribute of a ``GetAtt``, such as ``Outputs.Id`` of a nested stack."""
    found = value.get("Fn::GetAtt") if isinstance(value, dict) else None
    words = found.split(".", 1) if isinstance(found, str) else found
    if not isinstance(words, list) or len(words) < 2:
        return None
    return ".".join(map(str, words[1:]))


def _is_preflight(properties: JSONObject) -> bool:
    kind = _object(properties, "Integration").get("Type")
    return properties.get("HttpMethod") == "OPTIONS" and kind == "MOCK"
