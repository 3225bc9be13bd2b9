"""Packages that an extra brings: loaded where they are first used, and named where they are not."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from authz_lib.errors import ConfigurationError

__all__ = ["load_extra"]


def load_extra(module: str, *, extra: str, what: str) -> Any:
    """The module of an optional package.

    Args:
        module: what to import.
        extra: the extra of this distribution that brings it.
        what: what needs it, for the message.

    Raises:
        ConfigurationError: it is not installed; names the extra.

    >>> load_extra("no_such_package", extra="cedar", what="`CedarEngine`")
    Traceback (most recent call last):
      ...
    authz_lib.errors.ConfigurationError: `CedarEngine` needs the extra `cedar` of authz-lib
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or module.partition(".")[0] != error.name.partition(".")[0]:
            raise  # it is there, and something that it needs itself is not
    raise ConfigurationError(f"{what} needs the extra `{extra}` of authz-lib")
