"""A second address that does not ask for the client's certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.template import properties_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["DEFAULT_ENDPOINT"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    template = inventory.template
    mutual = {
        name
        for name, resource in template.of_type(
            "AWS::ApiGateway::DomainName", "AWS::ApiGatewayV2::DomainName"
        )
        if properties_of(resource).get("MutualTlsAuthentication")
    }
    mapped: dict[str, str] = {}
    for _, resource in template.of_type(
        "AWS::ApiGateway::BasePathMapping", "AWS::ApiGatewayV2::ApiMapping"
    ):
        properties = properties_of(resource)
        domain = template.resource_id(properties.get("DomainName"))
        api = template.resource_id(properties.get("RestApiId", properties.get("ApiId")))
        if domain in mutual and api is not None:
            mapped[api] = str(domain)
    for api, domain in mapped.items():
        gateway = inventory.gateways.get(api)
        if gateway is None:
            continue
        disabled = template.values.plain(gateway.properties.get("DisableExecuteApiEndpoint"))
        if str(disabled).lower() != "true":
            message = (
                f"`{api}` has its default endpoint beside `{domain}`, which asks for certificates"
            )
            yield Sight(api, gateway.line, message, fix="DisableExecuteApiEndpoint: true")


DEFAULT_ENDPOINT = AuditRule(
    id="default-endpoint",
    title="The default endpoint goes around mutual TLS",
    severity="medium",
    confidence="high",
    why="""
A custom domain with mutual TLS asks each client for a certificate. The API's own address,
`https://ID.execute-api.REGION.amazonaws.com`, does not, and is there until
`DisableExecuteApiEndpoint` says otherwise.
""",
    before="""
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: orders, ProtocolType: HTTP}
  Domain:
    Type: AWS::ApiGatewayV2::DomainName
    Properties:
      DomainName: api.example.com
      MutualTlsAuthentication: {TruststoreUri: s3://bucket/truststore.pem}
  Mapping:
    Type: AWS::ApiGatewayV2::ApiMapping
    Properties: {ApiId: !Ref Api, DomainName: !Ref Domain, Stage: $default}
""",
    after="""
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: orders, ProtocolType: HTTP, DisableExecuteApiEndpoint: true}
  Domain:
    Type: AWS::ApiGatewayV2::DomainName
    Properties:
      DomainName: api.example.com
      MutualTlsAuthentication: {TruststoreUri: s3://bucket/truststore.pem}
  Mapping:
    Type: AWS::ApiGatewayV2::ApiMapping
    Properties: {ApiId: !Ref Api, DomainName: !Ref Domain, Stage: $default}
""",
    check=_check,
)
