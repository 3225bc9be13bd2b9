"""Makes the matrix of who may do what, from policies and their schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.analysis.conditions import named_groups, named_resources
from authz_lib.analysis.cubes import ways_to
from authz_lib.analysis.environments import request_environments, routes_of
from authz_lib.analysis.matrix import ANYBODY, MatrixCell, MatrixRow, PolicyMatrix
from authz_lib.analysis.prover import Prover
from authz_lib.analysis.request_words import named_entity
from authz_lib.analysis.sides import Side
from authz_lib.analysis.terms import UnsupportedError
from authz_lib.analysis.values import Scalar
from authz_lib.decisions.cedar_schema import EntityType, read_policy_schema
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from authz_lib.actions import ActionMap
    from authz_lib.analysis.environments import RequestEnvironment
    from authz_lib.analysis.policy_terms import PolicyFormula
    from authz_lib.analysis.terms import Formula
    from authz_lib.decisions.cedar_schema import PolicySchema
    from authz_lib.decisions.policy_files import PolicySources
    from authz_lib.decisions.request import ErrorMode
    from authz_lib.entities import EntityUid

__all__ = ["policy_matrix"]

_MAX_ROWS = 8  # of one kind of request: more resources by name than that have no row of their own


def policy_matrix(
    sources: PolicySources,
    *,
    actions: ActionMap | None = None,
    on_evaluation_error: ErrorMode = "deny",
) -> PolicyMatrix:
    """Who may do what.

    *Yes*, *no* and the conditions are proved, for requests that fit the schema and in which every
    entity is given that a policy reads.  A caller of a column is in that group, and in no other
    group that a policy names.

    Args:
        sources: the policies, with a schema.
        actions: says which routes mean an action.
        on_evaluation_error: as for `authz_lib.CedarEngine`.

    Raises:
        ConfigurationError: there is no schema, something does not parse, or cvc5 is not installed.

    >>> from authz_lib.decisions.policy_files import collect, parse_policies
    >>> text = 'permit(principal in G::"staff", action, resource);'
    >>> schema = '''entity G; entity U in [G]; entity D;
    ...     action Get appliesTo { principal: U, resource: D };'''
    >>> found = collect(parse_policies("p", text), {"p": text}, schema=schema)
    >>> matrix = policy_matrix(found)
    >>> matrix.columns
    ('anybody signed in', 'G staff')
    >>> [str(cell) for cell in matrix.rows[0].cells]
    ['no', 'yes']
    """
    if sources.schema is None:
        raise ConfigurationError("the policies have no schema: name one")
    schema = read_policy_schema(sources.schema, sources.schema_file)
    side = Side(sources, on_evaluation_error)
    groups = named_groups(side.rules)
    rows = [
        row
        for environment in request_environments(schema)
        for row in _Environment(schema, environment, side, groups).rows(actions)
    ]
    return PolicyMatrix((ANYBODY, *map(named_entity, groups)), tuple(rows))


class _Environment:
    """The rows of one kind of request."""

    def __init__(
        self,
        schema: PolicySchema,
        environment: RequestEnvironment,
        side: Side,
        groups: Sequence[EntityUid],
    ) -> None:
        self._environment, self._side = environment, side
        self._prover = prover = Prover(schema, environment, side.held)
        above = schema.above(environment.principal)
        self._groups = [(group, group.type in above) for group in groups]
        self._policies: list[PolicyFormula] = prover.policies.live(side.rules)
        self._allowed = prover.policies.allowed(self._policies, side.mode)
        self._named = named_resources([one.rule for one in self._policies], environment.resource)

    def rows(self, actions: ActionMap | None) -> Iterator[MatrixRow]:
        routes = routes_of(actions, self._environment)
        for resource, given in self._resources():
            cells = tuple(self._cell(given, group) for group in self._columns())
            yield MatrixRow(
                self._environment.principal,
                self._environment.action_name,
                resource,
                routes,
                cells,
            )

    def _columns(self) -> Iterator[tuple[EntityUid | None, bool]]:
        yield None, True
        yield from self._groups

    def _resources(self) -> Iterator[tuple[str, Formula]]:
        """Each resource that is named, and all others where one of those is allowed."""
        type_name, t = self._environment.resource, self._prover.terms
        if not self._named or len(self._named) > _MAX_ROWS:
            yield type_name, True
            return
        request = self._prover.request
        is_named = [
            request.values.equal(request.resource, request.entity(uid.type, uid.id))
            for uid in self._named
        ]
        for uid, given in zip(self._named, is_named, strict=True):
            yield named_entity(uid), given
        others = t.not_(t.or_(*is_named))
        if self._check(others, self._allowed) is not False:
            yield f"any other {type_name}", others

    def _cell(self, given: Formula, column: tuple[EntityUid | None, bool]) -> MatrixCell:
        group, fits = column
        if not fits:
            return MatrixCell("no")
        try:
            return self._answer(self._prover.terms.and_(given, *self._in_only(group)))
        except UnsupportedError as problem:
            return MatrixCell("undecided", str(problem))

    def _answer(self, given: Formula) -> MatrixCell:
        t = self._prover.terms
        some = self._prover.check(given, self._allowed)
        if some is False:
            return MatrixCell("no")
        every = self._prover.check(given, t.not_(self._allowed))
        if every is False:
            return MatrixCell("yes")
        if some is None or every is None:
            return MatrixCell("undecided", "the solver gave up")
        ways = ways_to(self._prover, given, self._allowed, self._policies)
        if ways is None:
            return MatrixCell("if", "one of many conditions holds")
        return MatrixCell("if", " or ".join(", ".join(way) for way in ways))

    def _check(self, *formulas: Formula) -> bool | None:
        try:
            return self._prover.check(*formulas)
        except UnsupportedError:
            return None

    def _in_only(self, group: EntityUid | None) -> Iterator[Formula]:
        """The caller is in a group and in what that is in, and in no other group of a column."""
        request, t = self._prover.request, self._prover.terms
        inside = set() if group is None else {group, *self._held_above(group)}
        for other, fits in self._groups:
            if fits:
                number = t.entity_id(other.type, other.id)
                member = t.member(number, request.above(request.principal, other.type))
                yield member if other in inside else t.not_(member)
        if group is not None:
            itself = Scalar(EntityType(group.type), t.entity_id(group.type, group.id))
            for type_name in request.schema.above(group.type):
                request.above(itself, type_name)

    def _held_above(self, group: EntityUid) -> set[EntityUid]:
        parents = {entity.uid: entity.parents for entity in self._side.held}
        found: set[EntityUid] = set()
        pending = [group]
        while pending:
            new = set(parents.get(pending.pop(), ())) - found
            found |= new
            pending += new
        return found
