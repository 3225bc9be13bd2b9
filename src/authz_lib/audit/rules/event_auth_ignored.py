"""An event whose ``Auth`` counts for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.audit.rule import AuditRule, Sight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory
    from authz_lib.audit.origins import RouteEvent

__all__ = ["EVENT_AUTH_IGNORED"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for event in inventory.template.origins.events:
        if event.kind != "Api" or event.auth is None or not _is_ignored(inventory, event):
            continue
        wanted = event.auth.get("Authorizer") if isinstance(event.auth, dict) else None
        routes = [
            point
            for point in inventory.routes_of(event.api or "")
            if (point.method, point.path) == (event.method, event.path)
        ]
        open_route = next((point for point in routes if point.is_open), None)
        if wanted in (None, "NONE") and open_route is None:
            continue
        outcome = "the route is open" if open_route is not None else "the API's default counts"
        message = (
            f"`Auth` of the event `{event.name}` is ignored, since `{event.api}` has a "
            f"`DefinitionBody`: {outcome}"
        )
        yield Sight(
            event.resource,
            event.auth_line,
            message,
            open_route or next(iter(routes), None),
            None if open_route is not None else "medium",
            fix="OverrideApiAuth: true",
        )


def _is_ignored(inventory: Inventory, event: RouteEvent) -> bool:
    origins = inventory.template.origins
    resource = origins.resources.get(event.api or "")
    properties = resource.get("Properties") if isinstance(resource, dict) else None
    if not isinstance(properties, dict) or "DefinitionBody" not in properties:
        return False
    if _is_true(properties.get("MergeDefinitions")):
        return False
    auth = event.auth if isinstance(event.auth, dict) else {}
    return not _is_true(auth.get("OverrideApiAuth"))


def _is_true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


EVENT_AUTH_IGNORED = AuditRule(
    id="event-auth-ignored",
    title="An event's `Auth` is ignored",
    severity="high",
    confidence="high",
    why="""
A REST API with a `DefinitionBody` takes the authorization of a route from the body, or from the
API's `DefaultAuthorizer`. SAM drops the `Auth` of an event without a word, unless it has
`OverrideApiAuth: true` or the API has `MergeDefinitions: true`. Without a default the route is
open, while the template looks closed. An HTTP API honours the event.
""",
    before="""
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      DefinitionBody:
        openapi: 3.0.1
        paths:
          /orders:
            get:
              x-amazon-apigateway-integration:
                {type: http_proxy, httpMethod: GET, uri: "https://example.com/"}
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: src/
      Events:
        List:
          Type: Api
          Properties:
            RestApiId: !Ref Api
            Path: /orders
            Method: get
            Auth: {Authorizer: AWS_IAM}
""",
    after="""
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      DefinitionBody:
        openapi: 3.0.1
        paths:
          /orders:
            get:
              x-amazon-apigateway-integration:
                {type: http_proxy, httpMethod: GET, uri: "https://example.com/"}
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: src/
      Events:
        List:
          Type: Api
          Properties:
            RestApiId: !Ref Api
            Path: /orders
            Method: get
            Auth: {Authorizer: AWS_IAM, OverrideApiAuth: true}
""",
    check=_check,
)
