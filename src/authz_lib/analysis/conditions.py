"""The single conditions that policies are made of, and each of them in words.

``resource.owner == principal`` is *owner*, ``resource.tenant_id == principal.tenant_id`` is *same
tenant*.  What has no such words stands as Cedar writes it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authz_lib.analysis.request_words import named_entity
from authz_lib.decisions.cedar_text import load_cedarpy
from authz_lib.entities import EntityUid
from authz_lib.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from authz_lib.analysis.policy_terms import PolicyRule
    from authz_lib.decisions.slicing import Uid

__all__ = ["PolicyCondition", "conditions_of", "named_groups", "named_resources"]

# What stands in brackets without a need, outside of texts: `(resource.owner)`.
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|(?<!\w)\(((?:[\w.]|\["(?:[^"\\]|\\.)*+"\])++)\)')
_MOST_BRACKETS = 4
_CONNECTIVES = ("&&", "||")
_ID_SUFFIX = re.compile(r"(?<=.)(_id|Id|ID)$")


@dataclass(frozen=True, slots=True)
class PolicyCondition:
    """One condition, as an expression in Cedar's JSON form.  Equal ones have one `key`."""

    expression: Mapping[str, Any]

    @property
    def key(self) -> str:
        return json.dumps(self.expression, sort_keys=True)

    def words(self, *, fulfilled: bool = True) -> str:
        """What it says of a request, or that it is not so."""
        found = _words(self.expression)
        return found if fulfilled else f"not {found}"


def conditions_of(rule: PolicyRule) -> Iterator[PolicyCondition]:
    """The conditions of a policy, those of its scope first."""
    for name in ("principal", "resource"):
        for expression in _scope(name, rule.document[name], rule.slots):
            yield PolicyCondition(expression)
    for condition in rule.document["conditions"]:
        yield from _parts(condition["body"])


def named_groups(rules: Iterable[PolicyRule]) -> list[EntityUid]:
    """What policies ask whether the principal is in, sorted."""
    found: set[EntityUid] = set()
    for rule in rules:
        for condition in conditions_of(rule):
            for name in ("in", "is"):
                of = condition.expression.get(name)
                if of and of["left"] == {"Var": "principal"}:
                    found.update(_uids(of["right"] if name == "in" else of.get("in", {})))
    return sorted(found)


def named_resources(rules: Iterable[PolicyRule], type_name: str) -> list[EntityUid]:
    """The resources of a type that policies name by ``==``, sorted."""
    found: set[EntityUid] = set()
    for rule in rules:
        for condition in conditions_of(rule):
            of = condition.expression.get("==")
            if of and {"Var": "resource"} in of.values():
                found.update(uid for side in of.values() for uid in _uids(side))
    return sorted(uid for uid in found if uid.type == type_name)


def _parts(expression: Mapping[str, Any]) -> Iterator[PolicyCondition]:
    ((name, of),) = expression.items()
    if name in _CONNECTIVES:
        yield from _parts(of["left"])
        yield from _parts(of["right"])
    elif name == "!":
        yield from _parts(of["arg"])
    elif name == "!=":
        yield PolicyCondition({"==": of})
    elif name == "if-then-else":
        for part in ("if", "then", "else"):
            yield from _parts(of[part])
    elif name == "in" and "Set" in of["right"]:
        for group in of["right"]["Set"]:
            yield PolicyCondition({"in": {"left": of["left"], "right": group}})
    elif name != "Value":
        yield PolicyCondition(expression)


def _scope(
    name: str, constraint: Mapping[str, Any], slots: Mapping[str, Uid]
) -> Iterator[Mapping[str, Any]]:
    inner = constraint.get("in", constraint)
    sign = "==" if constraint["op"] == "==" else "in"
    if "slot" in inner:
        type_, id_ = slots[inner["slot"]]
    elif "entity" in inner:
        type_, id_ = inner["entity"]["type"], inner["entity"]["id"]
    else:
        return
    entity = {"Value": {"__entity": {"type": type_, "id": id_}}}
    yield {sign: {"left": {"Var": name}, "right": entity}}


def _uids(expression: Mapping[str, Any]) -> Iterator[EntityUid]:
    """The entities that an expression names: one, or a set of them."""
    for part in expression.get("Set", [expression]):
        entity = part.get("Value")
        if isinstance(entity, dict) and "__entity" in entity:
            try:
                yield EntityUid(entity["__entity"]["type"], entity["__entity"]["id"])
            except InvalidRequestError:  # an empty id
                continue


def _words(expression: Mapping[str, Any]) -> str:
    ((name, of),) = expression.items()
    found = None
    if name == "==":
        found = _equality(of["left"], of["right"]) or _equality(of["right"], of["left"])
    elif name == "in":
        found = _membership(of["left"], of["right"])
    elif name == "contains" and of["right"] == {"Var": "principal"}:
        path = _path(of["left"])
        found = f"among {path.removeprefix('resource.')}" if path else None
    return found or _path(expression) or _cedar(expression)


def _equality(left: Mapping[str, Any], right: Mapping[str, Any]) -> str | None:
    party = {"principal": "", "resource": "the resource is "}.get(left.get("Var", ""))
    if party is not None:
        if right == {"Var": "resource"}:
            return "the resource is the principal"
        named = [named_entity(uid) for uid in _uids(right) if "Set" not in right]
        return party + named[0] if named else None
    path, other = _path(left) or "", _path(right)
    attribute = path.removeprefix("resource.")
    if attribute == path:
        return None
    if other == "principal":
        return attribute
    return f"same {_ID_SUFFIX.sub('', attribute)}" if other == f"principal.{attribute}" else None


def _membership(left: Mapping[str, Any], right: Mapping[str, Any]) -> str | None:
    groups = [named_entity(uid) for uid in _uids(right)]
    group = " or ".join(groups) or _path(right)
    party = {"principal": "in", "resource": "the resource in"}.get(left.get("Var", ""))
    return f"{party} {group}" if group and party else None


def _path(expression: Mapping[str, Any]) -> str | None:
    """``resource.owner.name``; None for what is no attribute."""
    if "Var" in expression:
        return str(expression["Var"])
    if "." not in expression:
        return None
    left, name = _path(expression["."]["left"]), expression["."]["attr"]
    return f"{left}.{name}" if left and name.isidentifier() else None


def _cedar(expression: Mapping[str, Any]) -> str:
    """As Cedar writes it."""
    anything = {"op": "All"}
    policy = {
        "effect": "permit",
        "principal": anything,
        "action": anything,
        "resource": anything,
        "conditions": [{"kind": "when", "body": expression}],
    }
    document = {"staticPolicies": {"p": policy}, "templates": {}, "templateLinks": []}
    try:
        text: str = load_cedarpy().policies_from_json_str(json.dumps(document))
    except ValueError:
        return "a condition that is nested too deeply"
    inside = " ".join(text[text.index("{") + 1 : text.rindex("}")].split())
    for _ in range(_MOST_BRACKETS):
        inside = _BRACKETS.sub(lambda found: found[1] or found[0], inside)
    return inside
