"""Cedar expressions as formulas: for every expression, when it errs and what else it is.

The meaning is that of Cedar's evaluator, errors included: operands are evaluated from left to
right, ``&&``, ``||`` and ``if`` evaluate no more than they need, and a value of a wrong type is an
error.  What is not translated becomes an unknown Boolean that may also err, and is written down in
`Translator.not_read`.  It stands for whatever the request makes of it: a proof stays a proof.  A
request that is found this way must be tried out.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from authz_lib.analysis.extensions import CONSTRUCTORS, Extensions
from authz_lib.analysis.literals import literal_value, record_of
from authz_lib.analysis.terms import UnsupportedError
from authz_lib.analysis.values import (
    BOOL,
    LONG,
    STRING,
    LiteralSet,
    RecordValue,
    Scalar,
    SymbolicValue,
    UnknownSet,
    is_entity,
)
from authz_lib.decisions.cedar_schema import EntityType, Primitive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authz_lib.analysis.request_terms import RequestTerms
    from authz_lib.analysis.terms import Formula

__all__ = ["ExpressionTerms", "Translator"]

_ORDERED = {"Long", "datetime", "duration"}  # what `<` compares


class ExpressionTerms(NamedTuple):
    """When an expression errs, and its value where it does not (None: it always errs)."""

    error: Formula
    value: SymbolicValue | None


_ERROR = ExpressionTerms(True, None)


def _is_type(value: SymbolicValue | None, type_: Primitive) -> bool:
    return isinstance(value, Scalar) and value.type == type_


class Translator:
    """Translates expressions in Cedar's JSON form, for one kind of request.

    Attributes:
        not_read: why parts of policies became unknowns.
    """

    def __init__(self, request: RequestTerms) -> None:
        self._r, self._t, self._v = request, request.terms, request.values
        self._extensions = Extensions(self._t)
        self.not_read: list[str] = []
        action = request.environment.action.uid
        self._variables: dict[str, SymbolicValue] = {
            "principal": request.principal,
            "action": request.entity(*action),
            "resource": request.resource,
            "context": request.context,
        }
        self._groups = {shape.uid: shape.groups for shape in request.schema.actions}
        comparisons = {"<": (False, False), "<=": (True, True), ">": (False, True)}
        self._operators: dict[str, Callable[[Any], ExpressionTerms]] = {
            "&&": lambda of: self._and(of["left"], of["right"]),
            "||": lambda of: self._or(of["left"], of["right"]),
            "!": self._not,
            "==": lambda of: self._equal(of, negated=False),
            "!=": lambda of: self._equal(of, negated=True),
            ">=": lambda of: self._compare(of, negated=True, swapped=False),
            **{
                sign: partial(self._compare, negated=how[0], swapped=how[1])
                for sign, how in comparisons.items()
            },
            "in": self._in,
            "is": self._is,
            "has": self._has,
            "like": self._like,
            "hasTag": self._has_tag,
            "contains": self._contains,
            "containsAll": lambda of: self._sets(of, self._v.contains_all),
            "containsAny": lambda of: self._sets(of, self._v.contains_any),
            "isEmpty": self._is_empty,
        }
        self._others: dict[str, Callable[[Any], ExpressionTerms]] = {
            "Value": lambda of: ExpressionTerms(False, literal_value(self._r, of)),
            "Var": lambda of: ExpressionTerms(False, self._variables[of]),
            "if-then-else": self._if,
            ".": self._attribute,
            "getTag": self._get_tag,
            "+": lambda of: self._arithmetic(of, self._t.sum),
            "-": lambda of: self._arithmetic(of, self._t.difference),
            "*": lambda of: self._arithmetic(of, self._t.product),
            "neg": self._negated,
            "Set": self._set,
            "Record": self._record,
        }

    def condition(self, expression: Mapping[str, Any]) -> tuple[Formula, Formula]:
        """When a condition errs, and when it is fulfilled."""
        try:
            return self._boolean(expression)
        except (UnsupportedError, RecursionError) as problem:
            return self._boolean_of(self._unknown(expression, problem))

    def translate(self, expression: Mapping[str, Any]) -> ExpressionTerms:
        """The outcome of an expression.

        Raises:
            UnsupportedError: it is not translated, and its type is not known.
        """
        ((name, operands),) = expression.items()
        operator = self._operators.get(name)
        if operator is not None:
            try:
                return operator(operands)
            except UnsupportedError as problem:
                return self._unknown(expression, problem)
        if name in self._others:
            return self._others[name](operands)
        if name in CONSTRUCTORS or self._extensions.knows(name):
            return self._extension(expression, name, operands)
        raise UnsupportedError(f"`{name}` is not read")

    def is_in(self, entity: Scalar, group: Scalar) -> Formula:
        """``in``, for entities and for actions."""
        own = self._action_uid(entity)
        if own is None:
            return self._r.is_in(entity, group)
        above = self._action_uid(group)
        return above is not None and (own == above or above in self._groups.get(own, ()))

    def _action_uid(self, entity: Scalar) -> tuple[str, str] | None:
        assert isinstance(entity.type, EntityType)  # noqa: S101  the caller has looked
        name = entity.type.name
        if name.rpartition("::")[2] != "Action":
            return None
        if not isinstance(entity.formula, int):
            raise UnsupportedError("an action that the request names")
        return name, self._t.ids(name)[entity.formula]

    def _unknown(self, expression: Mapping[str, Any], problem: Exception) -> ExpressionTerms:
        deep = isinstance(problem, RecursionError)
        self.not_read.append("an expression that is nested deeply" if deep else str(problem))
        try:
            name = json.dumps(expression, sort_keys=True)
        except RecursionError:
            name = f"deep expression {len(self.not_read)}"
        error = self._t.constant(f"error of {name}", self._t.bool)
        return ExpressionTerms(
            error, Scalar(BOOL, self._t.constant(f"value of {name}", self._t.bool))
        )

    def _boolean(self, expression: Mapping[str, Any]) -> tuple[Formula, Formula]:
        return self._boolean_of(self.translate(expression))

    def _boolean_of(self, outcome: ExpressionTerms) -> tuple[Formula, Formula]:
        if not isinstance(outcome.value, Scalar) or outcome.value.type != BOOL:
            return True, False
        formula = outcome.value.formula
        return outcome.error, self._t.and_(self._t.not_(outcome.error), formula)

    def _of_boolean(self, error: Formula, value: Formula) -> ExpressionTerms:
        return _ERROR if error is True else ExpressionTerms(error, Scalar(BOOL, value))

    def _and(self, left: Mapping[str, Any], right: Mapping[str, Any]) -> ExpressionTerms:
        error, value = self._boolean(left)
        if value is False:
            return self._of_boolean(error, False)
        right_error, right_value = self._boolean(right)
        return self._of_boolean(
            self._t.or_(error, self._t.and_(value, right_error)),
            self._t.and_(value, right_value),
        )

    def _or(self, left: Mapping[str, Any], right: Mapping[str, Any]) -> ExpressionTerms:
        error, value = self._boolean(left)
        if value is True or error is True:
            return self._of_boolean(error, value)
        right_error, right_value = self._boolean(right)
        neither = self._t.and_(self._t.not_(error), self._t.not_(value))
        return self._of_boolean(
            self._t.or_(error, self._t.and_(neither, right_error)),
            self._t.or_(value, self._t.and_(neither, right_value)),
        )

    def _not(self, of: Mapping[str, Any]) -> ExpressionTerms:
        error, value = self._boolean(of["arg"])
        return self._of_boolean(error, self._t.not_(value))

    def _if(self, of: Mapping[str, Any]) -> ExpressionTerms:
        error, condition = self._boolean(of["if"])
        if error is True:
            return _ERROR
        if condition is True:
            return self.translate(of["then"])
        if condition is False and error is False:
            return self.translate(of["else"])
        first, second = self.translate(of["then"]), self.translate(of["else"])
        failed = self._t.or_(error, self._t.if_(condition, first.error, second.error))
        if first.value is None or second.value is None:
            return ExpressionTerms(failed, first.value or second.value)
        return ExpressionTerms(failed, self._v.merged(condition, first.value, second.value))

    def _both(self, of: Mapping[str, Any]) -> tuple[Formula, Any, Any]:
        left, right = self.translate(of["left"]), self.translate(of["right"])
        return self._t.or_(left.error, right.error), left.value, right.value

    def _equal(self, of: Mapping[str, Any], *, negated: bool) -> ExpressionTerms:
        error, left, right = self._both(of)
        if left is None or right is None:
            return _ERROR
        equal = self._v.equal(left, right)
        return self._of_boolean(error, self._t.not_(equal) if negated else equal)

    def _compare(self, of: Mapping[str, Any], *, negated: bool, swapped: bool) -> ExpressionTerms:
        """``<``; ``>=`` is its negation, ``>`` has the operands swapped, ``<=`` is both."""
        error, left, right = self._both(of)
        if not (isinstance(left, Scalar) and isinstance(right, Scalar) and left.type == right.type):
            return _ERROR
        if not isinstance(left.type, Primitive) or left.type.name not in _ORDERED:
            return _ERROR
        first, second = (right, left) if swapped else (left, right)
        less = self._t.less(first.formula, second.formula)
        return self._of_boolean(error, self._t.not_(less) if negated else less)

    def _in(self, of: Mapping[str, Any]) -> ExpressionTerms:
        error, left, right = self._both(of)
        if not is_entity(left) or right is None:
            return _ERROR
        return self._in_value(error, left, right)

    def _in_value(self, error: Formula, left: Scalar, right: SymbolicValue) -> ExpressionTerms:
        if isinstance(right, UnknownSet):
            if not isinstance(right.element, EntityType):
                # An empty set has no element that is no entity.
                return self._of_boolean(
                    self._t.or_(error, self._t.not_(self._v.is_empty(right))), False
                )
            if self._action_uid(left) is not None:
                raise UnsupportedError("`in` a set of actions of the request")
            return self._of_boolean(error, self._r.is_in_any(left, right))
        groups = right.elements if isinstance(right, LiteralSet) else (right,)
        named = [group for group in groups if isinstance(group, Scalar) and is_entity(group)]
        if len(named) < len(groups):
            return _ERROR
        return self._of_boolean(error, self._t.or_(*[self.is_in(left, one) for one in named]))

    def _is(self, of: Mapping[str, Any]) -> ExpressionTerms:
        left = self.translate(of["left"])
        if not isinstance(left.value, Scalar) or not isinstance(left.value.type, EntityType):
            return _ERROR
        fits = left.value.type.name == of["entity_type"]
        if not fits or "in" not in of:
            return self._of_boolean(left.error, fits)
        right = self.translate(of["in"])
        if right.value is None:
            return _ERROR
        error = self._t.or_(left.error, right.error)
        return self._in_value(error, left.value, right.value)

    def _fields(self, value: SymbolicValue | None) -> tuple[Formula, RecordValue] | None:
        """Attributes of a record or an entity, and whether they can be read at all."""
        if isinstance(value, RecordValue):
            return True, value
        if isinstance(value, Scalar) and is_entity(value):
            return self._r.is_given(value), self._r.attributes(value)
        return None

    def _has(self, of: Mapping[str, Any]) -> ExpressionTerms:
        left = self.translate(of["left"])
        found = self._fields(left.value)
        if found is None:
            return _ERROR
        given, record = found
        present = record.fields[of["attr"]][0] if of["attr"] in record.fields else False
        return self._of_boolean(left.error, self._t.and_(given, present))

    def _attribute(self, of: Mapping[str, Any]) -> ExpressionTerms:
        left = self.translate(of["left"])
        found = self._fields(left.value)
        if found is None or of["attr"] not in found[1].fields:
            return _ERROR
        present, make = found[1].fields[of["attr"]]
        there = self._t.and_(found[0], present)
        if there is False:
            return _ERROR
        return ExpressionTerms(self._t.or_(left.error, self._t.not_(there)), make())

    def _tag(self, of: Mapping[str, Any]) -> tuple[Formula, Scalar, Formula, Formula] | None:
        error, left, right = self._both(of)
        if not is_entity(left) or not _is_type(right, STRING):
            return None
        there = self._t.and_(self._r.is_given(left), self._r.has_tag(left, right.formula))
        return error, left, right.formula, there

    def _has_tag(self, of: Mapping[str, Any]) -> ExpressionTerms:
        found = self._tag(of)
        return _ERROR if found is None else self._of_boolean(found[0], found[3])

    def _get_tag(self, of: Mapping[str, Any]) -> ExpressionTerms:
        found = self._tag(of)
        if found is None or found[3] is False:
            return _ERROR
        error, entity, key, there = found
        return ExpressionTerms(self._t.or_(error, self._t.not_(there)), self._r.tag(entity, key))

    def _like(self, of: Mapping[str, Any]) -> ExpressionTerms:
        left = self.translate(of["left"])
        if not isinstance(left.value, Scalar) or left.value.type != STRING:
            return _ERROR
        pattern = [None if part == "Wildcard" else part["Literal"] for part in of["pattern"]]
        return self._of_boolean(left.error, self._t.like(left.value.formula, pattern))

    def _contains(self, of: Mapping[str, Any]) -> ExpressionTerms:
        error, left, right = self._both(of)
        if not isinstance(left, LiteralSet | UnknownSet) or right is None:
            return _ERROR
        return self._of_boolean(error, self._v.contains(left, right))

    def _sets(self, of: Mapping[str, Any], test: Callable[[Any, Any], Formula]) -> ExpressionTerms:
        error, left, right = self._both(of)
        if not all(isinstance(one, LiteralSet | UnknownSet) for one in (left, right)):
            return _ERROR
        return self._of_boolean(error, test(left, right))

    def _is_empty(self, of: Mapping[str, Any]) -> ExpressionTerms:
        found = self.translate(of["arg"])
        if not isinstance(found.value, LiteralSet | UnknownSet):
            return _ERROR
        return self._of_boolean(found.error, self._v.is_empty(found.value))

    def _arithmetic(
        self, of: Mapping[str, Any], calculate: Callable[[Formula, Formula], Formula]
    ) -> ExpressionTerms:
        error, left, right = self._both(of)
        if not _is_type(left, LONG) or not _is_type(right, LONG):
            return _ERROR
        return self._long(error, calculate(left.formula, right.formula))

    def _negated(self, of: Mapping[str, Any]) -> ExpressionTerms:
        found = self.translate(of["arg"])
        if not isinstance(found.value, Scalar) or found.value.type != LONG:
            return _ERROR
        return self._long(found.error, self._t.difference(0, found.value.formula))

    def _long(self, error: Formula, formula: Formula) -> ExpressionTerms:
        failed = self._t.or_(error, self._t.not_(self._t.is_long(formula)))
        return _ERROR if failed is True else ExpressionTerms(failed, Scalar(LONG, formula))

    def _set(self, of: list[Mapping[str, Any]]) -> ExpressionTerms:
        found = [self.translate(one) for one in of]
        values = [one.value for one in found if one.value is not None]
        if len(values) < len(found):
            return _ERROR
        return ExpressionTerms(
            self._t.or_(*[one.error for one in found]), LiteralSet(tuple(values))
        )

    def _record(self, of: Mapping[str, Mapping[str, Any]]) -> ExpressionTerms:
        found = {name: self.translate(one) for name, one in of.items()}
        if any(one.value is None for one in found.values()):
            return _ERROR
        error = self._t.or_(*[one.error for one in found.values()])
        return ExpressionTerms(error, record_of({name: one.value for name, one in found.items()}))

    def _extension(
        self, expression: Mapping[str, Any], name: str, operands: list[Mapping[str, Any]]
    ) -> ExpressionTerms:
        try:
            found = [self.translate(one) for one in operands]
            values = [one.value for one in found]
            if any(value is None for value in values):
                return _ERROR
            error, value = self._extensions.call(name, values)
        except UnsupportedError as problem:
            if not self._extensions.is_test(name):
                raise
            return self._unknown(expression, problem)
        failed = self._t.or_(error, *[one.error for one in found])
        return _ERROR if failed is True or value is None else ExpressionTerms(failed, value)
