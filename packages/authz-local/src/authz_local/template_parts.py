"""The parts of a template that lie in other files: ``AWS::Include``, definitions, nested stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.errors import ConfigurationError
from authz_local.template import load_part

if TYPE_CHECKING:
    from pathlib import Path

    from authz_lib._support.strict_json import JSONObject

__all__ = ["NESTED", "with_definitions", "with_includes"]

_INCLUDE = "AWS::Include"
NESTED = {
    "AWS::Serverless::Application": "Location",
    "AWS::CloudFormation::Stack": "TemplateURL",
}
"""Type to the property with a nested template's file."""
# Type -> the property with a file, the property that takes its content
_DEFINITIONS = {
    "AWS::Serverless::Api": ("DefinitionUri", "DefinitionBody"),
    "AWS::Serverless::HttpApi": ("DefinitionUri", "DefinitionBody"),
    "AWS::Serverless::StateMachine": ("DefinitionUri", "Definition"),
    "AWS::ApiGateway::RestApi": ("BodyS3Location", "Body"),
    "AWS::ApiGatewayV2::Api": ("BodyS3Location", "Body"),
}


def with_includes(value: Any, folder: Path) -> Any:
    """The document, each ``AWS::Include`` of a file replaced by what the file holds.

    Raises:
        ConfigurationError: the file cannot be read, lies in S3, or includes another.
    """
    if isinstance(value, list):
        return [with_includes(item, folder) for item in value]
    if not isinstance(value, dict):
        return value
    given = value.get("Fn::Transform")
    around = {k: with_includes(v, folder) for k, v in value.items() if k != "Fn::Transform"}
    if given is None:
        return around
    if not isinstance(given, dict) or given.get("Name") != _INCLUDE:
        raise ConfigurationError("`Fn::Transform` is supported with `AWS::Include` only")
    location = (given.get("Parameters") or {}).get("Location")
    included = load_part(folder, location, "`AWS::Include`")
    if "Fn::Transform" in str(included):
        raise ConfigurationError("`AWS::Include`: an included file cannot include another")
    return included | around


def with_definitions(template: JSONObject, folder: Path) -> None:
    """Put the files that APIs and state machines are defined in into the template, in place.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    for logical_id, resource in template["Resources"].items():
        rule = _DEFINITIONS.get(resource["Type"])
        properties = resource.get("Properties") or {}
        location = None if rule is None else properties.get(rule[0])
        if rule is None or location is None:
            continue
        what = f"`{logical_id}.{rule[0]}`"
        properties[rule[1]] = with_includes(load_part(folder, location, what), folder)
        del properties[rule[0]]
