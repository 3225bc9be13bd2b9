"""The document of an action map, made from a Smithy service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib._support.checks import require_one_of
from authz_lib._support.json_file import in_one_line
from authz_lib.actions.entry import METHODS
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from authz_lib._support.strict_json import JSONObject
    from authz_lib.smithy.model import Operation, ResourceForm, Service

__all__ = ["compile_actions"]


def compile_actions(
    service: Service, *, prefix: str | None = None, resources: ResourceForm = "path"
) -> JSONObject:
    """The document of a service: one line per operation, in a stable order.

    Checked here is what a line cannot show: the service is not a mixin, each operation has a route,
    and what is public is declared so.  Each line is checked by `ActionMap.from_document`.

    Raises:
        ConfigurationError: one of these does not hold.
    """
    if service.is_mixin:
        raise ConfigurationError(f"`{service.id}` must be a service, not a mixin")
    require_one_of(resources, "resources", ("path", "application"))
    prefix = service.name.lower() if prefix is None else prefix
    lines = [_line(service, operation, prefix, resources) for operation in service.operations]
    lines.sort(
        key=lambda line: (line["route"], line["method"], sorted(line.get("query", {}).items()))
    )
    return {"version": 1, "prefix": prefix, "service": service.id, "actions": lines}


def _line(
    service: Service, operation: Operation, prefix: str, resources: ResourceForm
) -> dict[str, Any]:
    http = operation.http
    if http is None:
        raise ConfigurationError(
            f"the operation `{operation.id}` must have `@http`: it has no route"
        )
    if http.method not in METHODS:
        raise ConfigurationError(
            f"the operation `{operation.id}` has the method {in_one_line(http.method)}, "
            "which API Gateway does not route"
        )
    if operation.public and not operation.declares_public:
        raise ConfigurationError(
            f"`{operation.name}` would be public, because `{service.id}` has no authentication "
            "scheme: add one to the service, such as `@httpBearerAuth`, or declare `@auth([])`"
        )
    if operation.is_open:
        raise ConfigurationError(
            f"`{operation.name}` would be listed as protected, and is open at the gateway, because "
            'of `@authorizer("NONE")`: name an authorizer, or declare `@auth([])`'
        )
    line: dict[str, Any] = {"method": http.method, "route": http.pattern.path}
    if http.pattern.query:
        line["query"] = dict(sorted(http.pattern.query.items()))
    line["action"] = f"{prefix}:{operation.action_name}" if prefix else operation.action_name
    if (
        resources == "path"
        and operation.subject is not None
        and operation.subject_label is not None
    ):
        line["resource_type"], line["resource_id_label"] = (
            operation.subject.name,
            operation.subject_label,
        )
    if operation.scopes:
        line["scopes"] = sorted(operation.scopes)
    flags = {
        "public": operation.public,
        "readonly": operation.readonly,
        "idempotent": operation.idempotent,
    }
    line.update({name: True for name, value in flags.items() if value})
    return line
