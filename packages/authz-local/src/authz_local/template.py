"""What ``sam build`` and ``sam package`` do: a template's code as archives that it refers to."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from authz_lib._support.template_yaml import TemplateLoader
from authz_lib._support.yaml_file import read_yaml, yaml_places
from authz_lib.errors import ConfigurationError
from authz_local.function_code import Beside

if TYPE_CHECKING:
    from pathlib import Path

    from authz_local.function_code import CodeBuilder

__all__ = [
    "CODE_BUCKET",
    "Uploads",
    "find_template",
    "load_part",
    "load_template",
    "package_code",
    "package_template",
]

CODE_BUCKET = "authz-local-code"
# Resource type -> (property with a local path, then the members of the packaged location)
_CODE = {
    "AWS::Serverless::Function": ("CodeUri", "Bucket", "Key"),
    "AWS::Serverless::LayerVersion": ("ContentUri", "Bucket", "Key"),
    "AWS::Lambda::Function": ("Code", "S3Bucket", "S3Key"),
    "AWS::Lambda::LayerVersion": ("Content", "S3Bucket", "S3Key"),
}
_LAYERS = {"AWS::Serverless::LayerVersion", "AWS::Lambda::LayerVersion"}
_INLINE = {"AWS::Serverless::Function": "InlineCode", "AWS::Lambda::Function": "Code"}
_BY_THEIR_NAME = {"AWS::Lambda::Function", "AWS::Lambda::LayerVersion"}
_LEFT_OUT = {"__pycache__", ".venv", ".pytest_cache"}


@dataclass(frozen=True, slots=True)
class Uploads:
    """The archives that a packaged template refers to, by their key in the bucket."""

    bucket: str
    archives: dict[str, bytes] = field(default_factory=dict)


def find_template(folder: Path) -> Path:
    """The template of a folder: ``template.yaml``, ``template.yml`` or ``template.json``.

    Raises:
        ConfigurationError: there is no such folder, or no template in it.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"`{folder}` is not a folder")
    named = [folder / f"template.{ending}" for ending in ("yaml", "yml", "json")]
    found = next((path for path in named if path.is_file()), None)
    if found is None:
        raise ConfigurationError(f"`{folder}` has no `template.yaml`")
    return found


def load_template(path: Path) -> dict[str, Any]:
    """Read a CloudFormation or SAM template (YAML or JSON), with its short forms written out.

    Raises:
        ConfigurationError: it cannot be read, is not YAML, has a key twice, or its ``Resources``
            or ``Globals`` are not those of a template.
    """
    document = read_yaml(path, TemplateLoader)
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise ConfigurationError(f"{path}: the document is no template: it has no `Resources`")
    for logical_id, resource in document["Resources"].items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            where = _place(path, "Resources", logical_id)
            raise ConfigurationError(f"{where}: resource `{logical_id}` has no `Type`")
        _section(resource, "Properties", path, "Resources", logical_id)
    _function_defaults(document, path)
    return document


def _function_defaults(template: dict[str, Any], path: Path) -> dict[str, Any]:
    defaults = _section(template, "Globals", path)
    return _section(defaults, "Function", path, "Globals")


def _section(parent: dict[str, Any], name: str, path: Path, *above: str) -> dict[str, Any]:
    """A section that may be missing or empty; ``above`` are the keys that hold it."""
    section = parent.get(name)
    if section is None:
        return {}
    if not isinstance(section, dict):
        where = _place(path, *above, name)
        raise ConfigurationError(f"{where}: `{'.'.join((*above[-1:], name))}` is not a mapping")
    return section


def _place(path: Path, *steps: str) -> str:
    """``FILE:LINE:COLUMN`` of a key of a template that was read."""
    places = yaml_places(path.read_text(encoding="utf-8"), str(path), TemplateLoader)
    return places.get(steps, str(path))


def load_part(folder: Path, location: object, what: str) -> Any:
    """A part of a template that lies in a file of its own, YAML or JSON.

    Raises:
        ConfigurationError: it cannot be read, or lies in S3.
    """
    if not isinstance(location, str) or "://" in location:
        raise ConfigurationError(f"{what}: only a file beside the template is supported")
    return read_yaml(folder / location, TemplateLoader)


def package_template(
    path: Path, *, builder: CodeBuilder | None = None
) -> tuple[dict[str, Any], Uploads]:
    """Read a template and zip each local code folder that it names, once.

    Args:
        path: the template's file.
        builder: adds what the code needs to run on this machine; without one a folder is packed as
            it is.

    Raises:
        ConfigurationError: as `load_template`, a code folder cannot be read, or the builder refuses
            it.
    """
    template = load_template(path)
    uploads = Uploads(CODE_BUCKET)
    package_code(template, path, uploads, builder=builder)
    return template, uploads


def package_code(
    template: dict[str, Any], path: Path, uploads: Uploads, *, builder: CodeBuilder | None = None
) -> None:
    """Zip the code that a template names, and let the template name the archives, in place."""
    _Packaging(template, path, uploads, builder).run()


class _Packaging:
    """One template's code on its way into archives."""

    def __init__(
        self, template: dict[str, Any], path: Path, uploads: Uploads, builder: CodeBuilder | None
    ) -> None:
        self._resources = template["Resources"]
        self._folder = path.parent
        self._uploads = uploads
        self._builder = builder
        self._defaults = _function_defaults(template, path)
        self._packaged: dict[tuple[Path | None, str, str], str] = {}

    def run(self) -> None:
        for logical_id, resource in self._resources.items():
            if resource["Type"] in _CODE:
                properties = resource["Properties"] = resource.get("Properties") or {}
                self._package(logical_id, resource["Type"], properties)

    def _package(self, logical_id: str, kind: str, properties: dict[str, Any]) -> None:
        name, bucket, key = _CODE[kind]
        what = f"`{logical_id}.{name}`"
        location = properties.get(name, self._defaults.get(name))
        if kind not in _LAYERS:
            self._require_runnable(logical_id, properties)
            inline = properties.get(_INLINE[kind])
            text = inline.get("ZipFile") if isinstance(inline, dict) else inline
            if isinstance(text, str) and (kind not in _BY_THEIR_NAME or isinstance(inline, dict)):
                self._package_inline(properties, _INLINE[kind], text, (name, bucket, key))
                return
        if not isinstance(location, str) or location.startswith("s3://"):
            return
        folder = (self._folder / location).resolve()
        beside = Beside({}, folder)
        if self._builder is not None:
            beside = (
                self._builder.layer(folder, self._layer_runtime(logical_id, properties), what)
                if kind in _LAYERS
                else self._builder.function(folder, self._runtime(properties))
            )
        properties[name] = {
            bucket: self._uploads.bucket, key: self._archive(beside, what)
        }  # fmt: skip

    def _require_runnable(self, logical_id: str, properties: dict[str, Any]) -> None:
        if self._builder is None:
            return
        if properties.get("PackageType", self._defaults.get("PackageType")) == "Image":
            raise ConfigurationError(
                f"`{logical_id}`: a function of an image is not supported here"
            )
        self._builder.require_runnable(self._runtime(properties), f"`{logical_id}`")

    def _runtime(self, properties: dict[str, Any]) -> object:
        return properties.get("Runtime", self._defaults.get("Runtime"))

    def _layer_runtime(self, logical_id: str, properties: dict[str, Any]) -> str | None:
        """The runtime of the first function with this layer, else one that it says it fits."""
        for resource in self._resources.values():
            if resource["Type"] not in _INLINE:
                continue
            own = resource.get("Properties") or {}
            layers = own.get("Layers") or self._defaults.get("Layers") or []
            runtime = self._runtime(own)
            if {"Ref": logical_id} in layers and isinstance(runtime, str):
                return runtime
        fitting = properties.get("CompatibleRuntimes") or []
        return next((name for name in fitting if isinstance(name, str)), None)

    def _package_inline(
        self,
        properties: dict[str, Any],
        inline: str,
        text: str,
        location: tuple[str, str, str],
    ) -> None:
        """Inline code of Python as an archive, so that it finds what the runtime has."""
        runtime = self._runtime(properties)
        if self._builder is None or not str(runtime).startswith("python"):
            return
        files = self._builder.function(None, runtime).files
        name, bucket, key = location
        archive = self._archive(Beside({**files, "index.py": text}), "inline code")
        properties.pop(inline)
        properties[name] = {bucket: self._uploads.bucket, key: archive}

    def _archive(self, beside: Beside, what: str) -> str:
        named = (beside.folder, beside.prefix, str(sorted(beside.files.items())))
        if named not in self._packaged:
            self._packaged[named] = _add_archive(self._uploads, beside, what)
        return self._packaged[named]


def _add_archive(uploads: Uploads, beside: Beside, what: str) -> str:
    folder = beside.folder
    if folder is not None and folder.is_file() and zipfile.is_zipfile(folder):
        buffer = io.BytesIO(folder.read_bytes())
        folder = None
    elif folder is not None and not folder.is_dir():
        raise ConfigurationError(f"{what} names `{folder.name}`, which is not a folder")
    else:
        buffer = io.BytesIO()
    # A file of 1970 (of a reproducible build) gets the first date that a zip can hold, 1980.
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for file in sorted(folder.rglob("*")) if folder is not None else []:
            inside = file.relative_to(folder)  # type: ignore[arg-type]
            if file.is_file() and not _LEFT_OUT.intersection(inside.parts):
                try:
                    archive.write(file, beside.prefix + inside.as_posix())
                except OSError as error:
                    raise ConfigurationError(
                        f"{what}: `{inside}` cannot be read: {error.strerror}"
                    ) from None
        for name, text in beside.files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    content = buffer.getvalue()
    key = f"{hashlib.sha256(content).hexdigest()[:16]}.zip"
    uploads.archives[key] = content
    return key
