"""Text files: read to a bound, and replaced as a whole.  An error is one line."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_bounded", "replace_text"]


def read_bounded(path: Path, name: str, *, max_characters: int) -> str:
    """The text of a UTF-8 file; of a larger one no more than the bound is read.

    Raises:
        ConfigurationError: it cannot be read, is larger, or is not UTF-8.  The message says
            ``name``.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(max_characters + 1)
    except OSError as error:
        raise ConfigurationError(f"`{name}` cannot be read: {error.strerror}") from None
    except ValueError:  # not UTF-8, or a path with a null byte
        raise ConfigurationError(f"`{name}` cannot be read as UTF-8 text") from None
    if len(text) > max_characters:
        raise ConfigurationError(f"`{name}` has more than {max_characters} characters")
    return text


def replace_text(path: Path, text: str) -> None:
    """Write a file as a whole: whatever fails, the old one stays as it is.

    The new file is made beside the old one, under a name that nobody can foresee, and takes its
    mode.  Only a file is replaced: no link, folder, device or pipe.

    Raises:
        ConfigurationError: it cannot be written.
    """
    import secrets  # where a file is read, nothing is written

    beside: Path | None = None
    try:
        mode = _mode_of_file(path)
        candidate = path.with_name(f".{secrets.token_hex(16)}.tmp")
        with candidate.open(
            "x", encoding="utf-8"
        ) as file:  # `x`: nothing is there, not even a link
            beside = candidate
            if mode is not None:
                beside.chmod(mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except (OSError, ValueError) as error:  # `ValueError`: a null byte, or no name at all
        reason = getattr(error, "strerror", None) or "that is no path of a file"
        raise ConfigurationError(f"`{path.name}` cannot be written: {reason}") from None
    else:
        beside = None
    finally:
        if beside is not None:
            with suppress(OSError):
                beside.unlink()


def _mode_of_file(path: Path) -> int | None:
    """The mode of the file that is there; None where nothing is.

    Raises:
        OSError: something else is there.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise OSError(errno.EEXIST, "it is a link, a folder or a device, not a file")
    return stat.S_IMODE(mode)
