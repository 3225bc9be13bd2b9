"""Cedar expressions in their JSON form, evaluated while the fields of one resource are not known.

Everything else is known: principal, action, context and the other entities.  It errs where Cedar
errs, and stops where Cedar stops: ``false && ...`` does not read what follows.  What compares
extension values (addresses, decimals, dates) is asked of Cedar itself, where no field is in it.

See the Cedar reference guide, "Operators and functions", and its JSON policy format.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from authz_lib.decisions.known_entities import UNREAD
from authz_lib.decisions.partial_hierarchy import Hierarchy
from authz_lib.decisions.partial_operations import OPERATORS, like, truth_outcome
from authz_lib.decisions.partial_values import (
    ERROR,
    CedarTypeError,
    NeedsCedarError,
    PartialOutcome,
    PartialValue,
    Truth,
    UntranslatableError,
    chosen,
    combined,
    known,
    names_entity,
    read_by_cedar,
    refuse_calls,
    refuse_unread,
)
from authz_lib.decisions.row_condition import (
    EVERY_ROW,
    NO_ROW,
    Present,
    RowCondition,
    RowField,
    conjunction,
    disjunction,
    negation,
    one_of,
)
from authz_lib.entities import EntityUid, value_from_cedar_json
from authz_lib.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authz_lib.decisions.known_entities import EntityFacts
    from authz_lib.decisions.partial_request import Expression, PartialRequest

__all__ = ["PartialEvaluation"]

_MAX_CHOICES = 200  # known entities that a field may name


class PartialEvaluation:
    """Evaluates expressions for one request.

    Raises:
        UntranslatableError: by its methods, where there is no condition for an expression.
    """

    def __init__(self, request: PartialRequest) -> None:
        self._request = request
        self._hierarchy = Hierarchy(request.entities, request.shape, request.parents)
        self._variables = {
            "principal": request.principal,
            "action": request.action,
            "context": request.context,
            "resource": request.id,
        }

    def truth(self, expression: Expression) -> Truth:
        """Where an expression is true, and where it errs: it must be a Boolean."""
        ((name, body),) = expression.items()
        connective = self._CONNECTIVES.get(name)
        if connective is not None:
            return connective(self, body)
        try:
            outcome = self._outcome(expression)
            return _as_truth(outcome)
        except NeedsCedarError:
            return self._asked(expression)

    def then(self, first: Truth, right: Expression) -> Truth:
        """``left && right``, where what the left side gives is known."""
        if first.error == EVERY_ROW or first.true == NO_ROW:
            return Truth(first.error, NO_ROW)
        second = self.truth(right)
        return Truth(
            disjunction([first.error, conjunction([first.true, second.error])]),
            conjunction([first.true, second.true]),
        )

    def _and(self, body: Expression) -> Truth:
        return self.then(self.truth(body["left"]), body["right"])

    def _or(self, body: Expression) -> Truth:
        first = self.truth(body["left"])
        if EVERY_ROW in first:
            return first
        second = self.truth(body["right"])
        return Truth(
            disjunction([first.error, conjunction([negation(first.true), second.error])]),
            disjunction([first.true, second.true]),
        )

    def _not(self, body: Expression) -> Truth:
        inner = self.truth(body["arg"])
        return Truth(inner.error, negation(inner.true))

    _CONNECTIVES: ClassVar[dict[str, Callable[[PartialEvaluation, Expression], Truth]]] = {
        "&&": _and,
        "||": _or,
        "!": _not,
    }

    def _asked(self, expression: Expression) -> Truth:
        if _reads_resource(expression):
            raise UntranslatableError(
                "it compares an attribute of the resource beside an address, a decimal or a date"
            )
        answer = self._request.ask(expression)
        return (
            Truth(EVERY_ROW, NO_ROW)
            if answer is None
            else Truth(NO_ROW, EVERY_ROW if answer else NO_ROW)
        )

    def _outcome(self, expression: Expression) -> PartialOutcome:
        ((name, body),) = expression.items()
        if name in self._CONNECTIVES:
            return self.truth(expression).outcome
        reader = self._READERS.get(name)
        if reader is not None:
            return reader(self, body)
        if isinstance(body, list):
            return combined([self._outcome(operand) for operand in body], _extension)
        operands = [self._outcome(body[side]) for side in ("left", "right", "arg") if side in body]
        return combined(operands, lambda values: self._operated(name, values))

    def _operated(self, name: str, values: list[PartialValue]) -> PartialOutcome:
        lookup = self._LOOKUPS.get(name)
        if lookup is not None:
            return lookup(self, *values)
        operation = OPERATORS.get(name)
        if operation is None:
            raise UntranslatableError(f"it has the operator `{name}`")
        refuse_unread(values)
        return operation(*values)

    # What is no operation on values.

    def _value(self, document: Any) -> PartialOutcome:
        if isinstance(document, dict) and "__extn" in document:
            return known(UNREAD)
        try:
            return known(value_from_cedar_json(document))
        except InvalidRequestError:
            raise UntranslatableError("it holds a value that authz-lib does not know") from None

    def _variable(self, name: str) -> PartialOutcome:
        if name not in self._variables:
            raise UntranslatableError(f"it has the variable `{name}`")
        return known(self._variables[name])

    def _if(self, body: Expression) -> PartialOutcome:
        guard = self.truth(body["if"])
        if guard.error == EVERY_ROW:
            return ERROR
        errors, cases = [guard.error], []
        for condition, branch in (
            (guard.true, body["then"]),
            (negation(guard.true), body["else"]),
        ):
            if condition != NO_ROW:
                found = self._outcome(branch)
                errors.append(conjunction([condition, found.error]))
                cases += [(conjunction([condition, case]), value) for case, value in found.cases]
        return PartialOutcome(
            disjunction(errors), tuple(case for case in cases if case[0] != NO_ROW)
        )

    def _record(self, members: Mapping[str, Expression]) -> PartialOutcome:
        return combined(
            [self._outcome(member) for member in members.values()],
            lambda values: known(MappingProxyType(dict(zip(members, values, strict=True)))),
        )

    def _set(self, members: list[Expression]) -> PartialOutcome:
        return combined(
            [self._outcome(member) for member in members], lambda values: known(tuple(values))
        )

    def _attribute(self, body: Expression) -> PartialOutcome:
        return combined([self._outcome(body["left"])], lambda of: self._got(of[0], body["attr"]))

    def _has(self, body: Expression) -> PartialOutcome:
        def operation(of: list[PartialValue]) -> PartialOutcome:
            return truth_outcome(self._has_attribute(of[0], body["attr"]))

        return combined([self._outcome(body["left"])], operation)

    def _like(self, body: Expression) -> PartialOutcome:
        pieces = _pieces(body["pattern"])

        def operation(of: list[PartialValue]) -> PartialOutcome:
            return truth_outcome(like(of[0], pieces))

        return combined([self._outcome(body["left"])], operation)

    def _is(self, body: Expression) -> PartialOutcome:
        def operation(of: list[PartialValue]) -> PartialOutcome:
            if not names_entity(of[0]):
                raise CedarTypeError
            own = of[0].type if isinstance(of[0], EntityUid) else of[0].entity_type
            return known(own == body["entity_type"])

        found = combined([self._outcome(body["left"])], operation)
        if "in" not in body:
            return found
        inside = {"in": {"left": body["left"], "right": body["in"]}}
        return self.then(_as_truth(found), inside).outcome

    # Attributes and tags.

    def _got(self, value: PartialValue, name: str) -> PartialOutcome:
        if type(value) is MappingProxyType:
            refuse_calls(value)
            return known(value[name]) if name in value else ERROR
        if value == self._request.id:
            return self._field(name)
        if isinstance(value, RowField) and value.kind == "Entity":
            return chosen(value, self._choices(value, lambda facts: facts.attrs, name))
        facts = self._facts(value)
        return known(facts.attrs[name]) if facts and name in facts.attrs else ERROR

    def _has_attribute(self, value: PartialValue, name: str) -> RowCondition:
        if type(value) is MappingProxyType:
            refuse_calls(value)
            return EVERY_ROW if name in value else NO_ROW
        if value == self._request.id:
            field = self._own(name)
            return NO_ROW if field is None else Present(field)
        if isinstance(value, RowField) and value.kind == "Entity":
            return one_of(value, self._choices(value, lambda facts: facts.attrs, name))
        facts = self._facts(value)
        return EVERY_ROW if facts and name in facts.attrs else NO_ROW

    def _own(self, name: str) -> RowField | None:
        """The field of an attribute of the resource; the schema may not know the attribute."""
        field = self._request.shape.attributes.get(name)
        if field is not None and name not in self._request.attributes:
            raise UntranslatableError(f"it reads `resource.{name}`, for which there is no column")
        return field

    def _field(self, name: str) -> PartialOutcome:
        field = self._own(name)
        if field is None:
            return ERROR
        if field.kind == "Other":
            raise UntranslatableError(
                f"it reads `resource.{name}`, which is no Bool, Long, String or entity"
            )
        return PartialOutcome(negation(Present(field)), ((EVERY_ROW, field),))

    def _facts(self, value: PartialValue) -> EntityFacts | None:
        """What is known of an entity; `None` where there is none."""
        if not isinstance(value, EntityUid):
            if read_by_cedar(value):
                raise NeedsCedarError
            raise CedarTypeError
        facts = self._request.entities.get((value.type, value.id))
        if facts is None and value.type == self._request.shape.name:
            raise UntranslatableError("it reads another entity of the resource's type by its id")
        return facts

    def _choices(
        self, field: RowField, part: Callable[[EntityFacts], Mapping[str, Any]], name: str
    ) -> dict[str, PartialValue]:
        """What known entities that a field may name have under a name."""
        if field.entity_type == self._request.shape.name:
            raise UntranslatableError("it reads another entity of the resource's type")
        found: dict[str, PartialValue] = {}
        for uid in self._request.entities.of_type(field.entity_type):
            facts = self._request.entities.get(uid)
            if facts is not None and name in part(facts):
                found[uid[1]] = part(facts)[name]
            if len(found) > _MAX_CHOICES:
                raise UntranslatableError(
                    f"it reads attributes of one of more than {_MAX_CHOICES} known entities"
                )
        return found

    def _tags(self, value: PartialValue) -> Mapping[str, Any]:
        if isinstance(value, RowField) and value.kind == "Entity":
            raise UntranslatableError("it reads tags of the resource, or of what it names")
        facts = self._facts(value)
        return facts.tags if facts else {}

    def _get_tag(self, value: PartialValue, key: PartialValue) -> PartialOutcome:
        tags = self._tags(value)
        if isinstance(key, RowField) and key.kind == "String":
            return chosen(key, tags)
        if type(key) is not str:
            raise CedarTypeError
        return known(tags[key]) if key in tags else ERROR

    def _has_tag(self, value: PartialValue, key: PartialValue) -> PartialOutcome:
        tags = self._tags(value)
        if isinstance(key, RowField) and key.kind == "String":
            return truth_outcome(one_of(key, tags))
        if type(key) is not str:
            raise CedarTypeError
        return known(key in tags)

    def _in(self, left: PartialValue, right: PartialValue) -> PartialOutcome:
        refuse_unread((left, right))
        groups = right if type(right) is tuple else (right,)
        if not names_entity(left) or not all(map(names_entity, groups)):
            raise CedarTypeError
        return truth_outcome(disjunction([self._hierarchy.inside(left, group) for group in groups]))

    _READERS: ClassVar[dict[str, Callable[[PartialEvaluation, Any], PartialOutcome]]] = {
        "Value": _value,
        "Var": _variable,
        "if-then-else": _if,
        "Record": _record,
        "Set": _set,
        ".": _attribute,
        "has": _has,
        "like": _like,
        "is": _is,
    }
    _LOOKUPS: ClassVar[dict[str, Callable[[PartialEvaluation, Any, Any], PartialOutcome]]] = {
        "in": _in,
        "getTag": _get_tag,
        "hasTag": _has_tag,
    }


def _extension(values: list[PartialValue]) -> PartialOutcome:
    """A function of an extension: what it gives, only Cedar says."""
    if any(isinstance(value, RowField) for value in values):
        raise UntranslatableError("it gives an attribute of the resource to a function")
    return known(UNREAD)


def _as_truth(outcome: PartialOutcome) -> Truth:
    errors, true = [outcome.error], []
    for condition, value in outcome.cases:
        if value is UNREAD:
            raise NeedsCedarError
        if isinstance(value, RowField) and value.kind == "Bool":
            true.append(conjunction([condition, one_of(value, [True])]))
        elif type(value) is not bool:
            errors.append(condition)
        elif value:
            true.append(condition)
    return Truth(disjunction(errors), disjunction(true))


def _pieces(pattern: list[Any]) -> tuple[str, ...]:
    """``a*b`` as ``("a", "b")``."""
    pieces = [""]
    for element in pattern:
        if element == "Wildcard":
            pieces.append("")
        else:
            pieces[-1] += element["Literal"]
    middle = [piece for piece in pieces[1:-1] if piece]
    return (pieces[0], *middle, pieces[-1]) if len(pieces) > 1 else (pieces[0],)


def _reads_resource(expression: Any) -> bool:
    pending = [expression]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            if one.get("Var") == "resource":
                return True
            pending += one.values()
        elif isinstance(one, list):
            pending += one
    return False
