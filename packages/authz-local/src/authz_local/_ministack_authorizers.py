"""What ministack tells an authorizer and does with its answer, corrected where AWS differs.

All APIs
- ``$context.path`` is the path that the client asked for, with its stage or its mapping's key.
  ``$context.domainName`` is the client's host.
- An authorizer's event has the same path and host.

HTTP APIs
- A path is decoded, cut off at a ``?``, and decoded again (captures of AWS: ``hotsock/voker``,
  ``vokerhttp/testdata/ingress-paths.json``).
- The cache key holds that path too.  AWS does not document it; it is the worse case.
- An event 1.0 has its version and the values of its identity sources.

REST APIs
- An event holds all values of a repeated header.
- The cache key holds the last of them, as ministack has it for lists.  AWS does not document it.
- An identity source may be ``context.*``, with the names of `_rest_context`.
- The resource policy and the authorizer's policy are read together:

  | who says so | result |
  |---|---|
  | the resource policy denies | refused before the authorizer is asked |
  | the authorizer's policy denies | refused |
  | either allows | passed |

WebSocket APIs
- An authorizer that raises ``Unauthorized`` is 401, as for REST APIs.

See the API Gateway developer guide, "How API Gateway resource policies affect authorization
workflow", "Variables for access logging for API Gateway", "Create AWS Lambda proxy integrations
for HTTP APIs" (``rawPath``) and "Control access to WebSocket APIs with AWS Lambda REQUEST
authorizers".
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from authz_local._ministack_answers import answers_noted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import ModuleType

    from authz_lib._support.strict_json import JSONObject

__all__ = ["correct_http", "correct_rest", "correct_websockets", "note_requests"]


class _Request(NamedTuple):
    """What a client sent."""

    host: str
    path: str
    headers: Mapping[str, list[str]]


_request: ContextVar[_Request] = ContextVar("request")
_context: ContextVar[Mapping[str, str]] = ContextVar("context")
_identity: ContextVar[list[str]] = ContextVar("identity")


def note_requests(app: ModuleType) -> None:
    """Have ``ministack.app.app`` note each request: its routing drops the host and the path."""
    module: Any = app
    serve = module.app

    async def noting(scope: Mapping[str, Any], receive: object, send: object) -> None:
        headers: dict[str, list[str]] = {}
        for name, value in scope.get("headers", ()):
            headers.setdefault(name.decode("latin-1").lower(), []).append(
                value.decode("utf-8", errors="replace")
            )
        host = headers.get("host", [""])[0].partition(":")[0].lower()
        _request.set(_Request(host, scope.get("path", ""), headers))
        await serve(scope, receive, send)

    module.app = noting


def _asked_for(rest: Any, api_id: str, stage: str, path: str) -> tuple[str, str]:
    """The domain and the path of the request, as its client named them."""
    request = _request.get()
    if rest.resolve_base_path_mapping(request.host, request.path) is not None:
        return request.host, request.path
    own = f"{api_id}.execute-api."
    domain = request.host if request.host.startswith(own) else f"{own}localhost"
    return domain, path if stage == "$default" else f"/{stage}{path}"


def _handed_over(rest: Any, api_id: str, stage: str, path: str) -> tuple[str, str, str]:
    """The domain, the path, and the path below a mapping, as an HTTP API hands them over."""
    # ministack leaves `%25` as it is
    domain, asked = _asked_for(rest, api_id, stage, path.replace("%25", "%"))
    return domain, _decoded_again(asked), _decoded_again(path.replace("%25", "%"))


def _decoded_again(path: str) -> str:
    return unquote(path.partition("?")[0])


# -- HTTP APIs ---


def correct_http(http: ModuleType, rest: ModuleType) -> None:
    """Replace two functions of ``ministack.services.apigateway``; ``rest`` is its REST module."""
    module: Any = http
    module._request_authorizer_identity_sources = _with_the_place(  # noqa: SLF001
        module._request_authorizer_identity_sources,  # noqa: SLF001
        rest,
    )
    module._invoke_request_authorizer_lambda = _told_the_place(  # noqa: SLF001
        module._invoke_request_authorizer_lambda,  # noqa: SLF001
        rest,
    )


def _with_the_place(sources: Callable[..., Any], rest: Any) -> Callable[..., Any]:
    def resolved(
        declared: Any, headers: Any, query: Any, variables: Any, context: JSONObject | None = None
    ) -> Any:
        if context is not None:  # that of a WebSocket API is not modelled
            domain, path, _below = _handed_over(
                rest, context["apiId"], context["stage"], context["path"]
            )
            context = {**context, "domainName": domain, "path": path}
        found = sources(declared, headers, query, variables, context)
        _identity.set(found[1])
        return found

    return resolved


def _told_the_place(
    invoke: Callable[..., Awaitable[Any]], rest: Any
) -> Callable[..., Awaitable[Any]]:
    async def invoked(authorizer: Any, event: JSONObject, *scope: Any) -> Any:
        context = event["requestContext"]
        if "http" in context:
            domain, asked, below = _handed_over(
                rest, context["apiId"], context["stage"], event["rawPath"]
            )
            context["domainName"], context["http"]["path"] = domain, asked
            is_own = domain.startswith(f"{context['apiId']}.execute-api.")
            event["rawPath"] = asked if is_own else below  # a mapping's key is in no `rawPath`
        elif "path" in event:
            domain, asked, _below = _handed_over(
                rest, context["apiId"], context["stage"], event["path"]
            )
            context["domainName"], context["path"] = domain, asked
            identity = ",".join(_identity.get())
            event |= {"version": "1.0", "identitySource": identity, "authorizationToken": identity}
        return await invoke(authorizer, event, *scope)

    return invoked


# -- REST APIs ---


def correct_rest(rest: ModuleType) -> None:
    """Replace five functions of ``ministack.services.apigateway_v1``."""
    module: Any = rest
    module._authorize_request_v1 = _with_resource_policy(module._authorize_request_v1, module)  # noqa: SLF001
    module._evaluate_policy = _together_with_resource_policy(module._evaluate_policy, module)  # noqa: SLF001
    module._request_identity_sources = _with_context_sources(module._request_identity_sources)  # noqa: SLF001
    module._invoke_authorizer_lambda = _told_all(module._invoke_authorizer_lambda)  # noqa: SLF001
    module._build_lambda_event_v1 = _with_all_values(module._build_lambda_event_v1)  # noqa: SLF001


def _repeated() -> dict[str, list[str]]:
    return {name: values for name, values in _request.get().headers.items() if len(values) > 1}


def _put_repeated(event: JSONObject) -> JSONObject:
    """The event with all values of a repeated header; ``headers`` holds the last one."""
    repeated = _repeated()
    event["headers"] = {
        **event["headers"],
        **{name: values[-1] for name, values in repeated.items()},
    }
    event["multiValueHeaders"] = {**event["multiValueHeaders"], **repeated}
    return event


def _with_all_values(build: Callable[..., JSONObject]) -> Callable[..., JSONObject]:
    def built(*args: Any, **kwargs: Any) -> JSONObject:
        return _put_repeated(build(*args, **kwargs))

    return built


def _told_all(invoke: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def invoked(authorizer: Any, event: JSONObject, *scope: Any) -> Any:
        if "requestContext" in event:  # a TOKEN event has none
            domain, path = _context.get()["domainName"], _context.get()["path"]
            event = _put_repeated(event)
            event["requestContext"] |= {"domainName": domain, "path": path}
            if not domain.startswith(f"{event['requestContext']['apiId']}.execute-api."):
                event["path"] = path  # a mapping's key included
        return await invoke(authorizer, event, *scope)

    return invoked


def _rest_context(rest: Any, request: Mapping[str, Any]) -> dict[str, str]:
    """What `context.*` stands for in an identity source of a REST API."""
    domain, path = _asked_for(
        rest, request["api_id"], request["stage_name"], request["request_path"]
    )
    headers = _request.get().headers
    return {
        "accountId": request["owner_account_id"],
        "apiId": request["api_id"],
        "domainName": domain,
        "httpMethod": request["method"],
        "identity.sourceIp": headers.get("x-forwarded-for", ["127.0.0.1"])[-1]
        .partition(",")[0]
        .strip(),
        "identity.userAgent": headers.get("user-agent", [""])[-1],
        "path": path,
        "resourcePath": request["resource"]["path"],
        "stage": request["stage_name"],
    }


_AUTHORIZED = (
    "api_id", "stage_name", "method_obj", "method", "request_path", "resource",
    "headers", "body", "query_params", "path_params", "stage", "owner_account_id", "owner_region",
)  # fmt: skip
"""The names of the arguments of ministack's `_authorize_request_v1`."""
_ARN_PARTS = (
    "owner_region", "owner_account_id", "api_id", "stage_name", "method", "request_path"
)  # fmt: skip
"""Those of its `execute_api_arn`."""


def _with_resource_policy(
    authorize: Callable[..., Awaitable[Any]], rest: Any
) -> Callable[..., Awaitable[Any]]:
    async def authorized(*args: Any) -> Any:
        from ministack.core.arn import execute_api_arn

        request = dict(zip(_AUTHORIZED, args, strict=True))
        _context.set(_rest_context(rest, request))
        if request["method_obj"].get("authorizationType") == "CUSTOM":
            arn = execute_api_arn(*(request[name] for name in _ARN_PARTS))
            if _resource_policy_says(rest, arn) == "Deny":
                return rest._deny_error(explicit=True), None  # noqa: SLF001
        return await authorize(*args)

    return authorized


def _together_with_resource_policy(
    evaluate: Callable[[Any, str], str], rest: Any
) -> Callable[[Any, str], str]:
    def evaluated(policy: Any, arn: str) -> str:
        outcomes = {evaluate(policy, arn), _resource_policy_says(rest, arn)}
        return next((outcome for outcome in ("Deny", "Allow") if outcome in outcomes), "NoMatch")

    return evaluated


def _resource_policy_says(rest: Any, arn: str) -> str:
    from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy

    document, _account = rest.rest_api_policy_for_arn(arn) or ("", "")
    if not document:
        return "NoMatch"
    caller = EvalContext("*", "Anonymous", "", "execute-api:Invoke", arn, arn.split(":")[3])
    return str(evaluate_resource_policy(document, caller).decision)


def _with_context_sources(sources: Callable[..., Any]) -> Callable[..., Any]:
    def resolved(declared: str, headers: Mapping[str, Any], *more: Any) -> tuple[bool, list[str]]:
        names = [name for name in map(str.strip, declared.split(",")) if name]
        values = [
            _context.get().get(name.removeprefix("context."), "")
            if name.startswith("context.")
            else value
            for name, value in zip(
                names, sources(declared, {**headers, **_repeated()}, *more)[1], strict=True
            )
        ]
        return all(values), values

    return resolved


# -- WebSocket APIs ---


def correct_websockets(http: ModuleType) -> None:
    """Replace a function of ``ministack.services.apigateway``."""
    module: Any = http
    authorize = module._authorize_ws_connect  # noqa: SLF001

    async def authorized(*args: Any) -> Any:
        with answers_noted() as answers:
            refusal, context = await authorize(*args)
        if answers and _is_unauthorized(answers[-1]):
            refusal = (401, "Unauthorized")
        return refusal, context

    module._authorize_ws_connect = authorized  # noqa: SLF001


def _is_unauthorized(answer: Any) -> bool:
    """Whether a function has raised an error with this text."""
    body = answer.get("body") if isinstance(answer, dict) and answer.get("error") else None
    return isinstance(body, dict) and body.get("errorMessage") == "Unauthorized"
