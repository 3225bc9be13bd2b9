"""An HTTP API's OpenAPI body (what SAM's ``HttpApi`` makes) as the resources that it stands for.

The local AWS reads no ``Body`` of an ``AWS::ApiGatewayV2::Api``.

| of the body | becomes |
|---|---|
| ``paths``, ``x-amazon-apigateway-any-method``, ``/$default`` | a route each |
| ``x-amazon-apigateway-integration`` | an integration each |
| ``security``, of an operation or of all, with its scopes | the route's authorizer |
| ``securitySchemes`` with ``x-amazon-apigateway-authorizer`` | an authorizer each |
| ``x-amazon-apigateway-cors`` | the API's ``CorsConfiguration`` |

See the API Gateway developer guide, "Working with OpenAPI definitions for HTTP APIs in API
Gateway".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib._support.strict_json import JSONObject

__all__ = ["with_written_out_apis"]

_API = "AWS::ApiGatewayV2::Api"
_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
_ANY = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"
_SHARED = "x-amazon-apigateway-integrations"
_AUTHORIZER = "x-amazon-apigateway-authorizer"
_AUTH_TYPE = "x-amazon-apigateway-authtype"
_CORS = "x-amazon-apigateway-cors"
# Member of the integration -> property of the resource
_INTEGRATION_PROPERTIES = {
    "connectionId": "ConnectionId",
    "connectionType": "ConnectionType",
    "credentials": "CredentialsArn",
    "httpMethod": "IntegrationMethod",
    "integrationSubtype": "IntegrationSubtype",
    "payloadFormatVersion": "PayloadFormatVersion",
    "requestParameters": "RequestParameters",
    "timeoutInMillis": "TimeoutInMillis",
    "uri": "IntegrationUri",
}
_AUTHORIZER_PROPERTIES = {
    "authorizerCredentials": "AuthorizerCredentialsArn",
    "authorizerPayloadFormatVersion": "AuthorizerPayloadFormatVersion",
    "authorizerResultTtlInSeconds": "AuthorizerResultTtlInSeconds",
    "authorizerUri": "AuthorizerUri",
    "enableSimpleResponses": "EnableSimpleResponses",
}


class _Operation(NamedTuple):
    route_key: str
    document: JSONObject
    condition: str | None


def with_written_out_apis(template: JSONObject) -> JSONObject:
    """The template, each HTTP API's body written out as routes, integrations and authorizers.

    Raises:
        ConfigurationError: a body that cannot be written out: it lies in S3, a security scheme is
            unknown or no authorizer, or an operation asks for two.
    """
    resources: JSONObject = {}
    conditions: JSONObject = dict(template.get("Conditions") or {})
    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties") or {}
        if resource.get("Type") != _API or not {"Body", "BodyS3Location"} & properties.keys():
            resources[logical_id] = resource
            continue
        body = properties.get("Body")
        if not isinstance(body, dict):
            raise ConfigurationError(
                f"`{logical_id}`: only a body in the template or in a file beside it is supported"
            )
        resources |= _Written(logical_id, resource, body, conditions).resources
    return template | {"Resources": resources} | ({"Conditions": conditions} if conditions else {})


class _Written:
    """One API, written out."""

    def __init__(
        self, logical_id: str, resource: JSONObject, body: JSONObject, conditions: JSONObject
    ) -> None:
        self._id = logical_id
        self._body = body
        self._conditions = conditions
        self._own_condition: str | None = resource.get("Condition")
        self._depends_on = resource.get("DependsOn")
        self._authorizers: dict[str, tuple[str, str]] = {}
        self.resources: JSONObject = {logical_id: resource | {"Properties": self._api(resource)}}
        for operation in self._operations():
            self._add_route(operation)

    def _api(self, resource: JSONObject) -> JSONObject:
        ignored = {"Body", "FailOnWarnings", "Basepath"}
        given = {k: v for k, v in resource["Properties"].items() if k not in ignored}
        info = self._body.get("info") or {}
        cors = self._body.get(_CORS)
        named = {"Name": info["title"]} if "title" in info else {}
        allowed = (
            {f"{name[0].upper()}{name[1:]}": value for name, value in cors.items()}
            if isinstance(cors, dict)
            else {}
        )
        shared = {"CorsConfiguration": allowed} if allowed else {}
        return {"ProtocolType": "HTTP"} | named | shared | given

    def _operations(self) -> Iterator[_Operation]:
        for path, item in (self._body.get("paths") or {}).items():
            for document, condition in _branches(item):
                for method, operation in document.items():
                    if method != _ANY and method.lower() not in _METHODS:
                        continue  # `parameters`, `summary`
                    verb = "ANY" if method == _ANY else method.upper()
                    key = "$default" if path == "/$default" else f"{verb} {path}"
                    for branch, inner in _branches(operation):
                        yield _Operation(key, branch, self._both(condition, inner))

    def _both(self, *names: str | None) -> str | None:
        """The name of the condition that all of these are."""
        asked = list(dict.fromkeys(name for name in names if name))
        if len(asked) < 2:
            return asked[0] if asked else None
        name = re.sub(r"\W", "", "".join(asked)) + "All"
        self._conditions[name] = {"Fn::And": [{"Condition": one} for one in asked]}
        return name

    def _add(self, name: str, kind: str, properties: JSONObject, condition: str | None) -> str:
        logical_id = f"{self._id}{name}"
        made: JSONObject = {"Type": f"AWS::ApiGatewayV2::{kind}", "Properties": properties}
        condition = self._both(self._own_condition, condition)
        if condition is not None:
            made["Condition"] = condition
        if self._depends_on is not None:
            made["DependsOn"] = self._depends_on
        self.resources[logical_id] = made
        return logical_id

    def _add_route(self, operation: _Operation) -> None:
        number = sum(value["Type"].endswith("::Route") for value in self.resources.values())
        properties: JSONObject = {
            "ApiId": {"Ref": self._id},
            "RouteKey": operation.route_key,
            **self._authorization(operation),
        }
        integration = self._integration(operation.document)
        if integration is not None:
            name = self._add(
                f"Integration{number}", "Integration", integration, operation.condition
            )
            properties["Target"] = {"Fn::Sub": f"integrations/${{{name}}}"}
        self._add(f"Route{number}", "Route", properties, operation.condition)

    def _integration(self, operation: JSONObject) -> JSONObject | None:
        given = operation.get(_INTEGRATION)
        if isinstance(given, dict) and "$ref" in given:
            shared = (self._body.get("components") or {}).get(_SHARED) or {}
            given = shared.get(str(given["$ref"]).rpartition("/")[2])
        if not isinstance(given, dict):
            return None
        kind = str(given.get("type", "")).upper()
        properties: JSONObject = {
            "ApiId": {"Ref": self._id},
            "IntegrationType": "AWS_PROXY" if kind == "AWS" else kind,
            "PayloadFormatVersion": "1.0",  # the default of an import
        }
        for member, name in _INTEGRATION_PROPERTIES.items():
            if member in given:
                properties[name] = given[member]
        return properties

    def _authorization(self, operation: _Operation) -> JSONObject:
        document = operation.document
        if document.get(_AUTH_TYPE, "").lower() == "awssigv4":
            return {"AuthorizationType": "AWS_IAM"}
        asked = document.get("security", self._body.get("security")) or []
        required = {name: scopes for one in asked for name, scopes in one.items() if name != "NONE"}
        if not required:
            return {"AuthorizationType": "NONE"}
        if len(required) > 1:
            raise ConfigurationError(
                f"`{self._id}`: `{operation.route_key}` asks for two authorizers; an HTTP API's "
                "route has one"
            )
        ((name, scopes),) = required.items()
        kind, authorizer = self._authorizer(name)
        if kind == "AWS_IAM":
            return {"AuthorizationType": kind}
        more = {"AuthorizationScopes": scopes} if scopes else {}
        return {"AuthorizationType": kind, "AuthorizerId": {"Ref": authorizer}} | more

    def _authorizer(self, name: str) -> tuple[str, str]:
        """The authorization type of a security scheme, and the logical id of its authorizer."""
        if name not in self._authorizers:
            schemes = {
                **(self._body.get("securityDefinitions") or {}),
                **((self._body.get("components") or {}).get("securitySchemes") or {}),
            }
            scheme = schemes.get(name)
            if not isinstance(scheme, dict):
                raise ConfigurationError(f"`{self._id}`: no security scheme `{name}`")
            self._authorizers[name] = self._add_authorizer(name, scheme)
        return self._authorizers[name]

    def _add_authorizer(self, name: str, scheme: JSONObject) -> tuple[str, str]:
        if str(scheme.get(_AUTH_TYPE, "")).lower() == "awssigv4":
            return "AWS_IAM", ""
        given = scheme.get(_AUTHORIZER)
        if not isinstance(given, dict):
            raise ConfigurationError(f"`{self._id}`: security scheme `{name}` is no authorizer")
        kind = str(given.get("type", "")).upper()
        sources = given.get("identitySource", [])
        properties: JSONObject = {
            "ApiId": {"Ref": self._id},
            "Name": name,
            "AuthorizerType": kind,
            "IdentitySource": [one.strip() for one in sources.split(",") if one.strip()]
            if isinstance(sources, str)
            else sources,
        }
        if kind == "JWT":
            settings = given.get("jwtConfiguration") or {}
            properties["JwtConfiguration"] = {
                "Issuer": settings.get("issuer"),
                "Audience": settings.get("audience") or [],
            }
        for member, target in _AUTHORIZER_PROPERTIES.items():
            if member in given:
                properties[target] = given[member]
        word = re.sub(r"[^A-Za-z0-9]", "", name)
        logical_id = self._add(f"{word}Authorizer", "Authorizer", properties, None)
        return ("JWT" if kind == "JWT" else "CUSTOM"), logical_id


def _branches(document: Any) -> Iterator[tuple[JSONObject, str | None]]:
    """A part of the body, or both branches of the `Fn::If` that SAM makes of a condition."""
    if isinstance(document, dict) and list(document) == ["Fn::If"]:
        condition, then, otherwise = document["Fn::If"]
        if isinstance(then, dict) and "Ref" not in then:
            yield then, condition
        if isinstance(otherwise, dict) and "Ref" not in otherwise:
            raise ConfigurationError("a path with two branches of `Fn::If` is not supported")
    elif isinstance(document, dict):
        yield document, None
