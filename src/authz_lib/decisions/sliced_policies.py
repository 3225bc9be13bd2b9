"""The policies of an engine, and the small policy sets that questions are put to."""

from __future__ import annotations

import json
from hashlib import blake2b
from json.encoder import encode_basestring_ascii
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from authz_lib.decisions.slicing import PolicyIndex, Scope, Uid, scope_of
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from authz_lib.decisions.policy_files import PolicySource, PolicySources, TemplateLink
    from authz_lib.entities import EntityUid

__all__ = ["SlicedPolicies", "action_ancestors", "uid_of"]

# Slices are made when first needed and share nothing with each other; a policy in one takes about
# 25 kB.
_MIN_SLICED_POLICIES = 2000
_MAX_SLICE_KEYS = 50_000
# Cedar's JSON reader stops at 128 levels and its text reader does not: such a policy must fail
# early.
_DEPTH_TO_TEST = 100


class _Policy(NamedTuple):
    id: str
    text: str  # a member of `staticPolicies`, or a link of `templateLinks`
    template: str | None = None  # a member of `templates`


class SlicedPolicies:
    """Hands out, for a question, a policy set that answers as all policies together would.

    Raises:
        ConfigurationError: a template link does not fit its template, or a policy is nested too
            deeply.
    """

    __slots__ = (
        "_index",
        "_lock",
        "_max_weight",
        "_parse",
        "_policies",
        "_sets",
        "_slices",
        "_weight",
    )

    def __init__(
        self, cedarpy: Any, sources: PolicySources, ancestors: Mapping[Uid, frozenset[Uid]]
    ) -> None:
        self._parse = cedarpy.PolicySet.from_json_str
        self._policies, scopes = _prepare(sources)
        self._index = PolicyIndex(scopes, ancestors)
        self._slices: dict[tuple[Any, ...], Any] = {}
        self._sets: dict[tuple[int, ...], Any] = {}
        self._weight = 0
        self._max_weight = max(_MIN_SLICED_POLICIES, len(self._policies))
        self._lock = Lock()
        self._test_risky_ones()

    def __len__(self) -> int:
        return len(self._policies)

    def digest(self) -> str:
        """The same for the same policies with the same ids."""
        digest = blake2b(digest_size=16)
        for policy in self._policies:
            digest.update(f"{policy.id}\n{policy.text}\n{policy.template}\n".encode())
        return digest.hexdigest()

    def slice(self, principal: EntityUid, action: EntityUid, resource: EntityUid) -> Any:
        """A cedarpy policy set with every policy that can matter."""
        index = self._index
        principal_uid, resource_uid = (principal.type, principal.id), (resource.type, resource.id)
        key = (
            action.type,
            action.id,
            principal.type,
            resource.type,
            principal.id if principal_uid in index.principals else None,
            resource.id if resource_uid in index.resources else None,
        )
        found = self._slices.get(key)
        if found is not None:
            return found
        selected = index.select(principal_uid, (action.type, action.id), resource_uid)
        with self._lock:
            if len(self._slices) >= _MAX_SLICE_KEYS:
                self._slices.clear()
            policies = self._set_of(selected)
            self._slices[key] = policies
        return policies

    def _set_of(self, selected: tuple[int, ...]) -> Any:
        """Equal slices are one set; when the sets hold too many policies, all are dropped."""
        found = self._sets.get(selected)
        if found is not None:
            return found
        if self._weight + len(selected) > self._max_weight:
            self._sets.clear()
            self._slices.clear()
            self._weight = 0
        policies = self._sets[selected] = self._parse(
            _set_text([self._policies[number] for number in selected])
        )
        self._weight += len(selected)
        return policies

    def _test_risky_ones(self) -> None:
        for policy in self._policies:
            if (
                policy.template is None
                and policy.text.count("{") + policy.text.count("[") <= _DEPTH_TO_TEST
            ):
                continue
            try:
                self._parse(_set_text([policy]))
            except ValueError:
                reason = (
                    "is nested too deeply, or has too long a chain of operators"
                    if policy.template is None
                    else "does not fit its template"
                )
                raise ConfigurationError(f"the policy `{policy.id}` {reason}") from None


def _prepare(sources: PolicySources) -> tuple[list[_Policy], list[Scope]]:
    """Every static policy and every link, with its scope.  A template that is not linked does
    nothing.
    """
    templates = {policy.id: policy for policy in sources.policies if policy.is_template}
    static = [policy for policy in sources.policies if not policy.is_template]
    policies = [_Policy(policy.id, _member(policy)) for policy in static]
    scopes = [scope_of(policy.head, {}) for policy in static]
    for link in sources.links:
        template = templates.get(link.template_id)
        if template is None:
            raise ConfigurationError(f"the template link `{link.id}` names no template")
        policies.append(_Policy(link.id, _link_text(link), _member(template)))
        scopes.append(
            scope_of(template.head, {slot: (uid.type, uid.id) for slot, uid in link.values.items()})
        )
    return policies, scopes


def _member(policy: PolicySource) -> str:
    return f"{encode_basestring_ascii(policy.id)}:{policy.text}"


def _link_text(link: TemplateLink) -> str:
    values = {
        slot: {"__entity": {"type": uid.type, "id": uid.id}} for slot, uid in link.values.items()
    }
    return json.dumps({"templateId": link.template_id, "newId": link.id, "values": values})


def _set_text(policies: Sequence[_Policy]) -> str:
    static = ",".join([policy.text for policy in policies if policy.template is None])
    templates = ",".join({policy.template for policy in policies if policy.template is not None})
    links = ",".join([policy.text for policy in policies if policy.template is not None])
    return (
        f'{{"staticPolicies":{{{static}}},"templates":{{{templates}}},"templateLinks":[{links}]}}'
    )


def uid_of(document: Mapping[str, Any]) -> Uid:
    """Type and id of an entity id in either of Cedar's JSON forms."""
    bare = document.get("__entity", document)
    return bare["type"], bare["id"]


def action_ancestors(documents: Iterable[Mapping[str, Any]]) -> dict[Uid, frozenset[Uid]]:
    """The groups, at any distance, of every action that the schema or the held entities define."""
    parents = {
        uid_of(document["uid"]): {uid_of(parent) for parent in document["parents"]}
        for document in documents
    }
    return {
        action: _reach(action, parents)
        for action in parents
        if action[0].rpartition("::")[2] == "Action"
    }


def _reach(action: Uid, parents: Mapping[Uid, set[Uid]]) -> frozenset[Uid]:
    found: set[Uid] = set()
    pending = [*parents[action]]
    while pending:
        group = pending.pop()
        if group not in found:
            found.add(group)
            pending.extend(parents.get(group, ()))
    return frozenset(found)
