"""A permission for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.audit.conditions import Guard
from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.stack_values import ABSENT
from authz_lib.audit.template import properties_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory
    from authz_lib.audit.template import Template

__all__ = ["PUBLIC_PERMISSION", "is_narrowed", "may_be"]

_NARROWING = ("EventSourceToken", "PrincipalOrgID", "SourceAccount", "SourceArn")


def is_narrowed(template: Template, properties: dict[str, Any]) -> bool:
    """Whether a permission is one for somebody."""
    return any(
        all(value is not ABSENT and value != "*" for value in may_be(template, properties, name))
        for name in _NARROWING
    )


def may_be(template: Template, properties: dict[str, Any], name: str) -> list[Any]:
    """What a member may be, under each condition."""
    return [value for _, value in template.values.texts(properties.get(name, ABSENT), Guard())]


def _check(inventory: Inventory) -> Iterator[Sight]:
    template = inventory.template
    urls = {
        point.function
        for point in inventory.entry_points
        if point.surface == "function-url" and point.is_open
    }
    for name, resource in template.of_type("AWS::Lambda::Permission"):
        properties = properties_of(resource)
        if not any(map(_is_everybody, may_be(template, properties, "Principal"))):
            continue
        function = template.resource_id(properties.get("FunctionName"))
        is_written = name in template.origins.resources
        if is_narrowed(template, properties) or (not is_written and function in urls):
            continue  # SAM's own, for a function URL that is reported itself
        action = template.values.plain(properties.get("Action"))
        message = f'`Principal: "*"` lets everybody call `{function}` by `{action}`'
        line = template.origins.line_of_resource(name)
        yield Sight(name, line, message, fix="name a service or an account, and `SourceArn`")


def _is_everybody(principal: Any) -> bool:
    return principal in ("*", {"AWS": "*"})


PUBLIC_PERMISSION = AuditRule(
    id="public-permission",
    title="Everybody may invoke a function",
    severity="high",
    confidence="high",
    why="""
`Principal: "*"` in a function's policy means every account of AWS, and with
`lambda:InvokeFunctionUrl` and `FunctionUrlAuthType: NONE` every visitor of the Internet. No
authorizer of an API stands before it.
""",
    before="""
Resources:
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: orders
      Principal: "*"
""",
    after="""
Resources:
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: orders
      Principal: "*"
      PrincipalOrgID: o-a1b2c3d4e5
""",
    check=_check,
)
