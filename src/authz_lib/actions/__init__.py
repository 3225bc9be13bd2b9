"""Which action a route means: one table for authorizer, service and policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.lazy import lazy_names

if TYPE_CHECKING:
    from authz_lib.actions.entry import ActionEntry
    from authz_lib.actions.map import ActionMap, ResolvedAction

__all__ = [
    "ActionEntry",
    "ActionMap",
    "ResolvedAction",
]

# Public name -> the module that holds it.
_HOME = {
    "ActionEntry": "entry",
    "ActionMap": "map",
    "ResolvedAction": "map",
}

if not TYPE_CHECKING:  # type checkers read the imports above: a misspelt name is an error for them
    __getattr__, __dir__ = lazy_names(__name__, _HOME)
