"""Values and their lines, of YAML and JSON."""

from __future__ import annotations

import json

import pytest

from authz_lib.audit.source import read_source
from authz_lib.errors import ConfigurationError

YAML = """\
Resources:
  A:
    Type: T
    Properties:
      Long: {"Fn::If": [C, {x: 1}, {y: 2}]}
      Short: !If
        - C
        - x: 1
        - y: !GetAtt B.Arn
      List:
        - one
        - {two: 2}
      When: 2012-10-17
      Text: !Sub "${A}"
      Mapped: !Transform {Name: AWS::Include}
"""


@pytest.fixture
def source(tmp_path):
    def read(text, name="template.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_source(path)

    return read


def test_short_forms_are_written_out(source):
    properties = source(YAML).document["Resources"]["A"]["Properties"]
    assert properties["Short"] == {"Fn::If": ["C", {"x": 1}, {"y": {"Fn::GetAtt": ["B", "Arn"]}}]}
    assert properties["Text"] == {"Fn::Sub": "${A}"}
    assert properties["Mapped"] == {"Fn::Transform": {"Name": "AWS::Include"}}
    assert properties["When"] == "2012-10-17"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (["Resources"], 1),
        (["Resources", "A"], 2),
        (["Resources", "A", "Properties", "Long", "Fn::If", 2, "y"], 5),
        (["Resources", "A", "Properties", "Short", "Fn::If", 1, "x"], 8),
        (["Resources", "A", "Properties", "Short", "Fn::If", 2, "y"], 9),
        (["Resources", "A", "Properties", "List", 1, "two"], 12),
        (["Resources", "A", "Properties", "Nothing", "deeper"], 4),
        (["Other"], 1),
    ],
)
def test_each_value_has_its_line(source, path, line):
    assert source(YAML).place.line_of(path) == line


def test_what_is_not_there_has_no_place(source):
    place = source(YAML).place
    assert place.find(["Resources", "A", "Type"]).line == 3
    assert place.find(["Resources", "B", "Type"]) is None


def test_a_json_file_has_lines_too(source):
    document = {"Resources": {"A": {"Type": "T", "Properties": {"L": [{}, [], [1, {"x\n": "}"}]]}}}}
    text = json.dumps(document, indent=1)
    read = source(text, "cdk.template.json")
    assert read.document == document
    lines = text.splitlines()
    path = ["Resources", "A", "Properties", "L", 2, 1, "x\n"]
    assert lines[read.place.line_of(path) - 1].strip() == '"x\\n": "}"'
    assert lines[read.place.line_of(path[:3]) - 1].strip() == '"Properties": {'
    assert lines[read.place.line_of(path[:5]) - 1].strip() == "["


def test_yaml_in_a_file_named_template(source):
    assert source(YAML, "stack.template").place.line_of(["Resources", "A"]) == 2


def test_of_two_equal_keys_the_last_one_counts(source):
    read = source("a: 1\nb: 2\na: 3\n")
    assert read.document == {"a": 3, "b": 2}
    assert read.twice == (("a", 3),)


@pytest.mark.parametrize("again", ["200", "'200'", "0xC8"])
def test_a_status_that_is_there_twice_is_told(source, again):
    read = source(f"200: a\n{again}: b\n")
    assert read.document == {"200": "b"}
    assert read.twice == (("200", 2),)


def test_an_attribute_of_an_attribute_is_one_name(source):
    read = source("a: !GetAtt A.B.C\nyes:\n  b: !GetAtt D.E\n")
    assert read.document == {
        "a": {"Fn::GetAtt": ["A", "B.C"]},
        "true": {"b": {"Fn::GetAtt": ["D", "E"]}},
    }
    assert read.place.line_of(["true", "b", "Fn::GetAtt", 0]) == 3


def test_nothing_is_one_thing_with_another(source):
    document = source("a: &x {k: [1]}\nb: *x\n").document
    document["a"]["k"].append(2)
    assert document["b"] == {"k": [1]}


def test_keys_are_texts(source):
    assert source("responses: {200: {}}\n").document == {"responses": {"200": {}}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xff\xfe\x00", "cannot be read as UTF-8 text"),
        (b"a: [b", "yaml:1:6: the document is not YAML"),
        (b"- a\n", "must be an object"),
        (b"just text", "must be an object"),
        (b"a: &a\n  b: *a\n", "has an alias inside of what it stands for"),
        (b"a: " + b"[" * 100 + b"]" * 100, "is nested too deeply"),
        (b"x" * 5_000_001, "has more than 5000000 characters"),
    ],
)
def test_what_is_no_template_is_refused_in_one_line(source, content, reason):
    with pytest.raises(ConfigurationError, match=reason) as refused:
        source(content)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a": ', "json:1:7: the file is not strict JSON: expecting value"),
        (b'{"a": 1,\n "a": 2}', "json:2:2: the file is not strict JSON: duplicate member name"),
        (b"{" * 100, "json: the file is not strict JSON: nested deeper"),
    ],
)
def test_what_is_no_json_is_refused_at_its_place(source, content, reason):
    with pytest.raises(ConfigurationError, match=reason):
        source(content, "template.json")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read_source(tmp_path / "template.yaml")
