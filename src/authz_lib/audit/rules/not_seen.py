"""What the audit could not look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._words import when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["NOT_SEEN_RULE"]

_WHY: Final = {
    "OPAQUE_BODY": "a file, a macro or another API that is not here brings its routes",
    "OPAQUE_S3": "its routes are in a file that is not here",
    "UNKNOWN": "who is let in is known only when it is deployed",
}
_KNOWN_TRANSFORMS: Final = frozenset(
    {
        "AWS::CodeDeployBlueGreen",
        "AWS::Include",
        "AWS::LanguageExtensions",
        "AWS::SecretsManager-2020-07-23",
        "AWS::SecretsManager-2024-09-16",
        "AWS::Serverless-2016-10-31",
        "AWS::ServiceCatalog",
    }
)


def _check(inventory: Inventory) -> Iterator[Sight]:
    for point in inventory.entry_points:
        reason = _WHY.get(point.authorization.kind)
        if reason is not None:
            message = f"`{point.api}` was not seen: {reason}{when(inventory, point)}"
            yield Sight(point.api, point.line, message, point)
    yield from _macros(inventory)
    yield from _loops(inventory)
    yield from _modules(inventory)
    yield from _nested_stacks(inventory)


def _macros(inventory: Inventory) -> Iterator[Sight]:
    origins = inventory.template.origins
    written: Any = origins.document.get("Transform")
    for name in written if isinstance(written, list) else [written]:
        called = name.get("Name") if isinstance(name, dict) else name
        if isinstance(called, str) and called not in _KNOWN_TRANSFORMS:
            message = f"the macro `{called}` was not seen: it may change everything"
            yield Sight("Transform", origins.line("Transform"), message)


def _loops(inventory: Inventory) -> Iterator[Sight]:
    origins = inventory.template.origins
    for name in origins.resources:
        if name.startswith("Fn::"):
            message = f"the resources that `{name}` makes were not seen"
            yield Sight(name, origins.line("Resources", name), message)


def _modules(inventory: Inventory) -> Iterator[Sight]:
    template = inventory.template
    for name, resource in template.resources.items():
        if str(resource.get("Type")).endswith("::MODULE"):
            message = f"the resources that the module `{name}` makes were not seen"
            yield Sight(name, template.origins.line_of_resource(name), message)


def _nested_stacks(inventory: Inventory) -> Iterator[Sight]:
    template = inventory.template
    for name, _ in template.of_type("AWS::CloudFormation::Stack"):
        if name not in template.nested:
            message = f"the nested stack `{name}` was not seen: its template is not here"
            yield Sight(name, template.origins.line_of_resource(name), message, severity="low")


NOT_SEEN_RULE = AuditRule(
    id="not-seen",
    title="Something was not seen",
    severity="medium",
    confidence="high",
    why="""
What the audit cannot look at is not closed. It may be open. Put the file beside the template, as
`sam package` wants it, give a parameter its value with `--parameter`, or look yourself and say so
in an ignore. A nested stack that is not here has the severity `low`.
""",
    before="""
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Name: orders
      BodyS3Location: {Bucket: bucket, Key: openapi.json}
""",
    after="""
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Name: orders
      Body:
        openapi: 3.0.1
        paths:
          /orders:
            get: {security: [{sigv4: []}]}
        components:
          securitySchemes:
            sigv4:
              type: apiKey
              name: Authorization
              in: header
              x-amazon-apigateway-authtype: awsSigv4
""",
    check=_check,
)
