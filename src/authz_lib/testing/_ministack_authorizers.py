"""What ministack tells an authorizer, keys its answer on, and makes of the answer, put right where AWS differs.

- ``$context.path`` is the path as the client asked for it, below a stage or a mapping, and ``$context.domainName`` the
  client's host; an authorizer's event says the same.
- An identity source of a REST API may be ``context.*``.  Its events hold a repeated header with all its values; the
  key holds the last one, as ministack has it (on which AWS keys is documented nowhere).
- A REST API's resource policy is read together with the authorizer's: an explicit Deny of either refuses, else an Allow
  of either lets pass.
- AppSync remembers an answer for the API and its ``authorizationToken``: for ``ttlOverride`` seconds, or else for the
  API's ``authorizerResultTtlInSeconds``.

See the API Gateway developer guide, "How API Gateway resource policies affect authorization workflow" and "Variables
for access logging for API Gateway", and the AppSync developer guide, "AWS_LAMBDA authorization".
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import ModuleType

__all__ = ["correct_appsync", "correct_http", "correct_rest", "note_requests"]

_JSON: TypeAlias = "dict[str, Any]"


class _Request(NamedTuple):
    """What a client sent."""

    host: str
    path: str
    headers: Mapping[str, list[str]]


_request: ContextVar[_Request] = ContextVar("request")
_context: ContextVar[Mapping[str, str]] = ContextVar("context")
_answer: ContextVar[object] = ContextVar("answer")


def note_requests(app: ModuleType) -> None:
    """Have ``ministack.app.app`` keep what its routing leaves behind."""
    module: Any = app
    serve = module.app

    async def noting(scope: Mapping[str, Any], receive: object, send: object) -> None:
        headers: dict[str, list[str]] = {}
        for name, value in scope.get("headers", ()):
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("utf-8", errors="replace"))
        host = headers.get("host", [""])[0].partition(":")[0].lower()
        _request.set(_Request(host, scope.get("path", ""), headers))
        await serve(scope, receive, send)

    module.app = noting


def _asked_for(rest: Any, api_id: str, stage: str, path: str) -> tuple[str, str]:
    """The domain and the path of the request, as its client names them."""
    request = _request.get()
    if rest.resolve_base_path_mapping(request.host, request.path) is not None:
        return request.host, request.path
    own = f"{api_id}.execute-api."
    domain = request.host if request.host.startswith(own) else f"{own}localhost"
    return domain, path if stage == "$default" else f"/{stage}{path}"


# -- HTTP APIs ---------------------------------------------------------------------------------------------------------


def correct_http(http: ModuleType, rest: ModuleType) -> None:
    """Replace two functions of ``ministack.services.apigateway``; the second module is ``...apigateway_v1``."""
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
    def resolved(declared: Any, headers: Any, query: Any, variables: Any, context: _JSON | None = None) -> Any:
        if context is not None:  # that of a WebSocket API is not modelled
            domain, path = _asked_for(rest, context["apiId"], context["stage"], context["path"])
            context = {**context, "domainName": domain, "path": path}
        return sources(declared, headers, query, variables, context)

    return resolved


def _told_the_place(invoke: Callable[..., Awaitable[Any]], rest: Any) -> Callable[..., Awaitable[Any]]:
    async def invoked(authorizer: Any, event: _JSON, *scope: Any) -> Any:
        context = event.get("requestContext")
        path = event.get("rawPath", event.get("path"))
        if context is not None and path is not None:  # neither a TOKEN event nor a WebSocket API's
            domain, asked = _asked_for(rest, context["apiId"], context["stage"], path)
            context["domainName"] = domain
            if "http" in context:
                context["http"]["path"] = asked
                # A mapping's key is in no `rawPath`.
                event["rawPath"] = asked if domain.startswith(f"{context['apiId']}.execute-api.") else path
            else:
                context["path"] = asked
        return await invoke(authorizer, event, *scope)

    return invoked


# -- REST APIs ---------------------------------------------------------------------------------------------------------


def correct_rest(rest: ModuleType) -> None:
    """Replace five functions of ``ministack.services.apigateway_v1``."""
    module: Any = rest
    module.handle_execute = _with_repeated_headers(module.handle_execute)
    module._authorize_request_v1 = _with_context(module._authorize_request_v1, module)  # noqa: SLF001
    module._request_identity_sources = _with_context_sources(module._request_identity_sources)  # noqa: SLF001
    module._invoke_authorizer_lambda = _told_the_place(module._invoke_authorizer_lambda, module)  # noqa: SLF001
    module._evaluate_policy = _with_resource_policy(module._evaluate_policy, module)  # noqa: SLF001


def _with_repeated_headers(execute: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def executed(api_id: str, stage: str, method: str, path: str, headers: _JSON, *rest: Any) -> Any:
        repeated = {name: values for name, values in _request.get().headers.items() if len(values) > 1}
        return await execute(api_id, stage, method, path, {**headers, **repeated}, *rest)

    return executed


def _with_context(authorize: Callable[..., Awaitable[Any]], rest: Any) -> Callable[..., Awaitable[Any]]:
    async def authorized(api_id: str, stage: str, options: Any, method: str, path: str, *more: Any) -> Any:
        domain, asked = _asked_for(rest, api_id, stage, path)
        _context.set({"apiId": api_id, "domainName": domain, "httpMethod": method, "path": asked, "stage": stage})
        return await authorize(api_id, stage, options, method, path, *more)

    return authorized


def _with_context_sources(sources: Callable[..., Any]) -> Callable[..., Any]:
    def resolved(declared: str, *request: Any) -> tuple[bool, list[str]]:
        names = [name for name in map(str.strip, declared.split(",")) if name]
        values = [
            _context.get().get(name.removeprefix("context."), "") if name.startswith("context.") else value
            for name, value in zip(names, sources(declared, *request)[1], strict=True)
        ]
        return all(values), values

    return resolved


def _with_resource_policy(evaluate: Callable[[Any, str], str], rest: Any) -> Callable[[Any, str], str]:
    def evaluated(policy: Any, arn: str) -> str:
        from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy

        outcomes = {evaluate(policy, arn)}
        document, _account = rest.rest_api_policy_for_arn(arn) or ("", "")
        if document:
            caller = EvalContext("*", "Anonymous", "", "execute-api:Invoke", arn, arn.split(":")[3])
            outcomes.add(evaluate_resource_policy(document, caller).decision)
        return next((outcome for outcome in ("Deny", "Allow") if outcome in outcomes), "NoMatch")

    return evaluated


# -- AppSync -----------------------------------------------------------------------------------------------------------


def correct_appsync(appsync: ModuleType, lambdas: ModuleType) -> None:
    """Replace a function of ``ministack.services.appsync`` and one of ``ministack.services.lambda_svc``."""
    module, functions = appsync, lambdas  # type: Any, Any
    functions._execute_function_with_config_scope = _noting_the_answer(  # noqa: SLF001
        functions._execute_function_with_config_scope  # noqa: SLF001
    )
    module._invoke_lambda_authorizer = _remembering(  # noqa: SLF001
        module._invoke_lambda_authorizer,  # noqa: SLF001
        module._AuthorizerRejected,  # noqa: SLF001
    )


def _noting_the_answer(execute: Callable[..., Any]) -> Callable[..., Any]:
    def executed(*args: Any, **kwargs: Any) -> Any:
        answer = execute(*args, **kwargs)
        _answer.set(answer)
        return answer

    return executed


def _remembering(authorize: Callable[..., Any], rejected: type[Exception]) -> Callable[..., Any]:
    remembered: dict[tuple[str, str], tuple[float, Any]] = {}

    def authorized(api_id: str, settings: _JSON, headers: Mapping[str, str], **operation: Any) -> Any:
        key = (api_id, headers.get("authorization", ""))
        until, outcome = remembered.get(key, (0.0, None))
        if until <= time.monotonic():
            _answer.set(None)
            try:
                outcome = authorize(api_id, settings, headers, **operation)
            except rejected as refusal:
                outcome = refusal
            seconds = _seconds(_answer.get(), settings)
            remembered[key] = (time.monotonic() + seconds, outcome)
        if isinstance(outcome, rejected):
            raise outcome
        return outcome

    return authorized


def _seconds(answer: object, settings: Mapping[str, Any]) -> float:
    """For how long an answer is remembered; none for a failure, or for what is not an answer."""
    body = answer.get("body") if isinstance(answer, dict) and not answer.get("error") else None
    if isinstance(body, (str, bytes)):
        with suppress(ValueError):
            body = json.loads(body)
    if not isinstance(body, dict) or "isAuthorized" not in body:
        return 0
    return float(body.get("ttlOverride", settings.get("authorizerResultTtlInSeconds", 0)))
