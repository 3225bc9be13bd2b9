"""An OPTIONS method that is more than a preflight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._words import API_SURFACES, softened, when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["OPEN_OPTIONS"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for point in inventory.entry_points:
        is_open = point.authorization.kind == "NONE" and not point.authorization.api_key
        if point.surface not in API_SURFACES or point.method != "OPTIONS" or not is_open:
            continue
        if point.is_preflight:
            message = f"`{point.place}` is open, and the gateway answers it itself"
            yield Sight(point.api, point.line, message, point, "info", on_purpose=True)
            continue
        message = f"`{point.place}` reaches the application, and asks nobody who they are"
        yield Sight(
            point.api,
            point.line,
            message + when(inventory, point),
            point,
            "info" if point.on_purpose else softened(inventory, point, "high"),
            on_purpose=point.on_purpose,
            fix="let the gateway answer it: an integration of type `MOCK`, or `Cors`",
        )


OPEN_OPTIONS = AuditRule(
    id="open-options",
    title="An OPTIONS method reaches the application",
    severity="high",
    confidence="high",
    why="""
A browser sends no token with its preflight, so OPTIONS is rightly open where the gateway answers it
itself: an integration of type `MOCK`. With any other integration it is an entry point like any
other, and whoever leaves its authorizer away opens it. Such a preflight is listed with the severity
`info`, and counts as explained.
""",
    before="""
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties: {Name: orders}
  Options:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !GetAtt Api.RootResourceId
      HttpMethod: OPTIONS
      AuthorizationType: NONE
      Integration:
        {Type: HTTP_PROXY, Uri: https://example.com/, IntegrationHttpMethod: ANY}
""",
    after="""
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties: {Name: orders}
  Options:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !GetAtt Api.RootResourceId
      HttpMethod: OPTIONS
      AuthorizationType: NONE
      Integration: {Type: MOCK}
""",
    check=_check,
)
