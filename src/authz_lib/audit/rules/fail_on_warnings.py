"""An import that drops what it does not like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["FAIL_ON_WARNINGS"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for gateway in inventory.gateways.values():
        is_import = gateway.surface == "http" and isinstance(gateway.properties.get("Body"), dict)
        if not is_import or not any(use.kind == "JWT" for use in gateway.authorizers.values()):
            continue
        fails = inventory.template.values.plain(gateway.properties.get("FailOnWarnings"))
        if str(fails).lower() != "true":
            message = f"`{gateway.name}` is deployed without the routes of an authorizer that fails"
            yield Sight(gateway.name, gateway.line, message, fix="FailOnWarnings: true")


FAIL_ON_WARNINGS = AuditRule(
    id="fail-on-warnings",
    title="An imported HTTP API drops what fails",
    severity="low",
    confidence="high",
    why="""
An HTTP API that is made from a body, also by SAM, is imported. Where an issuer cannot be reached,
API Gateway warns, drops what needs it, and the deployment succeeds. With `FailOnWarnings: true` it
fails instead.
""",
    before="""
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Users
        Authorizers:
          Users:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {issuer: https://issuer.example.com, audience: [web]}
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: src/
      Events:
        List:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Path: /orders, Method: get}
""",
    after="""
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      FailOnWarnings: true
      Auth:
        DefaultAuthorizer: Users
        Authorizers:
          Users:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {issuer: https://issuer.example.com, audience: [web]}
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: src/
      Events:
        List:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Path: /orders, Method: get}
""",
    check=_check,
)
