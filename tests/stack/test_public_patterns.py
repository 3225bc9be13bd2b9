"""Public templates, unchanged, answer as AWS documents: 200, 401 and 403.

`AUTHZ_VECTORS` names the folder of the vectors.  `python tests/stack/patterns.py` deploys them all.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import shutil
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest

from authz_local.row_result import send
from authz_local.stack import LocalAWS

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("_patterns", HERE / "patterns.py")
patterns = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(patterns)

pytestmark = [
    pytest.mark.stack,
    pytest.mark.conformance,
    pytest.mark.skipif(patterns.vectors() is None, reason="AUTHZ_VECTORS names no folder"),
    pytest.mark.skipif(shutil.which("node") is None, reason="the templates' functions are Node.js"),
]
AUTH_STACK = """
Parameters: {ClientDomain: {Type: String}, Postman: {Type: String}}
Resources:
  Pool: {Type: AWS::Cognito::UserPool}
  Client: {Type: AWS::Cognito::UserPoolClient, Properties: {UserPoolId: !Ref Pool}}
Outputs:
  Issuer: {Value: !Sub "https://cognito-idp.${AWS::Region}.amazonaws.com/${Pool}"}
  UserPoolClientId: {Value: !Ref Client}
  AuthUrl: {Value: !Ref ClientDomain}
"""
AUTHORIZER = """
exports.handler = async (event) => {
  const token = Object.entries(event.headers || {}).find(([k]) => k.toLowerCase() === "token");
  return { principalId: "u", context: { token: token[1] }, policyDocument: {
    Version: "2012-10-17", Statement: [{ Action: "execute-api:Invoke",
      Effect: token[1] === "good" ? "Allow" : "Deny", Resource: event.methodArn }] } };
};
"""


@pytest.fixture(scope="module")
def aws():
    with LocalAWS() as running:
        yield running


def deployed(aws, tmp_path, name, **files):
    (pattern,) = (path for path in patterns.vectors().iterdir() if path.name.startswith(name))
    template = patterns.project(pattern, tmp_path)
    for file, text in files.items():
        (tmp_path / file.replace("__", "/").replace("_", ".")).write_text(text)
    assert template.read_bytes() == pattern.read_bytes()
    return aws.deploy(template, stack_name=name.partition("_")[0])


def answered(url, headers=None):
    return send("GET", url, headers or {}, None)[0]


def test_a_user_pool_before_an_http_api(aws, tmp_path):
    """`cognito-httpapi`: a nested stack, SAM's HTTP API, a JWT authorizer with a scope."""
    stack = deployed(aws, tmp_path, "cognito-httpapi__", auth_yaml=AUTH_STACK)
    url, client = f"{stack.outputs['AppApiEndpoint']}/", stack.outputs["ClientId"]
    pool = aws.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"][0]["Id"]
    key_set = send("GET", f"{aws.url}/{pool}/.well-known/jwks.json", {}, None)[2]
    published = json.loads(key_set)["keys"]
    pem = aws.pool_signing_key(pool)

    def token(**claims):
        now = int(time.time())
        given = {
            "iss": f"https://cognito-idp.us-east-1.amazonaws.com/{pool}",
            "client_id": client,
            "token_use": "access",
            "scope": "email",
            "sub": "alice",
            "iat": now,
            "exp": now + 60,
        }
        signed = {}
        for key in published:
            signed[key["kid"]] = jwt.encode(
                given | claims, pem, algorithm="RS256", headers={"kid": key["kid"]}
            )
        return signed

    def best(**claims):
        bearers = [{"Authorization": f"Bearer {one}"} for one in token(**claims).values()]
        statuses = {answered(url, bearer) for bearer in bearers}  # one `kid` is the other key's
        return next(iter(statuses - {401}), 401)

    assert answered(url) == 401
    assert answered(url, {"Authorization": "Bearer garbage"}) == 401
    assert best() == 200
    assert best(exp=1_000_000_000) == 401
    assert best(client_id="someone-elses") == 401
    assert best(scope="openid") == 403


def test_an_api_key_before_a_rest_api(aws, tmp_path):
    """`apigw-api-key`: without the key 403, as AWS documents, and not 401."""
    stack = deployed(aws, tmp_path, "apigw-api-key__")
    api = stack.resources["AppApi"]
    url = f"http://{api}.execute-api.localhost:{aws.port}/{stack.resources['Stage']}/"
    key = aws.client("apigateway").get_api_key(apiKey=stack.resources["ApiKey"], includeValue=True)[
        "value"
    ]
    assert answered(url) == 403
    assert answered(url, {"x-api-key": "wrong-key-of-20-letters"}) == 403
    assert answered(url, {"x-api-key": key}) == 200


def test_a_lambda_authorizer_before_a_websocket_api(aws, tmp_path):
    """`apigw-websocket-mapping-template-authorizer`: who connects is asked once."""
    stack = deployed(
        aws,
        tmp_path,
        "apigw-websocket-mapping-template-authorizer__",
        src__authorizer_js=AUTHORIZER,
    )
    host = f"{stack.resources['WebsocketApi']}.execute-api.localhost:{aws.port}"

    def connected(**headers):
        connection = http.client.HTTPConnection("127.0.0.1", aws.port, timeout=60)
        handshake = {
            "Host": host,
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        connection.request("GET", "/stage", headers=handshake | headers)
        with closing(connection), connection.getresponse() as response:
            return response.status

    assert urlsplit(f"ws://{host}").port == aws.port
    assert connected(token="good") == 101
    assert connected(token="bad") == 403
    assert connected() == 401
