"""JSON documents on disk, read once: bounded and strict.  An error is one line."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from authz_lib._support.strict_json import StrictJSONError, loads_object
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authz_lib._support.strict_json import JSONObject

__all__ = [
    "in_one_line",
    "not_strict_json",
    "place_in_document",
    "places_in_document",
    "read_document",
]

_STEP = re.compile(r"[^.\[\]`]+")
_NAMED = re.compile(r"`([^`]{1,512})`")

_IDL_STARTS = (b"$version", b"namespace", b"//")


def in_one_line(text: str) -> str:
    """A word of a document for a message: at most 100 characters, all of them printable ASCII."""
    return f"`{text[:100].encode('unicode_escape').decode('ascii')}`"


def read_document(path: str | PathLike[str], what: str, *, max_bytes: int) -> JSONObject:
    """Read one strict JSON object.

    Args:
        path: the file.
        what: the kind of file, for messages.
        max_bytes: a larger file is refused.

    Raises:
        ConfigurationError: ``path`` is not a path, there is no such file, or it is too large or not
            strict JSON.
    """
    given: object = path
    if not isinstance(given, (str, PathLike)):  # `os.environ.get` of what is not set
        raise ConfigurationError(f"the path of the {what} must be a text or a path")
    name = f"the {what} `{Path(path).name}`"
    try:
        with Path(path).open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be read: {error.strerror}") from None
    if len(data) > max_bytes:
        raise ConfigurationError(f"{name} has more than {max_bytes} bytes")
    if data.lstrip().startswith(_IDL_STARTS):
        raise ConfigurationError(
            f"{name} is Smithy IDL; give the JSON AST, as `smithy ast` prints it"
        )
    try:
        return loads_object(data)
    except StrictJSONError:
        raise ConfigurationError(not_strict_json(path, what, data)) from None


def not_strict_json(path: str | PathLike[str], what: str, data: bytes) -> str:
    """Why a file is refused that the strict reader did not read, behind the place of the fault."""
    from authz_lib._support.json_places import json_fault  # only where something is wrong
    from authz_lib._support.text_place import place_in_file

    offset, problem = json_fault(data)
    text = data.decode(errors="replace")
    where = path if offset is None else place_in_file(path, text, offset)
    return f"{where}: the {what} is not strict JSON: {problem}"


def place_in_document(path: str | PathLike[str], problem: str) -> str | None:
    """`places_in_document`, for one message."""
    return places_in_document(path)(problem)


def places_in_document(path: str | PathLike[str]) -> Callable[[str], str | None]:
    """Finds ``FILE:LINE:COLUMN`` of the member of a JSON file that a message names in backticks.

    A message names ``actions[3].route``, a member of the root, or the shape of a Smithy model; the
    first that is found counts.  For a member that is absent it is the place of what would hold it.
    None where nothing is found.
    """
    from authz_lib._support.json_places import json_offsets
    from authz_lib._support.text_place import place_in_file

    text = Path(path).read_bytes().decode()
    offsets = json_offsets(text)

    def place(problem: str) -> str | None:
        for name in _NAMED.findall(problem):
            for steps in (_STEP.findall(name), ["shapes", *name.split("$", 1)]):
                offset = _nearest(offsets, steps)
                if offset is not None:
                    return place_in_file(path, text, offset)
        return None

    return place


def _nearest(offsets: Mapping[tuple[str | int, ...], int], steps: list[str]) -> int | None:
    """Where a member stands, or what holds it, but never only `shapes` or the whole list."""
    path = tuple(int(step) if step.isdecimal() else step for step in steps)
    ends = range(len(path), min(len(path), 2) - 1, -1)
    return next((offsets[path[:end]] for end in ends if path[:end] in offsets), None)
