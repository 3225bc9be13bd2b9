"""The policies of an engine, and the small policy sets that questions are put to."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from authz_lib._support.memo import Memo, WeighedMemo
from authz_lib._support.own_stack import run_on_own_stack
from authz_lib.decisions.cedar_text import TOO_DEEP
from authz_lib.decisions.slicing import PolicyIndex, PolicyScope, Uid, scope_of, uid_of
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from authz_lib.decisions.policy_files import PolicySource, PolicySources, TemplateLink
    from authz_lib.entities import EntityUid

__all__ = ["PolicyStatement", "SlicedPolicies", "action_ancestors"]

# A policy set takes about 25 kB per policy in it, and shares nothing with another one.
_MIN_SLICED_POLICIES = 2000
_MAX_SLICES = 50_000
# Cedar's JSON reader stops at 128 levels and its text reader does not: such a policy fails here.
_DEPTH_TO_TEST = 100


_SliceKey: TypeAlias = tuple[str, str, str, str | None, str, str | None]
"""Type and id of action, principal and resource; no id where no policy names it by ``==``."""


class _Policy(NamedTuple):
    id: str
    text: str  # a member of `staticPolicies`, or a link of `templateLinks`
    forbids: bool
    template: str | None = None  # a member of `templates`


class PolicyStatement(NamedTuple):
    """One policy: its id, its JSON form, and what fills the slots of a template.

    The form is ``None`` where it is nested too deeply to be read on this stack.
    """

    id: str
    forbids: bool
    est: dict[str, Any] | None
    slots: dict[str, Uid]


class SlicedPolicies:
    """Hands out, for a question, a policy set that answers as all policies together would.

    Sets are made when they are first needed.  Equal slices share one set.  The sets that are kept
    hold as many policies as there are, but at least 2,000; the oldest set goes first.

    Cedar's JSON reader stops at 128 levels, and its text reader does not.  So policies that are
    deeper, such as ``1 + 1 + ...``, are added to each set as text.  In a text, policies have no ids
    of their own: `ids` has those that Cedar gives them.

    Raises:
        ConfigurationError: a template link does not fit its template.
    """

    __slots__ = ("_deep", "_index", "_parse", "_policies", "_sets", "_slices", "_statements")

    def __init__(
        self, cedarpy: Any, sources: PolicySources, ancestors: Mapping[Uid, frozenset[Uid]]
    ) -> None:
        self._parse = cedarpy.PolicySet.from_json_str
        self._policies, scopes = _prepare(sources)
        self._index = PolicyIndex(scopes, ancestors)
        self._slices: Memo[_SliceKey, tuple[int, ...]] = Memo(self._select, max_entries=_MAX_SLICES)
        self._sets: WeighedMemo[tuple[int, ...], Any] = WeighedMemo(
            max_entries=_MAX_SLICES, max_weight=max(_MIN_SLICED_POLICIES, len(self._policies))
        )
        self._statements: Memo[int, PolicyStatement] = Memo(
            self._read, max_entries=_MIN_SLICED_POLICIES
        )
        self._deep = run_on_own_stack(lambda: _deep_ones(self._parse, self._policies, sources))

    def __len__(self) -> int:
        return len(self._policies)

    def texts(self) -> list[str]:
        """Every policy with its id and its template."""
        return [f"{policy.id}\n{policy.text}\n{policy.template}" for policy in self._policies]

    def slice(self, principal: EntityUid, action: EntityUid, resource: EntityUid) -> Any:
        """A cedarpy policy set with every policy that can matter."""
        index = self._index
        selected = self._slices[
            action.type,
            action.id,
            principal.type,
            principal.id if (principal.type, principal.id) in index.principals else None,
            resource.type,
            resource.id if (resource.type, resource.id) in index.resources else None,
        ]
        found = self._sets.get(selected)
        if found is None:
            found = self._made(selected)
            self._sets.put(selected, found, weight=len(selected))
        return found

    def statements(
        self, principal: Uid, action: Uid, resource_type: str
    ) -> tuple[PolicyStatement, ...]:
        """Every policy that can matter to some resource of a type, in Cedar's JSON form."""
        numbers = self._index.select_of_type(principal, action, resource_type)
        return tuple(map(self._statement, numbers))

    def _statement(self, number: int) -> PolicyStatement:
        try:
            return self._statements[number]
        except RecursionError:  # not remembered: another stack may hold it
            policy = self._policies[number]
            return PolicyStatement(policy.id, policy.forbids, None, {})

    def _read(self, number: int) -> PolicyStatement:
        policy = self._policies[number]
        if policy.template is None:
            return PolicyStatement(policy.id, policy.forbids, _member_value(policy.text), {})
        values = json.loads(policy.text)["values"]
        slots = {slot: uid_of(value) for slot, value in values.items()}
        return PolicyStatement(policy.id, policy.forbids, _member_value(policy.template), slots)

    def _select(self, key: _SliceKey) -> tuple[int, ...]:
        action_type, action, principal_type, principal, resource_type, resource = key
        # An id that no policy names is as good as none.
        return self._index.select(
            (principal_type, principal or ""),
            (action_type, action),
            (resource_type, resource or ""),
        )

    def _made(self, selected: Iterable[int]) -> Any:
        deep = self._deep
        shallow = [self._policies[number] for number in selected if number not in deep.numbers]
        found = self._parse(_set_text(shallow))
        # All of them, so that their order and their ids are the same in every set.
        return run_on_own_stack(lambda: found.with_added_str(deep.text)) if deep.text else found

    @property
    def ids(self) -> Mapping[str, str]:
        """Cedar's id of each policy that is added as text, to its own."""
        return self._deep.ids

    def with_own_ids(
        self, reasons: Iterable[str], errors: Iterable[str]
    ) -> tuple[list[str], list[str]]:
        """Ids and words of Cedar about policies, with the policies' own ids."""
        ids = self._deep.ids
        return (
            [ids.get(reason, reason) for reason in reasons],
            [_with_own_id(error, ids) for error in errors],
        )


class _Deep(NamedTuple):
    """The static policies that Cedar's JSON reader does not take."""

    numbers: frozenset[int]
    ids: Mapping[str, str]
    text: str


def _deep_ones(
    parse: Callable[[str], Any], policies: Sequence[_Policy], sources: PolicySources
) -> _Deep:
    deep = [
        number
        for number, policy in enumerate(policies)
        if policy.text.count("{") + policy.text.count("[") > _DEPTH_TO_TEST
        or policy.template is not None
        if not _is_read(parse, policy)
    ]
    ids = {f"policy{position}": policies[number].id for position, number in enumerate(deep)}
    statements = {
        policy.id: policy.statement(sources.texts)
        for policy in sources.policies
        if policy.id in ids.values()
    }
    for policy in policies:
        if policy.id in ids:  # the text reader would give other ids
            raise ConfigurationError(
                f"the id `{policy.id}` is taken: a policy that {TOO_DEEP} gets it from Cedar"
            )
    return _Deep(
        frozenset(deep), ids, "\n".join(statements[policy_id] for policy_id in ids.values())
    )


def _is_read(parse: Callable[[str], Any], policy: _Policy) -> bool:
    try:
        parse(_set_text([policy]))
    except ValueError:
        if policy.template is None:
            return False
        raise ConfigurationError(
            f"the policy `{policy.id}` does not fit its template, or {TOO_DEEP}"
        ) from None
    return True


def _with_own_id(error: str, ids: Mapping[str, str]) -> str:
    """Such as ``error while evaluating policy `policy0`: ...``."""
    before, quote, rest = error.partition("`")
    name, end, after = rest.partition("`")
    return f"{before}{quote}{ids.get(name, name)}{end}{after}"


def _prepare(sources: PolicySources) -> tuple[list[_Policy], list[PolicyScope]]:
    """Every static policy and every link, with its scope; a template alone does nothing."""
    templates = {policy.id: policy for policy in sources.policies if policy.is_template}
    static = [policy for policy in sources.policies if not policy.is_template]
    policies = [_Policy(policy.id, _member(policy), _forbids(policy)) for policy in static]
    scopes = [scope_of(policy.head, {}) for policy in static]
    for link in sources.links:
        template = templates.get(link.template_id)
        if template is None:
            raise ConfigurationError(f"the template link `{link.id}` names no template")
        policies.append(_Policy(link.id, _link_text(link), _forbids(template), _member(template)))
        scopes.append(
            scope_of(template.head, {slot: (uid.type, uid.id) for slot, uid in link.values.items()})
        )
    return policies, scopes


def _forbids(policy: PolicySource) -> bool:
    return bool(policy.head["effect"] == "forbid")


def _member(policy: PolicySource) -> str:
    return f"{encode_basestring_ascii(policy.id)}:{policy.text}"


def _member_value(member: str) -> dict[str, Any]:
    (value,) = json.loads(f"{{{member}}}").values()
    return dict(value)


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
