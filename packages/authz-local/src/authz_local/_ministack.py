"""The process of the local AWS: ministack, corrected where it differs from AWS.

`python -m authz_local._ministack` runs it.  ministack is pinned to an exact version, so its inside
may be named here.  A name that is gone ends the process at once.

| of a REST API | as AWS has it |
|---|---|
| proxy event | has no ``version``; an HTTP API's event has one |
| claims of a Cognito authorizer | lists as ``a,b``, times as ``Fri Jul 29 18:52:53 UTC 2016`` |
| OpenAPI body | brings gateway responses, mock answers, request validators and models |

What concerns authorizers is in `_ministack_authorizers` and `_ministack_appsync`, what concerns a
function's process in `_ministack_functions`, and smaller things are in `_ministack_corrections`.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from authz_local._ministack_answers import note_answers
from authz_local._ministack_appsync import correct_appsync
from authz_local._ministack_authorizers import (
    correct_http,
    correct_rest,
    correct_websockets,
    note_requests,
)
from authz_local._ministack_corrections import (
    correct_mappings,
    correct_paths,
    correct_principals,
    make_policy_store_types,
)
from authz_local._ministack_functions import correct_functions
from authz_local._ministack_loading import load_services_late

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from authz_lib._support.strict_json import JSONObject

__all__ = ["correct", "correct_events_and_import", "main"]

_TIMES = ("auth_time", "exp", "iat", "nbf")
_VALIDATOR = "x-amazon-apigateway-request-validator"


def main() -> None:
    """Correct ministack's modules and run its own entry point."""
    load_services_late()
    from ministack import app, services
    from ministack.core import iam_evaluator, lambda_runtime
    from ministack.services import apigateway, apigateway_v1, appsync, lambda_svc  # noqa: F401
    from ministack.services.cloudformation import provisioners

    correct(app, services)
    correct_functions(lambda_runtime, lambda_svc)
    correct_paths(app)
    correct_principals(iam_evaluator)
    make_policy_store_types(provisioners)
    app.main()


def correct(app: ModuleType, services: Any) -> None:
    """Make all corrections.

    Args:
        app: ``ministack.app``.
        services: has ministack's modules ``apigateway``, ``apigateway_v1``, ``appsync`` and
            ``lambda_svc``.
    """
    correct_events_and_import(services.apigateway_v1)
    note_requests(app)
    note_answers(services.lambda_svc)
    correct_rest(services.apigateway_v1)
    correct_http(services.apigateway, services.apigateway_v1)
    correct_mappings(services.apigateway)
    correct_websockets(services.apigateway)
    correct_appsync(services.appsync)


def correct_events_and_import(rest: ModuleType) -> None:
    """Replace three functions of ``ministack.services.apigateway_v1``."""
    module: Any = rest
    module._build_lambda_event_v1 = _without_version(module._build_lambda_event_v1)  # noqa: SLF001
    module._stringify_claims = _as_a_rest_api_writes(module._stringify_claims)  # noqa: SLF001
    module._import_rest_api = _with_answers(module._import_rest_api, module)  # noqa: SLF001


def _without_version(build: Callable[..., JSONObject]) -> Callable[..., JSONObject]:
    def event(*args: Any, **kwargs: Any) -> JSONObject:
        return {name: value for name, value in build(*args, **kwargs).items() if name != "version"}

    return event


def _as_a_rest_api_writes(
    stringify: Callable[[JSONObject], dict[str, str]],
) -> Callable[[JSONObject], dict[str, str]]:
    def claims(verified: JSONObject) -> dict[str, str]:
        lists = {
            name: ",".join(map(str, value))
            for name, value in verified.items()
            if isinstance(value, list)
        }
        times = {
            name: _date(verified[name]) for name in _TIMES if isinstance(verified.get(name), int)
        }
        return stringify(verified) | lists | times

    return claims


def _date(seconds: int) -> str:
    return time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(seconds))


def _with_answers(import_api: Callable[..., str], rest: Any) -> Callable[..., str]:
    def imported(spec: JSONObject, *args: Any, **kwargs: Any) -> str:
        api_id = import_api(spec, *args, **kwargs)
        for kind, response in (spec.get("x-amazon-apigateway-gateway-responses") or {}).items():
            rest._put_gateway_response(api_id, kind, response)  # noqa: SLF001
        resources = rest._resources[api_id]  # noqa: SLF001
        ids = {resource["path"]: resource_id for resource_id, resource in resources.items()}
        for name, schema in ((spec.get("components") or {}).get("schemas") or {}).items():
            rest._create_model(api_id, {"name": name, "schema": schema})  # noqa: SLF001
        for path, operations in (spec.get("paths") or {}).items():
            for method, operation in operations.items():
                _put_mock(rest, (api_id, ids.get(path), method.upper()), operation)
                _put_validator(rest, spec, (api_id, ids.get(path), method.upper()), operation)
        return api_id

    return imported


def _put_mock(rest: Any, where: tuple[str, str | None, str], operation: Mapping[str, Any]) -> None:
    integration = (
        operation.get("x-amazon-apigateway-integration") if isinstance(operation, dict) else None
    )
    if not integration or str(integration.get("type")).lower() != "mock":
        return
    for pattern, response in (integration.get("responses") or {}).items():
        status = str(response["statusCode"])
        rest._put_method_response(*where, status, {})  # noqa: SLF001
        rest._put_integration_response(  # noqa: SLF001
            *where,
            status,
            {**response, "selectionPattern": "" if pattern == "default" else pattern},
        )


def _put_validator(
    rest: Any, spec: JSONObject, where: tuple[str, str | None, str], operation: Mapping[str, Any]
) -> None:
    """Have a method check its request, as the document says, before its integration."""
    name = operation.get(_VALIDATOR) if isinstance(operation, dict) else None
    if name is None:
        return
    api_id, resource_id, http_method = where
    settings = {"name": name, **spec[f"{_VALIDATOR}s"][name]}
    _status, _headers, validator = rest._create_request_validator(api_id, settings)  # noqa: SLF001
    content = (operation.get("requestBody") or {}).get("content") or {}
    method = rest._resources[api_id][resource_id]["resourceMethods"][http_method]  # noqa: SLF001
    method["requestValidatorId"] = json.loads(validator)["id"]
    method["requestModels"] = {
        kind: media["schema"]["$ref"].rpartition("/")[2] for kind, media in content.items()
    }


if __name__ == "__main__":
    main()
