"""Who may do what: each cell of a matrix is what the engine says of every request."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from authz_lib import AuthorizationRequest, CedarEngine, Entity, EntityUid
from authz_lib.analysis.access_rows import policy_matrix
from authz_lib.analysis.prover import Prover
from authz_lib.analysis.terms import UnsupportedError
from authz_lib.errors import ConfigurationError

SCHEMA = """
entity Team;
entity Group in [Group, Team];
entity User in [Group] = { tenant_id?: String, active: Bool, level: Long };
entity Bot;
entity Folder;
entity Doc in [Folder] = { owner: User, tenant_id: String, readers: Set<User>, draft: Bool };
action get appliesTo { principal: [User, Bot], resource: Doc, context: { mfa: Bool, ip: ipaddr } };
"""


def cells(make_sources, text, group="", schema=SCHEMA, **rest):
    """The cells of the `User`'s row in a column, or all of a matrix with one column only."""
    matrix = policy_matrix(make_sources(text, schema, **rest))
    column = matrix.columns.index(f"Group {group}" if group else "anybody signed in")
    return [str(row.cells[column]) for row in matrix.rows if row.principal == "User"]


GET = "permit(principal, action, resource)"
CASES = [
    (GET, "yes"),
    (f"{GET} when {{ false }}", "no"),
    (f"{GET} when {{ resource.owner == principal }}", "if owner"),
    (f"{GET} when {{ principal == resource.owner && context.mfa }}", "if owner, context.mfa"),
    (f"{GET} unless {{ resource.draft }}", "if not resource.draft"),
    (f"{GET} when {{ resource.owner != principal }}", "if not owner"),
    (f"{GET} when {{ principal has tenant_id && resource.tenant_id == principal.tenant_id }}",
     "if same tenant"),
    (f"{GET} when {{ principal has tenant_id }}", "if principal has tenant_id"),
    (f"{GET} when {{ resource.readers.contains(principal) }}", "if among readers"),
    (f"{GET} when {{ principal in resource.readers }}", "if in resource.readers"),
    (f'{GET} when {{ resource in Folder::"a b" }}', 'if the resource in Folder "a b"'),
    (f'{GET} when {{ principal == User::"root" }}', "if User root"),
    (f'{GET} when {{ resource.owner == User::"root" }}',
     'if resource.owner == User::"root"'),
    (f"{GET} when {{ principal.level > 3 || principal.active }}",
     "if principal.active or principal.level > 3"),
    (f"{GET} when {{ if context.mfa then principal.active else false }}",
     "if context.mfa, principal.active"),
    (f'{GET} when {{ context.ip.isInRange(ip("10.0.0.0/8")) }}',
     'if context.ip.isInRange(ip("10.0.0.0/8"))'),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "words"), CASES)
def test_a_condition_in_words(make_sources, policy, words):
    (found,) = cells(make_sources, f"{policy};")
    if " or " in words:
        assert set(found.removeprefix("if ").split(" or ")) == set(words[3:].split(" or "))
    else:
        assert found == words


def test_a_forbid_takes_away(make_sources):
    text = f"""
    {GET} when {{ resource.owner == principal }};
    forbid(principal, action, resource) when {{ resource.draft }};
    """
    assert cells(make_sources, text) == ["if owner, not resource.draft"]


def test_an_error_denies_unless_cedar_is_meant(make_sources):
    text = f'{GET}; forbid(principal, action, resource) when {{ principal.tenant_id == "x" }};'
    (found,) = cells(make_sources, text)
    assert found == 'if not principal.tenant_id == "x"'
    matrix = policy_matrix(make_sources(text, SCHEMA), on_evaluation_error="cedar")
    row = next(row for row in matrix.rows if row.principal == "User")
    assert "errs" in str(row.cells[0])


def test_a_column_is_a_group_and_no_other(make_sources):
    text = """
    permit(principal in Group::"a", action, resource) when { context.mfa };
    permit(principal, action, resource) when { principal in [Group::"b", Team::"t"] };
    permit(principal is User in Group::"c", action, resource);
    """
    matrix = policy_matrix(make_sources(text, SCHEMA))
    assert matrix.columns == ("anybody signed in", "Group a", "Group b", "Group c", "Team t")
    user = next(row for row in matrix.rows if row.principal == "User")
    assert list(map(str, user.cells)) == ["no", "if context.mfa", "yes", "yes", "yes"]
    bot = next(row for row in matrix.rows if row.principal == "Bot")
    assert list(map(str, bot.cells)) == ["no"] * 5


def test_a_held_group_is_in_what_it_is_in(make_sources):
    text = 'permit(principal in Team::"t", action, resource) when { principal in Group::"a" };'
    held = '[{"uid": {"type": "Group", "id": "a"}, "attrs": {}, "parents": [%s]}]'
    inside = held % '{"type": "Team", "id": "t"}'
    assert cells(make_sources, text, "a", entities=inside) == ["yes"]
    assert cells(make_sources, text, "a", entities=held % "") == ["no"]


def test_resources_that_are_named_have_rows(make_sources):
    one = 'permit(principal, action, resource == Doc::"1");'
    matrix = policy_matrix(make_sources(one, SCHEMA))
    assert [row.resource for row in matrix.rows if row.principal == "User"] == ["Doc 1"]
    more = f"{one} {GET} when {{ context.mfa }};"
    matrix = policy_matrix(make_sources(more, SCHEMA))
    rows = {row.resource: str(row.cells[0]) for row in matrix.rows if row.principal == "User"}
    assert rows == {"Doc 1": "yes", "any other Doc": "if context.mfa"}
    many = "".join(f'permit(principal, action, resource == Doc::"{i}");' for i in range(9))
    (found,) = cells(make_sources, many)
    assert found == "if one of many conditions holds"


def test_too_many_ways_are_not_told(make_sources):
    ways = " || ".join(f'resource.tenant_id == "{number}"' for number in range(9))
    assert cells(make_sources, f"{GET} when {{ {ways} }};") == ["if one of many conditions holds"]


def test_a_schema_is_needed(make_sources):
    with pytest.raises(ConfigurationError, match="no schema"):
        policy_matrix(make_sources(f"{GET};", None))


def test_every_cell_is_what_the_engine_says(make_sources):
    """All requests that the conditions tell apart, against the cells that name them."""
    text = """
    permit(principal in Group::"a", action, resource) when { resource.owner == principal };
    permit(principal in Group::"b", action, resource) unless { resource.draft };
    forbid(principal, action, resource)
    unless { principal has tenant_id && resource.tenant_id == principal.tenant_id };
    """
    sources = make_sources(text, SCHEMA)
    matrix = policy_matrix(sources)
    row = next(row for row in matrix.rows if row.principal == "User")
    words = dict(zip(matrix.columns, map(str, row.cells), strict=True))
    assert words == {
        "anybody signed in": "no",
        "Group a": "if owner, same tenant",
        "Group b": "if not resource.draft, same tenant",
    }
    engine = CedarEngine(replace(sources))
    alice, bob = EntityUid("User", "alice"), EntityUid("User", "bob")
    for group, owner, draft, tenant in itertools.product(
        ("a", "b", None), (alice, bob), (True, False), ("x", "y", None)
    ):
        attrs = {"active": True, "level": 1} | ({"tenant_id": tenant} if tenant else {})
        parents = [EntityUid("Group", group)] if group else []
        resource = Entity(
            EntityUid("Doc", "1"),
            attrs={"owner": owner, "tenant_id": "x", "readers": [], "draft": draft},
        )
        request = AuthorizationRequest(
            alice, "get", resource, entities=[Entity(alice, attrs=attrs, parents=parents)]
        )
        fulfilled = {"a": owner == alice, "b": not draft, None: False}[group] and tenant == "x"
        assert engine.is_authorized(request).allowed == fulfilled


def test_what_the_solver_gives_up_is_not_told(make_sources, monkeypatch):
    check = Prover.check
    monkeypatch.setattr(Prover, "check", lambda *_: None)
    assert cells(make_sources, f"{GET};") == ["not decided: the solver gave up"]
    answers = itertools.cycle([True, True, None])
    monkeypatch.setattr(Prover, "check", lambda *_: next(answers))
    assert cells(make_sources, f"{GET};")[0] == "if one of many conditions holds"
    monkeypatch.setattr(Prover, "check", check)
    monkeypatch.setattr(Prover, "conflict", lambda *_: None)
    policy = f"{GET} when {{ context.mfa }};"
    assert cells(make_sources, policy) == ["if one of many conditions holds"]


def test_what_is_not_translated_is_not_told(make_sources, monkeypatch):
    def refuse(*_):
        raise UnsupportedError("too much of it")

    monkeypatch.setattr(Prover, "check", refuse)
    assert cells(make_sources, f"{GET};") == ["not decided: too much of it"]
    named = 'permit(principal, action, resource == Doc::"1");'
    assert len(cells(make_sources, named)) == 2
