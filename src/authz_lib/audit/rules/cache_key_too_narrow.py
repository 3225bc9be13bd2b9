"""A Lambda authorizer whose remembered answer is used for another request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.authorizer.identity_source import (
    CONTEXT_METHOD,
    CONTEXT_PATH,
    CONTEXT_ROUTE_KEY,
    IdentitySource,
)
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_point import AuthorizerUse, EntryPoint
    from authz_lib.audit.entry_points import Inventory

__all__ = ["CACHE_KEY_TOO_NARROW"]

_RESOURCE_PATH = IdentitySource("context", "resourcePath")


def _check(inventory: Inventory) -> Iterator[Sight]:
    if inventory.actions is not None:
        return  # `cache-unproven` knows more
    for gateway in inventory.gateways.values():
        for use in gateway.authorizers.values():
            routes = [
                point
                for point in inventory.routes_of(gateway.name)
                if point.authorization.authorizer == use.name and not point.is_preflight
            ]
            problem = _problem(use, routes)
            if problem is not None:
                yield Sight(
                    gateway.name,
                    use.line,
                    f"the answers of `{use.name}` are kept for {_how_long(use)}, and {problem}",
                    severity="high" if use.simple else None,
                    fix="a time to live of 0, or identity sources that tell requests apart",
                )


def _how_long(use: AuthorizerUse) -> str:
    ttl = use.cache.ttl_seconds if use.cache is not None else None
    return f"{ttl} s" if ttl is not None else "a time that only a deployment tells"


def _problem(use: AuthorizerUse, routes: list[EntryPoint]) -> str | None:
    if use.cache is None or use.cache.ttl_seconds == 0 or not routes:
        return None
    if not use.cache.identity_sources and use.form == "request":
        return None  # without one, the gateway remembers nothing
    inputs = set(_parsed(use.cache.identity_sources))
    tells_path = CONTEXT_PATH in inputs
    if any(_takes_many_paths(point) for point in routes) and not tells_path:
        return "its key tells no ids apart: an answer for one path is used for another"
    tells_route = (
        CONTEXT_ROUTE_KEY in inputs
        or inputs >= {CONTEXT_METHOD, CONTEXT_PATH}
        or inputs >= {CONTEXT_METHOD, _RESOURCE_PATH}
    )
    several = {(point.method, point.path) for point in routes}
    if (len(several) > 1 or "ANY" in {point.method for point in routes}) and not tells_route:
        return "its key tells no routes apart: an answer for one route is used for another"
    return None


def _parsed(sources: tuple[str, ...]) -> Iterator[IdentitySource]:
    for source in sources:
        try:
            yield IdentitySource.parse(source)
        except ConfigurationError:
            continue  # it tells nothing that is known here


def _takes_many_paths(point: EntryPoint) -> bool:
    return "{" in (point.path or "") or point.path == "$default"


CACHE_KEY_TOO_NARROW = AuditRule(
    id="cache-key-too-narrow",
    title="A remembered answer is used for another request",
    severity="medium",
    confidence="medium",
    why="""
API Gateway remembers what a Lambda authorizer said, by its identity sources. A REST API does so for
300 seconds where the template says nothing. Where the key is the token alone, the answer for one
route or id is the answer for every other one: an Allow for `GET /orders/1` opens
`DELETE /orders/2`.

The answer of an authorizer that decides by the token alone is right all the same, and so is an IAM
policy that names every route. With `--actions` the audit knows what the application decides, and
says it with certainty: see `cache-unproven` and the page "What the gateway
remembers".
""",
    before="""
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Auth:
        DefaultAuthorizer: Tokens
        Authorizers:
          Tokens: {FunctionArn: !GetAtt Authorizer.Arn}
  Authorizer:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.12, Handler: app.handler, CodeUri: src/}
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: src/
      Events:
        Get:
          Type: Api
          Properties: {RestApiId: !Ref Api, Path: "/orders/{orderId}", Method: get}
""",
    after="""
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Auth:
        DefaultAuthorizer: Tokens
        Authorizers:
          Tokens:
            FunctionArn: !GetAtt Authorizer.Arn
            Identity: {ReauthorizeEvery: 0}
  Authorizer:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.12, Handler: app.handler, CodeUri: src/}
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: src/
      Events:
        Get:
          Type: Api
          Properties: {RestApiId: !Ref Api, Path: "/orders/{orderId}", Method: get}
""",
    check=_check,
)
