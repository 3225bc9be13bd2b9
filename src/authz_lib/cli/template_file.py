"""A template or an OpenAPI document on disk, in JSON or YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib._support.json_file import read_document
from authz_lib._support.json_places import json_offsets
from authz_lib._support.text_place import place_in_file
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["description_places", "read_description"]

_MAX_BYTES = 5_000_000
_LEVELS = 5  # down to an event of a function


def read_description(path: Path, what: str) -> dict[str, Any]:
    """One object of at most 5 MB; YAML needs the extra ``yaml``.

    YAML is read as `authz_lib._support.template_yaml` says.

    Raises:
        ConfigurationError: it cannot be read, is too large, or is no such document.
    """
    if path.suffix == ".json":
        return read_document(path, what, max_bytes=_MAX_BYTES)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ConfigurationError(f"`{path.name}` cannot be read: {error.strerror}") from None
    if size > _MAX_BYTES:
        raise ConfigurationError(f"the {what} `{path.name}` has more than {_MAX_BYTES} bytes")
    from authz_lib._support.template_yaml import TemplateLoader
    from authz_lib._support.yaml_file import read_yaml

    document = read_yaml(path, TemplateLoader)
    if not isinstance(document, dict):
        raise ConfigurationError(f"the {what} `{path.name}` must be an object")
    return document


def description_places(path: Path) -> Callable[[str], str | None]:
    """Finds ``FILE:LINE:COLUMN`` of ``GET /orders`` or ``Function.Event`` in a file that was read.

    None where it stands in another file, or nowhere.
    """
    text = path.read_text(encoding="utf-8-sig")
    places: Mapping[tuple[str | int, ...], str]
    if path.suffix == ".json":
        places = {
            steps: place_in_file(path, text, offset)
            for steps, offset in json_offsets(text, levels=_LEVELS).items()
        }
    else:
        from authz_lib._support.template_yaml import TemplateLoader
        from authz_lib._support.yaml_file import yaml_places

        places = yaml_places(text, str(path), TemplateLoader, levels=_LEVELS)

    def place(where: str) -> str | None:
        method, _, route = where.partition(" ")
        resource, _, event = where.partition(".")
        candidates = (
            ("paths", route, method.lower()),
            ("paths", route),
            ("Resources", resource, "Properties", "Events", event),
            ("Resources", resource),
        )
        return next((places[steps] for steps in candidates if steps in places), None)

    return place
