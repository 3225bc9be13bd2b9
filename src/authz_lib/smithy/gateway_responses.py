"""Templates for what a REST API's gateway itself answers: no token, a deny, a throttle, ...

They have the shape of the service's own errors.

The gateway inserts variables as plain text.  The templates therefore use one variable only,
``$context.error.messageString``: its value is a whole JSON string, with quotes.  They do not use
``$context.requestId``, because a client can choose it and put quotes in.  The header
``x-amzn-RequestId`` has the id.

A template cannot change the gateway's own ``x-amzn-ErrorType``, which a generated client reads
first.  `GATEWAY_RESPONSES` has that header for each type.

See https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from authz_lib._support.checks import require_one_of
from authz_lib._support.json_file import in_one_line
from authz_lib.errors import ConfigurationError
from authz_lib.smithy import errors as catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authz_lib._support.strict_json import JSONObject
    from authz_lib.smithy.error_answers import ErrorFormat
    from authz_lib.smithy.error_shapes import ErrorShape
    from authz_lib.smithy.errors import DeniedProfile

__all__ = ["GATEWAY_RESPONSES", "GatewayResponse", "TemplateFormat", "gateway_responses"]

TemplateFormat = Literal["cloudformation", "sam", "terraform", "openapi"]
"""The language that gateway responses are written in."""

_VALIDATION = catalogue.CATALOGUE["ValidationException"]
_MESSAGE = "$context.error.messageString"
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,128}")
# Printable ASCII without quotes: the value is written between single quotes.
_HEADER_VALUE = re.compile(r"[ !#-&(-~]{1,1024}")
_RESOURCE_NAME = {
    False: re.compile(r"[A-Za-z0-9]{1,200}"),
    True: re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,199}"),
}


class GatewayResponse(NamedTuple):
    """One type of gateway response.

    Attributes:
        status: the status that API Gateway documents; None for the two defaults, which have the
            status of the case.
        shape: the error whose name becomes ``__type``; None for a 403, which is named by
            ``denied``.
        header: the ``x-amzn-ErrorType`` that the gateway was seen to send; None where it is not
            known.
    """

    status: int | None
    shape: ErrorShape | None
    header: str | None


GATEWAY_RESPONSES: Mapping[str, GatewayResponse] = MappingProxyType(
    {
        "ACCESS_DENIED": GatewayResponse(403, None, "AccessDeniedException"),
        "API_CONFIGURATION_ERROR": GatewayResponse(
            500, catalogue.internal, "ApiConfigurationException"
        ),
        "AUTHORIZER_CONFIGURATION_ERROR": GatewayResponse(
            500, catalogue.internal, "AuthorizerConfigurationException"
        ),
        "AUTHORIZER_FAILURE": GatewayResponse(
            500, catalogue.internal, "AuthorizerFailureException"
        ),
        "BAD_REQUEST_BODY": GatewayResponse(400, _VALIDATION, "BadRequestException"),
        "BAD_REQUEST_PARAMETERS": GatewayResponse(400, _VALIDATION, "BadRequestException"),
        "DEFAULT_4XX": GatewayResponse(None, _VALIDATION, None),
        "DEFAULT_5XX": GatewayResponse(None, catalogue.internal, None),
        "EXPIRED_TOKEN": GatewayResponse(403, None, "ExpiredTokenException"),
        "INTEGRATION_FAILURE": GatewayResponse(
            504, catalogue.service_unavailable, "InternalServerErrorException"
        ),
        "INTEGRATION_TIMEOUT": GatewayResponse(
            504, catalogue.service_unavailable, "InternalServerErrorException"
        ),
        "INVALID_API_KEY": GatewayResponse(403, None, "ForbiddenException"),
        "INVALID_SIGNATURE": GatewayResponse(403, None, "InvalidSignatureException"),
        "MISSING_AUTHENTICATION_TOKEN": GatewayResponse(
            403, None, "MissingAuthenticationTokenException"
        ),
        "QUOTA_EXCEEDED": GatewayResponse(429, catalogue.throttling, "LimitExceededException"),
        "REQUEST_TOO_LARGE": GatewayResponse(413, _VALIDATION, "RequestTooLargeException"),
        "RESOURCE_NOT_FOUND": GatewayResponse(
            404, catalogue.not_found, "ResourceNotFoundException"
        ),
        "THROTTLED": GatewayResponse(429, catalogue.throttling, "TooManyRequestsException"),
        "UNAUTHORIZED": GatewayResponse(401, catalogue.unauthorized, "UnauthorizedException"),
        "UNSUPPORTED_MEDIA_TYPE": GatewayResponse(415, _VALIDATION, "BadRequestException"),
        "WAF_FILTERED": GatewayResponse(403, None, "WafFilteredException"),
    }
)
"""All 21 types, by name."""


class _Rendered(NamedTuple):
    type: str
    status: int | None
    headers: dict[str, str]
    template: str


def gateway_responses(
    template_format: TemplateFormat,
    *,
    denied: DeniedProfile = "AccessDeniedException",
    denied_message: str | None = None,
    error_format: ErrorFormat = "smithy",
    headers: Mapping[str, str] | None = None,
    rest_api: str | None = None,
    api_kind: Literal["rest", "http"] = "rest",
) -> JSONObject:
    """The templates of all types, as a document to merge into an infrastructure template.

    ==================== ============================================================
    ``template_format``  the document
    ==================== ============================================================
    ``"cloudformation"`` a template with one resource per type
    ``"sam"``            ``GatewayResponses`` of an ``AWS::Serverless::Api``
    ``"terraform"``      Terraform JSON
    ``"openapi"``        the extension at the root of an OpenAPI document
    ==================== ============================================================

    A changed gateway response is served only after the API's stage is deployed again.

    Args:
        template_format: the format of the document.
        denied: the ``__type`` of a 403.
        denied_message: what a caller is told whom the authorizer denies, instead of the gateway's
            own words, which name the kind of policy.
        error_format: the format of the body; see `SmithyError.to_response`.
        headers: further headers on every answer, such as CORS.
        rest_api: the name of the REST API's resource in the template.  None makes it a parameter
            (CloudFormation) or ``api`` (Terraform).
        api_kind: ``"http"`` is refused: HTTP APIs have no gateway responses.

    Raises:
        ConfigurationError: for an HTTP API, an unknown format, or a header that cannot be written.

    >>> openapi = gateway_responses("openapi")
    >>> document = openapi["x-amazon-apigateway-gateway-responses"]
    >>> document["ACCESS_DENIED"]["responseTemplates"]["application/json"]
    '{"__type":"AccessDeniedException","message":$context.error.messageString}'
    """
    if api_kind != "rest":
        raise ConfigurationError(
            "an HTTP API has no gateway responses: use a REST API, or let clients of the HTTP API "
            "read the status, because its own 401, 403 and 429 have fixed bodies"
        )
    require_one_of(template_format, "template_format", tuple(_FORMATS))
    require_one_of(denied, "denied", tuple(_DENIED))
    require_one_of(error_format, "error_format", tuple(_BODIES))
    if rest_api is not None and not _RESOURCE_NAME[template_format == "terraform"].fullmatch(
        rest_api
    ):
        raise ConfigurationError("`rest_api` must be the name of a resource: letters and digits")
    extra = _checked(headers or {})
    texts = {} if denied_message is None else {"ACCESS_DENIED": _literal_text(denied_message)}
    rendered = [
        _Rendered(
            name,
            response.status,
            {**extra, **_own_headers(response)},
            _BODIES[error_format](response, denied).replace(_MESSAGE, texts.get(name, _MESSAGE)),
        )
        for name, response in GATEWAY_RESPONSES.items()
    ]
    return _FORMATS[template_format](rendered, rest_api)


_DENIED = {
    "AccessDeniedException": catalogue.access_denied,
    "ForbiddenException": catalogue.forbidden,
}


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ConfigurationError(
                f"the header {in_one_line(name)} must be printable ASCII without quotes"
            )
        if name.lower() in {"x-amzn-errortype", "content-type"}:
            raise ConfigurationError(
                f"`headers` must not have `{name}`, which the gateway sets: there would be two"
            )
    return dict(headers)


def _literal_text(text: str) -> str:
    """The text as a JSON string in which the gateway inserts nothing."""
    if not re.fullmatch(r"[ -#%-~]{1,200}", text):
        raise ConfigurationError("`denied_message` must be printable ASCII without `$`")
    return json.dumps(text)


def _own_headers(response: GatewayResponse) -> dict[str, str]:
    if response.status == 401:
        return {"WWW-Authenticate": "Bearer"}
    return {"Retry-After": "1"} if response.status == 429 else {}


def _message(shape: ErrorShape) -> str:
    """The text for the caller: the gateway's for a fault of the client, else fixed text."""
    return _MESSAGE if shape.fault == "client" else json.dumps(shape.default_message)


def _smithy_body(response: GatewayResponse, denied: str) -> str:
    shape = response.shape or _DENIED[denied]
    return f'{{"__type":"{shape.name}","message":{_message(shape)}}}'


def _standard_body(response: GatewayResponse, denied: str) -> str:
    shape = response.shape or _DENIED[denied]
    status = response.status or shape.status
    return f'{{"status":{status},"code":"{shape.standard_code}","message":{_message(shape)}}}'


_BODIES: dict[str, Callable[[GatewayResponse, str], str]] = {
    "smithy": _smithy_body,
    "standard": _standard_body,
}


def _parameters(one: _Rendered) -> dict[str, str]:
    return {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in one.headers.items()}


def _without_empty(members: JSONObject) -> JSONObject:
    return {name: value for name, value in members.items() if value not in (None, {})}


def _cloudformation(rendered: list[_Rendered], rest_api: str | None) -> JSONObject:
    resources: JSONObject = {}
    for one in rendered:
        properties = {
            "RestApiId": {"Ref": rest_api or "RestApiId"},
            "ResponseType": one.type,
            "StatusCode": None if one.status is None else str(one.status),
            "ResponseParameters": _parameters(one),
            "ResponseTemplates": {"application/json": one.template},
        }
        name = one.type.title().replace("_", "")
        resources[f"{name}Response"] = {
            "Type": "AWS::ApiGateway::GatewayResponse",
            "Properties": _without_empty(properties),
        }
    template: JSONObject = {"AWSTemplateFormatVersion": "2010-09-09"}
    if rest_api is None:
        template["Parameters"] = {
            "RestApiId": {"Type": "String", "Description": "The id of the REST API."}
        }
    return {**template, "Resources": resources}


def _sam(rendered: list[_Rendered], _: str | None) -> JSONObject:
    responses: JSONObject = {}
    for one in rendered:
        headers = {name: f"'{value}'" for name, value in one.headers.items()}
        members = {
            "StatusCode": one.status,
            "ResponseParameters": {"Headers": headers} if headers else None,
            "ResponseTemplates": {"application/json": one.template},
        }
        responses[one.type] = _without_empty(members)
    return {"GatewayResponses": responses}


def _terraform(rendered: list[_Rendered], rest_api: str | None) -> JSONObject:
    resources: JSONObject = {}
    for one in rendered:
        members: dict[str, Any] = {
            "rest_api_id": f"${{aws_api_gateway_rest_api.{rest_api or 'api'}.id}}",
            "response_type": one.type,
            "status_code": None if one.status is None else str(one.status),
            "response_parameters": {
                name: _literal(value) for name, value in _parameters(one).items()
            },
            "response_templates": {"application/json": _literal(one.template)},
        }
        resources[one.type.lower()] = _without_empty(members)
    return {"resource": {"aws_api_gateway_gateway_response": resources}}


def _literal(text: str) -> str:
    """Text in which Terraform interpolates nothing."""
    return text.replace("${", "$${").replace("%{", "%%{")


def _openapi(rendered: list[_Rendered], _: str | None) -> JSONObject:
    responses: JSONObject = {}
    for one in rendered:
        members = {
            "statusCode": None if one.status is None else str(one.status),
            "responseParameters": _parameters(one),
            "responseTemplates": {"application/json": one.template},
        }
        responses[one.type] = _without_empty(members)
    return {"x-amazon-apigateway-gateway-responses": responses}


_FORMATS: dict[str, Callable[[list[_Rendered], str | None], JSONObject]] = {
    "cloudformation": _cloudformation,
    "openapi": _openapi,
    "sam": _sam,
    "terraform": _terraform,
}
