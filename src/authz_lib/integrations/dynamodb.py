"""The items of a DynamoDB table that a caller may see, as a filter condition of boto3.

`where` evaluates the policies for one caller, and writes what is left of them for
``FilterExpression``: `authz_lib.decisions.residual` says which items those are.

===========================  =================================================================
what                         how
===========================  =================================================================
an absent attribute          one that the item does not have, or whose value is NULL
a value of another type      the item is left out; a number is taken as it is, with a fraction
                             too
``like``                     ``"abc*"`` and ``"*abc*"``; another pattern is refused
the key of the table         DynamoDB takes it in the filter of a scan, not in that of a query
===========================  =================================================================

DynamoDB reads the items first, and filters what it has read: a filter saves neither capacity nor
pages.  Ask for one tenant's or one owner's items by a key, and filter those.
"""

from __future__ import annotations

from operator import and_, or_
from typing import TYPE_CHECKING, Any, ClassVar

from authz_lib._support.checks import is_text, require_mapping
from authz_lib.decisions.residual import (
    AllOf,
    AnyOf,
    Constant,
    Less,
    Matches,
    Negation,
    OneOf,
    Present,
    RowCondition,
    RowField,
    SameValue,
    fields_of,
    residual,
)
from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.integrations.revoked_tokens import RevokedTokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from authz_lib.decisions.point import DecisionPoint
    from authz_lib.entities import Entity, EntityUid
    from authz_lib.principal import Principal

__all__ = ["RevokedTokens", "where"]

_TYPES = {"Bool": "BOOL", "Long": "N", "String": "S", "Entity": "S"}
_MAX_OPERANDS = 100  # of `IN`
_MAX_EXPRESSION = 4096
_NOWHERE = "authz_lib"  # an attribute that says nothing: it is there, or it is not


def where(
    engine: DecisionPoint,
    caller: EntityUid | Principal,
    action: str,
    *,
    resource_type: str,
    columns: Mapping[str, str],
    resource_id: str | None = None,
    parents: Mapping[str, str] | None = None,
    context: Mapping[str, object] | None = None,
    entities: Iterable[Entity] = (),
) -> Any:
    """The items on which the caller may do the action: those that `DecisionPoint.filter` keeps.

    The items hold a ``Bool`` as BOOL, a ``Long`` as N, a ``String`` and the id of an entity as S.

    Args:
        engine: an embedded engine with a schema; see `authz_lib.decisions.residual.residual`.
        caller: who asks.
        action: the id of the action.
        resource_type: the entity type that an item is.
        columns: attribute of the resource to attribute of the item, as boto3's ``Attr`` takes it.
            Attributes that no policy reads may be left out.
        resource_id: the item's attribute with the resource's own id.  It is needed where policies
            name resources or ask what is in a resource, and where the resource may be the caller.
        parents: the type of a parent to the attribute with its id, such as ``{"Folder": "in"}``.
        context: as for `DecisionPoint.filter`.
        entities: as for `DecisionPoint.filter`.

    Returns:
        A condition for ``FilterExpression``.

    Raises:
        InvalidRequestError: a policy that can matter cannot be translated, and the message names
            it; the condition is longer than DynamoDB takes; or the request breaks a limit of the
            engine.
        ConfigurationError: the engine has no schema or is in another process, or the schema does
            not know a name.

    >>> from authz_lib import CedarEngine, EntityUid
    >>> engine = CedarEngine.from_text(
    ...     '''permit(principal, action, resource)
    ...     when { resource.owner == principal };''',
    ...     '''entity User; entity Order { owner: User };
    ...     action Get appliesTo { principal: User, resource: Order };''',
    ... )
    >>> mine = where(
    ...     engine,
    ...     EntityUid("User", "alice"),
    ...     "Get",
    ...     resource_type="Order",
    ...     columns={"owner": "owner"},
    ... )
    >>> # table.query(KeyConditionExpression=..., FilterExpression=mine)
    """
    columns = _names(columns, "columns", "of attributes to attributes of the item")
    parents = _names(parents or {}, "parents", "of entity types to attributes of the item")
    ids = {} if resource_id is None else {resource_type: resource_id}
    condition = residual(
        engine,
        caller,
        action,
        resource_type=resource_type,
        attributes=columns.keys(),
        parents=parents.keys(),
        has_id=resource_id is not None,
        refuse=_refusal,
        context=context,
        entities=entities,
    )
    by_source = {
        "attribute": columns,
        "parent": parents,
        "id": _names(ids, "resource_id", "of one name"),
    }
    return _Writer(lambda field: by_source[field.source][field.name]).whole(condition)


def _names(names: Any, argument: str, of: str) -> Mapping[str, str]:
    found = require_mapping(names, argument, of=of)
    if not all(map(is_text, found.values())):
        raise ConfigurationError(f"`{argument}` must name attributes by non-empty strings")
    return found


def _refusal(node: RowCondition) -> str:
    """Why a part of a condition cannot be said in DynamoDB."""
    if isinstance(node, Matches) and not _only_piece(node)[0]:
        return "DynamoDB knows `like` with one text before a `*`, or between two, and no other"
    return ""


def _only_piece(node: Matches) -> tuple[str, str]:
    """The function and its text, for a pattern that a function knows; else two empty texts."""
    if len(node.pieces) == 2 and not node.pieces[1]:
        return "begins_with", node.pieces[0]
    if len(node.pieces) == 3 and not node.pieces[0] and not node.pieces[2]:
        return "contains", node.pieces[1]
    return "", ""


class _Writer:
    """Writes a condition with boto3's `Attr`."""

    def __init__(self, name_of: Callable[[RowField], str]) -> None:
        from boto3.dynamodb.conditions import Attr

        self._attr = Attr
        self._name_of = name_of

    def whole(self, condition: RowCondition) -> Any:
        """The condition, for items whose attributes hold what they should."""
        from boto3.dynamodb.conditions import ConditionExpressionBuilder

        guards = [self._well_typed(field) for field in dict.fromkeys(fields_of(condition))]
        found = _all([self._written(condition), *guards])
        built = ConditionExpressionBuilder().build_expression(found)
        if len(built.condition_expression) > _MAX_EXPRESSION:
            raise InvalidRequestError(
                "the policies leave a condition that is longer than DynamoDB takes",
                field="resource",
            )
        return found

    def _of(self, field: RowField) -> Any:
        return self._attr(self._name_of(field))

    def _there(self, field: RowField) -> Any:
        attribute = self._of(field)
        if field.kind == "Other":
            return attribute.exists() & ~attribute.attribute_type("NULL")
        return attribute.attribute_type(_TYPES[field.kind])

    def _well_typed(self, field: RowField) -> Any:
        attribute = self._of(field)
        absent = attribute.not_exists() | attribute.attribute_type("NULL")
        return absent | self._there(field)

    def _written(self, condition: RowCondition) -> Any:
        return self._WRITERS[type(condition)](self, condition)

    def _constant(self, condition: Constant) -> Any:
        anything = self._attr(_NOWHERE)
        there, absent = anything.exists(), anything.not_exists()
        return there | absent if condition.value else there & absent

    def _present(self, condition: Present) -> Any:
        return self._there(condition.field)

    def _one_of(self, condition: OneOf) -> Any:
        attribute, values = self._of(condition.field), sorted(condition.values)
        chunks = [values[at : at + _MAX_OPERANDS] for at in range(0, len(values), _MAX_OPERANDS)]
        return _any(
            [attribute.eq(one[0]) if len(one) == 1 else attribute.is_in(one) for one in chunks]
        )

    def _same(self, condition: SameValue) -> Any:
        left, right = condition.left, condition.right
        same = self._of(left).eq(self._of(right))
        return _all([self._there(left), self._there(right), same])

    def _less(self, condition: Less) -> Any:
        left, right, equal = condition.left, condition.right, condition.equal
        there = [self._there(side) for side in (left, right) if isinstance(side, RowField)]
        if isinstance(left, RowField):
            attribute = self._of(left)
            other = self._of(right) if isinstance(right, RowField) else right
            return _all([*there, attribute.lte(other) if equal else attribute.lt(other)])
        attribute = self._of(right)  # type: ignore[arg-type]  # two numbers are no node
        return _all([*there, attribute.gte(left) if equal else attribute.gt(left)])

    def _matches(self, condition: Matches) -> Any:
        function, piece = _only_piece(condition)
        test = getattr(self._of(condition.field), function)(piece)
        return _all([self._there(condition.field), test])

    def _negation(self, condition: Negation) -> Any:
        return ~self._written(condition.part)

    def _all_of(self, condition: AllOf) -> Any:
        return _all([self._written(part) for part in condition.parts])

    def _any_of(self, condition: AnyOf) -> Any:
        return _any([self._written(part) for part in condition.parts])

    _WRITERS: ClassVar[Mapping[type, Callable[[_Writer, Any], Any]]] = {
        Constant: _constant,
        Present: _present,
        OneOf: _one_of,
        SameValue: _same,
        Less: _less,
        Matches: _matches,
        Negation: _negation,
        AllOf: _all_of,
        AnyOf: _any_of,
    }


def _all(parts: Sequence[Any]) -> Any:
    return _joined(parts, and_)


def _any(parts: Sequence[Any]) -> Any:
    return _joined(parts, or_)


def _joined(parts: Sequence[Any], join: Callable[[Any, Any], Any]) -> Any:
    """The parts as a balanced tree: boto3 goes down each branch by recursion."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return join(_joined(parts[:middle], join), _joined(parts[middle:], join))
