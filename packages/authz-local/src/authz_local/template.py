"""What ``sam package`` does, for the local AWS: zip a template's code and refer to the archives."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from authz_lib._support.yaml_file import TextDatesLoader, read_yaml
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Uploads", "load_template", "package_template"]

_BUCKET = "authz-local-code"
# Resource type -> (property with a local path, then the members of the packaged location)
_CODE = {
    "AWS::Serverless::Function": ("CodeUri", "Bucket", "Key"),
    "AWS::Serverless::LayerVersion": ("ContentUri", "Bucket", "Key"),
    "AWS::Lambda::Function": ("Code", "S3Bucket", "S3Key"),
    "AWS::Lambda::LayerVersion": ("Content", "S3Bucket", "S3Key"),
}
_WITHOUT_PREFIX = {"Ref", "Condition"}
_LEFT_OUT = {"__pycache__", ".venv", ".pytest_cache"}


@dataclass(frozen=True, slots=True)
class Uploads:
    """The archives that a packaged template refers to, by their key in the bucket."""

    bucket: str
    archives: dict[str, bytes] = field(default_factory=dict)


class _TemplateLoader(TextDatesLoader):
    """YAML with CloudFormation's short forms (``!Ref``, ``!Sub``, ``!GetAtt a.b``)."""


def _construct_intrinsic(loader: _TemplateLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in _WITHOUT_PREFIX else f"Fn::{suffix}": value}


_TemplateLoader.add_multi_constructor("!", _construct_intrinsic)


def load_template(path: Path) -> dict[str, Any]:
    """Read a CloudFormation or SAM template (YAML or JSON), with its short forms written out.

    Raises:
        ConfigurationError: it cannot be read, is not YAML, has a key twice, or its ``Resources``
            or ``Globals`` are not those of a template.
    """
    document = read_yaml(path, _TemplateLoader)
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise ConfigurationError(f"`{path.name}` is not a template: it has no `Resources`")
    for logical_id, resource in document["Resources"].items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise ConfigurationError(f"`{path.name}`: resource `{logical_id}` has no `Type`")
        _section(resource, "Properties", f"`{path.name}`: `{logical_id}.Properties`")
    _function_defaults(document, path)
    return document


def _function_defaults(template: dict[str, Any], path: Path) -> dict[str, Any]:
    defaults = _section(template, "Globals", f"`{path.name}`: `Globals`")
    return _section(defaults, "Function", f"`{path.name}`: `Globals.Function`")


def _section(parent: dict[str, Any], name: str, what: str) -> dict[str, Any]:
    """A section that may be missing or empty."""
    section = parent.get(name)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise ConfigurationError(f"{what} is not a mapping")
    return section


def package_template(path: Path) -> tuple[dict[str, Any], Uploads]:
    """Read a template and zip each local code folder that it names, once.

    Raises:
        ConfigurationError: as `load_template`, or a code folder cannot be read.
    """
    template = load_template(path)
    uploads = Uploads(_BUCKET)
    packaged: dict[Path, str] = {}
    defaults = _function_defaults(template, path)
    for logical_id, resource in template["Resources"].items():
        rule = _CODE.get(resource["Type"])
        if rule is None:
            continue
        name, bucket, key = rule
        properties = resource["Properties"] = resource.get("Properties") or {}
        location = properties.get(name, defaults.get(name))
        if not isinstance(location, str) or location.startswith("s3://"):
            continue
        folder = (path.parent / location).resolve()
        if folder not in packaged:
            packaged[folder] = _add_archive(uploads, folder, f"`{logical_id}.{name}`")
        properties[name] = {bucket: uploads.bucket, key: packaged[folder]}
    return template, uploads


def _add_archive(uploads: Uploads, folder: Path, what: str) -> str:
    if not folder.is_dir():
        raise ConfigurationError(f"{what} names `{folder.name}`, which is not a folder")
    buffer = io.BytesIO()
    # A file of 1970 (of a reproducible build) gets the first date that a zip can hold, 1980.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for file in sorted(folder.rglob("*")):
            inside = file.relative_to(folder)
            if file.is_file() and not _LEFT_OUT.intersection(inside.parts):
                try:
                    archive.write(file, inside.as_posix())
                except OSError as error:
                    raise ConfigurationError(
                        f"{what}: `{inside}` cannot be read: {error.strerror}"
                    ) from None
    content = buffer.getvalue()
    key = f"{hashlib.sha256(content).hexdigest()[:16]}.zip"
    uploads.archives[key] = content
    return key
