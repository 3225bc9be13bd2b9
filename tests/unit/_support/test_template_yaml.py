"""Templates are read alike by every command."""

from __future__ import annotations

import pytest

from authz_lib._support.template_yaml import TemplateLoader, long_form
from authz_lib._support.yaml_file import parse_yaml, yaml_places
from authz_lib.errors import ConfigurationError


def read(text):
    return parse_yaml(text, "x.yaml", TemplateLoader)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("!Ref Api", {"Ref": "Api"}),
        ("!Condition IsLocal", {"Condition": "IsLocal"}),
        ("!Sub 'https://${B}/x'", {"Fn::Sub": "https://${B}/x"}),
        ("!Sub ['${A}', {A: !Ref B}]", {"Fn::Sub": ["${A}", {"A": {"Ref": "B"}}]}),
        ("!GetAtt A.B", {"Fn::GetAtt": ["A", "B"]}),
        ("!GetAtt A.B.C", {"Fn::GetAtt": ["A", "B.C"]}),
        ("!GetAtt [A, B.C]", {"Fn::GetAtt": ["A", "B.C"]}),
        ("{'Fn::GetAtt': A.B.C}", {"Fn::GetAtt": "A.B.C"}),
        ("!If [C, {x: 1}, {y: !GetAtt B.Arn}]",
         {"Fn::If": ["C", {"x": 1}, {"y": {"Fn::GetAtt": ["B", "Arn"]}}]}),
        ("!Transform {Name: AWS::Include}", {"Fn::Transform": {"Name": "AWS::Include"}}),
    ],
)  # fmt: skip
def test_each_short_form_is_written_out(written, value):
    assert read(f"a: {written}") == {"a": value}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("200", "200"),
        ("0xC8", "200"),
        ("1.5", "1.5"),
        ("true", "true"),
        ("yes", "true"),
        ("~", "null"),
        ("'0200'", "0200"),
        ("2012-10-17", "2012-10-17"),
        ("!Ref A", None),
    ],
)
def test_a_key_is_the_text_that_json_writes(written, name):
    if name is None:  # an object is no key
        with pytest.raises(ConfigurationError, match=r"^x.yaml:1:2: .* found unhashable key$"):
            read(f"{{{written}: x}}")
        return
    assert read(f"{{{written}: x}}") == {name: "x"}
    assert yaml_places(f"{{{written}: x}}", "x.yaml", TemplateLoader) == {(name,): "x.yaml:1:2"}


@pytest.mark.parametrize("keys", [("a", "a"), ("200", "'200'"), ("200", "0xC8"), ("yes", "true")])
def test_a_key_that_is_there_twice_as_a_text_is_refused(keys):
    first, second = keys
    with pytest.raises(ConfigurationError, match=r"^x.yaml:2:1: .*the key `\w+` is there twice$"):
        read(f"{first}: 1\n{second}: 2")


def test_two_texts_are_two_keys():
    assert read("{1: a, true: b, 1.0: c}") == {"1": "a", "true": "b", "1.0": "c"}


def test_a_subclass_may_take_the_last_of_two_keys():
    class Lenient(TemplateLoader):
        def meet_twice(self, key):
            met.append(key.value)

    met = []
    assert parse_yaml("200: a\n'200': b\nx: c\n0xC8: d", "x.yaml", Lenient) == {
        "200": "d",
        "x": "c",
    }
    assert met == ["200", "200"]


def test_a_merged_key_gives_way_to_the_own_one():
    text = "a: &a {200: merged, 404: merged, u: !Ref X}\nb: {<<: *a, '200': own}"
    assert read(text)["b"] == {"200": "own", "404": "merged", "u": {"Ref": "X"}}


def test_a_key_with_an_anchor_stays_a_number_as_a_value():
    assert read("{&code 200: *code}") == {"200": 200}


def test_the_long_names():
    assert [long_form(name) for name in ("Ref", "Condition", "Sub")] == [
        "Ref",
        "Condition",
        "Fn::Sub",
    ]
