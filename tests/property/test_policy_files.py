"""A text is cut into policies where Cedar itself cuts it."""

from __future__ import annotations

import json

import cedarpy
from hypothesis import given
from hypothesis import strategies as st

from authz_lib.decisions.cedar_text import check_nesting, check_policies
from authz_lib.decisions.operator_chains import balance_chains
from authz_lib.decisions.policy_files import parse_policies, split_policies
from authz_lib.errors import ConfigurationError

pieces = st.sampled_from(
    [
        "permit(principal, action, resource);",
        'forbid(principal, action, resource) when { context.a == "x; // y" };',
        'permit(principal == User::"\\"//;", action, resource);',
        '@id("a;b//c\\"") permit(principal, action, resource);',
        "permit(principal == ?principal, action, resource);",
        "// a comment; forbid(principal, action, resource);",
        "// permit(",
        '// "',
        '"',
        "/",
        ";",
        "\n",
        "\r",
        "\u2028",
        " ",
    ]
)


@given(st.lists(pieces, max_size=8).map("".join))
def test_a_text_is_cut_where_cedar_cuts_it(text):
    try:
        document = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError:
        return
    together = document["staticPolicies"] | document["templates"]
    assert len(split_policies(text)) == len(together)
    try:
        parsed = parse_policies("file", text)
    except ConfigurationError as error:
        raise AssertionError(text) from error
    assert [json.loads(policy.text) for policy in parsed] == [
        together[f"policy{number}"] for number in range(len(together))
    ]


runs = st.tuples(
    st.sampled_from(
        [
            *("(", ")", "[", "]", "{", "}", "a || ", "a && ", ".a", "if ", "1 + ", ";", ", ", "\n"),
            *('"(((("', '"', '\\"', "// ((((\n", "/", "a", "if a then ", " else ", "(a)", '["b"]'),
        ]
    ),
    st.sampled_from([1, 1, 2, 3, 30, 64, 65, 200, 399, 401]),
).map(lambda run: run[0] * run[1])


def _outcome(check, *arguments):
    try:
        check(*arguments)
    except ConfigurationError as error:
        return str(error)
    return None


@given(st.lists(runs, max_size=8).map("".join))
def test_what_is_not_read_token_by_token_would_have_passed(text):
    assert _outcome(check_policies, text, "f") == _outcome(check_nesting, text, "f", "policy")


names = st.sampled_from(["context.a", "context.b", "(context.a || context.b)", "true", "context.c"])


@given(st.sampled_from(["||", "&&"]), st.lists(names, min_size=21, max_size=58), st.data())
def test_a_balanced_chain_decides_as_cedar_decides_the_text(sign, operands, data):
    """Chains that Cedar's JSON reader takes as they are, so that both can be asked."""
    text = f"permit(principal, action, resource) when {{ {f' {sign} '.join(operands)} }};"
    plain = cedarpy.policies_to_json_str(text)
    balanced = balance_chains(plain)
    assert balanced != plain
    values = st.one_of(st.booleans(), st.just(1))
    context = data.draw(st.dictionaries(st.sampled_from("abc"), values))
    request = {
        "principal": {"type": "User", "id": "a"},
        "action": {"type": "Action", "id": "View"},
        "resource": {"type": "Doc", "id": "1"},
        "context": context,
    }
    first, second = (
        cedarpy.is_authorized(request, policies, "[]")
        for policies in (text, cedarpy.PolicySet.from_json_str(balanced))
    )
    assert first.allowed == second.allowed
    assert first.diagnostics.errors == second.diagnostics.errors
