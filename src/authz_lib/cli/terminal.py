"""Colours, for who looks at a terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

__all__ = ["STYLES", "is_coloured", "painted"]

_RESET: Final = "\x1b[0m"
STYLES: Final[Mapping[str, str]] = {
    "green": "\x1b[32m",
    "red": "\x1b[31m",
    "yellow": "\x1b[33m",
    "dim": "\x1b[2m",
}
"""By name, what switches them on."""


def is_coloured(stream: TextIO) -> bool:
    """Whether what is written to a stream is coloured.

    | first of these that applies | coloured |
    |---|---|
    | ``NO_COLOR`` is set and not empty (https://no-color.org) | no |
    | ``FORCE_COLOR`` is set and not empty (https://force-color.org) | yes |
    | ``TERM`` is ``dumb`` | no |
    | the stream is a terminal | yes |
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def painted(text: str, style: str | None, stream: TextIO) -> str:
    """The text in a style of `STYLES`, where the stream is coloured."""
    if style is None or not is_coloured(stream):
        return text
    return f"{STYLES[style]}{text}{_RESET}"
