"""What the transform is given, and what it says."""

from __future__ import annotations

import os

import pytest

from authz_lib.audit.sam import is_sam, least_resources, transformed
from authz_lib.errors import ConfigurationError

FUNCTION = {"Runtime": "python3.12", "Handler": "a.b"}


def function(**properties):
    return {"Type": "AWS::Serverless::Function", "Properties": {**FUNCTION, **properties}}


def made(resources, **others):
    return transformed({"Resources": resources, **others}, {}, "template.yaml")["Resources"]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (function(), True),
        ({"Type": "AWS::Lambda::Function", "Connectors": {}}, True),
        ({"Type": "AWS::Lambda::Function"}, False),
        ("text", False),
    ],
)
def test_what_the_transform_is_for(resource, expected):
    assert is_sam({"Resources": {"F": resource}}) is expected


@pytest.mark.parametrize(
    "properties",
    [
        {"CodeUri": "./src"},
        {"CodeUri": "s3://bucket/key"},
        {"CodeUri": {"Bucket": "b", "Key": "k"}},
        {"InlineCode": "pass"},
        {},
        {"PackageType": "Image"},
    ],
)
def test_code_that_is_not_uploaded_yet(properties):
    if properties.get("PackageType") == "Image":
        resource = {"Type": "AWS::Serverless::Function", "Properties": properties}
    else:
        resource = function(**properties)
    assert made({"F": resource})["F"]["Type"] == "AWS::Lambda::Function"


def test_other_local_files():
    resources = made(
        {
            "Layer": {
                "Type": "AWS::Serverless::LayerVersion",
                "Properties": {"ContentUri": "layer/"},
            },
            "Machine": {
                "Type": "AWS::Serverless::StateMachine",
                "Properties": {"DefinitionUri": "machine.json", "Role": "arn:aws:iam::1:role/x"},
            },
            "App": {"Type": "AWS::Serverless::Application", "Properties": {"Location": "./app"}},
            "Graph": {
                "Type": "AWS::Serverless::GraphQLApi",
                "Properties": {
                    "SchemaUri": "schema.graphql",
                    "Auth": {"Type": "AWS_IAM"},
                    "DataSources": {"DynamoDb": {"T": {"TableName": "t", "TableArn": "arn"}}},
                    "Functions": {
                        "f": {
                            "Runtime": {"Name": "APPSYNC_JS", "Version": "1.0.0"},
                            "DataSource": "T",
                            "CodeUri": "f.js",
                        }
                    },
                },
            },
        },
        Globals={"Function": {"CodeUri": "src/"}},
        AWSTemplateFormatVersion="2010-09-09",
    )
    assert resources["App"]["Type"] == "AWS::CloudFormation::Stack"
    assert resources["Graph"]["Type"] == "AWS::AppSync::GraphQLApi"


def test_how_many_resources_there_will_be_at_least():
    events = {"A": {"Type": "Api"}, "B": {"Type": "HttpApi"}, "C": {"Type": "S3"}}
    resources = {
        "F": function(Events=events),
        "G": function(Role="arn"),
        "H": {"Type": "T"},
        "I": "text",
        "J": {"Type": "AWS::Serverless::Function"},
    }
    assert least_resources({"Resources": resources}) == 4 + 1 + 1 + 1


def test_a_refusal_is_one_line():
    with pytest.raises(ConfigurationError) as refused:
        made({"F": {"Type": "AWS::Serverless::Function", "Properties": [1]}})
    text = str(refused.value)
    assert text.startswith("the SAM transform refuses `template.yaml`: Resource with id [F]")
    assert len(text.splitlines()) == 1


def test_what_the_transform_did_not_expect_is_a_refusal_too():
    with pytest.raises(ConfigurationError, match="the SAM transform refuses"):
        made(
            {"F": function(Events={"E": {"Type": "Api", "Properties": {"Path": {}, "Method": 5}}})}
        )


@pytest.mark.parametrize("region", [None, "eu-west-1"])
def test_the_region_of_the_environment_is_left_as_it_was(monkeypatch, region):
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    if region is not None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    made({"F": function()})
    assert os.environ.get("AWS_DEFAULT_REGION") == region


def test_without_the_extra_it_says_so(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "samtranslator.translator.transform", None)
    with pytest.raises(ConfigurationError, match="a SAM template needs the extra `audit`"):
        made({"F": function()})
