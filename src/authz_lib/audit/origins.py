"""Where the source has what is deployed.

The transform of SAM makes resources that no line of the source has.  Each is led back to the event,
the member or the resource that it was made from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from authz_lib.audit.source import Place, Source

__all__ = ["Origins", "RouteEvent"]

IMPLICIT_APIS: Final = {"Api": "ServerlessRestApi", "HttpApi": "ServerlessHttpApi"}
_API_OF_EVENT: Final = {"Api": "RestApiId", "HttpApi": "ApiId"}
_ANY: Final = frozenset({"ANY", "*", "X-AMAZON-APIGATEWAY-ANY-METHOD"})


@dataclass(frozen=True, slots=True)
class RouteEvent:
    """A route that an event of SAM asks for.

    Attributes:
        resource: the logical id of the function or state machine.
        name: of the event.
        kind: ``Api`` or ``HttpApi``.
        api: the logical id of the API.
        method: upper case, or ``ANY``.
        path: as it is written.
        auth: as it is written; ``None`` where there is none.
        line: of the event.
        auth_line: of its ``Auth``, or of the event.
    """

    resource: str
    name: str
    kind: str
    api: str | None
    method: str
    path: str
    auth: Any
    line: int
    auth_line: int


class Origins:
    """The lines of a source, asked by what is deployed."""

    def __init__(self, source: Source, document: Mapping[str, Any]) -> None:
        self._place = source.place
        self.document = document
        written = document.get("Resources")
        self.resources: dict[str, Any] = written if isinstance(written, dict) else {}
        self._is_openapi = "Resources" not in source.document
        self.events = tuple(self._events())

    def line(self, *path: str | int) -> int:
        """The line of a path of the document, or of the nearest thing around it."""
        return self._place.line_of(path)

    def place(self, *path: str | int) -> Place | None:
        """The place of a path; ``None`` where the source has nothing."""
        return self._place.find(path)

    def line_of_resource(self, name: str, *inner: str | int) -> int:
        """The line of a resource, or of what it was made from."""
        if self._is_openapi:
            return self.line()
        if name in self.resources:
            return self.line("Resources", name, *inner)
        made_from = self.made_from(name)
        if made_from is not None:
            return self._line_of_made(name, made_from)
        return self._line_of_implicit(name)

    def resource_at(self, line: int) -> str | None:
        """The resource of the source that a line is in."""
        place = self.place("Resources")
        begun = [(one.line, str(name)) for name, one in place.members.items()] if place else []
        return max((one for one in begun if one[0] <= line), default=(0, None))[1]

    def made_from(self, name: str) -> str | None:
        """The resource of the source whose name begins the name of one that was made."""
        before = [known for known in self.resources if name.startswith(known)]
        return max(before, key=len, default=None)

    def _line_of_made(self, name: str, made_from: str) -> int:
        end = name[len(made_from) :]
        path = ("Resources", made_from, "Properties")
        if end == "Url":
            return self.line(*path, "FunctionUrlConfig")
        routes = self.place(*path, "Routes")
        if routes is not None and end.endswith("Route"):
            wanted = end.removesuffix("Route").lower()
            for key, place in routes.members.items():
                if "".join(sign for sign in str(key) if sign.isalnum()).lower() == wanted:
                    return place.line
        events = self.place(*path, "Events")
        begun = [key for key in (events.members if events else ()) if end.startswith(str(key))]
        if begun:
            return self.line(*path, "Events", max(begun, key=lambda key: len(str(key))))
        return self.line("Resources", made_from)

    def _line_of_implicit(self, name: str) -> int:
        """An API that no resource stands for is where its first event is, or its globals."""
        for kind, api in IMPLICIT_APIS.items():
            if name == api and self.place("Globals", kind) is not None:
                return self.line("Globals", kind)
        return next((one.line for one in self.events if one.api == name), self.line("Resources"))

    def line_of_operation(self, api: str, path: str, key: str) -> int:
        """The line of an operation of a body: its event, or its place in the body."""
        method = "ANY" if key.upper() in _ANY else key.upper()
        event = self.event(api, method, path)
        if event is not None:
            return event.line
        for body in self._bodies(api):
            place = _through_branches(body, "paths", path, key)
            if place is not None:
                return place.line
        if method == "OPTIONS":
            return self._line_of_cors(api)
        return self.line_of_resource(api)

    def line_of_scheme(self, api: str, name: str) -> int:
        """The line where an authorizer of a body is defined."""
        for body in self._bodies(api):
            for group in ("components.securitySchemes", "securityDefinitions"):
                place = _through_branches(body, *group.split("."), name)
                if place is not None:
                    return place.line
        for way in (
            ("Resources", api, "Properties"),
            *(("Globals", kind) for kind in IMPLICIT_APIS),
        ):
            place = self.place(*way, "Auth", "Authorizers", name)
            if place is not None:
                return place.line
        return self.line_of_resource(api)

    def event(self, api: str, method: str, path: str) -> RouteEvent | None:
        """The event that asks for a route."""
        path = "$default" if path == "/$default" else path
        found = [one for one in self.events if (one.api, one.method) == (api, method)]
        return next((one for one in found if _same_path(one.path, path)), None)

    def _bodies(self, api: str) -> Iterator[Place]:
        if self._is_openapi:
            yield self._place
        for member in ("DefinitionBody", "Body"):
            place = self.place("Resources", api, "Properties", member)
            if place is not None:
                yield place

    def _line_of_cors(self, api: str) -> int:
        place = self.place("Resources", api, "Properties", "Cors")
        if place is None:
            place = self.place("Globals", "Api", "Cors")
        return self.line_of_resource(api) if place is None else place.line

    def _events(self) -> Iterator[RouteEvent]:
        for name, resource in self.resources.items():
            kind = resource.get("Type") if isinstance(resource, dict) else None
            if str(kind) not in {"AWS::Serverless::Function", "AWS::Serverless::StateMachine"}:
                continue
            properties = resource.get("Properties")
            events = properties.get("Events") if isinstance(properties, dict) else None
            for key, event in (events if isinstance(events, dict) else {}).items():
                if isinstance(event, dict) and str(event.get("Type")) in IMPLICIT_APIS:
                    yield self._event(str(name), str(key), event)

    def _event(self, resource: str, name: str, event: dict[str, Any]) -> RouteEvent:
        kind = event["Type"]
        given = event.get("Properties")
        own = given if isinstance(given, dict) else {}
        is_http = kind == "HttpApi"
        method = str(own.get("Method") or ("ANY" if is_http else "")).upper()
        api = own.get(_API_OF_EVENT[kind], IMPLICIT_APIS[kind])
        if isinstance(api, dict):
            api = api.get("Ref")
        path = ("Resources", resource, "Properties", "Events", name)
        return RouteEvent(
            resource,
            name,
            kind,
            api if isinstance(api, str) else None,
            "ANY" if method in _ANY else method,
            str(own.get("Path") or ("$default" if is_http else "")),
            own.get("Auth"),
            self.line(*path),
            self.line(*path, "Properties", "Auth") if "Auth" in own else self.line(*path),
        )


def _same_path(written: str, deployed: str) -> bool:
    return written == deployed or written.rstrip("/") == deployed.rstrip("/")


def _through_branches(place: Place, *path: str) -> Place | None:
    """The place of a path, where any step may be inside of an ``Fn::If``."""
    found: Place | None = place
    for step in path:
        found = _step_through(found, step, 0) if found is not None else None
    return found


def _step_through(place: Place, step: str, depth: int) -> Place | None:
    inner = place.members.get(step)
    branches = place.members.get("Fn::If")
    if inner is not None or branches is None or depth > 16:
        return inner
    for number in (1, 2):
        side = branches.members.get(number)
        found = _step_through(side, step, depth + 1) if side is not None else None
        if found is not None:
            return found
    return None
