"""An ignore that explains nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.ignores import read_ignores
from authz_lib.audit.rule import AuditRule, Sight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["IGNORE_WITHOUT_EFFECT"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for ignore in read_ignores(inventory.template.origins):
        if not ignore.rule or not ignore.reason:
            message = "an ignore needs `rule` and `reason`, and may have `route`: it has no effect"
            yield Sight(ignore.resource, ignore.line, message)


IGNORE_WITHOUT_EFFECT = AuditRule(
    id="ignore-without-effect",
    title="An ignore has no effect",
    severity="medium",
    confidence="high",
    why="""
An ignore without a reason explains nothing to whoever signs off, so it is none. A misspelt member
does not silence anything either.
""",
    before="""
Resources:
  Report:
    Type: AWS::Lambda::Url
    Metadata: {authz-audit: {ignore: [{rule: open-function-url}]}}
    Properties: {TargetFunctionArn: report, AuthType: NONE}
""",
    after="""
Resources:
  Report:
    Type: AWS::Lambda::Url
    Metadata:
      authz-audit:
        ignore:
          - {rule: open-function-url, reason: the report is published anyway}
    Properties: {TargetFunctionArn: report, AuthType: NONE}
""",
    check=_check,
)
