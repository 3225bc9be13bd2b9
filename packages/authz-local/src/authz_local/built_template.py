"""A template as CloudFormation takes it: one document, transformed, its code in archives."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import io
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from authz_lib.errors import ConfigurationError
from authz_local._isolation import inherited_variables
from authz_local.http_api import with_written_out_apis
from authz_local.interpreters import cache_folder
from authz_local.resource_types import without_what_is_not_made
from authz_local.template import CODE_BUCKET, Uploads, load_template, package_code
from authz_local.template_parts import NESTED, with_definitions, with_includes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from authz_lib._support.strict_json import JSONObject
    from authz_local.function_code import CodeBuilder

__all__ = ["BuiltTemplate", "build_template"]

_SAM = "AWS::Serverless-2016-10-31"
_LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"
_TOO_DEEP = 5


@dataclass(slots=True)
class BuiltTemplate:
    """What is deployed."""

    document: JSONObject
    uploads: Uploads
    not_made: dict[str, str] = field(default_factory=dict)
    """Logical id to what it is and why it is left out."""


def build_template(
    path: Path, *, parameters: Mapping[str, str], region: str, builder: CodeBuilder | None
) -> BuiltTemplate:
    """Read a template, and make of it what CloudFormation takes.

    Raises:
        ConfigurationError: a file cannot be read, the SAM transform refuses the template, or it has
            something that is not supported.
    """
    builds = _Builds(region, builder)
    document = builds.build(path, parameters, 0)
    return BuiltTemplate(document, builds.uploads, builds.not_made)


class _Builds:
    """A template and those that are nested in it."""

    def __init__(self, region: str, builder: CodeBuilder | None) -> None:
        self._region = region
        self._builder = builder
        self.uploads = Uploads(CODE_BUCKET)
        self.not_made: dict[str, str] = {}

    def build(self, path: Path, parameters: Mapping[str, str], level: int) -> JSONObject:
        if level > _TOO_DEEP:
            raise ConfigurationError(f"`{path.name}`: more than {_TOO_DEEP} levels of stacks")
        template: JSONObject = with_includes(load_template(path), path.parent)
        with_definitions(template, path.parent)
        for logical_id, resource in template["Resources"].items():
            if resource["Type"] in NESTED:
                nested = self.build(_nested(path, logical_id, resource), {}, level + 1)
                text = json.dumps(nested).encode()
                key = f"{hashlib.sha256(text).hexdigest()[:16]}.template"
                self.uploads.archives[key] = text
                where = f"https://s3.amazonaws.com/{CODE_BUCKET}/{key}"
                resource["Properties"][NESTED[resource["Type"]]] = where
        package_code(template, path, self.uploads, builder=self._builder)
        template = with_written_out_apis(_transformed(template, path, parameters, self._region))
        template, left_out = without_what_is_not_made(template)
        self.not_made |= left_out
        return template


def _nested(path: Path, logical_id: str, resource: JSONObject) -> Path:
    name = NESTED[resource["Type"]]
    location = (resource.get("Properties") or {}).get(name)
    if isinstance(location, dict) and "ApplicationId" in location:
        raise ConfigurationError(
            f"`{logical_id}`: an application of the Serverless Application Repository is not "
            "supported"
        )
    if not isinstance(location, str) or "://" in location:
        raise ConfigurationError(f"`{logical_id}.{name}`: only a local template is supported")
    nested = path.parent / location
    return nested / "template.yaml" if nested.is_dir() else nested


def _transformed(
    template: JSONObject, path: Path, parameters: Mapping[str, str], region: str
) -> JSONObject:
    declared = template.get("Transform")
    names = declared if isinstance(declared, list) else [declared]
    if _LANGUAGE_EXTENSIONS in names:
        template = _with_language_extensions(template, path, parameters)
    if _SAM not in names:
        return template
    try:
        return _sam(template, parameters, region)
    except _NotTransformedError as refusal:
        raise ConfigurationError(f"`{path.name}` does not deploy: {refusal}") from None
    except Exception as error:  # noqa: BLE001  # it fails in many ways on a broken template
        raise ConfigurationError(
            f"`{path.name}` does not deploy: the SAM transform failed: "
            f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        ) from None


def _sam(template: JSONObject, parameters: Mapping[str, str], region: str) -> JSONObject:
    """The transformed template; the same one of an earlier run, if nothing has changed."""
    version = importlib.metadata.version("aws-sam-translator")
    asked = json.dumps([version, region, dict(parameters), template], sort_keys=True)
    kept = cache_folder() / "transformed" / f"{hashlib.sha256(asked.encode()).hexdigest()[:32]}"
    with suppress(OSError, ValueError):
        made: JSONObject = json.loads(kept.read_bytes())
        return made
    made = _translated(template, parameters, region)
    with suppress(OSError):  # a cache that cannot be written is none
        kept.parent.mkdir(parents=True, exist_ok=True)
        beside = kept.with_name(f"{kept.name}.{os.getpid()}")
        beside.write_text(json.dumps(made))
        beside.replace(kept)
    return made


def _translated(template: JSONObject, parameters: Mapping[str, str], region: str) -> JSONObject:
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.translator.transform import transform

    policies = SimpleNamespace(load=dict)
    nothing = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    # It asks boto3 for the Region, and prints.
    with (
        patch.dict(os.environ, inherited_variables(os.environ) | nothing, clear=True),
        patch.dict(os.environ, {"AWS_DEFAULT_REGION": region}),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        try:
            made: JSONObject = transform(template, dict(parameters), policies)
        except InvalidDocumentException as refusal:
            causes = "; ".join(str(cause.message) for cause in refusal.causes)
            raise _NotTransformedError(causes.replace("\n", " ")) from None
    made.pop("Transform", None)
    return made


class _NotTransformedError(Exception):
    """What the SAM transform says of a template."""


def _with_language_extensions(
    template: JSONObject, path: Path, parameters: Mapping[str, str]
) -> JSONObject:
    from ministack.services.cloudformation import language_extensions

    defaults = {
        name: definition["Default"]
        for name, definition in (template.get("Parameters") or {}).items()
        if "Default" in definition
    }
    try:
        made: dict[str, Any] = language_extensions.apply(template, defaults | dict(parameters))
    except language_extensions.LanguageExtensionsError as refusal:
        raise ConfigurationError(f"`{path.name}` does not deploy: {refusal}") from None
    transforms = made.get("Transform")
    listed = transforms if isinstance(transforms, list) else [transforms]
    return made | {"Transform": [name for name in listed if name != _LANGUAGE_EXTENSIONS]}
