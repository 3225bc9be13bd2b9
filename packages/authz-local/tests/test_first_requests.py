"""What `--init` reads of a project, before anything is deployed."""

from __future__ import annotations

import pytest

from authz_lib.errors import ConfigurationError
from authz_local.first_requests import _actions, _look, _rows, write_requests
from authz_local.template import find_template

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.12, Handler: app.handler, CodeUri: code/}}
Parameters: {NotesPolicyStore: {Type: String}, Origin: {Type: String}}
Resources:
  Users:
    Type: AWS::Cognito::UserPool
    Properties: {LambdaConfig: {PreTokenGeneration: !GetAtt Trigger.Arn}}
  Web: {Type: AWS::Cognito::UserPoolClient, Properties: {UserPoolId: !Ref Users}}
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: A
        Authorizers:
          A: {FunctionArn: !GetAtt Authorizer.Arn, AuthorizerPayloadFormatVersion: "2.0"}
  Authorizer: {Type: AWS::Serverless::Function}
  Trigger: {Type: AWS::Serverless::Function}
  Notes:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: "/notes/{id}", Method: get}}
        Put: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: "/notes", Method: post}}
Outputs:
  Url: {Value: !Sub "https://${Api}.execute-api.${AWS::Region}.amazonaws.com"}
  Pool: {Value: !Ref Users}
  Client: {Value: !Ref Web}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "a.cedar").write_text(
        'permit(principal in Group::"readers", action, resource);\n'
        'permit(principal in App::Role::"us-east-1_X|Big Admins", action, resource);\n'
    )
    (tmp_path / "code" / "actions.json").write_text(
        '{"version": 1, "actions": [{"method": "GET", "route": "/notes/{id}", "action": "Read"}]}'
    )
    return tmp_path


def test_what_a_project_tells_of_itself(folder):
    found = _look(folder, find_template(folder))
    assert found.setup == {
        "policy_store": {"directory": "policies", "parameter": "NotesPolicyStore"},
        "parameters": {"Origin": "local"},
        "user_pool": {
            "output": "Pool",
            "clients": {"web": "Client"},
            "users": {
                "big-admins-user": {"groups": ["Big Admins"]},
                "readers-user": {"groups": ["readers"]},
                "stranger": {"groups": []},
            },
        },
    }
    assert found.guards == {"Authorizer", "Trigger"}
    assert sorted(found.routes) == [("Api", "GET", "/notes/{id}"), ("Api", "POST", "/notes")]


def test_who_is_asked_what(folder):
    rows = [row for _, row in _rows(_look(folder, find_template(folder)), _actions(folder))]
    calls = {(row["call"], row.get("as")) for row in rows if "token" not in row}
    users = ["big-admins-user", "readers-user", "stranger", None]
    assert calls == {
        (call, user) for call in ("GET ${Url}/notes/1", "POST ${Url}/notes") for user in users
    }
    assert {row["token"]["change"] for row in rows if "token" in row} == {"expired", "foreign_key"}
    assert "Read, stranger" in {row["name"] for row in rows}
    assert all(("body" in row) is row["call"].startswith("POST") for row in rows)


def test_nothing_is_written_over(folder):
    (folder / "requests.yaml").write_text("mine")
    with pytest.raises(ConfigurationError, match="is not written over"):
        write_requests(folder)
    assert (folder / "requests.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("  Url: ", "an output with its URL: `Api`"),
        ("  Pool: ", "an output with the user pool's id: `Users`"),
        ("  Client: ", "an output with the client's id: `Web`"),
    ],
)
def test_an_output_that_is_needed_is_named(folder, gone, message):
    lines = [line for line in TEMPLATE.splitlines() if not line.startswith(gone)]
    (folder / "template.yaml").write_text("\n".join(lines))
    with pytest.raises(ConfigurationError, match=message):
        write_requests(folder)
    assert not list(folder.glob("*requests*"))


def test_a_template_without_routes_says_so(tmp_path):
    (tmp_path / "template.yaml").write_text("Resources: {B: {Type: AWS::S3::Bucket}}")
    with pytest.raises(ConfigurationError, match="has no route"):
        write_requests(tmp_path)
