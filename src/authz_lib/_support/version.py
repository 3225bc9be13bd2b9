"""The version of this distribution, read from its metadata when it is first asked for."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("authz-lib")
except PackageNotFoundError:  # a copy of the folder without its `.dist-info`
    __version__ = "unknown"
