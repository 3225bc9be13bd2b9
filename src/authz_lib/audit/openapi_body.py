"""The operations of an OpenAPI document as API Gateway imports it.

| in the document | what API Gateway makes of it |
|---|---|
| ``security`` of an operation | counts |
| ``security`` of the document | is ignored |
| a scheme that is not defined, such as SAM's ``NONE`` | is ignored |
| a scheme without an authorizer of API Gateway's | is ignored |
| a scheme ``apiKey`` in ``x-api-key`` | asks for a key; that is no authorization |

See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from authz_lib.audit.conditions import Guard
from authz_lib.audit.entry_point import (
    OPEN,
    Authorization,
    AuthorizerUse,
    ResultCache,
    authorization_kind,
)
from authz_lib.audit.intrinsics import one_member
from authz_lib.audit.stack_values import ABSENT, MAX_BRANCHES, UNKNOWN
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from authz_lib.audit.stack_values import StackValues

__all__ = ["BodyOperation", "body_authorizers", "body_operations", "is_readable_body"]

ANY_METHOD: Final = "x-amazon-apigateway-any-method"
AUTHORIZER: Final = "x-amazon-apigateway-authorizer"
AUTHTYPE: Final = "x-amazon-apigateway-authtype"
INTEGRATION: Final = "x-amazon-apigateway-integration"

_METHODS: Final = {
    name: name.upper()
    for name in ("delete", "get", "head", "options", "patch", "post", "put", "trace")
} | {ANY_METHOD: "ANY"}
_KINDS: Final = {
    "cognito_user_pools": "COGNITO_USER_POOLS",
    "jwt": "JWT",
    "request": "CUSTOM",
    "token": "CUSTOM",
}
_BY_MEMBER: Final = {"providerARNs": "COGNITO_USER_POOLS", "jwtConfiguration": "JWT"}
_LATER: Final = "(known when deployed)"


@dataclass(frozen=True, slots=True)
class BodyOperation:
    """One operation, under one condition."""

    method: str
    path: str
    key: str
    authorization: Authorization
    guard: Guard
    is_preflight: bool
    integration_uri: Any


def is_readable_body(body: Any) -> bool:
    """Whether the template holds all operations of a body: no file and no macro brings them."""
    if not isinstance(body, dict) or "Fn::Transform" in body:
        return False
    paths = body.get("paths")
    return isinstance(paths, dict) and "Fn::Transform" not in paths


def body_operations(
    body: dict[str, Any], values: StackValues, surface: str
) -> Iterator[BodyOperation]:
    """The operations of a readable body."""
    schemes = _Schemes(body, values, surface)
    for guard, paths in values.branches(body["paths"], Guard()):
        if paths is not ABSENT and not isinstance(paths, dict):
            yield _unseen("*", "paths", guard)
            continue
        for path, written in paths.items() if isinstance(paths, dict) else ():
            if str(path).startswith("Fn::"):
                yield _unseen("*", "paths", guard)
                continue
            for outer, item in values.branches(written, guard):
                yield from _of_path(str(path), item, outer, values, schemes)


def _unseen(path: str, key: str, guard: Guard) -> BodyOperation:
    """Operations that a function brings, or another document."""
    return BodyOperation("*", path, key, Authorization("OPAQUE_BODY"), guard, False, None)


def _of_path(
    path: str, item: Any, guard: Guard, values: StackValues, schemes: _Schemes
) -> Iterator[BodyOperation]:
    if not isinstance(item, dict):
        if item is UNKNOWN:
            yield _unseen(path, path, guard)
        return
    if any(str(key).startswith("Fn::") or key == "$ref" for key in item):
        yield _unseen(path, path, guard)
    for key, written in item.items():
        method = _METHODS.get(str(key).lower())
        if method is None:
            continue
        for narrowed, operation in values.branches(written, guard):
            if operation is UNKNOWN:
                yield _unseen(path, path, guard)
            elif isinstance(operation, dict):
                place = method, _plain_path(path), str(key)
                yield from _of_operation(place, operation, narrowed, values, schemes)


def _of_operation(
    place: tuple[str, str, str],
    operation: dict[str, Any],
    guard: Guard,
    values: StackValues,
    schemes: _Schemes,
) -> Iterator[BodyOperation]:
    integrations = [
        inner
        for _, inner in values.branches(operation.get(INTEGRATION), Guard())
        if isinstance(inner, dict)
    ]
    is_mock = bool(integrations) and all(
        str(kind).lower() == "mock"
        for one in integrations
        for _, kind in values.texts(one.get("type"), Guard())
    )
    for own, authorization in schemes.authorizations(operation, guard):
        yield BodyOperation(
            *place,
            authorization,
            own,
            place[0] == "OPTIONS" and is_mock,
            next((one.get("uri") for one in integrations), None),
        )


def _plain_path(path: str) -> str:
    return "$default" if path == "/$default" else path


def _first(values: StackValues, written: Any) -> Any:
    return next((inner for _, inner in values.branches(written, Guard())), None)


class _Schemes:
    """The security schemes of a document."""

    def __init__(self, body: dict[str, Any], values: StackValues, surface: str) -> None:
        self._values = values
        self._surface = surface
        self._schemes = schemes_of(body)

    def authorizations(
        self, operation: dict[str, Any], guard: Guard
    ) -> Iterator[tuple[Guard, Authorization]]:
        """Who is let in to an operation, under each condition."""
        written = operation.get("x-amazon-apigateway-auth")
        for outer, extension in self._values.branches(written, guard):
            if not isinstance(extension, dict):
                yield from self._of_security(operation, outer)
                continue
            for narrowed, kind in self._values.texts(extension.get("type"), outer):
                own = Authorization(authorization_kind(kind))
                if "security" not in operation:
                    yield narrowed, own
                    continue
                # Which of the two API Gateway takes is documented nowhere.
                for inner, asked in self._of_security(operation, narrowed):
                    is_told = asked.kind in OPEN or own.kind not in {*OPEN, "UNKNOWN"}
                    yield inner, asked if is_told else replace(asked, kind="UNKNOWN")

    def _of_security(
        self, operation: dict[str, Any], guard: Guard
    ) -> Iterator[tuple[Guard, Authorization]]:
        is_made = any(str(key).startswith("Fn::") for key in operation)
        written = operation.get("security", UNKNOWN if is_made else None)
        for narrowed, security in self._values.branches(written, guard):
            yield from self._of_requirements(security, narrowed)

    def _of_requirements(
        self, security: Any, guard: Guard
    ) -> Iterator[tuple[Guard, Authorization]]:
        if security is UNKNOWN or one_member(security) is not None:
            yield guard, Authorization("UNKNOWN")
            return
        requirements = security if isinstance(security, list) else []
        listed: list[tuple[Guard, list[dict[str, Any]]]] = [(guard, [])]
        for written in requirements:
            listed = [
                (narrowed, [*before, item] if isinstance(item, dict) else before)
                for outer, before in listed
                for narrowed, item in self._values.branches(written, outer)
            ]
            if len(listed) > MAX_BRANCHES:
                raise ConfigurationError(
                    f"the security of an operation has more than {MAX_BRANCHES} branches"
                )
        for narrowed, items in listed:
            yield narrowed, self._authorization(items)

    def _authorization(self, requirements: list[dict[str, Any]]) -> Authorization:
        requirements = [
            {name: scopes for name, scopes in item.items() if self._may(scopes, be_there=True)}
            for item in requirements
        ]
        named = [(str(name), scopes) for item in requirements for name, scopes in item.items()]
        names = tuple(sorted({name for name, _ in named}))
        api_key = self._surface == "rest" and any(self._is_key(name) for name, _ in named)
        for name, scopes in named:
            kind = self.kind_of(name)
            if kind is not None:
                listed = scopes if isinstance(scopes, list) else []
                asked = tuple(
                    str(one) for one in map(self._values.plain, listed) if one is not ABSENT
                )
                # With an empty requirement beside it nobody has to, by OpenAPI. What API Gateway
                # makes of that is documented nowhere.
                is_sure = all(
                    any(not self._may(scopes, be_there=False) for scopes in item.values())
                    for item in requirements
                )
                kind = kind if is_sure else "UNKNOWN"
                return Authorization(kind, name, asked, names, api_key)
        return Authorization("API_KEY" if api_key else "NONE", None, (), names, api_key)

    def _may(self, written: Any, *, be_there: bool) -> bool:
        """Whether a member may be there, or may be without a value, as `AWS::NoValue` is."""
        sides = self._values.branches(written, Guard())
        return any((value is not ABSENT) is be_there for _, value in sides)

    def kind_of(self, name: str) -> str | None:
        """The kind of authorization that a scheme asks for; ``None``: none."""
        return scheme_kind(self._schemes.get(name), self._values)

    def _is_key(self, name: str) -> bool:
        scheme = self._schemes.get(name)
        return (
            isinstance(scheme, dict)
            and scheme.get("type") == "apiKey"
            and str(scheme.get("name")).lower() == "x-api-key"
            and self.kind_of(name) is None
        )


def schemes_of(body: dict[str, Any]) -> dict[str, Any]:
    """The security schemes that a document defines: OpenAPI 3's, and Swagger 2's."""
    components = body.get("components")
    written = components.get("securitySchemes") if isinstance(components, dict) else None
    older = body.get("securityDefinitions")
    return {
        **(older if isinstance(older, dict) else {}),
        **(written if isinstance(written, dict) else {}),
    }


def scheme_kind(written: Any, values: StackValues) -> str | None:
    """The kind of authorization of a security scheme; ``None`` where it asks nobody.

    ``UNKNOWN`` where that depends on a condition: then it may ask nobody.
    """
    kinds = {
        _kind_of(kind, authorizer, values)
        for _, scheme in values.branches(written, Guard())
        for _, kind in values.texts(_member(scheme, AUTHTYPE), Guard())
        for _, authorizer in values.branches(_member(scheme, AUTHORIZER), Guard())
    }
    return kinds.pop() if len(kinds) == 1 else "UNKNOWN"


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _kind_of(written: Any, authorizer: Any, values: StackValues) -> str | None:
    if str(written).lower() == "awssigv4":
        return "AWS_IAM"
    if not isinstance(authorizer, dict) or not authorizer:
        return None
    kind = values.plain(authorizer.get("type"))
    if kind is UNKNOWN or one_member(authorizer) is not None:
        return "UNKNOWN"
    by_member = next((one for member, one in _BY_MEMBER.items() if member in authorizer), "CUSTOM")
    return _KINDS.get(str(kind).lower(), by_member)


def body_authorizers(
    body: dict[str, Any],
    values: StackValues,
    surface: str,
    line_of: Callable[[str], int],
    function_of: Callable[[Any], str | None],
) -> Iterator[AuthorizerUse]:
    """The authorizers that a body defines."""
    for name, written in schemes_of(body).items():
        kind = scheme_kind(written, values)
        scheme = _first(values, written)
        authorizer = _first(values, scheme.get(AUTHORIZER)) if isinstance(scheme, dict) else None
        if kind is None or kind == "AWS_IAM" or not isinstance(authorizer, dict):
            continue
        jwt = authorizer.get("jwtConfiguration")
        jwt = values.plain(jwt) if isinstance(jwt, dict) else {}
        form = str(values.plain(authorizer.get("type"))).lower()
        yield AuthorizerUse(
            str(name),
            kind,
            line_of(str(name)),
            form=form if kind == "CUSTOM" else "",
            cache=_cache(authorizer, scheme, values, surface) if kind == "CUSTOM" else None,
            audience=text_list(jwt.get("audience")) if kind == "JWT" else (),
            issuer=jwt.get("issuer") if isinstance(jwt.get("issuer"), str) else None,
            function=function_of(authorizer.get("authorizerUri")),
            simple=values.plain(authorizer.get("enableSimpleResponses")) in (True, "true"),
        )


def _cache(
    authorizer: dict[str, Any], scheme: dict[str, Any], values: StackValues, surface: str
) -> ResultCache:
    sources = values.plain(authorizer.get("identitySource"))
    if sources is None and str(authorizer.get("type")).lower() == "token":
        sources = f"method.request.header.{scheme.get('name', 'Authorization')}"
    ttl = values.plain(authorizer.get("authorizerResultTtlInSeconds"))
    return ResultCache(plain_number(ttl, default_ttl_seconds(surface)), source_list(sources))


def default_ttl_seconds(surface: str) -> int:
    """How long API Gateway remembers an authorizer's answer where nothing is said of it."""
    return 300 if surface == "rest" else 0


def plain_number(value: Any, default: int) -> int | None:
    """A number that may be written as a text; ``None`` where it is not known."""
    if value is None or value is ABSENT:
        return default
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 10 else None


def source_list(value: Any) -> tuple[str, ...]:
    """Identity sources: a list, or a text with commas."""
    if value is None or value is ABSENT:
        return ()
    listed = value if isinstance(value, list) else [value]
    texts = (_LATER if item is UNKNOWN else str(item) for item in listed)
    return tuple(part for text in texts for item in text.split(",") if (part := item.strip()))


def text_list(value: Any) -> tuple[str, ...] | None:
    """A list of texts, or one text; ``None`` where it is not known."""
    if value is UNKNOWN:
        return None
    if value is None or value is ABSENT:
        return ()
    listed = value if isinstance(value, list) else [value]
    return tuple(_LATER if item is UNKNOWN else str(item) for item in listed)
