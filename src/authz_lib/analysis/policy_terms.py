"""Policies as formulas, and what a set of them decides.

=============  ==========================================================================
`ErrorMode`    allowed
=============  ==========================================================================
``cedar``      a permit is fulfilled, and no forbid is
``deny``       the same, and no policy errs: what `authz_lib.CedarEngine` does by default
=============  ==========================================================================
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from authz_lib.analysis.symbolic import Translator
from authz_lib.decisions.slicing import scope_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from authz_lib.analysis.environments import RequestEnvironment
    from authz_lib.analysis.request_terms import RequestTerms
    from authz_lib.analysis.terms import Formula
    from authz_lib.analysis.values import Scalar
    from authz_lib.decisions.policy_files import PolicySources
    from authz_lib.decisions.request import ErrorMode
    from authz_lib.decisions.slicing import Uid

__all__ = ["PolicyFormula", "PolicyRule", "PolicyTerms", "policy_rules"]


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A static policy, or a template with its slots filled.

    Attributes:
        id: its id.
        document: its JSON form.
        slots: what fills the slots.
        content: equal for two policies that say the same in the same words.
    """

    id: str
    document: Mapping[str, Any] = field(repr=False)
    slots: Mapping[str, Uid]
    content: str = field(repr=False)

    def could_apply(self, environment: RequestEnvironment) -> bool:
        """Whether the scope admits such a request, as far as types and actions tell."""
        scope = scope_of(self.document, self.slots)
        action = environment.action
        reachable = {action.uid, *action.groups}
        return (
            scope.action_is in {None, action.uid}
            and (scope.action_in is None or not reachable.isdisjoint(scope.action_in))
            and scope.principal_type in {None, environment.principal}
            and scope.resource_type in {None, environment.resource}
        )

    @property
    def is_permit(self) -> bool:
        return bool(self.document["effect"] == "permit")


class PolicyFormula(NamedTuple):
    """When a policy errs, and when it is fulfilled."""

    rule: PolicyRule
    error: Formula
    fulfilled: Formula


def policy_rules(sources: PolicySources) -> tuple[PolicyRule, ...]:
    """The static policies and the links; a template alone does nothing."""
    rules = [
        PolicyRule(policy.id, _document(policy.text), {}, _content(policy.text))
        for policy in sources.policies
        if not policy.is_template
    ]
    templates = {policy.id: policy for policy in sources.policies if policy.is_template}
    for link in sources.links:
        if (template := templates.get(link.template_id)) is not None:
            slots = {name: (uid.type, uid.id) for name, uid in link.values.items()}
            content = _content(template.text) + json.dumps(sorted(slots.items()))
            rules.append(PolicyRule(link.id, _document(template.text), slots, content))
    return tuple(rules)


def _document(text: str) -> Any:
    return json.loads(text)


def _content(text: str) -> str:
    document = json.loads(text)
    document.pop("annotations", None)
    return json.dumps(document, sort_keys=True)


class PolicyTerms:
    """The formulas of policies for one kind of request; equal policies share theirs."""

    def __init__(self, request: RequestTerms) -> None:
        self._r, self._t = request, request.terms
        self.terms = request.terms
        self.translator = Translator(request)
        self._known: dict[str, tuple[Formula, Formula]] = {}
        self._not_read: dict[str, str] = {}

    def of(self, rule: PolicyRule) -> PolicyFormula:
        """A policy's formulas."""
        if rule.content not in self._known:
            before = len(self.translator.not_read)
            self._known[rule.content] = self._made(rule)
            if len(self.translator.not_read) > before:
                self._not_read[rule.content] = self.translator.not_read[-1]
        return PolicyFormula(rule, *self._known[rule.content])

    def not_read(self, rule: PolicyRule) -> str | None:
        """Why a part of a policy is an unknown; None where all of it is translated."""
        self.of(rule)
        return self._not_read.get(rule.content)

    def live(self, rules: Iterable[PolicyRule]) -> list[PolicyFormula]:
        """The formulas of those policies that can do anything to such a request."""
        formulas = map(self.of, rules)
        return [one for one in formulas if not (one.error is False and one.fulfilled is False)]

    def allowed(self, policies: Sequence[PolicyFormula], mode: ErrorMode) -> Formula:
        """When such a set of policies allows."""
        t = self._t
        permits = t.or_(*[one.fulfilled for one in policies if one.rule.is_permit])
        return t.and_(permits, *map(t.not_, self.against(policies, mode)))

    def against(self, policies: Sequence[PolicyFormula], mode: ErrorMode) -> list[Formula]:
        """Each reason for which such a set of policies denies, whatever it permits."""
        errors = [one.error for one in policies] if mode == "deny" else []
        return [*(one.fulfilled for one in policies if not one.rule.is_permit), *errors]

    def _made(self, rule: PolicyRule) -> tuple[Formula, Formula]:
        scope = self.scope(rule)
        if scope is False:  # then it is not evaluated further
            return False, False
        error: Formula = False
        holds = scope
        for condition in rule.document["conditions"]:
            failed, fulfilled = self.translator.condition(condition["body"])
            if condition["kind"] == "unless":
                fulfilled = self._t.and_(self._t.not_(failed), self._t.not_(fulfilled))
            error = self._t.or_(error, self._t.and_(holds, failed))
            holds = self._t.and_(holds, fulfilled)
        return error, holds

    def scope(self, rule: PolicyRule) -> Formula:
        """When the scope of a policy fits."""
        document = rule.document
        environment = self._r.environment
        action = self._party(document["action"], self._r.entity(*environment.action.uid), {})
        if action is False:
            return False
        principal = self._party(document["principal"], self._r.principal, rule.slots)
        if principal is False:
            return False
        resource = self._party(document["resource"], self._r.resource, rule.slots)
        return self._t.and_(action, principal, resource)

    def _party(
        self, constraint: Mapping[str, Any], party: Scalar, slots: Mapping[str, Uid]
    ) -> Formula:
        """``principal``, ``action`` or ``resource`` of a scope."""
        kind = constraint["op"]
        if kind == "All":
            return True
        if kind == "is":
            if constraint["entity_type"] != getattr(party.type, "name", None):
                return False
            return self._in(constraint["in"], party, slots) if "in" in constraint else True
        if kind == "in":
            return self._in(constraint, party, slots)
        return self._r.values.equal(party, self._entity(constraint, slots))

    def _in(
        self, constraint: Mapping[str, Any], party: Scalar, slots: Mapping[str, Uid]
    ) -> Formula:
        if "entities" in constraint:
            groups = [self._r.entity(one["type"], one["id"]) for one in constraint["entities"]]
        else:
            groups = [self._entity(constraint, slots)]
        return self._t.or_(*[self.translator.is_in(party, group) for group in groups])

    def _entity(self, constraint: Mapping[str, Any], slots: Mapping[str, Uid]) -> Scalar:
        if "slot" in constraint:
            return self._r.entity(*slots[constraint["slot"]])
        return self._r.entity(constraint["entity"]["type"], constraint["entity"]["id"])
