"""Every site may use a visitor's credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.audit.rule import AuditRule, Sight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["CORS_ANY_ORIGIN"]

_ORIGIN = "method.response.header.Access-Control-Allow-Origin"
_CREDENTIALS = "method.response.header.Access-Control-Allow-Credentials"


def _check(inventory: Inventory) -> Iterator[Sight]:
    origins = inventory.template.origins
    for gateway in inventory.gateways.values():
        plain = inventory.template.values.plain(gateway.properties)
        if any(map(_lets_all_in, _objects_in(plain))):
            message = f"`{gateway.name}` lets every origin use a visitor's credentials"
            line = gateway.line
            for member in ("CorsConfiguration", "Cors"):
                place = origins.place("Resources", gateway.name, "Properties", member)
                line = line if place is None else place.line
            yield Sight(gateway.name, line, message, fix="name the origins of your own pages")


def _objects_in(value: Any) -> Iterator[dict[str, Any]]:
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            yield item
            todo += item.values()
        elif isinstance(item, list):
            todo += item


def _lets_all_in(item: dict[str, Any]) -> bool:
    """The CORS settings of HTTP APIs and function URLs, and the headers of a REST API's mock."""
    lowered = {str(key).lower(): value for key, value in item.items()}
    allowed = lowered.get("alloworigins", [])
    with_credentials = str(lowered.get("allowcredentials")).lower() == "true"
    if with_credentials and isinstance(allowed, list) and "*" in allowed:
        return True
    return item.get(_ORIGIN) == "'*'" and "true" in str(item.get(_CREDENTIALS)).lower()


CORS_ANY_ORIGIN = AuditRule(
    id="cors-any-origin",
    title="Every origin may use a visitor's credentials",
    severity="medium",
    confidence="high",
    why="""
With `*` and credentials, a page of anybody may send requests with the visitor's cookies and read
the answers, where a browser or a proxy lets that through. Name the origins of your own pages.
""",
    before="""
Resources:
  Url:
    Type: AWS::Lambda::Url
    Properties:
      TargetFunctionArn: orders
      AuthType: AWS_IAM
      Cors: {AllowOrigins: ["*"], AllowCredentials: true}
""",
    after="""
Resources:
  Url:
    Type: AWS::Lambda::Url
    Properties:
      TargetFunctionArn: orders
      AuthType: AWS_IAM
      Cors: {AllowOrigins: ["https://app.example.com"], AllowCredentials: true}
""",
    check=_check,
)
