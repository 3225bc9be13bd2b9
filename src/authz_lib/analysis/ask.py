"""Questions about one set of policies: what must never be allowed, and which policies do nothing.

=================  ==========================================================================
`PolicyFinding`    meaning
=================  ==========================================================================
``never true``     no request fulfils the policy, and none makes it err
``always errs``    whenever its scope fits, the policy errs
``no difference``  without the policy every request has the same answer
``undecided``      it could not be found out
=================  ==========================================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from authz_lib.analysis.environments import request_environments, routes_of
from authz_lib.analysis.finders import Found, Nothing, SolverFinder, TrialFinder
from authz_lib.analysis.prover import Prover
from authz_lib.analysis.request_words import words_of_request
from authz_lib.analysis.sides import Side
from authz_lib.analysis.smallest import smallest
from authz_lib.analysis.terms import UnsupportedError
from authz_lib.decisions.cedar_schema import read_policy_schema
from authz_lib.decisions.policy_files import parse_policies
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from authz_lib.actions import ActionMap
    from authz_lib.analysis.concrete import ConcreteRequest
    from authz_lib.analysis.environments import RequestEnvironment
    from authz_lib.analysis.policy_terms import PolicyRule, PolicyTerms
    from authz_lib.analysis.terms import Formula
    from authz_lib.decisions.cedar_schema import PolicySchema
    from authz_lib.decisions.policy_files import PolicySources
    from authz_lib.decisions.request import ErrorMode

__all__ = [
    "NeverVerdict",
    "PolicyFinding",
    "RedundantPolicy",
    "ask_never",
    "redundant_policies",
]

PolicyFinding: TypeAlias = Literal["never true", "always errs", "no difference", "undecided"]
"""Why a policy is redundant, or that it could not be found out."""


@dataclass(frozen=True, slots=True)
class NeverVerdict:
    """Whether one kind of request is never allowed where a condition holds.

    Attributes:
        principal: the type of the principal.
        action: see ``authz_lib.analysis.environments.action_words``.
        resource: the type of the resource.
        verdict: ``never``: proved; ``allowed``: there is such a request; or ``undecided``.
        counterexample: the request in words, or None.
        request: the request, or None.
        routes: the routes that mean the action.
        reason: why it is undecided; else empty.
    """

    principal: str
    action: str
    resource: str
    verdict: Literal["never", "allowed", "undecided"]
    counterexample: str | None = None
    request: ConcreteRequest | None = None
    routes: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RedundantPolicy:
    """A policy that does nothing, or of which it is not known.

    Attributes:
        id: of the policy.
        finding: see the table above.
        reason: why it is undecided; else empty.
    """

    id: str
    finding: PolicyFinding
    reason: str = ""


def ask_never(
    sources: PolicySources,
    condition: str,
    *,
    actions: ActionMap | None = None,
    on_evaluation_error: ErrorMode = "deny",
    prove: bool = True,
) -> Iterator[NeverVerdict]:
    """Whether no request is allowed for which a condition holds.

    Args:
        sources: the policies, with a schema.
        condition: in Cedar's words, as it stands in a ``when``.
        actions: says which routes mean an action.
        on_evaluation_error: as for `authz_lib.CedarEngine`.
        prove: with the solver; else requests are tried out, and nothing is proved.

    Raises:
        ConfigurationError: the condition is none, there is no schema, or cvc5 is not installed.

    >>> from authz_lib.decisions.policy_files import collect, parse_policies
    >>> text = "permit(principal, action, resource) when { principal != resource };"
    >>> schema = "entity U; action Get appliesTo { principal: U, resource: U };"
    >>> parsed = parse_policies("p", text)
    >>> found = collect(parsed, {"p": text}, schema=schema)
    >>> [one.verdict for one in ask_never(found, "principal == resource")]
    ['never']
    """
    question = _question(sources, condition)
    schema = _schema_of(sources)
    asked = _Never(schema, Side(sources, on_evaluation_error), Side(question, "cedar"), prove)
    for environment in request_environments(schema):
        yield replace(asked.verdict(environment), routes=routes_of(actions, environment))


def _schema_of(sources: PolicySources) -> PolicySchema:
    if sources.schema is None:
        raise ConfigurationError("the policies have no schema: name one")
    return read_policy_schema(sources.schema, sources.schema_file)


_PLACE = re.compile(r"^--never:(\d+)(?::(\d+))?: (?:the policy does not parse: )?")


def _place_in_condition(found: re.Match[str]) -> str:
    """The place in what was asked: it starts on the second line of the policy."""
    column = f", column {found[2]}" if found[2] else ""
    return f"line {max(int(found[1]) - 1, 1)}{column}: "


def _question(sources: PolicySources, condition: str) -> PolicySources:
    """One policy that permits what the condition holds for."""
    text = f"permit(principal, action, resource) when {{\n{condition}\n}};"
    try:
        parsed = parse_policies("--never", text)
    except ConfigurationError as error:
        problem = _PLACE.sub(_place_in_condition, str(error), count=1)
        raise ConfigurationError(f"the condition does not parse: {problem}") from None
    if len(parsed) != 1 or parsed[0].is_template or len(_conditions(parsed[0].text)) != 1:
        raise ConfigurationError("the condition must be one expression")
    return replace(sources, policies=tuple(parsed), texts={"--never": text}, links=())


def _conditions(text: str) -> list[object]:
    import json

    return list(json.loads(text)["conditions"])


class _Never:
    def __init__(self, schema: PolicySchema, side: Side, question: Side, prove: bool) -> None:
        self._schema, self._side, self._question, self._prove = schema, side, question, prove
        self._named = side.named | question.named

    def verdict(self, environment: RequestEnvironment) -> NeverVerdict:
        names = environment.principal, environment.action_name, environment.resource
        finder = (
            SolverFinder(self._schema, environment, self._side.held, self._named)
            if self._prove
            else TrialFinder(self._schema, environment, self._named)
        )
        found = finder.find([self._formula], self._shows)
        if isinstance(found, Nothing):
            return NeverVerdict(*names, "never")
        if not isinstance(found, Found):
            return NeverVerdict(*names, "undecided", reason=found.reason)
        small = smallest(found.request, self._schema, self._named, self._shows)
        words = words_of_request(small, self._schema, self._named, self._shows)
        return NeverVerdict(*names, "allowed", words, small)

    def _formula(self, policies: PolicyTerms) -> Formula:
        (question,) = self._question.rules
        live = policies.live(self._side.rules)
        return policies.terms.and_(
            policies.of(question).fulfilled, policies.allowed(live, self._side.mode)
        )

    def _shows(self, request: ConcreteRequest) -> bool:
        return (
            self._side.replay.allows(request) is True
            and self._question.replay.allows(request) is True
            and self._side.replay.fits(request)
        )


def redundant_policies(
    sources: PolicySources, *, on_evaluation_error: ErrorMode = "deny"
) -> Iterator[RedundantPolicy]:
    """The policies that do nothing, and those of which it is not known; proved.

    Each is judged by itself: of two that say the same, both make no difference, until one is gone.

    Args:
        sources: the policies, with a schema.
        on_evaluation_error: as for `authz_lib.CedarEngine`.

    Raises:
        ConfigurationError: there is no schema, something does not parse, or cvc5 is not installed.

    >>> from authz_lib.decisions.policy_files import collect, parse_policies
    >>> text = "permit(principal, action, resource);"
    >>> text += "permit(principal is U, action, resource);"
    >>> schema = "entity U; action Get appliesTo { principal: U, resource: U };"
    >>> parsed = parse_policies("p", text)
    >>> found = collect(parsed, {"p": text}, schema=schema)
    >>> [(one.id, one.finding) for one in redundant_policies(found)]
    [('p#1', 'no difference'), ('p#2', 'no difference')]
    """
    review = _Review(_schema_of(sources), Side(sources, on_evaluation_error))
    for environment in review.environments():
        review.look_at(environment)
    yield from review.findings()


def _without(sources: PolicySources, policy_id: str) -> PolicySources:
    return replace(
        sources,
        policies=tuple(one for one in sources.policies if one.id != policy_id),
        links=tuple(one for one in sources.links if one.id != policy_id),
    )


class _Review:
    """What each policy does, gathered over all kinds of requests."""

    def __init__(self, schema: PolicySchema, side: Side) -> None:
        self._schema, self._side = schema, side
        self._gave_up: dict[str, str] = {}
        self._not_read: dict[str, str] = {}
        self._true: set[str] = set()
        self._errs: set[str] = set()
        self._works: set[str] = set()  # its scope fits, and it does not err
        self._differs: set[str] = set()
        self._shown: set[str] = set()  # of what is not read: the engine says that it differs

    def environments(self) -> Iterator[RequestEnvironment]:
        return request_environments(self._schema)

    def look_at(self, environment: RequestEnvironment) -> None:
        """Take in what the policies do to one kind of request."""
        prover = Prover(self._schema, environment, self._side.held)
        rules = [rule for rule in self._side.rules if rule.could_apply(environment)]
        for rule in rules:
            try:
                self._look_at(prover, rule, rules)
                if problem := prover.policies.not_read(rule):
                    self._try(rule, environment)
                    self._not_read[rule.id] = problem
            except UnsupportedError as problem:
                self._gave_up[rule.id] = str(problem)

    def _try(self, rule: PolicyRule, environment: RequestEnvironment) -> None:
        """What is not read can still be tried out."""
        if rule.id in self._shown:
            return
        without = Side(_without(self._side.sources, rule.id), self._side.mode)

        def shows(request: ConcreteRequest) -> bool:
            answers = self._side.replay.allows(request), without.replay.allows(request)
            return None not in answers and answers[0] is not answers[1]

        trials = TrialFinder(self._schema, environment, self._side.named)
        if isinstance(trials.find([], shows), Found):
            self._shown.add(rule.id)

    def _look_at(self, prover: Prover, rule: PolicyRule, rules: Sequence[PolicyRule]) -> None:
        policies, t = prover.policies, prover.terms
        formula, scope = policies.of(rule), policies.scope(rule)
        self._note(prover, rule, self._true, formula.fulfilled)
        self._note(prover, rule, self._errs, formula.error)
        self._note(prover, rule, self._works, t.and_(scope, t.not_(formula.error)))
        if rule.id not in self._differs:
            others = [one for one in rules if one is not rule]
            everything, without = (
                policies.allowed(policies.live(some), self._side.mode) for some in (rules, others)
            )
            self._note(prover, rule, self._differs, t.not_(t.equal(everything, without)))

    def _note(self, prover: Prover, rule: PolicyRule, where: set[str], formula: Formula) -> None:
        if rule.id in where:
            return
        answer = prover.check(formula)
        if answer is None:
            self._gave_up[rule.id] = "the solver gave up"
        elif answer:
            where.add(rule.id)

    def findings(self) -> Iterator[RedundantPolicy]:
        for rule in self._side.rules:
            found = partial(RedundantPolicy, rule.id)
            if rule.id in self._gave_up and rule.id not in self._differs & self._works:
                yield found("undecided", self._gave_up[rule.id])
            elif rule.id not in self._true and rule.id not in self._errs:
                yield found("never true")
            elif rule.id in self._errs and rule.id not in self._works:
                yield found("always errs")
            elif rule.id not in self._differs:
                yield found("no difference")
            elif rule.id in self._not_read and rule.id not in self._shown:
                yield found("undecided", self._not_read[rule.id])
