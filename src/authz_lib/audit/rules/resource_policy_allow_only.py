"""A resource policy that keeps nobody out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.audit.rule import AuditRule, Sight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_point import Gateway
    from authz_lib.audit.entry_points import Inventory

__all__ = ["RESOURCE_POLICY_ALLOW_ONLY"]

_EITHER_SUFFICES = frozenset({"AWS_IAM", "CUSTOM"})


def _check(inventory: Inventory) -> Iterator[Sight]:
    for gateway in inventory.gateways.values():
        policy = _policy_of(gateway)
        statements = _statements(inventory, policy)
        if not statements or any(one.get("Effect") != "Allow" for one in statements):
            continue
        is_for_all = any(_is_for_all(one) for one in statements)
        kinds = {one.authorization.kind for one in inventory.routes_of(gateway.name)}
        if not is_for_all and not kinds & _EITHER_SUFFICES:
            continue
        what = "allows everybody" if is_for_all else "only allows"
        message = f"the resource policy of `{gateway.name}` {what}: it keeps nobody out"
        yield Sight(gateway.name, _line(inventory, gateway), message, fix="a `Deny` for the others")


def _policy_of(gateway: Gateway) -> Any:
    body = gateway.properties.get("Body")
    written = body.get("x-amazon-apigateway-policy") if isinstance(body, dict) else None
    return gateway.properties.get("Policy", written)


def _statements(inventory: Inventory, policy: Any) -> list[dict[str, Any]]:
    plain = inventory.template.values.plain(policy)
    found = plain.get("Statement") if isinstance(plain, dict) else None
    listed = found if isinstance(found, list) else [found]
    return [one for one in listed if isinstance(one, dict)]


def _is_for_all(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal")
    return principal in ("*", {"AWS": "*"}, {"AWS": ["*"]}) and not statement.get("Condition")


def _line(inventory: Inventory, gateway: Gateway) -> int:
    origins = inventory.template.origins
    for way in (
        ("Policy",),
        ("Auth", "ResourcePolicy"),
        ("DefinitionBody", "x-amazon-apigateway-policy"),
        ("Body", "x-amazon-apigateway-policy"),
    ):
        place = origins.place("Resources", gateway.name, "Properties", *way)
        if place is not None:
            return place.line
    shared = origins.place("Globals", "Api", "Auth", "ResourcePolicy")
    return gateway.line if shared is None else shared.line


RESOURCE_POLICY_ALLOW_ONLY = AuditRule(
    id="resource-policy-allow-only",
    title="A resource policy only allows",
    severity="medium",
    confidence="high",
    why="""
Behind `AWS_IAM` (in one account) or a Lambda authorizer, an Allow of *either* side suffices. A
resource policy that only allows, for an address range or a role, keeps nobody out whom the other
side allows. And where a Lambda authorizer's policy is silent about a route, the resource policy
makes an Allow of the silence. A policy that restricts has a `Deny` for everybody else.
""",
    before="""
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Name: orders
      Policy:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: "*"
            Action: execute-api:Invoke
            Resource: "*"
""",
    after="""
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Name: orders
      Policy:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: "*"
            Action: execute-api:Invoke
            Resource: "*"
          - Effect: Deny
            Principal: "*"
            Action: execute-api:Invoke
            Resource: "*"
            Condition: {NotIpAddress: {aws:SourceIp: 192.0.2.0/24}}
""",
    check=_check,
)
