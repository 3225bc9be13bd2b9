"""What the local AWS makes of a template's resources, and what it does not.

| | |
|---|---|
| `MADE_HERE` | made by `authz local` itself, beside ministack's types |
| `NOT_MADE` | left out, and printed: no answer to a request depends on it |
| any other type that ministack has not | the template is refused, the resources named |
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    from authz_lib._support.strict_json import JSONObject

__all__ = ["MADE_HERE", "NOT_MADE", "unknown_resources", "without_what_is_not_made"]

MADE_HERE: Final = {
    "AWS::VerifiedPermissions::IdentitySource": "in the local policy store",
    "AWS::VerifiedPermissions::Policy": "in the local policy store",
    "AWS::VerifiedPermissions::PolicyStore": "in the local policy store",
    "AWS::VerifiedPermissions::PolicyStoreAlias": "in the local policy store",
    "AWS::VerifiedPermissions::PolicyTemplate": "in the local policy store",
}
_NO_LIMITS = "nothing is limited, filtered or watched here"
_CALLED_DIRECTLY = "what it leads to is called directly"
NOT_MADE: Final = {
    "AWS::ApiGateway::ClientCertificate": "an integration is called without a certificate",
    "AWS::ApiGateway::VpcLink": _CALLED_DIRECTLY,
    "AWS::ApiGatewayV2::Deployment": "a stage serves what the API is",
    "AWS::ApiGatewayV2::VpcLink": _CALLED_DIRECTLY,
    "AWS::ApplicationAutoScaling::ScalableTarget": _NO_LIMITS,
    "AWS::ApplicationAutoScaling::ScalingPolicy": _NO_LIMITS,
    "AWS::ApplicationInsights::Application": _NO_LIMITS,
    "AWS::Budgets::Budget": _NO_LIMITS,
    "AWS::CloudTrail::Trail": _NO_LIMITS,
    "AWS::CloudWatch::AnomalyDetector": _NO_LIMITS,
    "AWS::CloudWatch::CompositeAlarm": _NO_LIMITS,
    "AWS::CodeDeploy::Application": "a new version takes over at once",
    "AWS::CodeDeploy::DeploymentGroup": "a new version takes over at once",
    "AWS::Cognito::LogDeliveryConfiguration": _NO_LIMITS,
    "AWS::Cognito::UserPoolRiskConfigurationAttachment": _NO_LIMITS,
    "AWS::Cognito::UserPoolUICustomizationAttachment": "the login page has no looks",
    "AWS::EC2::SecurityGroupEgress": "there is no network between the parts",
    "AWS::EC2::SecurityGroupIngress": "there is no network between the parts",
    "AWS::Lambda::CodeSigningConfig": "code is not signed",
    "AWS::Logs::QueryDefinition": _NO_LIMITS,
    "AWS::ResourceGroups::Group": _NO_LIMITS,
    "AWS::Route53::RecordSetGroup": "names are not resolved",
    "AWS::Synthetics::Canary": _NO_LIMITS,
    "AWS::WAFv2::LoggingConfiguration": _NO_LIMITS,
    "AWS::WAFv2::WebACLAssociation": _NO_LIMITS,
    "AWS::XRay::Group": _NO_LIMITS,
    "AWS::XRay::SamplingRule": _NO_LIMITS,
}
_UNRECOGNIZED = re.compile(r"Unrecognized resource types: \[([^\]]*)\]")
_SUBSTITUTED = re.compile(r"\$\{([A-Za-z0-9]+)(\.[A-Za-z0-9.]+)?\}")


def without_what_is_not_made(template: JSONObject) -> tuple[JSONObject, dict[str, str]]:
    """The template without the resources of `NOT_MADE`, and those by logical id with the reason.

    A reference to one becomes a text, ``not-made-<logical id>``.
    """
    left_out = {
        logical_id: f"{resource['Type']}: {NOT_MADE[resource['Type']]}"
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] in NOT_MADE
    }
    if not left_out:
        return template, left_out
    kept = {name: one for name, one in template["Resources"].items() if name not in left_out}
    cleaned: JSONObject = _replaced(template | {"Resources": kept}, left_out)
    for resource in cleaned["Resources"].values():
        _forget_dependencies(resource, left_out)
    return cleaned, left_out


def unknown_resources(template: JSONObject, message: str) -> str | None:
    """What a refusal of unknown types means in this template; ``None`` for another refusal.

    >>> template = {"Resources": {"Index": {"Type": "AWS::Kendra::Index"}}}
    >>> unknown_resources(template, "Unrecognized resource types: [AWS::Kendra::Index]")
    'the local AWS cannot make `Index` (AWS::Kendra::Index)'
    """
    match = _UNRECOGNIZED.search(message)
    if match is None:
        return None
    types = set(match[1].split(", "))
    named = [
        f"`{logical_id}` ({resource['Type']})"
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] in types
    ]
    return f"the local AWS cannot make {', '.join(named)}"


def _forget_dependencies(resource: JSONObject, left_out: Collection[str]) -> None:
    named = resource.get("DependsOn")
    if named is None:
        return
    listed = [named] if isinstance(named, str) else named
    resource["DependsOn"] = [one for one in listed if one not in left_out]


def _replaced(value: Any, left_out: Collection[str]) -> Any:
    """The same document, references to what is left out replaced by a text."""
    if isinstance(value, list):
        return [_replaced(item, left_out) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref" and argument in left_out:
            return f"not-made-{argument}"
        if function == "Fn::GetAtt":
            target = argument[0] if isinstance(argument, list) else str(argument).split(".")[0]
            if target in left_out:
                return f"not-made-{target}"
        if function == "Fn::Sub":
            return {function: _without_names(argument, left_out)}
    return {name: _replaced(item, left_out) for name, item in value.items()}


def _without_names(argument: Any, left_out: Collection[str]) -> Any:
    def text(match: re.Match[str]) -> str:
        return f"not-made-{match[1]}" if match[1] in left_out else match[0]

    if isinstance(argument, str):
        return _SUBSTITUTED.sub(text, argument)
    pattern, values = argument
    own = [name for name in left_out if name not in values]
    return [_without_names(pattern, own), _replaced(values, left_out)]
