"""Action maps where they are made: from a Smithy service to a checked document.  Pydantic is
imported here only.

The document's model also describes the file for whoever writes one by hand: `ActionDocument` has a
JSON schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from authz_lib._support.json_file import in_one_line
from authz_lib.actions.entry import ACTION, METHODS, SCOPE, TYPE_NAME
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from authz_lib._support.strict_json import JSONObject
    from authz_lib.smithy.model import Operation, ResourceForm, Service

__all__ = ["ActionDocument", "ActionLine", "compile_actions"]

_Text = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,2048}$")]
_Action = Annotated[str, StringConstraints(pattern=f"^{ACTION.pattern}$")]
_TypeName = Annotated[str, StringConstraints(pattern=f"^{TYPE_NAME.pattern}$")]
_Scope = Annotated[str, StringConstraints(pattern=f"^{SCOPE.pattern}$")]
_Name = Annotated[str, StringConstraints(min_length=1)]


class ActionLine(BaseModel):
    """One line of an action map."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    method: Literal["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    route: _Text
    query: dict[_Name, str] = Field(default_factory=dict)
    action: _Action
    resource_type: _TypeName | None = None
    resource_id_label: _Text | None = None
    scopes: list[_Scope] = Field(default_factory=list)
    public: bool = False
    readonly: bool = False
    idempotent: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.public and self.scopes:
            raise ValueError("is public and asks for scopes")
        if self.resource_id_label is not None and self.resource_type is None:
            raise ValueError("has a `resource_id_label` and no `resource_type`")
        return self


class ActionDocument(BaseModel):
    """An action map as a file:
    ``{"version": 1, "prefix": ..., "service": ..., "actions": [...]}``.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    version: Annotated[int, Field(ge=1, le=1)]
    prefix: str = ""
    service: str = ""
    actions: list[ActionLine]

    @classmethod
    def read(cls, document: JSONObject) -> ActionDocument:
        """Check a document; what is wrong is told in one line."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False, include_context=False)
            where = ".".join(str(part) for part in problems[0]["loc"]) or "the document"
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise ConfigurationError(
                f"the action map is wrong at `{where}`: {problems[0]['msg']}{more}"
            ) from None


def compile_actions(
    service: Service, *, prefix: str | None = None, resources: ResourceForm = "path"
) -> JSONObject:
    """The document of a service: one line per operation, in a stable order."""
    if service.is_mixin:
        raise ConfigurationError(f"`{service.id}` is a mixin, a part of services and none itself")
    if resources not in {"path", "application"}:
        raise ConfigurationError("`resources` must be `path` or `application`")
    prefix = service.name.lower() if prefix is None else prefix
    lines = [_line(service, operation, prefix, resources) for operation in service.operations]
    lines.sort(
        key=lambda line: (line["route"], line["method"], sorted(line.get("query", {}).items()))
    )
    document = {"version": 1, "prefix": prefix, "service": service.id, "actions": lines}
    ActionDocument.read(document)
    return document


def _line(
    service: Service, operation: Operation, prefix: str, resources: ResourceForm
) -> dict[str, Any]:
    http = operation.http
    if http is None:
        raise ConfigurationError(
            f"the operation `{operation.id}` has no `@http`: no route means it"
        )
    if http.method not in METHODS:
        raise ConfigurationError(
            f"the operation `{operation.id}` has the method {in_one_line(http.method)}, which no "
            "API routes"
        )
    if operation.public and not operation.declares_public:
        raise ConfigurationError(
            f"`{service.id}` has no authentication scheme, so that `{operation.name}` would be "
            "public by silence: "
            "put one on the service, such as `@httpBearerAuth`, or say `@auth([])`"
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
