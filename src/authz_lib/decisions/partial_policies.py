"""Policies, evaluated while the fields of one resource are not known."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from authz_lib.decisions.partial_values import Truth, UntranslatableError
from authz_lib.decisions.row_condition import EVERY_ROW, NO_ROW, fields_of, nodes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from authz_lib.decisions.partial_evaluation import PartialEvaluation
    from authz_lib.decisions.partial_request import Expression
    from authz_lib.decisions.row_condition import RowCondition
    from authz_lib.decisions.sliced_policies import PolicyStatement
    from authz_lib.decisions.slicing import Uid

__all__ = ["PolicyOutcome", "evaluate_policies"]

_MAX_NODES = 5_000
_TRUE: Expression = {"Value": True}
_PERMIT_MOST = _FORBID_LEAST = Truth(NO_ROW, EVERY_ROW)
_PERMIT_LEAST = Truth(EVERY_ROW, NO_ROW)  # it errs: skipped, or a deny
_FORBID_MOST = Truth(NO_ROW, NO_ROW)


class PolicyOutcome(NamedTuple):
    """One policy: where it errs and where it is true; or why that cannot be said.

    Attributes:
        truth: of a policy that is refused, of no meaning.
        refusal: why it cannot be translated; empty where it can.
    """

    id: str
    forbids: bool
    truth: Truth
    refusal: str = ""

    @property
    def least(self) -> PolicyOutcome:
        """The same; where it is refused, as it allows the fewest rows."""
        if not self.refusal:
            return self
        return self._replace(truth=_FORBID_LEAST if self.forbids else _PERMIT_LEAST)

    @property
    def most(self) -> PolicyOutcome:
        """The same; where it is refused, as it allows the most rows."""
        if not self.refusal:
            return self
        return self._replace(truth=_FORBID_MOST if self.forbids else _PERMIT_MOST)


def evaluate_policies(
    evaluation: PartialEvaluation,
    statements: Iterable[PolicyStatement],
    *,
    has_id: bool,
    refuse: Callable[[RowCondition], str] | None,
) -> list[PolicyOutcome]:
    """The outcome of each policy.

    Args:
        evaluation: of the request.
        statements: the policies.
        has_id: whether a condition may read the resource's own id.
        refuse: why a node may not be in a condition; an empty text where it may.
    """

    def check(truth: Truth) -> None:
        nodes = [node for part in truth for node in islice(nodes_of(part), _MAX_NODES + 1)]
        if len(nodes) > _MAX_NODES:
            raise UntranslatableError(f"it has more than {_MAX_NODES} comparisons")
        if not has_id and any(field.source == "id" for part in truth for field in fields_of(part)):
            raise UntranslatableError(
                "it reads the id of the resource, for which there is no column"
            )
        if refuse is not None and (reason := next(filter(None, map(refuse, nodes)), "")):
            raise UntranslatableError(reason)

    return [_evaluated(evaluation, statement, check) for statement in statements]


def _evaluated(
    evaluation: PartialEvaluation,
    statement: PolicyStatement,
    check: Callable[[Truth], None],
) -> PolicyOutcome:
    refusal, truth = "", _PERMIT_LEAST
    try:
        truth = _truth(evaluation, statement)
        check(truth)
    except UntranslatableError as error:
        refusal = str(error)
    except RecursionError:
        refusal = "it is nested too deeply"
    return PolicyOutcome(statement.id, statement.forbids, truth, refusal)


def _truth(evaluation: PartialEvaluation, statement: PolicyStatement) -> Truth:
    """The scope first, then the conditions in their order, up to one that is false or errs."""
    if statement.est is None:
        raise RecursionError
    found = Truth(NO_ROW, EVERY_ROW)
    for expression in _expressions(statement.est, statement.slots):
        found = evaluation.then(found, expression)
    return found


def _expressions(est: Mapping[str, Any], slots: Mapping[str, Uid]) -> Iterator[Expression]:
    for role in ("principal", "action", "resource"):
        yield _scope(role, est[role], slots)
    for condition in est["conditions"]:
        body = condition["body"]
        yield body if condition["kind"] == "when" else {"!": {"arg": body}}


def _scope(role: str, constraint: Mapping[str, Any], slots: Mapping[str, Uid]) -> Expression:
    """What a part of the scope demands, as an expression."""
    operator, variable = constraint["op"], {"Var": role}
    if operator == "All":
        return _TRUE
    if operator == "is":
        test = {"left": variable, "entity_type": constraint["entity_type"]}
        inside = constraint.get("in")
        return {"is": test if inside is None else test | {"in": _entity(inside, slots)}}
    if operator not in {"==", "in"}:
        raise UntranslatableError(f"its scope has the operator `{operator}`")
    if "entities" in constraint:
        right: Expression = {"Set": [_literal(uid) for uid in constraint["entities"]]}
    else:
        right = _entity(constraint, slots)
    return {operator: {"left": variable, "right": right}}


def _entity(constraint: Mapping[str, Any], slots: Mapping[str, Uid]) -> Expression:
    if "slot" not in constraint:
        return _literal(constraint["entity"])
    type_, id_ = slots[constraint["slot"]]
    return _literal({"type": type_, "id": id_})


def _literal(uid: Mapping[str, Any]) -> Expression:
    return {"Value": {"__entity": uid.get("__entity", uid)}}
