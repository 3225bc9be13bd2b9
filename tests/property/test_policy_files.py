"""A text is cut into policies where Cedar itself cuts it."""

from __future__ import annotations

import json

import cedarpy
from hypothesis import given
from hypothesis import strategies as st

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
