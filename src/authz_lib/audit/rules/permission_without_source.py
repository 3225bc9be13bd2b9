"""A permission for a service, on behalf of anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules.public_permission import is_narrowed, may_be
from authz_lib.audit.template import properties_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["PERMISSION_WITHOUT_SOURCE"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    template = inventory.template
    for name, resource in template.of_type("AWS::Lambda::Permission"):
        properties = properties_of(resource)
        principal = next(filter(_is_service, may_be(template, properties, "Principal")), None)
        if principal is None or is_narrowed(template, properties):
            continue
        function = template.resource_id(properties.get("FunctionName"))
        who = f"`{principal}` invokes `{function or 'a function'}` for any account of AWS"
        yield Sight(
            name,
            template.origins.line_of_resource(name),
            f"{who}: the permission has no `SourceArn`",
            severity="high" if principal == "apigateway.amazonaws.com" else "medium",
            fix="SourceArn: the ARN of the API, the bucket, the rule ...",
        )


def _is_service(principal: object) -> bool:
    return isinstance(principal, str) and ".amazon" in principal


PERMISSION_WITHOUT_SOURCE = AuditRule(
    id="permission-without-source",
    title="A service may invoke a function for anybody",
    severity="high",
    confidence="high",
    why="""
A permission for `apigateway.amazonaws.com` without `SourceArn` is one for every API of every
account: whoever knows the function's ARN invokes it through an API of their own, without your
authorizer. The same is true for other services, with the severity `medium`.
""",
    before="""
Resources:
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: orders
      Principal: apigateway.amazonaws.com
""",
    after="""
Resources:
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: orders
      Principal: apigateway.amazonaws.com
      SourceArn: !Sub arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:a1b2c3/*
""",
    check=_check,
)
