"""Finds a request that shows something: by proof, or, without a solver, by trying out.

What is found has always been put to the real engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeAlias

from authz_lib.analysis.prover import SECONDS, Prover
from authz_lib.analysis.terms import UnsupportedError
from authz_lib.analysis.tries import tried_requests

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from authz_lib.analysis.concrete import ConcreteRequest
    from authz_lib.analysis.environments import RequestEnvironment
    from authz_lib.analysis.policy_terms import PolicyTerms
    from authz_lib.analysis.terms import Formula
    from authz_lib.decisions.cedar_schema import PolicySchema
    from authz_lib.entities import Entity

__all__ = [
    "Finder",
    "Found",
    "Nothing",
    "Search",
    "SolverFinder",
    "TrialFinder",
    "Unclear",
]

_SMALL = 3  # how many memberships and optional attributes are tried to be enough
_MAX_SOFT = 100
_TRIALS = 500

MakeFormula: TypeAlias = Callable[["PolicyTerms"], "Formula"]
Shows: TypeAlias = Callable[["ConcreteRequest"], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """A request that shows it."""

    request: ConcreteRequest


@dataclass(frozen=True, slots=True)
class Nothing:
    """It is proved that no request shows it."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """It could not be found out."""

    reason: str


Search: TypeAlias = Found | Nothing | Unclear


class Finder(Protocol):
    """Answers for one kind of request."""

    def find(self, formulas: Sequence[MakeFormula], shows: Shows) -> Search:
        """A request of which formulas are true.

        Args:
            formulas: made of the policies' formulas.  Each is true of all that is looked for; the
                last one of nothing else.
            shows: whether a request shows it, by the real engine.
        """


class SolverFinder:
    """Proves, with cvc5.

    Args:
        schema: which requests fit.
        environment: the kind of request.
        held: the entities that the engine holds.
        named: what the policies name, for trying out.
        missing: whether a request may leave out entities.

    Raises:
        ConfigurationError: cvc5 is not installed.
    """

    def __init__(
        self,
        schema: PolicySchema,
        environment: RequestEnvironment,
        held: Sequence[Entity] = (),
        named: Collection[object] = (),
        *,
        missing: bool = False,
    ) -> None:
        self._prover = Prover(schema, environment, held, missing=missing)
        self._trials = TrialFinder(schema, environment, named)

    def find(self, formulas: Sequence[MakeFormula], shows: Shows) -> Search:
        """See `Finder`."""
        answer: bool | None = None
        try:
            for formula in formulas:
                wanted = formula(self._prover.policies)
                answer = self._prover.check(wanted)
                if answer is False:
                    return Nothing()
                often = formula is formulas[-1]
                found = None if answer is None else self._shown(wanted, shows, often=often)
                if found is not None:
                    return Found(found)
        except UnsupportedError as problem:
            return Unclear(str(problem))
        # What the solver knows nothing of can still be tried out.
        tried = self._trials.find(formulas, shows)
        return tried if isinstance(tried, Found) else Unclear(self._reason(answer))

    def _shown(self, wanted: Formula, shows: Shows, *, often: bool) -> ConcreteRequest | None:
        """A small request that shows it; the first one that is found, or `often` several."""
        writable = self._prover.request.writable
        for most in [*range(_SMALL + 1), None]:
            small = self._at_most(most)
            if small is None or self._prover.check(wanted, small, *writable) is not True:
                continue
            request = self._prover.example()
            if shows(request):
                return request
            if not often:
                break
        return None

    def _at_most(self, count: int | None) -> Formula | None:
        """At most so many memberships, optional attributes and tags; None: too many to count."""
        if count is None:
            return True
        t, r = self._prover.terms, self._prover.request
        soft = [leaf.term for leaf in r.leaves.values() if leaf.path[-1:] == ("?",)]
        for leaf in r.ancestors.values():
            soft += [t.member(number, leaf.term) for number in t.ids(leaf.group_type)]
        if len(soft) > _MAX_SOFT:
            return None
        total: Formula = 0
        for one in soft:
            total = t.sum(total, t.if_(one, 1, 0))
        return t.not_(t.less(count, total))

    def _reason(self, answer: bool | None) -> str:
        if answer is None:
            return f"the solver gave up after {SECONDS} seconds"
        not_read = list(dict.fromkeys(self._prover.policies.translator.not_read))
        if not_read:
            return "; ".join(not_read)
        return "the engine does not confirm the request that the solver found"


class TrialFinder:
    """Tries out requests that are made of what the policies name.  It finds, and proves nothing."""

    def __init__(
        self, schema: PolicySchema, environment: RequestEnvironment, named: Collection[object]
    ) -> None:
        self._schema, self._environment, self._named = schema, environment, named

    def find(self, formulas: Sequence[MakeFormula], shows: Shows) -> Search:  # noqa: ARG002
        """See `Finder`."""
        requests = tried_requests(self._schema, self._environment, self._named)
        for request in islice(requests, _TRIALS):
            if shows(request):
                return Found(request)
        return Unclear(f"{_TRIALS} requests were tried out without a finding, which proves nothing")
