"""Packages whose public names load their own modules on first use (PEP 562)."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["lazy_names"]


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """The ``__getattr__`` and ``__dir__`` of ``package``.

    A name is looked up once.  Then it is an attribute of the package like any other.

    Args:
        package: the package's ``__name__``.
        homes: the module of each public name, relative to the package.  A name with a module of
            the same name is that module.

    >>> homes = {"Clock": "clock", "clock": "clock"}
    >>> find, names = lazy_names("authz_lib._support", homes)
    >>> find("Clock") is find("clock").Clock
    True
    >>> "Clock" in names()
    True
    """

    def find(name: str) -> object:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module `{package}` has no attribute `{name}`")
        module = import_module(f"{package}.{home}")
        value: object = module if home == name else getattr(module, name)
        vars(sys.modules[package])[name] = value
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return find, names
