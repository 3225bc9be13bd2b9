"""Templates are read with CloudFormation's short forms and packaged as `sam package` does."""

from __future__ import annotations

import io
import os
import zipfile

import pytest

from authz_lib.errors import ConfigurationError
from authz_local.template import load_template, package_template

TEMPLATE = """
Globals:
  Function: {CodeUri: shared/}
Resources:
  A:
    Type: AWS::Serverless::Function
    Properties:
      {CodeUri: code/, Role: !GetAtt Role.Arn, Url: !Sub "https://${B}/x",
       Layer: !GetAtt Shared.Outputs.Arn}
  B:
    Type: AWS::Serverless::Function
  C:
    Type: AWS::Lambda::Function
    Properties: {Code: code/}
  D:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: s3://bucket/key, Cond: !If [IsLocal, !Ref A, ""]}
  E:
    Type: AWS::S3::Bucket
"""


@pytest.fixture
def folder(tmp_path):
    for name in ("code", "shared"):
        (tmp_path / name / "__pycache__").mkdir(parents=True)
        (tmp_path / name / "__pycache__" / "x.pyc").write_bytes(b"")
        (tmp_path / name / "handler.py").write_text(f"NAME = {name!r}\n")
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return tmp_path


def test_short_forms_are_written_out(folder):
    resources = load_template(folder / "template.yaml")["Resources"]
    assert resources["A"]["Properties"]["Role"] == {"Fn::GetAtt": ["Role", "Arn"]}
    assert resources["A"]["Properties"]["Layer"] == {"Fn::GetAtt": ["Shared", "Outputs.Arn"]}
    assert resources["A"]["Properties"]["Url"] == {"Fn::Sub": "https://${B}/x"}
    assert resources["D"]["Properties"]["Cond"] == {"Fn::If": ["IsLocal", {"Ref": "A"}, ""]}


def test_short_forms_may_be_keys_and_merged_in(tmp_path):
    first = "Resources:\n  A: &a {Type: x, Properties: {1: a, '2': b, Url: !Sub x}}\n"
    (tmp_path / "template.yaml").write_text(
        first + "  B: {<<: *a, Type: !Sub y}\n  C: {<<: *a, Type: z}\n"
    )
    with pytest.raises(ConfigurationError, match="resource `B` has no `Type`"):
        load_template(tmp_path / "template.yaml")
    (tmp_path / "template.yaml").write_text(first + "  C: {<<: *a, Type: z}\n")
    resources = load_template(tmp_path / "template.yaml")["Resources"]
    assert resources["C"] == {
        "Type": "z",
        "Properties": {"1": "a", "2": "b", "Url": {"Fn::Sub": "x"}},
    }


def test_local_code_is_zipped_once_and_the_template_points_at_it(folder):
    template, uploads = package_template(folder / "template.yaml")
    resources = template["Resources"]
    assert len(uploads.archives) == 2
    assert resources["A"]["Properties"]["CodeUri"]["Bucket"] == uploads.bucket
    assert (
        resources["A"]["Properties"]["CodeUri"]["Key"]
        == resources["C"]["Properties"]["Code"]["S3Key"]
    )
    assert (
        resources["B"]["Properties"]["CodeUri"]["Key"]
        != resources["A"]["Properties"]["CodeUri"]["Key"]
    )
    assert resources["D"]["Properties"]["CodeUri"] == "s3://bucket/key"
    archive = zipfile.ZipFile(
        io.BytesIO(uploads.archives[resources["B"]["Properties"]["CodeUri"]["Key"]])
    )
    assert archive.namelist() == ["handler.py"]
    assert archive.read("handler.py") == b"NAME = 'shared'\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "template.yaml:1:5: the document is not YAML"),
        (
            "Resources:\n  A: {Type: x}\n  A: {Type: y}",
            "yaml:3:3: .*the key `A` is there twice",
        ),
        (
            "Resources: {A: {Type: x, Properties: !If [a, {b: 1, b: 2}]}}",
            "template.yaml:1:53: .*the key `b` is there twice",
        ),
        (
            "Resources: {A: {Type: x, Properties: {yes: a, true: b}}}",
            "template.yaml:1:47: .*the key `true` is there twice",
        ),
        (
            "Resources: {A: {Type: x, Properties: {200: a, '200': b}}}",
            "template.yaml:1:47: .*the key `200` is there twice",
        ),
        ("[" * 5000 + "]" * 5000, "is nested too deeply"),
        ("- a", "has no `Resources`"),
        ("Resources: []", "has no `Resources`"),
        ("Resources: {A: }", "yaml:1:13: resource `A` has no `Type`"),
        ("Resources: {A: {Type: [x]}}", "resource `A` has no `Type`"),
        ("Resources: {A: {Type: x, Properties: []}}", "yaml:1:26: `A.Properties` is not a map"),
        ("{Globals: [], Resources: {}}", "yaml:1:2: `Globals` is not a mapping"),
        ("{Globals: {Function: x}, Resources: {}}", "1:12: `Globals.Function` is not a map"),
        (
            "Resources: {A: {Type: AWS::Lambda::Function, Properties: {Code: gone/}}}",
            "`A.Code` names `gone`",
        ),
    ],
)
def test_a_broken_template_is_one_clear_line(tmp_path, text, message):
    (tmp_path / "template.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=message) as caught:
        package_template(tmp_path / "template.yaml")
    assert "\n" not in str(caught.value)


def test_a_missing_template_says_so(tmp_path):
    with pytest.raises(ConfigurationError, match=r"template\.yaml` cannot be read"):
        load_template(tmp_path / "template.yaml")


def test_empty_sections_are_no_fault(tmp_path):
    text = "Globals: {Function: }\nResources: {A: {Type: AWS::Lambda::Function, Properties: }}"
    (tmp_path / "template.yaml").write_text(text)
    assert package_template(tmp_path / "template.yaml")[1].archives == {}


def test_dates_are_text_as_in_cloudformation(tmp_path):
    """`2010-09-09` of a template and `2012-10-17` of a policy are mostly written without quotes."""
    (tmp_path / "template.yaml").write_text(
        "AWSTemplateFormatVersion: 2010-09-09\n"
        "Resources: {A: {Type: x, Properties: {Version: 2012-10-17}}}"
    )
    template = load_template(tmp_path / "template.yaml")
    assert template["AWSTemplateFormatVersion"] == "2010-09-09"
    assert template["Resources"]["A"]["Properties"] == {"Version": "2012-10-17"}


def test_code_is_packaged_whatever_its_date_and_wherever_the_checkout_lies(tmp_path):
    code = tmp_path / ".venv" / "code"
    code.mkdir(parents=True)
    (code / "handler.py").write_text("x = 1\n")
    os.utime(code / "handler.py", (0, 0))
    template = tmp_path / ".venv" / "template.yaml"
    template.write_text("Resources: {A: {Type: AWS::Lambda::Function, Properties: {Code: code}}}")
    (archive,) = package_template(template)[1].archives.values()
    assert zipfile.ZipFile(io.BytesIO(archive)).namelist() == ["handler.py"]


def test_code_that_cannot_be_read_is_named(folder, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(zipfile.ZipFile, "write", refuse)
    with pytest.raises(
        ConfigurationError, match=r"`A\.CodeUri`: `handler\.py` cannot be read: Permission denied"
    ):
        package_template(folder / "template.yaml")
