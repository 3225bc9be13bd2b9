"""JSON documents on disk, read once: bounded and strict.  An error is one line."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from authz_lib._support.strict_json import StrictJSONError, loads_object
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from authz_lib._support.strict_json import JSONObject

__all__ = ["in_one_line", "read_document"]

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
    except StrictJSONError as error:
        raise ConfigurationError(f"{name} cannot be read: {error}") from None
