"""Under which conditions is a request allowed?  The fewest that are enough, each way to it.

A way is a set of conditions that together are enough, of which none can be left out.  Together the
ways are all: this is proved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from authz_lib.analysis.conditions import conditions_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from authz_lib.analysis.policy_terms import PolicyFormula
    from authz_lib.analysis.prover import Prover
    from authz_lib.analysis.terms import Formula

__all__ = ["MAX_WAYS", "ways_to"]

MAX_WAYS = 6
_MAX_LITERALS = 400


class _Literal(NamedTuple):
    formula: Formula
    words: str
    rank: int  # what is left out first, if it can be


def ways_to(
    prover: Prover, given: Formula, allowed: Formula, policies: Sequence[PolicyFormula]
) -> list[tuple[str, ...]] | None:
    """Each way in words; None where there are too many, or it could not be found out.

    Args:
        prover: that the formulas are of.
        given: what is known of the requests.
        allowed: when one is allowed.
        policies: whose conditions the words are made of.
    """
    literals = _literals(prover, policies)
    if len(literals) > _MAX_LITERALS:
        return None
    ways: list[tuple[str, ...]] = []
    rest = prover.terms.and_(given, allowed)
    denied = prover.terms.and_(given, prover.terms.not_(allowed))
    while (more := prover.check(rest)) is True:
        chosen = [one for one in literals if prover.holds(one.formula)]
        way = None if len(ways) == MAX_WAYS else _fewest(prover, denied, chosen)
        if way is None:
            return None
        ways.append(tuple(dict.fromkeys(one.words for one in way)))
        together = prover.terms.and_(*[one.formula for one in way])
        rest = prover.terms.and_(rest, prover.terms.not_(together))
    return None if more is None else ways


def _literals(prover: Prover, policies: Sequence[PolicyFormula]) -> list[_Literal]:
    """Of each condition, that it is fulfilled, that it is not, and that it does not err."""
    found: list[_Literal] = []
    t = prover.terms
    permits_first = sorted(policies, key=lambda one: not one.rule.is_permit)
    known = set()
    for policy in permits_first:
        for condition in conditions_of(policy.rule):
            if condition.key in known:
                continue
            known.add(condition.key)
            error, fulfilled = prover.policies.translator.condition(condition.expression)
            if isinstance(fulfilled, bool) and isinstance(error, bool):
                continue
            words, otherwise = condition.words(), condition.words(fulfilled=False)
            found += [
                _Literal(fulfilled, words, 2),
                _Literal(t.and_(t.not_(error), t.not_(fulfilled)), otherwise, 1),
                _Literal(t.not_(error), f"`{words}` does not err", 0),
                _Literal(error, f"`{words}` errs", 0),
            ]
    return [one for one in found if not isinstance(one.formula, bool)]


def _fewest(prover: Prover, denied: Formula, chosen: list[_Literal]) -> list[_Literal] | None:
    """Literals that leave no request denied; without any of them, one would be."""
    core = prover.conflict([denied, *[one.formula for one in chosen]])
    if core is None:
        return None
    kept = [chosen[number - 1] for number in core if number > 0]
    for literal in sorted(kept, key=lambda one: one.rank):
        others = [one for one in kept if one is not literal]
        if prover.check(denied, *[one.formula for one in others]) is False:
            kept = others
    return kept
