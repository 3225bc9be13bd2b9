"""A key that is there twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.json_file import in_one_line
from authz_lib.audit.rule import AuditRule, Sight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["KEY_TWICE"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    template = inventory.template
    for key, line in template.source.twice:
        message = f"the key {in_one_line(key)} is there twice, and the last one counts"
        yield Sight(template.origins.resource_at(line) or key, line, message)


KEY_TWICE = AuditRule(
    id="key-twice",
    title="A key is there twice",
    severity="low",
    confidence="high",
    why="""
Of two equal keys, CloudFormation takes the last one and says nothing. Whoever reads the first one
believes it: two `AuthenticationType`, two `Auth`.
""",
    before="""
Resources:
  Graph:
    Type: AWS::AppSync::GraphQLApi
    Properties:
      Name: orders
      AuthenticationType: AMAZON_COGNITO_USER_POOLS
      AuthenticationType: AWS_IAM
""",
    after="""
Resources:
  Graph:
    Type: AWS::AppSync::GraphQLApi
    Properties:
      Name: orders
      AuthenticationType: AWS_IAM
""",
    check=_check,
)
