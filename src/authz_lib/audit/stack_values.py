"""What the intrinsic functions of a template stand for, as far as that is known beforehand."""

from __future__ import annotations

from itertools import islice, product
from math import prod
from typing import TYPE_CHECKING, Any, Final

from authz_lib.audit.conditions import Conditions, Guard, condition_text
from authz_lib.audit.intrinsics import SUB_VARIABLE, functions_in, one_member, scalars_in
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "ABSENT",
    "MAX_BRANCHES",
    "UNKNOWN",
    "Branch",
    "StackValues",
    "parameter_text",
]

MAX_BRANCHES: Final = 256
"""A value that can be more than this is refused, or not seen."""

_MAX_DEPTH: Final = 48
_SIDES: Final = frozenset({True, False})
_MAX_SETTINGS: Final = 4_096
_PLAIN_FUNCTIONS: Final = frozenset(
    {"Condition", "Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or", "Ref"}
)
_ALWAYS: Final = Guard()


class _Mark:
    """A value of its own."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


ABSENT: Final[Any] = _Mark("ABSENT")
"""Nothing is there: ``AWS::NoValue``."""
UNKNOWN: Final[Any] = _Mark("UNKNOWN")
"""Known only when the template is deployed."""

Branch = tuple[Guard, Any]


class StackValues:
    """The parameters, mappings and conditions of a template.

    Args:
        template: the document.
        given: values of parameters; a condition that they decide has one side only.  One that is
            `UNKNOWN` is given at the deployment: then its default does not count.
    """

    def __init__(self, template: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        self._parameters: dict[str, Any] = _section(template, "Parameters")
        self._mappings = _section(template, "Mappings")
        self._written = _section(template, "Conditions")
        self.given = {name: value for name, value in given.items() if value is not UNKNOWN}
        self.defaults = {
            name: parameter_text(spec["Default"])
            for name, spec in self._parameters.items()
            if isinstance(spec, dict) and "Default" in spec and not _is_of_ssm(spec)
            if given.get(name) is not UNKNOWN
        }
        self._by_values = self._conditions(self.values)
        self._by_given = self._conditions(self.given)

    @property
    def values(self) -> dict[str, Any]:
        """Each parameter that has a value: the given one, or the default."""
        return {**self.defaults, **self.given}

    def allowed_values(self, name: str) -> list[Any]:
        """What a parameter may be; empty where that is not said, or its value is given."""
        spec = self._parameters.get(name)
        allowed = spec.get("AllowedValues") if isinstance(spec, dict) else None
        if name in self.given or not isinstance(allowed, list):
            return []
        return [parameter_text(value) for value in allowed]

    def is_parameter(self, name: str) -> bool:
        """Whether the template has a parameter of this name."""
        return name in self._parameters

    # -- conditions -----------------------------------------------------------------------------

    def holds(self, name: str, guard: Guard = _ALWAYS) -> bool | None:
        """Whether a condition holds: by the guard, else with the values of the parameters."""
        side = guard.side_of(name)
        return side if isinstance(side, bool) else self._by_values.holds(name)

    def decided(self, name: str) -> bool | None:
        """What a given value makes of a condition; ``None`` where it decides nothing."""
        if not self.given or not any(word in self.given for word in self.parameters_of(name)):
            return None
        return self._by_given.holds(name)

    def parameters_of(self, condition: str) -> list[str]:
        """The parameters that a condition reads, through other conditions too."""
        found: dict[str, None] = {}
        seen: set[str] = set()
        todo = [condition]
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            for function, given in functions_in(self._written.get(name)):
                if function == "Condition" and isinstance(given, str):
                    todo.append(given)
                elif function == "Ref" and self.is_parameter(str(given)):
                    found[str(given)] = None
        return list(found)

    def guard_holds(self, guard: Guard) -> bool | None:
        """Whether a guard holds with the values of the parameters."""
        sides = [
            self.values.get(name) == side
            if isinstance(side, str)
            else _same(self.holds(name), side)
            for name, side in guard.terms
        ]
        return False if False in sides else None if None in sides else True

    def is_possible(self, guard: Guard) -> bool:
        """Whether some values of the parameters make all terms of a guard true.

        A condition that reads no parameter is not asked: both of its sides are looked at.
        """
        terms = [
            (name, side)
            for name, side in guard.terms
            if isinstance(side, str) or self.parameters_of(name)
        ]
        names = {
            parameter
            for name, side in terms
            for parameter in ([name] if isinstance(side, str) else self.parameters_of(name))
        }
        others = [*self._compared_texts(names), *(side for _, side in terms if side not in _SIDES)]
        choices = {name: self._candidates(name, others) for name in sorted(names)}
        if not all(self._compares_plainly(name) for name, side in terms if side in _SIDES):
            return True  # the values that tell its sides apart are not known
        if not terms or prod(map(len, choices.values())) > _MAX_SETTINGS:
            return True
        return any(
            self._fits(terms, dict(zip(choices, setting, strict=True)))
            for setting in product(*choices.values())
        )

    def _compares_plainly(self, condition: str) -> bool:
        """Whether a condition compares parameters and texts as they are, through others too."""
        todo, seen = [condition], set()
        while todo:
            name = todo.pop()
            seen.add(name)
            for function, given in functions_in(self._written.get(name)):
                if function not in _PLAIN_FUNCTIONS:
                    return False
                if function == "Condition" and isinstance(given, str) and given not in seen:
                    todo.append(given)
        return True

    def _fits(self, terms: list[tuple[str, bool | str]], setting: Mapping[str, Any]) -> bool:
        conditions = self._conditions(setting)
        return all(
            str(setting[name]) == side
            if isinstance(side, str)
            else conditions.holds(name) in {side, None}
            for name, side in terms
        )

    def _compared_texts(self, names: set[str]) -> list[str]:
        """What conditions compare parameters with: texts, and what other parameters may be."""
        written = [condition_text(one) for one in scalars_in(self._written)]
        allowed = [one for name in sorted(names) for one in map(str, self.allowed_values(name))]
        values = [str(self.values[name]) for name in sorted(names) if name in self.values]
        return list(dict.fromkeys([*written, *allowed, *values]))

    def _candidates(self, name: str, others: list[Any]) -> list[Any]:
        """Values of a parameter that tell conditions apart; the last is its own alone."""
        if name in self.given:
            return [self.given[name]]
        if self.allowed_values(name):
            return self.allowed_values(name)
        return list(dict.fromkeys([*others, "\0another value", f"\0{name}"]))

    def _conditions(self, values: Mapping[str, Any]) -> Conditions:
        return Conditions(self._written, lambda value: self._plain(value, Guard(), values, 0))

    # -- values ---------------------------------------------------------------------------------

    def branches(self, value: Any, guard: Guard) -> Iterator[Branch]:
        """What a value may be: one for each side of each ``Fn::If`` that it begins with."""
        found = islice(self._branches(value, guard, 0), MAX_BRANCHES + 1)
        for number, branch in enumerate(found):
            if number == MAX_BRANCHES:
                raise ConfigurationError(
                    f"a value of the template has more than {MAX_BRANCHES} branches"
                )
            yield branch

    def _branches(self, value: Any, guard: Guard, depth: int) -> Iterator[Branch]:
        function = one_member(value)
        if function == ("Ref", "AWS::NoValue"):
            yield guard, ABSENT
            return
        if function is None or function[0] != "Fn::If" or depth > _MAX_DEPTH:
            yield guard, value
            return
        given = function[1]
        if not isinstance(given, list) or len(given) != 3 or not isinstance(given[0], str):
            yield guard, UNKNOWN
            return
        name, *sides = given
        decided = self.decided(name)
        for side, inner in zip((True, False), sides, strict=True):
            if decided is not None:
                if decided is side:
                    yield from self._branches(inner, guard, depth + 1)
                continue
            narrowed = guard.also(name, side)
            if narrowed is not None:
                yield from self._branches(inner, narrowed, depth + 1)

    def texts(self, value: Any, guard: Guard) -> Iterator[Branch]:
        """The plain values that a value may be.

        A parameter with ``AllowedValues`` has each of them, and a condition inside of the value has
        both of its sides, where they make a difference.
        """
        for narrowed, inner in self.branches(value, guard):
            yield from self._variants(inner, narrowed)

    def _variants(self, value: Any, guard: Guard) -> Iterator[Branch]:
        choices = {
            name: listed
            for name, listed in self._choices(value).items()
            if guard.side_of(name) is None
        }
        if prod(map(len, choices.values())) > MAX_BRANCHES:
            yield guard, UNKNOWN  # nobody would read a line for each
            return
        found: dict[str, list[Branch]] = {}
        for setting in product(*choices.values()):
            narrowed = Guard((*guard.terms, *zip(choices, setting, strict=True)))
            plain = self.plain(value, narrowed)
            found.setdefault(repr(plain), []).append((narrowed, plain))
        if len(found) == 1:
            ((_, plain), *_), *_ = found.values()
            yield guard, plain
            return
        for same in found.values():
            yield from same

    def _choices(self, value: Any) -> dict[str, list[bool | str]]:
        """What each parameter in a value may be, and each condition.

        Of a parameter that is allowed values, or the keys of a mapping.
        """
        found: dict[str, list[bool | str]] = {}
        for function, given in functions_in(value):
            if function == "Ref" and self.allowed_values(str(given)):
                found[str(given)] = [*map(str, self.allowed_values(str(given)))]
            elif function == "Fn::If" and isinstance(given, list) and given:
                side = self.decided(str(given[0]))
                found[str(given[0])] = [True, False] if side is None else [side]
            elif function == "Fn::FindInMap" and isinstance(given, list) and len(given) > 1:
                name = one_member(given[1])
                mapping = self._mappings.get(str(given[0]))
                if name is None or name[0] != "Ref" or not isinstance(mapping, dict):
                    continue
                if self.is_parameter(str(name[1])) and name[1] not in self.given:
                    found.setdefault(str(name[1]), [*map(str, mapping)])
        return found

    def plain(self, value: Any, guard: Guard = _ALWAYS) -> Any:
        """The value without functions; `UNKNOWN` where only a deployment tells.

        A list or an object is plain where all its items are; an item without value is left out.
        """
        return self._plain(value, guard, self.values, 0)

    def _plain(self, value: Any, guard: Guard, values: Mapping[str, Any], depth: int) -> Any:
        if depth > _MAX_DEPTH:
            return UNKNOWN
        function = one_member(value)
        if function is None:
            return self._plain_members(value, guard, values, depth)
        name, given = function
        special = {"Ref": self._referred, "Fn::If": self._side, "Fn::Sub": self._substituted}
        if name in special:
            return special[name](given, guard, values, depth)
        arguments = self._plain(given, guard, values, depth + 1)
        if name == "Fn::FindInMap":
            return self._in_mapping(arguments)
        if not isinstance(arguments, list) or UNKNOWN in arguments:
            return UNKNOWN
        return _computed(name, arguments)

    def _referred(self, given: Any, guard: Guard, values: Mapping[str, Any], _: int) -> Any:
        if given == "AWS::NoValue":
            return ABSENT
        side = guard.side_of(str(given))
        return side if isinstance(side, str) else values.get(str(given), UNKNOWN)

    def _side(self, given: Any, guard: Guard, values: Mapping[str, Any], depth: int) -> Any:
        if not isinstance(given, list) or len(given) != 3:
            return UNKNOWN
        holds = guard.side_of(str(given[0]))
        if not isinstance(holds, bool):
            known = self._by_given if values is self.given else self._by_values
            holds = known.holds(str(given[0]))
        return UNKNOWN if holds is None else self._plain(given[2 - holds], guard, values, depth + 1)

    def _plain_members(
        self, value: Any, guard: Guard, values: Mapping[str, Any], depth: int
    ) -> Any:
        if isinstance(value, list):
            items = [self._plain(item, guard, values, depth + 1) for item in value]
            return [item for item in items if item is not ABSENT]
        if isinstance(value, dict):
            members = {
                key: self._plain(item, guard, values, depth + 1) for key, item in value.items()
            }
            return {key: item for key, item in members.items() if item is not ABSENT}
        if isinstance(value, str) and "{{resolve:" in value:
            return UNKNOWN
        return value

    def _substituted(self, given: Any, guard: Guard, values: Mapping[str, Any], depth: int) -> Any:
        text, own = given, {}
        if isinstance(given, list) and len(given) == 2 and isinstance(given[1], dict):
            text, own = given
        if not isinstance(text, str):
            return UNKNOWN
        parts = []
        end = 0
        for match in SUB_VARIABLE.finditer(text):
            parts.append(text[end : match.start()])
            end = match.end()
            name = match[1].strip()
            if name.startswith("!"):
                parts.append(f"${{{name[1:]}}}")
                continue
            known = self._plain(own.get(name, {"Ref": name}), guard, values, depth + 1)
            if not isinstance(known, (str, int, float)):
                return UNKNOWN
            parts.append(str(known))
        whole = "".join([*parts, text[end:]])
        return UNKNOWN if "{{resolve:" in whole else whole

    def _in_mapping(self, arguments: Any) -> Any:
        if not isinstance(arguments, list) or len(arguments) < 3:
            return UNKNOWN
        found: Any = self._mappings
        for word in arguments[:3]:
            found = found.get(str(word)) if isinstance(found, dict) else None
        if found is None and len(arguments) > 3 and isinstance(arguments[3], dict):
            return arguments[3].get("DefaultValue", UNKNOWN)
        return UNKNOWN if found is None else found


def _computed(name: str, arguments: list[Any]) -> Any:
    """``Fn::Join``, ``Fn::Select`` and ``Fn::Split`` of plain values."""
    if len(arguments) != 2:
        return UNKNOWN
    first, second = arguments
    if name == "Fn::Join" and isinstance(first, str) and isinstance(second, list):
        if not all(isinstance(item, (str, int, float)) for item in second):
            return UNKNOWN
        return first.join(map(str, second))
    if name == "Fn::Split" and isinstance(first, str) and first and isinstance(second, str):
        return second.split(first)
    if name == "Fn::Select" and str(first).isdecimal() and isinstance(second, list):
        return second[int(first)] if int(first) < len(second) else UNKNOWN
    return UNKNOWN


def _same(holds: bool | None, side: bool) -> bool | None:
    return None if holds is None else holds is side


def _section(template: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = template.get(name)
    return found if isinstance(found, dict) else {}


def _is_of_ssm(spec: Mapping[str, Any]) -> bool:
    """Whether the default is the name of a parameter in SSM, and not a value."""
    return str(spec.get("Type", "")).startswith("AWS::SSM::Parameter::Value")


def parameter_text(value: Any) -> Any:
    """A value of a parameter is a text, or a list of texts."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value
