"""The files that are audited: templates, the folder ``cdk.out``, and what they nest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from authz_lib._support.json_file import read_document
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["template_files"]

_MANIFEST: Final = "manifest.json"
_MAX_MANIFEST_BYTES: Final = 5_000_000
_MAX_DEPTH: Final = 8


def template_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The templates that some paths name: files, or folders that the CDK has made.

    Raises:
        ConfigurationError: a folder is no output of the CDK, or holds no stack.
    """
    for path in paths:
        if path.is_dir():
            found = list(_of_assembly(path, 0))
            if not found:
                raise ConfigurationError(f"`{path.name}` holds no stack of the CDK")
            yield from found
        else:
            yield path


def _of_assembly(folder: Path, depth: int) -> Iterator[Path]:
    manifest = folder / _MANIFEST
    if not manifest.is_file():
        raise ConfigurationError(
            f"`{folder.name}` is a folder without `{_MANIFEST}`: give `cdk.out`, or files"
        )
    if depth > _MAX_DEPTH:
        raise ConfigurationError(f"`{folder.name}` holds assemblies in assemblies, too many")
    document = read_document(manifest, "manifest", max_bytes=_MAX_MANIFEST_BYTES)
    artifacts = document.get("artifacts")
    for artifact in (artifacts if isinstance(artifacts, dict) else {}).values():
        properties = artifact.get("properties") if isinstance(artifact, dict) else None
        if not isinstance(properties, dict):
            continue
        if artifact.get("type") == "aws:cloudformation:stack":
            yield _inside(folder, properties.get("templateFile"))
        elif artifact.get("type") == "cdk:cloud-assembly":
            yield from _of_assembly(_inside(folder, properties.get("directoryName")), depth + 1)


def _inside(folder: Path, written: Any) -> Path:
    """A path that the manifest names; it stays in the folder."""
    name = written if isinstance(written, str) else ""
    path = folder / name
    if not name or not path.resolve().is_relative_to(folder.resolve()):
        raise ConfigurationError(f"`{_MANIFEST}` of `{folder.name}` names a file that is not there")
    return path
