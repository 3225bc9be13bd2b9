"""What is not made is left out by name; nothing refers to it any more."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from authz_local.resource_types import (
    MADE_HERE,
    NOT_MADE,
    unknown_resources,
    without_what_is_not_made,
)


def test_references_become_a_text():
    template = {
        "Resources": {
            "Link": {"Type": "AWS::ApiGatewayV2::VpcLink"},
            "Deployment": {"Type": "AWS::ApiGatewayV2::Deployment"},
            "Stage": {
                "Type": "AWS::ApiGatewayV2::Stage",
                "DependsOn": ["Deployment", "Api"],
                "Properties": {
                    "DeploymentId": {"Ref": "Deployment"},
                    "Ids": [{"Fn::GetAtt": ["Link", "VpcLinkId"]}, {"Ref": "Api"}],
                    "Text": {"Fn::Sub": "${Link}/${Api}/${Link.Arn}"},
                    "More": {"Fn::Sub": ["${Link}${x}", {"x": {"Ref": "Link"}}]},
                },
            },
            "Api": {"Type": "AWS::ApiGatewayV2::Api", "DependsOn": "Link"},
        },
        "Outputs": {"Id": {"Value": {"Ref": "Link"}}},
    }
    cleaned, left_out = without_what_is_not_made(template)
    assert set(left_out) == {"Link", "Deployment"}
    assert left_out["Link"].startswith("AWS::ApiGatewayV2::VpcLink: ")
    assert cleaned["Resources"] == {
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "DependsOn": ["Api"],
            "Properties": {
                "DeploymentId": "not-made-Deployment",
                "Ids": ["not-made-Link", {"Ref": "Api"}],
                "Text": {"Fn::Sub": "not-made-Link/${Api}/not-made-Link"},
                "More": {"Fn::Sub": ["not-made-Link${x}", {"x": "not-made-Link"}]},
            },
        },
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "DependsOn": []},
    }
    assert cleaned["Outputs"] == {"Id": {"Value": "not-made-Link"}}


def test_without_such_a_resource_nothing_changes():
    template = {"Resources": {"Api": {"Type": "AWS::ApiGatewayV2::Api"}}}
    assert without_what_is_not_made(template) == (template, {})


def test_a_refusal_of_unknown_types_names_the_resources():
    template = {"Resources": {"A": {"Type": "AWS::X::Y"}, "B": {"Type": "AWS::S3::Bucket"}}}
    message = "Template format error: Unrecognized resource types: [AWS::X::Y, AWS::X::Z]"
    assert unknown_resources(template, message) == "the local AWS cannot make `A` (AWS::X::Y)"
    assert unknown_resources(template, "something else") is None


def page():
    for parent in Path(__file__).resolve().parents:
        if (parent / "docs" / "how-to" / "local.md").is_file():
            return (parent / "docs" / "how-to" / "local.md").read_text()
    pytest.skip("the page is not beside the tests")


def section(name):
    return page().partition(f"### {name}\n")[2].partition("\n#")[0]


def test_the_page_lists_what_is_made_and_what_is_not():
    """The three lists of the page are the code's."""
    provisioners = pytest.importorskip("ministack.services.cloudformation.provisioners")
    made = set(provisioners._RESOURCE_HANDLERS) - set(MADE_HERE)
    listed = set()
    for line in section("Types that are made").splitlines():
        family, _, types = line.strip("| ").partition(" | ")
        listed |= {f"AWS::{family.strip('`')}::{t}" for t in re.findall(r"`(\w+)`", types)}
    assert listed == made
    assert set(re.findall(r"`(AWS::[\w:]+)`", section("Types that are made here"))) == set(
        MADE_HERE
    )
    assert set(re.findall(r"`(AWS::[\w:]+)`", section("Types that are left out"))) == set(NOT_MADE)
