"""Under which conditions of a template something holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from authz_lib._support.json_file import in_one_line
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Conditions", "Guard", "condition_text"]

_MAX_DEPTH: Final = 32


@dataclass(frozen=True, slots=True)
class Guard:
    """What must hold: each term is a condition and its side, or a parameter and its value.

    >>> closed = Guard().also("AuthEnabled", True)
    >>> str(closed)
    'AuthEnabled'
    >>> str(closed.also("Stage", "prod"))
    'AuthEnabled & Stage=prod'
    >>> closed.also("AuthEnabled", False) is None
    True
    """

    terms: tuple[tuple[str, bool | str], ...] = ()

    def also(self, name: str, side: bool | str) -> Guard | None:
        """The guard with one term more; ``None`` where that cannot be."""
        known = self.side_of(name)
        if known is None:
            return Guard((*self.terms, (name, side)))
        return self if known == side else None

    def side_of(self, name: str) -> bool | str | None:
        """Which side of a condition is meant, or which value of a parameter."""
        return next((side for known, side in self.terms if known == name), None)

    def beyond(self, outer: Guard) -> Guard:
        """The terms that an outer guard has not."""
        return Guard(tuple(term for term in self.terms if term not in outer.terms))

    def __str__(self) -> str:
        return " & ".join(map(_term_text, self.terms))

    def __bool__(self) -> bool:
        return bool(self.terms)


def _term_text(term: tuple[str, bool | str]) -> str:
    name, side = term
    if isinstance(side, str):
        return f"{name}={side}"
    return name if side else f"!{name}"


class Conditions:
    """The ``Conditions`` of a template, and what they are with some values of the parameters.

    Args:
        written: the section.
        resolve: makes a plain value of what a condition compares; ``None`` where it cannot.
    """

    def __init__(self, written: Mapping[str, Any], resolve: Callable[[Any], Any]) -> None:
        self._written = written
        self._resolve = resolve
        self._known: dict[str, bool | None] = {}

    def holds(self, name: str) -> bool | None:
        """Whether a condition holds; ``None`` where only a deployment tells.

        Raises:
            ConfigurationError: conditions stand for each other in a ring.
        """
        return self._holds(name, ())

    def _holds(self, name: str, above: tuple[str, ...]) -> bool | None:
        if name in above or len(above) > _MAX_DEPTH:
            raise ConfigurationError(f"the condition {in_one_line(name)} stands for itself")
        if name not in self._written:
            return None
        if name not in self._known:
            self._known[name] = self._value(self._written[name], (*above, name), 0)
        return self._known[name]

    def _value(self, written: Any, above: tuple[str, ...], depth: int) -> bool | None:
        if not isinstance(written, dict) or len(written) != 1 or depth > _MAX_DEPTH:
            return None
        ((function, given),) = written.items()
        if function == "Condition" and isinstance(given, str):
            return self._holds(given, above)
        if not isinstance(given, list):
            return None
        if function == "Fn::Equals":
            return self._equal(*given) if len(given) == 2 else None
        combine = _COMBINED.get(str(function))
        sides = [self._value(item, above, depth + 1) for item in given]
        return combine(sides) if combine is not None and sides else None

    def _equal(self, first: Any, second: Any) -> bool | None:
        values = [self._resolve(first), self._resolve(second)]
        if not all(isinstance(value, (str, int, float, bool)) for value in values):
            return None
        return condition_text(values[0]) == condition_text(values[1])


def _not(sides: list[bool | None]) -> bool | None:
    return None if None in sides else not sides[0]


def _and(sides: list[bool | None]) -> bool | None:
    return False if False in sides else None if None in sides else True


def _or(sides: list[bool | None]) -> bool | None:
    return True if True in sides else None if None in sides else False


_COMBINED: Final = {"Fn::And": _and, "Fn::Not": _not, "Fn::Or": _or}


def condition_text(value: Any) -> str:
    """A plain value as the text that CloudFormation makes of it, to compare it or to hand it on."""
    return str(value).lower() if isinstance(value, bool) else str(value)
