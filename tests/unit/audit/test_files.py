"""The folder `cdk.out`."""

from __future__ import annotations

import json

import pytest

from authz_lib.audit.audited import audit_files
from authz_lib.audit.files import template_files
from authz_lib.errors import ConfigurationError

URL = {"Resources": {"Url": {"Type": "AWS::Lambda::Url", "Properties": {"AuthType": "NONE"}}}}


def stack(name):
    return {"type": "aws:cloudformation:stack", "properties": {"templateFile": name}}


def assembly(folder, artifacts):
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"version": "1", "artifacts": artifacts}))


def test_each_stack_of_each_assembly_is_audited(tmp_path):
    out = tmp_path / "cdk.out"
    assembly(
        out,
        {
            "A": stack("A.template.json"),
            "A.assets": {"type": "cdk:asset-manifest", "properties": {"file": "A.assets.json"}},
            "Tree": {"type": "cdk:tree"},
            "Stage": {
                "type": "cdk:cloud-assembly",
                "properties": {"directoryName": "assembly-prod"},
            },
        },
    )
    assembly(out / "assembly-prod", {"B": stack("B.template.json")})
    (out / "A.template.json").write_text(json.dumps(URL, indent=1))
    (out / "assembly-prod" / "B.template.json").write_text(json.dumps(URL, indent=1))
    files = audit_files([out]).files
    assert [file.name.rpartition("/")[2] for file in files] == [
        "A.template.json",
        "B.template.json",
    ]
    assert [(one.rule, one.line) for one in files[1].findings] == [("open-function-url", 3)]


def test_a_folder_that_is_none_of_the_cdk_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="is a folder without"):
        list(template_files([tmp_path]))


def test_an_assembly_without_stacks_is_refused(tmp_path):
    assembly(tmp_path, {"Tree": {"type": "cdk:tree"}, "Odd": 5})
    with pytest.raises(ConfigurationError, match="holds no stack of the CDK"):
        list(template_files([tmp_path]))


@pytest.mark.parametrize("name", ["../../secret.json", "/etc/passwd", "", None])
def test_a_manifest_names_nothing_outside(tmp_path, name):
    out = tmp_path / "cdk.out"
    assembly(out, {"A": stack(name)})
    with pytest.raises(ConfigurationError, match="names a file that is not there"):
        list(template_files([out]))


def test_an_assembly_in_itself_is_refused(tmp_path):
    inner = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "."}}
    assembly(tmp_path, {"Stage": inner})
    with pytest.raises(ConfigurationError, match="assemblies in assemblies"):
        list(template_files([tmp_path]))
