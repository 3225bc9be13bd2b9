"""What a change of policies opens and closes, for each kind of request that the schema knows.

==============  ===================================================================
verdict         meaning
==============  ===================================================================
``same``        proved: every request has the same answer before and after
``opens``       a request that was denied is allowed now
``closes``      a request that was allowed is denied now
``both``        there are requests of both kinds
``undecided``   it could not be found out; `EnvironmentVerdict.reason` says why
==============  ===================================================================

Every counterexample has been put to the real engine, with the old and the new policies, before it
is given.  A proof is about requests that fit the schema.  Every entity that a policy reads is given
in them, unless ``missing_entities`` is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from authz_lib.analysis.environments import request_environments, routes_of
from authz_lib.analysis.finders import Found, SolverFinder, TrialFinder, Unclear
from authz_lib.analysis.request_words import words_of_request
from authz_lib.analysis.sides import Side, regrouped
from authz_lib.analysis.smallest import smallest
from authz_lib.analysis.terms import UnsupportedError
from authz_lib.decisions.cedar_schema import read_policy_schema
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.actions import ActionMap
    from authz_lib.analysis.concrete import ConcreteRequest
    from authz_lib.analysis.environments import RequestEnvironment
    from authz_lib.analysis.finders import Finder, Search
    from authz_lib.analysis.policy_terms import PolicyRule, PolicyTerms
    from authz_lib.analysis.terms import Formula
    from authz_lib.decisions.cedar_schema import PolicySchema
    from authz_lib.decisions.policy_files import PolicySources
    from authz_lib.decisions.request import ErrorMode

__all__ = ["Counterexample", "EnvironmentVerdict", "Verdict", "compare_policies"]

_MOVED = "the schemas put actions into different groups, which the policies ask for"

Verdict: TypeAlias = Literal["same", "opens", "closes", "both", "undecided"]
"""What a change does to one kind of request; ``"both"`` opens some and closes others."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A request that has another answer now.

    Attributes:
        words: what matters of it, in one line.
        request: all of it.
        allowed_now: whether the new policies allow it; the old ones say the opposite.
    """

    words: str
    request: ConcreteRequest
    allowed_now: bool


@dataclass(frozen=True, slots=True)
class EnvironmentVerdict:
    """The verdict about one kind of request.

    Attributes:
        principal: the type of the principal.
        action: see ``authz_lib.analysis.environments.action_words``.
        resource: the type of the resource.
        verdict: see the table above.
        counterexamples: at most one that opens, then at most one that closes.
        routes: the routes that mean the action.
        reason: what is not decided, and why; else empty.
    """

    principal: str
    action: str
    resource: str
    verdict: Verdict
    counterexamples: tuple[Counterexample, ...] = ()
    routes: tuple[str, ...] = ()
    reason: str = ""

    @property
    def may_open(self) -> bool:
        """Whether a request may be allowed now that was not: it is so, or is not known."""
        return self.verdict in {"opens", "both", "undecided"}


def compare_policies(
    old: PolicySources,
    new: PolicySources,
    *,
    actions: ActionMap | None = None,
    on_evaluation_error: ErrorMode = "deny",
    missing_entities: bool = False,
    prove: bool = True,
) -> Iterator[EnvironmentVerdict]:
    """A verdict for each kind of request of the new policies' schema.

    Args:
        old: the policies before.
        new: the policies after; requests fit their schema.  Where the schema of the old ones puts
            actions into other groups, and a policy asks for them, it is ``undecided``.
        actions: says which routes mean an action.
        on_evaluation_error: as for `authz_lib.CedarEngine`.
        missing_entities: whether to look at requests too that leave out entities.
        prove: with the solver; else requests are tried out, and nothing is proved.

    Raises:
        ConfigurationError: there is no schema, something does not parse, or cvc5 is not installed.

    >>> from authz_lib.decisions.policy_files import collect, parse_policies
    >>> def policies(text):
    ...     parsed = parse_policies("p", text)
    ...     schema = "entity U, D;"
    ...     schema += "action Get appliesTo { principal: U, resource: D };"
    ...     return collect(parsed, {"p": text}, schema=schema)
    >>> old = policies('permit(principal, action, resource == D::"a");')
    >>> new = policies("permit(principal, action, resource);")
    >>> for verdict in compare_policies(old, new):
    ...     print(verdict.verdict, "-", verdict.counterexamples[0].words)
    opens - a U → Get on a D
    """
    if new.schema is None:
        raise ConfigurationError("the policies have no schema: name one")
    schema = read_policy_schema(new.schema, new.schema_file)
    own = schema if old.schema is None else read_policy_schema(old.schema, old.schema_file)
    before = Side(replace(old, schema=new.schema, schema_file=new.schema_file), on_evaluation_error)
    after = Side(new, on_evaluation_error)
    comparison = _Comparison(schema, before, after, missing_entities, prove)
    was, now = ({shape.uid: shape.groups for shape in one.actions} for one in (own, schema))
    for environment in request_environments(schema):
        if regrouped([*before.rules, *after.rules], environment, was, now):
            names = environment.principal, environment.action_name, environment.resource
            verdict = EnvironmentVerdict(*names, "undecided", reason=_MOVED)
        else:
            verdict = comparison.verdict(environment)
        yield replace(verdict, routes=routes_of(actions, environment))


class _Change(NamedTuple):
    """What the policies of one side alone say: of the side that denies, and that allows."""

    permits_before: Formula
    permits_now: Formula
    against_before: Formula
    nothing_against: list[Formula]
    in_both: list[PolicyRule]


class _Comparison:
    def __init__(
        self, schema: PolicySchema, old: Side, new: Side, missing: bool, prove: bool
    ) -> None:
        self._schema, self._old, self._new = schema, old, new
        self._missing, self._prove = missing, prove
        self._named = old.named | new.named
        self._same_held = old.held == new.held

    def verdict(self, environment: RequestEnvironment) -> EnvironmentVerdict:
        if self._says_the_same(environment):
            names = environment.principal, environment.action_name, environment.resource
            return EnvironmentVerdict(*names, "same")
        finder = self._finder(environment)
        found: dict[bool, Search] = {}
        for opens in (True, False):
            found[opens] = finder.find(
                [partial(self._by_change, opens), partial(self._exactly, opens)],
                partial(self._shows, opens),
            )
        return EnvironmentVerdict(
            environment.principal,
            environment.action_name,
            environment.resource,
            _verdict(found[True], found[False]),
            tuple(
                self._counterexample(one.request, opens)
                for opens, one in found.items()
                if isinstance(one, Found)
            ),
            reason=_reason(found[True], found[False]),
        )

    def _says_the_same(self, environment: RequestEnvironment) -> bool:
        """Whether the same words decide, before and after."""
        old, new = (
            {rule.content for rule in side.rules if rule.could_apply(environment)}
            for side in (self._old, self._new)
        )
        return self._same_held and old == new

    def _finder(self, environment: RequestEnvironment) -> Finder:
        if not self._prove:
            return TrialFinder(self._schema, environment, self._named)
        return SolverFinder(
            self._schema, environment, self._new.held, self._named, missing=self._missing
        )

    def _by_change(self, opens: bool, policies: PolicyTerms) -> Formula:
        """True of every request that is looked for, as far as the changed policies tell.

        Thousands of policies that stay as they are need not be looked at where this is never true.
        """
        self._require_same_held()
        change = self._change(opens, policies)
        t = policies.terms
        gained = t.and_(change.permits_now, t.not_(change.permits_before))
        return t.and_(*change.nothing_against, t.or_(gained, change.against_before))

    def _exactly(self, opens: bool, policies: PolicyTerms) -> Formula:
        """True of the requests that are looked for: denied by one side, allowed by the other."""
        self._require_same_held()
        change = self._change(opens, policies)
        t = policies.terms
        both = policies.live(change.in_both)
        permits = t.or_(*[one.fulfilled for one in both if one.rule.is_permit])
        gained = t.and_(change.permits_now, t.not_(change.permits_before), t.not_(permits))
        freed = t.and_(change.against_before, t.or_(change.permits_now, permits))
        against = policies.against(both, self._new.mode)
        return t.and_(*change.nothing_against, *map(t.not_, against), t.or_(gained, freed))

    def _require_same_held(self) -> None:
        if not self._same_held:
            raise UnsupportedError("the entities that the engines hold differ")

    def _change(self, opens: bool, policies: PolicyTerms) -> _Change:
        t, mode = policies.terms, self._new.mode
        sides = (self._old, self._new) if opens else (self._new, self._old)
        contents = [{rule.content for rule in side.rules} for side in sides]
        denying, allowing = (
            policies.live(rule for rule in side.rules if rule.content not in other)
            for side, other in zip(sides, reversed(contents), strict=True)
        )
        return _Change(
            t.or_(*[one.fulfilled for one in denying if one.rule.is_permit]),
            t.or_(*[one.fulfilled for one in allowing if one.rule.is_permit]),
            t.or_(*policies.against(denying, mode)),
            [t.not_(one) for one in policies.against(allowing, mode)],
            [rule for rule in self._new.rules if rule.content in contents[0] & contents[1]],
        )

    def _shows(self, opens: bool, request: ConcreteRequest) -> bool:
        return (
            self._new.replay.allows(request) is opens
            and self._old.replay.allows(request) is (not opens)
            and self._new.replay.fits(request)
        )

    def _counterexample(self, request: ConcreteRequest, opens: bool) -> Counterexample:
        shows = partial(self._shows, opens)
        small = smallest(request, self._schema, self._named, shows)
        words = words_of_request(small, self._schema, self._named, shows)
        return Counterexample(words, small, opens)


def _verdict(opens: Search, closes: Search) -> Verdict:
    if isinstance(opens, Found):
        return "both" if isinstance(closes, Found) else "opens"
    if isinstance(opens, Unclear):
        return "undecided"
    if isinstance(closes, Unclear):
        return "undecided"
    return "closes" if isinstance(closes, Found) else "same"


def _reason(opens: Search, closes: Search) -> str:
    unclear = [one for one in (opens, closes) if isinstance(one, Unclear)]
    if len(unclear) < 2:
        what = "opens" if isinstance(opens, Unclear) else "closes"
        return f"whether it {what} anything: {unclear[0].reason}" if unclear else ""
    return unclear[0].reason
