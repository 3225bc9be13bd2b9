"""Where a policy or a schema is wrong: what Cedar's own parser does not tell."""

from __future__ import annotations

import pytest

from authz_lib.decisions.cedar_text import parse_schema
from authz_lib.decisions.policy_files import parse_policies
from authz_lib.errors import ConfigurationError

HEAD = "permit(principal, action, resource)"


@pytest.mark.parametrize(
    "marked",  # the sign \u25b6 stands before the fault
    [
        "permit(principal \u25b6action, resource);",
        "permit(principal, action, \u25b6resourc);",
        'permit(principal, action == \u25b6"x", resource);',
        HEAD + " when { principal.owner \u25b6= principal };",
        HEAD + ' when {\n  // a = b\n  principal.note == "=" &&\n  resource.owner \u25b6= 1\n};',
        HEAD + "\nwhen { 1 + \u25b6};",
        HEAD + "\u25b6) when { true };",
        HEAD + ' when { principal in [User::"a" \u25b6User::"b"] };',
        HEAD + " when { \u25b6$x };",
        HEAD + ' when { \u25b6"abc };',
        HEAD + " \u25b6if { true };",
        HEAD + " when { principal.a \u25b6like 3 };",
        "permit(principal, action, \u25b6resource",
        HEAD + "; // ; \n\n" + "\u25b6".join([HEAD + " ", "when {};"]),
    ],
)
def test_the_place_is_that_of_the_fault(marked):
    before, _, after = marked.partition("\u25b6")
    lines = before.split("\n")
    with pytest.raises(ConfigurationError) as caught:
        parse_policies("a.cedar", before + after)
    place = f"a.cedar:{len(lines)}:{len(lines[-1]) + 1}: the policy does not parse: "
    assert str(caught.value).startswith(place)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("entity User;\nentity Order { owner: User ;", "2:28"),
        ("entity User", "1:8"),
        ("// none\n  entitty User;", "2:3"),
        ("entity User = { a: Sett<Long> };", "1:24"),
    ],
)
def test_a_schema_says_where_it_is_wrong(text, place):
    with pytest.raises(ConfigurationError, match=f"^s.cedarschema:{place}: the schema does not"):
        parse_schema(text, "s.cedarschema")


def test_what_cannot_be_found_is_at_the_statement():
    """The word of the message is there twice."""
    text = HEAD + ";\n  permit(principal == User, action, resource == User);"
    with pytest.raises(ConfigurationError, match=r"^a\.cedar:2:3: "):
        parse_policies("a.cedar", text)
