"""A local AWS with a Lambda per configuration of the authorizer, and APIs in front of it."""

from __future__ import annotations

import http.client
import io
import json
import zipfile

import pytest

from authz_lib import ActionMap, BearerToken, EntityUid, GatewayCache, LambdaAuthorizer
from authz_lib.errors import ConfigurationError
from authz_lib.testing.issuer import TestIssuer
from authz_lib.testing.policy_store import PolicyStoreServer
from authz_local.stack import LocalAWS

ROLE = "arn:aws:iam::000000000000:role/lambda"
ISSUER = "https://issuer.example"
POLICIES = """
permit (
  principal == User::"alice",
  action in [Action::"List", Action::"Create"],
  resource == Application::"shop"
)
  unless { action == Action::"Create" };
permit (principal == User::"alice", action == Action::"Get", resource == Order::"1");
permit (principal == User::"alice", action == Action::"Read", resource == Application::"shop")
  when {
    context has dept && context.dept == "sales" || context has ip && context.ip == "10.0.0.1"
  };
permit (principal == User::"alice", action == Action::"Query", resource == Application::"shop")
  when { context has operation && context.operation == "List" };
"""


def line(method, route, action, **more):
    return {"method": method, "route": route, "action": action, **more}


ORDER = {"resource_type": "Order", "resource_id_label": "id"}
ACTIONS = {
    "version": 1,
    "actions": [
        line("GET", "/orders", "List", scopes=["read"]),
        line("POST", "/orders", "Create", scopes=["read"]),
        line("GET", "/items", "List", scopes=["read"]),
        line("GET", "/report", "Read", scopes=["read"]),
        line("GET", "/orders/{id}", "Get", **ORDER),
        line("DELETE", "/orders/{id}", "Cancel", **ORDER),
        line("GET", "/orders/{id}", "GetFull", query={"view": "full"}, **ORDER),
    ],
}
AUTHORIZER = '''
import json, os
from authz_lib import *

config = json.loads(os.environ["CONFIG"])
cache, actions = config.get("cache"), config["actions"]

class Split:
    """A token in two headers, as for a gateway that limits their size."""
    kind, name = "split", "x-head"
    def __init__(self, name):
        self.parts = Header("x-head"), Header("x-tail")
    def read(self, event):
        return ".".join(part.read(event) or "" for part in self.parts)

kinds = {"header": Header, "cookie": Cookie, "query": QueryParameter, "split": Split}
decide = LambdaAuthorizer(
    verifier=JWTVerifier(
        issuer=config["issuer"], audience=None, algorithms=["ES256"],
        keys=(
            RemoteKeySet(config["jwks_url"])
            if "jwks_url" in config
            else StaticKeySet(config["jwks"])
        ),
        **config.get("verify", {}),
    ),
    token_sources=[
        BearerToken() if kind == "bearer" else kinds[kind](name)
        for kind, name in config["sources"]
    ],
    actions=ActionMap.from_document(actions) if actions else None,
    decisions=(
        VerifiedPermissions(
            config["store"], region="us-east-1", endpoint_url=config["endpoint"]
        )
        if actions
        else None
    ),
    application=EntityUid("Application", "shop"),
    response=config["response"],
    context=config.get("context"),
    gateway_cache=(
        GatewayCache(
            identity_sources=cache,
            ttl_seconds=300,
            no_resource_policy=config.get("alone", True),
        )
        if cache
        else GatewayCache.OFF
    ),
)

def handler(event, context):
    answer = decide(event, context)
    for name in config.get("without", ()):
        answer.pop(name, None)
    if "resource" in config:  # a policy as it is written by hand
        stage = event["methodArn"].partition("/GET/")[0]
        for statement in answer["policyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                statement["Resource"] = f"{stage}/{config['resource']}"
    return answer
'''
SERVICE = """
import json
def handler(event, context):
    return {"statusCode": 200, "body": "{}"}
"""


class Anyone:
    """A verifier for an authorizer that is only built."""

    issuers = None

    def verify(self, token):
        raise AssertionError("not asked while building")


class Api:
    """A deployed API: called with a request, it answers with a status."""

    def __init__(self, deployment, api_id, stage, host, prefix=""):
        self.deployment, self.id, self.stage = deployment, api_id, stage
        self._host, self._prefix = host, prefix

    def __call__(self, method, path, token=None, body=None, **headers):
        """Send it; `x_dept="sales"` is a header, and a list of values is that header as often."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            given["Authorization"] = f"Bearer {token}"
        return self.deployment.send(method, f"{self._prefix}{path}", self._host, given, body)

    def at(self, domain):
        """The same stage on a custom domain, without a mapping's key."""
        client = self.deployment.aws.client("apigatewayv2")
        client.create_domain_name(DomainName=domain)
        client.create_api_mapping(DomainName=domain, ApiId=self.id, Stage=self.stage)
        return Api(self.deployment, self.id, self.stage, domain)


class Deployment:
    """The local AWS, what it is asked to deploy, and requests over HTTP."""

    policies = POLICIES

    def __init__(self, aws, store, issuer):
        self.aws, self.store, self.issuer = aws, store, issuer
        self.store_id = store.create_store(POLICIES)
        self.service = self.function("service", SERVICE, {})
        self._count = 0
        self._authorizers = {}

    def function(self, name, code, variables=None):
        """The ARN of a Lambda with this code."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("main.py", code)
        answer = self.aws.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=ROLE,
            Handler="main.handler",
            Timeout=10,
            Code={"ZipFile": archive.getvalue()},
            Environment={"Variables": variables or {}},
        )
        return answer["FunctionArn"]

    def authorizer(self, response, **config):
        """The ARN of an authorizer Lambda with this configuration; equal ones are deployed once."""
        config = {
            "issuer": ISSUER,
            "jwks": self.issuer.jwks(),
            "store": self.store_id,
            "endpoint": self.store.url,
            "actions": ACTIONS,
            "response": response,
            "sources": [["bearer", ""]],
            **config,
        }
        text = json.dumps(config, sort_keys=True)
        if text not in self._authorizers:
            name = f"authorizer{len(self._authorizers)}"
            self._authorizers[text] = self.function(name, AUTHORIZER, {"CONFIG": text})
        return self._authorizers[text]

    def refuses(
        self, sources, *, actions, response="simple", alone=True, token_sources=None, **options
    ):
        """What the constructor says to this cache, told the truth."""
        with pytest.raises(ConfigurationError) as caught:
            LambdaAuthorizer(
                verifier=Anyone(),
                token_sources=token_sources or [BearerToken()],
                actions=ActionMap.from_document(actions) if actions else None,
                decisions=None,
                application=EntityUid("Application", "shop"),
                response=response,
                gateway_cache=GatewayCache(
                    identity_sources=sources, ttl_seconds=300, no_resource_policy=alone
                ),
                **options,
            )
        return str(caught.value)

    def _uri(self, function):
        return (
            f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
        )

    def http_api(
        self,
        function,
        *,
        routes,
        identity_sources=(),
        ttl_seconds=0,
        stage="$default",
        payload_version="2.0",
    ):
        """An HTTP API (payload 2.0 with simple responses, or 1.0 with policies)."""
        client = self.aws.client("apigatewayv2")
        self._count += 1
        api = client.create_api(Name=f"http{self._count}", ProtocolType="HTTP")["ApiId"]
        client.create_stage(ApiId=api, StageName=stage, AutoDeploy=True)
        authorizer = client.create_authorizer(
            ApiId=api,
            Name="a",
            AuthorizerType="REQUEST",
            AuthorizerUri=self._uri(function),
            AuthorizerPayloadFormatVersion=payload_version,
            EnableSimpleResponses=payload_version == "2.0",
            IdentitySource=list(identity_sources),
            AuthorizerResultTtlInSeconds=ttl_seconds,
        )["AuthorizerId"]
        integration = client.create_integration(
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationUri=self.service,
            PayloadFormatVersion="2.0",
        )["IntegrationId"]
        for route in routes:
            client.create_route(
                ApiId=api,
                RouteKey=route,
                AuthorizationType="CUSTOM",
                AuthorizerId=authorizer,
                Target=f"integrations/{integration}",
            )
        prefix = "" if stage == "$default" else f"/{stage}"
        return Api(self, api, stage, f"{api}.execute-api.localhost", prefix)

    def rest_api(
        self,
        function,
        *,
        routes,
        identity_sources=None,
        ttl_seconds=0,
        stage="prod",
        resource_policy=None,
    ):
        """A REST API with a TOKEN authorizer, or with identity sources a REQUEST authorizer."""
        client = self.aws.client("apigateway")
        self._count += 1
        policy = {} if resource_policy is None else {"policy": json.dumps(resource_policy)}
        api = client.create_rest_api(name=f"rest{self._count}", **policy)["id"]
        kind, sources = "TOKEN", ["method.request.header.Authorization"]
        if identity_sources is not None:
            kind, sources = "REQUEST", identity_sources
        authorizer = client.create_authorizer(
            restApiId=api,
            name="a",
            type=kind,
            authorizerUri=self._uri(function),
            identitySource=", ".join(sources),
            authorizerResultTtlInSeconds=ttl_seconds,
        )["id"]
        ids = {
            "/": next(
                item["id"]
                for item in client.get_resources(restApiId=api)["items"]
                if item["path"] == "/"
            )
        }
        for route in routes:
            method, _, path = route.partition(" ")
            at = "/"
            for part in path.strip("/").split("/"):
                below = f"{at.rstrip('/')}/{part}"
                if below not in ids:
                    ids[below] = client.create_resource(
                        restApiId=api, parentId=ids[at], pathPart=part
                    )["id"]
                at = below
            where = {"restApiId": api, "resourceId": ids[at], "httpMethod": method}
            client.put_method(**where, authorizationType="CUSTOM", authorizerId=authorizer)
            client.put_integration(
                **where, type="AWS_PROXY", integrationHttpMethod="POST", uri=self._uri(self.service)
            )
        client.create_deployment(restApiId=api, stageName=stage)
        return Api(self, api, stage, f"{api}.execute-api.localhost", f"/{stage}")

    def appsync_api(self, function, *, ttl_seconds=0):
        """A GraphQL API of AppSync; it is asked by `POST /graphql`."""
        self._count += 1
        api = self.aws.client("appsync").create_graphql_api(
            name=f"graphql{self._count}",
            authenticationType="AWS_LAMBDA",
            lambdaAuthorizerConfig={
                "authorizerUri": function,
                "authorizerResultTtlInSeconds": ttl_seconds,
            },
        )["graphqlApi"]["apiId"]
        return Api(self, api, "", f"{api}.appsync-api.us-east-1.localhost")

    def send(self, method, path, host, headers, body=None):
        """One request; the status of its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.aws.port, timeout=30)
        payload = b"" if body is None else json.dumps(body).encode()
        try:
            connection.putrequest(method, path, skip_host=True)
            connection.putheader("Host", f"{host}:{self.aws.port}")
            for name, values in headers.items():
                for value in [values] if isinstance(values, str) else values:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(payload)))
            connection.endheaders(payload)
            return connection.getresponse().status
        finally:
            connection.close()

    def token(self, subject="alice", **claims):
        """A token that nobody has seen before, so that nothing is remembered for it."""
        self._count += 1
        seconds = claims.pop("expires_in_seconds", 3000)
        return self.issuer.token(
            {"sub": subject, "scope": "read", "jti": str(self._count), **claims},
            expires_in_seconds=seconds,
        )


@pytest.fixture(scope="session")
def deployment():
    with PolicyStoreServer() as store, LocalAWS() as aws:
        yield Deployment(aws, store, TestIssuer(ISSUER, algorithm="ES256"))
