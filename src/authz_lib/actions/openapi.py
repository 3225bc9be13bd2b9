"""The routes of an OpenAPI document, with API Gateway's own extensions.

See https://spec.openapis.org/oas/v3.1.0.html and
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib._support.json_file import in_one_line
from authz_lib.actions.entry import METHODS, SCOPE
from authz_lib.actions.served import ANY, ServedRoute
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.lint import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib._support.strict_json import JSONObject

__all__ = ["OVERRIDES", "openapi_routes", "require_openapi"]

EXTENSION = "x-authz"
OVERRIDES = frozenset({"action", "public", "resource_id_label", "resource_type", "scopes"})
_METHODS = {method.lower(): method for method in METHODS} | {"x-amazon-apigateway-any-method": ANY}
_NOT_OPERATIONS = frozenset({"description", "parameters", "servers", "summary"})
_GRANTS_SCOPES = frozenset({"oauth2", "openIdConnect"})


def require_openapi(document: object) -> JSONObject:
    """Refuse what is no OpenAPI 3.0 or 3.1; Swagger 2.0, which API Gateway exports, is taken."""
    if isinstance(document, dict):
        version = document.get("openapi", document.get("swagger"))
        if isinstance(version, str) and version.startswith(("3.0", "3.1", "2.0")):
            return document
    raise ConfigurationError("the document must be OpenAPI 3.0 or 3.1: its member `openapi`")


def openapi_routes(
    document: JSONObject, found: list[Finding], *, has_default_authorizer: bool = False
) -> Iterator[ServedRoute]:
    """The routes of a document, in its order; what cannot be decided is added to ``found``.

    Raises:
        ConfigurationError: ``paths`` is not an object, or an ``x-authz`` has an unknown member.
    """
    paths = document.get("paths")
    if not isinstance(paths, dict):
        raise ConfigurationError("the OpenAPI document has no `paths`")
    for key, item in paths.items():
        path = "$default" if key == "/$default" else str(key)
        if not isinstance(item, dict):
            found.append(_undecided(path, "is no object"))
            continue
        for name, operation in ((str(name), value) for name, value in item.items()):
            if name in _NOT_OPERATIONS or (name.startswith("x-") and name not in _METHODS):
                continue
            if name not in _METHODS or not isinstance(operation, dict):
                found.append(_undecided(path, f"{in_one_line(name)} is not read"))
            elif not _is_preflight(name, operation):
                reader = _Operation(document, _METHODS[name], path, operation, found)
                yield reader.route(has_default_authorizer)


def _undecided(where: str, what: str) -> Finding:
    return Finding("error", "not-decided", where, f"{what}: it has no line in the map")


def _is_preflight(name: str, operation: JSONObject) -> bool:
    """The answer to a browser's question, which API Gateway gives itself and nobody authorizes."""
    integration = operation.get("x-amazon-apigateway-integration")
    kind = integration.get("type") if isinstance(integration, dict) else None
    return name == "options" and str(kind).lower() == "mock"


class _Operation:
    def __init__(
        self,
        document: JSONObject,
        method: str,
        path: str,
        operation: JSONObject,
        found: list[Finding],
    ) -> None:
        self._document = document
        self._method = method
        self._path = path
        self._operation = operation
        self._found = found
        self._where = f"{method} {path}"

    def route(self, has_default_authorizer: bool) -> ServedRoute:
        overrides = self._overrides()
        is_open, scopes = self._security(has_default_authorizer)
        name = self._operation.get("operationId")
        if name is not None and not isinstance(name, str):
            raise ConfigurationError(f"`operationId` of `{self._where}` must be text")
        return ServedRoute(
            self._method, self._path, "the document", name, is_open, scopes, overrides
        )

    def _overrides(self) -> JSONObject:
        given = self._operation.get(EXTENSION, {})
        if not isinstance(given, dict) or not given.keys() <= OVERRIDES:
            names = ", ".join(f"`{name}`" for name in sorted(OVERRIDES))
            raise ConfigurationError(
                f"`{EXTENSION}` of `{self._where}` must be an object; it may have {names}"
            )
        return given

    def _warn(self, rule: str, message: str) -> None:
        self._found.append(Finding("warning", rule, self._where, message))

    def _security(self, has_default_authorizer: bool) -> tuple[bool | None, frozenset[str]]:
        security = self._operation.get("security", self._document.get("security"))
        if security is None:
            return (False if has_default_authorizer else None), frozenset()
        if security == []:
            return True, frozenset()
        if not isinstance(security, list) or not all(isinstance(one, dict) for one in security):
            self._warn("security", "`security` is not a list of objects: taken as protected")
            return False, frozenset()
        if {} in security:
            self._warn(
                "optional-security",
                "`security` lets callers without credentials in too: taken as protected; write "
                "`security: []` to open it",
            )
        asked = [self._scopes(requirement) for requirement in security if requirement]
        if len(set(asked)) > 1:
            self._warn(
                "alternative-scopes",
                "one of several lists of scopes is enough, and the map asks for all of them",
            )
        return False, frozenset().union(*asked)

    def _scopes(self, requirement: dict[str, Any]) -> frozenset[str]:
        scopes: set[str] = set()
        for scheme, names in requirement.items():
            listed = names if isinstance(names, list) else []
            if not listed:
                continue
            if not all(isinstance(name, str) and SCOPE.fullmatch(name) for name in listed):
                raise ConfigurationError(
                    f"`security` of `{self._where}` must list OAuth scopes of {in_one_line(scheme)}"
                )
            if self._grants_scopes(scheme):
                scopes.update(listed)
            else:
                self._warn(
                    "roles",
                    f"the names of {in_one_line(scheme)} are roles, which a policy decides about: "
                    "not in the map",
                )
        return frozenset(scopes)

    def _grants_scopes(self, scheme: str) -> bool:
        """Whether a scheme's names are scopes; of API Gateway's own authorizers they are."""
        components = self._document.get("components")
        schemes = (
            components.get("securitySchemes", {})
            if isinstance(components, dict)
            else self._document.get("securityDefinitions", {})
        )
        found = schemes.get(scheme) if isinstance(schemes, dict) else None
        if not isinstance(found, dict) or str(found.get("type")) in _GRANTS_SCOPES:
            return True
        return any(str(name).startswith("x-amazon-apigateway-auth") for name in found)
