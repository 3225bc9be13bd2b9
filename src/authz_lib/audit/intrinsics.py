"""The intrinsic functions of a template as they are written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SUB_VARIABLE", "functions_in", "names_in", "one_member", "scalars_in"]

SUB_VARIABLE: Final = re.compile(r"\$\{([^{}]{1,200})\}")
"""A variable in the text of ``Fn::Sub``."""


def one_member(value: object) -> tuple[str, Any] | None:
    """The function and its argument, such as ``Ref`` and a name; ``None`` for a plain value."""
    if isinstance(value, dict) and len(value) == 1:
        ((name, given),) = value.items()
        if name in {"Ref", "Condition"} or str(name).startswith("Fn::"):
            return str(name), given
    return None


def functions_in(value: Any) -> Iterator[tuple[str, Any]]:
    """Each function in a value, however deep; the variables of ``Fn::Sub`` as ``Ref``."""
    todo = [value]
    while todo:
        item = todo.pop()
        function = one_member(item)
        if function is not None:
            yield function
            if function[0] == "Fn::Sub":
                yield from _variables_of(function[1])
        if isinstance(item, dict):
            todo += item.values()
        elif isinstance(item, list):
            todo += item


def names_in(value: Any) -> Iterator[str]:
    """The names that a value refers to by ``Ref``, ``GetAtt`` or ``Sub``, however deep."""
    for function, given in functions_in(value):
        if function == "Ref" and isinstance(given, str):
            yield given
        elif function == "Fn::GetAtt":
            owner = given[0] if isinstance(given, list) and given else given
            if isinstance(owner, str):
                yield owner.partition(".")[0]


def scalars_in(value: Any) -> Iterator[str | int | float]:
    """Each text, number and Boolean in a value, however deep."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, (str, int, float)):
            yield item
        elif isinstance(item, dict):
            todo += item.values()
        elif isinstance(item, list):
            todo += item


def _variables_of(given: Any) -> Iterator[tuple[str, Any]]:
    text = given[0] if isinstance(given, list) and given else given
    own = given[1] if isinstance(given, list) and len(given) > 1 else {}
    own = own if isinstance(own, dict) else {}
    if isinstance(text, str):
        for match in SUB_VARIABLE.finditer(text):
            name = match[1].strip()
            if not name.startswith("!") and name not in own:
                yield ("Fn::GetAtt", name.split(".", 1)) if "." in name else ("Ref", name)
