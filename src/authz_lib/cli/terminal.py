"""Colours, for who looks at a terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from authz_lib._support.terminal_text import in_style

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["is_coloured", "painted"]


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
    """The text in a style of `authz_lib._support.terminal_text`, where the stream is coloured."""
    return text if style is None or not is_coloured(stream) else in_style(text, style)
