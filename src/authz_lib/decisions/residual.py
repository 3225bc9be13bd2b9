"""Which resources may a caller see?  What is left of the policies when only the resource is open.

`residual` evaluates the policies of an embedded engine for one caller, one action and one type of
resource.  Principal, action, context and the other entities are known.  The attributes of the
resource are not.  What is left is a `RowCondition`: a small tree over the fields of a row, which
`authz_lib.integrations.sqlalchemy` and `authz_lib.integrations.dynamodb` write for a database.

The condition is true for exactly the resources that `DecisionPoint.filter` keeps:

===============================  ================================================================
what                             how it is read
===============================  ================================================================
a field that is absent (NULL)    an attribute that the entity does not have
a policy that errs               as the engine is set: with ``on_evaluation_error="deny"`` the
                                 row is left out, with ``"cedar"`` the policy is skipped
types                            the schema's, never what a text looks like
an attribute that the schema     is on no resource
does not know
a row whose id is that of a      is left out: it cannot be described twice, and `filter` refuses
known entity, as the caller's    it
===============================  ================================================================

What cannot be said of a row is refused, and nothing is left out silently: sets, records, addresses,
decimals and dates of the resource, its tags, calculations with its attributes, attributes of what
it names unless the engine or the request holds that.  A policy that is refused names itself.  It
does not stand in the way where the others settle the answer.

Cedar calls this partial evaluation.  See the Cedar guide, "Type-aware partial evaluation".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.decisions.partial_evaluation import PartialEvaluation
from authz_lib.decisions.partial_policies import PolicyOutcome, evaluate_policies
from authz_lib.decisions.partial_request import PartialRequest
from authz_lib.decisions.point import DecisionPoint
from authz_lib.decisions.request import AuthorizationRequest
from authz_lib.decisions.row_condition import (
    EVERY_ROW,
    NO_ROW,
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
    conjunction,
    disjunction,
    fields_of,
    negation,
    nodes_of,
    one_of,
    parts_of,
)
from authz_lib.entities import EntityUid
from authz_lib.errors import ConfigurationError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from authz_lib.decisions.known_request import KnownRequest
    from authz_lib.decisions.request import ErrorMode
    from authz_lib.decisions.resource_shape import ResourceShape
    from authz_lib.entities import Entity
    from authz_lib.principal import Principal

__all__ = [
    "EVERY_ROW",
    "NO_ROW",
    "AllOf",
    "AnyOf",
    "Constant",
    "Less",
    "Matches",
    "Negation",
    "OneOf",
    "Present",
    "RowCondition",
    "RowField",
    "SameValue",
    "fields_of",
    "nodes_of",
    "parts_of",
    "residual",
]

_ANY_ID = "any"


def residual(
    engine: DecisionPoint,
    caller: EntityUid | Principal,
    action: str,
    *,
    resource_type: str,
    attributes: Collection[str] | None = None,
    parents: Collection[str] | None = None,
    has_id: bool = True,
    refuse: Callable[[RowCondition], str] | None = None,
    context: Mapping[str, object] | None = None,
    entities: Iterable[Entity] = (),
) -> RowCondition:
    """The condition under which a resource is one that the caller may do the action on.

    Args:
        engine: an embedded engine with a schema, also behind a cache or as the trusted side of
            `ShadowDecisions`.
        caller: who asks.
        action: the id of the action.
        resource_type: the entity type of the resources, with its namespace.
        attributes: the names of the attributes that there are fields for; ``None`` for all.
        parents: the types of parents that there are fields for; ``None`` for all.
        has_id: whether there is a field for the resource's own id.
        refuse: why a node cannot be written in the words of a database, without what it is made of;
            an empty text where it can.
        context: as for `DecisionPoint.filter`.
        entities: as for `DecisionPoint.filter`.

    Raises:
        InvalidRequestError: a policy that can matter cannot be translated, and the message names
            it; or the request breaks a limit of the engine.
        ConfigurationError: the policies are in another process, there is no schema, or the schema
            does not know the type, an attribute or a parent.

    >>> from authz_lib import CedarEngine, EntityUid
    >>> engine = CedarEngine.from_text(
    ...     '''@id("owners") permit(principal, action, resource)
    ...     when { resource.owner == principal };''',
    ...     '''entity User; entity Order { owner: User };
    ...     action Get appliesTo { principal: User, resource: Order };''',
    ... )
    >>> alice = EntityUid("User", "alice")
    >>> condition = residual(engine, alice, "Get", resource_type="Order")
    >>> condition.field.name, sorted(condition.values)
    ('owner', ['alice'])
    """
    known, shape = _known(engine, caller, action, resource_type, context, entities)
    fields = PartialRequest(
        principal=known.principal,
        action=known.question.action,
        context=known.question.context,
        entities=known.entities,
        shape=shape,
        attributes=_named(attributes, shape.attributes, "attributes"),
        parents=_named(parents, shape.parents, "parents"),
        ask=known.ask,
    )
    outcomes = evaluate_policies(
        PartialEvaluation(fields), known.statements, has_id=has_id, refuse=refuse
    )
    allowed = _settled(outcomes, engine.on_evaluation_error)
    if allowed == NO_ROW:
        return NO_ROW
    return conjunction([allowed, *_fitting(known, fields, has_id=has_id)])


def _known(  # noqa: PLR0917  all of them are a question
    engine: DecisionPoint,
    caller: EntityUid | Principal,
    action: str,
    resource_type: str,
    context: Mapping[str, object] | None,
    entities: Iterable[Entity],
) -> tuple[KnownRequest, ResourceShape]:
    point: object = engine
    if not isinstance(point, DecisionPoint):
        raise ConfigurationError("`engine` must be a `DecisionPoint`")
    try:
        any_resource = EntityUid(resource_type, _ANY_ID)
    except InvalidRequestError:
        raise ConfigurationError("`resource_type` must be a Cedar type name") from None
    question = engine.resolve(
        AuthorizationRequest(caller, action, any_resource, context or {}, entities)
    )
    known = engine.known(question)
    if known is None:
        raise ConfigurationError("`engine` must have its policies in this process: `CedarEngine`")
    if not known.shapes:
        raise ConfigurationError(
            "`engine` must have a schema that Cedar's schema syntax can say: it says what the "
            "columns hold"
        )
    shape = known.shapes.get(resource_type)
    if shape is None:
        raise ConfigurationError(f"the schema knows no entity type `{resource_type}`")
    return known, shape


def _named(names: Collection[str] | None, known: Collection[str], argument: str) -> Collection[str]:
    if names is None:
        return frozenset(known)
    if isinstance(names, str):
        raise ConfigurationError(f"`{argument}` must be a list of names")
    for name in names:
        if name not in known:
            raise ConfigurationError(f"`{argument}`: the schema knows no `{name}` of the resource")
    return frozenset(names)


def _settled(outcomes: Sequence[PolicyOutcome], mode: ErrorMode) -> RowCondition:
    """The rows that the policies allow.

    A policy that cannot be translated does not matter where the answer is the same whatever it
    says.
    """
    combine = {"deny": _denying_errors, "cedar": _skipping_errors}[mode]
    refused = next((outcome for outcome in outcomes if outcome.refusal), None)
    least = combine([outcome.least for outcome in outcomes])
    if refused is not None and least != combine([outcome.most for outcome in outcomes]):
        raise InvalidRequestError(
            f"the policy `{refused.id}` cannot be translated for a list: {refused.refusal}",
            field="resource",
        )
    return least


def _denying_errors(outcomes: Sequence[PolicyOutcome]) -> RowCondition:
    """Where a permit is true, no forbid is, and no policy errs."""
    errors = [outcome.truth.error for outcome in outcomes]
    return conjunction(
        [
            disjunction(outcome.truth.true for outcome in outcomes if not outcome.forbids),
            *[negation(outcome.truth.true) for outcome in outcomes if outcome.forbids],
            *[negation(error) for error in errors],
        ]
    )


def _skipping_errors(outcomes: Sequence[PolicyOutcome]) -> RowCondition:
    """Where a permit is true and no forbid is; where a policy errs, it is neither."""
    permits, forbids = (
        [
            conjunction([outcome.truth.true, negation(outcome.truth.error)])
            for outcome in outcomes
            if outcome.forbids is forbids
        ]
        for forbids in (False, True)
    )
    return conjunction([disjunction(permits), *map(negation, forbids)])


def _fitting(
    known: KnownRequest, fields: PartialRequest, *, has_id: bool
) -> Iterable[RowCondition]:
    """What else a row must be: no known entity, and what the schema says if that is checked."""
    ids: list[Any] = [id_ for _, id_ in known.entities.of_type(fields.shape.name)]
    if ids and not has_id:
        raise InvalidRequestError(
            "the id of the resource is needed: it may be an entity that is known already",
            field="resource",
        )
    yield negation(one_of(fields.id, ids))
    if known.validates:
        for name in sorted(fields.shape.required.intersection(fields.attributes)):
            yield Present(fields.shape.attributes[name])
