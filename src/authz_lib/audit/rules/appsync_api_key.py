"""An API of AppSync that takes an API key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._words import is_never, when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["APPSYNC_API_KEY"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for point in inventory.entry_points:
        if point.surface not in {"events", "graphql"}:
            continue
        if not point.is_open and "API_KEY" not in point.authorization.names:
            continue
        beside = "" if point.is_open else f", beside {point.authorization.kind}"
        message = f"`{point.api}` ({point.place}) lets callers in by an API key{beside}"
        yield Sight(
            point.api,
            point.line,
            message + when(inventory, point),
            point,
            "info" if is_never(inventory, point) else "medium",
            fix="AuthenticationType: AWS_IAM, or a user pool",
        )


APPSYNC_API_KEY = AuditRule(
    id="appsync-api-key",
    title="An AppSync API takes an API key",
    severity="medium",
    confidence="high",
    why="""
AppSync's API keys are one text for all callers. Every client of an app holds it. As the default, it
opens every field. As an additional way, it opens each field with `@aws_api_key`, and each one
without a directive where it is the default.
""",
    before="""
Resources:
  Graph:
    Type: AWS::AppSync::GraphQLApi
    Properties: {Name: orders, AuthenticationType: API_KEY}
""",
    after="""
Resources:
  Graph:
    Type: AWS::AppSync::GraphQLApi
    Properties: {Name: orders, AuthenticationType: AWS_IAM}
""",
    check=_check,
)
