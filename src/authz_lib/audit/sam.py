"""AWS's own SAM transform, offline.  Needs the extra ``audit``.

See https://github.com/aws/serverless-application-model
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from json import dumps, loads
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from authz_lib._support.extras import load_extra
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["is_sam", "least_resources", "transformed"]

_S3: Final = "s3://bucket/key"
_IMAGE: Final = "123456789012.dkr.ecr.us-east-1.amazonaws.com/repository:tag"
_MAX_REASON: Final = 300

# Local files, which `sam package` uploads before the transform.
_UPLOADED: Final = {
    "AWS::Serverless::Function": ("CodeUri",),
    "AWS::Serverless::LayerVersion": ("ContentUri",),
    "AWS::Serverless::Api": ("DefinitionUri",),
    "AWS::Serverless::HttpApi": ("DefinitionUri",),
    "AWS::Serverless::StateMachine": ("DefinitionUri",),
    "AWS::Serverless::GraphQLApi": ("SchemaUri",),
    "AWS::Serverless::Application": ("Location",),
}


def is_sam(document: Mapping[str, Any]) -> bool:
    """Whether a template has resources that the transform makes others of."""
    resources = document.get("Resources")
    return isinstance(resources, dict) and any(
        isinstance(resource, dict)
        and (
            str(resource.get("Type")).startswith("AWS::Serverless::")
            or isinstance(resource.get("Connectors"), dict)
        )
        for resource in resources.values()
    )


def least_resources(document: Mapping[str, Any]) -> int:
    """How many resources a template has after the transform, at least.

    A function is itself, a role where it names none, and a permission for each route.
    """
    return sum(
        _least_of(resource) for resource in document["Resources"].values() if _is_object(resource)
    )


def _least_of(resource: dict[str, Any]) -> int:
    properties = resource.get("Properties")
    if resource.get("Type") != "AWS::Serverless::Function" or not _is_object(properties):
        return 1
    events = properties.get("Events")
    routes = [
        event
        for event in (events.values() if _is_object(events) else ())
        if _is_object(event) and str(event.get("Type")) in {"Api", "HttpApi"}
    ]
    return 1 + ("Role" not in properties) + len(routes)


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def transformed(
    document: Mapping[str, Any], parameters: Mapping[str, Any], name: str
) -> dict[str, Any]:
    """What the transform makes of a template.

    Args:
        document: the template; it is not changed.
        parameters: the values of parameters.
        name: of the file, for messages.

    Raises:
        ConfigurationError: the extra ``audit`` is missing, or the transform refuses the template,
            as a deployment would.
    """
    logging.getLogger("samtranslator").setLevel(logging.CRITICAL)
    with _a_region():
        transform = load_extra(
            "samtranslator.translator.transform", extra="audit", what="a SAM template"
        ).transform
        prepared = _prepared(document)
        try:
            made = transform(prepared, dict(parameters), _NoManagedPolicies())
        except Exception as error:  # noqa: BLE001  # it is foreign code, and raises what it likes
            reason = _reason(error)
        else:
            return dict(made)
    raise ConfigurationError(f"the SAM transform refuses `{name}`: {reason}")


class _NoManagedPolicies:
    """The names of AWS's managed policies decide nothing here."""

    def load(self) -> dict[str, str]:
        return {}


@contextmanager
def _a_region() -> Iterator[None]:
    """The transform asks boto3 for a region, and calls nobody."""
    name = "AWS_DEFAULT_REGION"
    before = os.environ.get(name)
    os.environ[name] = before or "us-east-1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]


def _reason(error: Exception) -> str:
    causes = getattr(error, "causes", None)
    first = causes[0] if isinstance(causes, list) and causes else error
    text = str(getattr(first, "message", "") or first or type(first).__name__)
    line = " ".join(text.split())
    return "".join(sign for sign in line if sign.isprintable())[:_MAX_REASON]


def _prepared(document: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that the transform takes: local files named as if they had been uploaded."""
    copy: dict[str, Any] = loads(dumps(document))
    version = copy.get("AWSTemplateFormatVersion")
    if version is not None:
        copy["AWSTemplateFormatVersion"] = str(version)
    shared = copy.get("Globals")
    function = shared.get("Function") if isinstance(shared, dict) else None
    if isinstance(function, dict) and "CodeUri" in function:
        function["CodeUri"] = _S3
    for resource in copy["Resources"].values():
        if isinstance(resource, dict):
            _upload(resource)
    return copy


def _upload(resource: dict[str, Any]) -> None:
    kind = str(resource.get("Type"))
    properties = resource.get("Properties")
    if not isinstance(properties, dict):
        return
    for member in _UPLOADED.get(kind, ()):
        value = properties.get(member)
        if isinstance(value, str) and not value.startswith("s3://"):
            properties[member] = "https://bucket/key" if member == "Location" else _S3
    if kind == "AWS::Serverless::Function":
        _upload_code(properties)
    elif kind == "AWS::Serverless::GraphQLApi":
        for group in ("Functions", "Resolvers"):
            _upload_nested(properties.get(group))


def _upload_code(properties: dict[str, Any]) -> None:
    if properties.get("PackageType") == "Image":
        properties.setdefault("ImageUri", _IMAGE)
    elif "InlineCode" not in properties and "CodeUri" not in properties:
        properties["CodeUri"] = _S3


def _upload_nested(group: Any) -> None:
    todo = [group]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            if isinstance(item.get("CodeUri"), str) and not item["CodeUri"].startswith("s3://"):
                item["CodeUri"] = _S3
            todo += item.values()
