"""One kind of request with its policies, before the solver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.analysis.facts import entity_facts
from authz_lib.analysis.models import request_of_model
from authz_lib.analysis.policy_terms import PolicyTerms
from authz_lib.analysis.request_terms import RequestTerms
from authz_lib.analysis.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from authz_lib.analysis.concrete import ConcreteRequest
    from authz_lib.analysis.environments import RequestEnvironment
    from authz_lib.analysis.terms import Formula
    from authz_lib.decisions.cedar_schema import PolicySchema
    from authz_lib.entities import Entity

__all__ = ["SECONDS", "Prover"]

SECONDS = 20
"""After so long the solver gives up an answer."""


class Prover:
    """Answers whether formulas can be true of a request that fits the schema.

    Args:
        schema: which requests fit.
        environment: the kind of request.
        held: the entities that the engine holds.
        missing: whether a request may leave out entities.

    Attributes:
        request: the unknowns.
        policies: makes the formulas of policies.

    Raises:
        ConfigurationError: cvc5 is not installed.
    """

    def __init__(
        self,
        schema: PolicySchema,
        environment: RequestEnvironment,
        held: Sequence[Entity] = (),
        *,
        missing: bool = False,
    ) -> None:
        self.terms = Terms()
        self.request = RequestTerms(self.terms, schema, environment, missing=missing)
        self.policies = PolicyTerms(self.request)
        self._held = held
        self._solver = self.terms.solver(SECONDS)
        self._known: set[int] = set()

    def check(self, *formulas: Formula) -> bool | None:
        """Whether all can be true at once; None where the solver gives up.

        Raises:
            UnsupportedError: what holds of such a request is not translated.
        """
        wanted = self.terms.and_(*formulas)
        if wanted is False:
            return False
        self._learn()
        result = self._solver.checkSatAssuming(self.terms.term(wanted))
        return None if result.isUnknown() else bool(result.isSat())

    def conflict(self, formulas: Sequence[Formula]) -> list[int] | None:
        """Which of the formulas cannot all be true at once, by number; None if they can be."""
        self._learn()
        terms = [self.terms.term(formula) for formula in formulas]
        if not self._solver.checkSatAssuming(*terms).isUnsat():
            return None
        core = {term.getId() for term in self._solver.getUnsatAssumptions()}
        return [number for number, term in enumerate(terms) if term.getId() in core]

    def holds(self, formula: Formula) -> bool:
        """Whether a formula is true of the request that the last `check` has found."""
        return bool(self._solver.getValue(self.terms.term(formula)).getBooleanValue())

    def example(self) -> ConcreteRequest:
        """The request that the last `check` has found.

        Raises:
            UnsupportedError: a value of it cannot be written.
        """
        held = [entity.uid for entity in self._held]
        return request_of_model(self.request, self._solver, held)

    def _learn(self) -> None:
        """Take in what holds of all that the formulas made so far ask for."""
        facts = entity_facts(self.request, self._held)
        for fact in [*facts, *self.request.constraints()]:
            term = self.terms.term(fact)
            if term.getId() not in self._known:
                self._known.add(term.getId())
                self._solver.assertFormula(term)
