"""Load a service of ministack when it is used: a stack uses a few of its hundred.

CloudFormation's handlers import all services, which is most of the time that ministack takes to
start.  A service's module stays empty until something of it is asked for.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec

__all__ = ["load_services_late"]

_PREFIX = "ministack.services."
_AT_ONCE = frozenset({f"{_PREFIX}cloudformation"})  # a package: its parts import each other
_execute_key = "__authz_execute__"
_lock = threading.RLock()


class _LateModule(ModuleType):
    """A module that runs its code when its first attribute is asked for."""

    def __getattribute__(self, name: str) -> Any:
        names = object.__getattribute__(self, "__dict__")
        if name in names or (name.startswith("__") and name.endswith("__")):
            return object.__getattribute__(self, name)
        with _lock:
            execute = names.pop(_execute_key, None)
            if execute is not None:
                execute(self)
                self.__class__ = ModuleType  # type: ignore[assignment]
        return getattr(sys.modules[names["__name__"]], name)


class _LateLoader(importlib.abc.Loader):
    def __init__(self, execute: Callable[[ModuleType], None]) -> None:
        self._execute = execute

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _LateModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__[_execute_key] = self._execute


class _LateFinder(importlib.abc.MetaPathFinder):
    def __init__(self) -> None:
        self._is_asking = False

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        name = fullname.removeprefix(_PREFIX)
        if name == fullname or "." in name or fullname in _AT_ONCE or self._is_asking:
            return None
        self._is_asking = True
        try:
            found = importlib.util.find_spec(fullname)
        finally:
            self._is_asking = False
        if found is None or found.loader is None:
            return found
        late = importlib.util.spec_from_loader(
            fullname, _LateLoader(found.loader.exec_module), origin=found.origin
        )
        if late is not None:
            late.has_location = True
        return late


def load_services_late() -> None:
    """From now on, until the process ends."""
    sys.meta_path.insert(0, _LateFinder())
