"""Files beside a template that are part of it: bodies of APIs, and templates of nested stacks.

They are where ``sam package`` or the CDK takes them from: a path relative to the template's folder.
A file that is not there stays "not seen".
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from authz_lib.audit.source import read_source
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["nested_files", "with_local_bodies"]

_APIS: Final = frozenset({"AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"})
_TEMPLATE_MEMBERS: Final = {
    "AWS::CloudFormation::Stack": "TemplateURL",
    "AWS::Serverless::Application": "Location",
}


def _beside(folder: Path, written: Any) -> Path | None:
    """The file that a relative path of a template names, if it is there."""
    if not isinstance(written, str) or "://" in written or "\0" in written or not written:
        return None
    path = Path(written)
    found = folder / path
    return None if path.is_absolute() or not found.is_file() else found


def nested_files(document: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, Path]]:
    """The nested stacks whose templates are there, by logical id."""
    for name, resource in document["Resources"].items():
        member = _TEMPLATE_MEMBERS.get(str(resource.get("Type"))) if _is_object(resource) else None
        if member is None:
            continue
        properties = resource.get("Properties")
        written = properties.get(member) if isinstance(properties, dict) else None
        metadata = resource.get("Metadata")
        asset = metadata.get("aws:asset:path") if isinstance(metadata, dict) else None
        for candidate in (written, asset):
            path = _beside(folder, candidate)
            if path is not None:
                yield str(name), path
                break


def with_local_bodies(
    resources: dict[str, dict[str, Any]], document: Mapping[str, Any], folder: Path
) -> dict[str, dict[str, Any]]:
    """The resources, with the bodies of APIs that are in files beside the template."""
    return {
        name: _with_body(name, resource, document, folder)
        if str(resource.get("Type")) in _APIS
        else resource
        for name, resource in resources.items()
    }


def _with_body(
    name: str, resource: dict[str, Any], document: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    properties = resource.get("Properties")
    if not isinstance(properties, dict):
        return resource
    written = document["Resources"].get(name)
    own = written.get("Properties") if isinstance(written, dict) else None
    own = own if isinstance(own, dict) else {}
    located = own.get("DefinitionUri", own.get("BodyS3Location"))
    body = properties.get("Body")
    found: Any = None
    if "BodyS3Location" in properties:
        found = _document(folder, located)
    elif isinstance(body, dict) and "Fn::Transform" in body:
        found = _included(folder, body)
    if found is None:
        return resource
    kept = {key: value for key, value in properties.items() if key != "BodyS3Location"}
    return {**resource, "Properties": {**kept, "Body": found}}


def _included(folder: Path, body: dict[str, Any]) -> dict[str, Any] | None:
    """A body with what ``AWS::Include`` brings."""
    transform = body["Fn::Transform"]
    if not isinstance(transform, dict) or transform.get("Name") != "AWS::Include":
        return None
    parameters = transform.get("Parameters")
    location = parameters.get("Location") if isinstance(parameters, dict) else None
    found = _document(folder, location)
    if found is None:
        return None
    return {**found, **{key: value for key, value in body.items() if key != "Fn::Transform"}}


def _document(folder: Path, written: Any) -> dict[str, Any] | None:
    path = _beside(folder, written)
    if path is None:
        return None
    try:
        return read_source(path).document
    except ConfigurationError:
        return None  # it is not seen


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)
