"""Every public parser that the fuzzer feeds: valid inputs, the call, and what it may raise."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import io
import json
import socket
import tempfile
import time
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from authz_lib import (
    ActionMap,
    AuthorizationRequest,
    BearerToken,
    CedarEngine,
    Cookie,
    Entity,
    EntityUid,
    ExpectedGateway,
    GatewayCache,
    Header,
    JWTVerifier,
    LambdaAuthorizer,
    QueryParameter,
    SigV4Signer,
    SmithyError,
    StaticKeySet,
    VerifiedPermissions,
    principal_from_event,
    principal_from_headers,
)
from authz_lib._support.yaml_file import parse_yaml
from authz_lib.actions.made import make_document
from authz_lib.actions.openapi import openapi_routes, require_openapi
from authz_lib.actions.template import template_routes
from authz_lib.cli.main import main
from authz_lib.decisions.avp_client import ThinClient
from authz_lib.entities import value_from_avp, value_from_cedar_json
from authz_lib.errors import AuthzError
from authz_lib.gateway import MethodArn, parse_authorizer_event
from authz_lib.gateway.context import principal_from_context, to_context
from authz_lib.principal import Principal
from authz_lib.routes.uri import UriPattern
from authz_lib.service import json_body
from authz_lib.service.principal_headers import principal_to_headers
from authz_lib.sigv4 import Credentials
from authz_lib.sigv4.url import canonical_url
from authz_lib.smithy.cedar_schema import cedar_schema
from authz_lib.smithy.lint import lint
from authz_lib.smithy.model import Model
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer, _SigningKey
from authz_lib.testing.policy_store import PolicyStores
from authz_lib.testing.policy_store.state import OperationError
from authz_lib.tokens.issuers import DiscoveringFetcher
from authz_lib.tokens.remote_keys import RemoteKeySet
from authz_lib.transport.exchange import ExchangeError, HTTPResponse, exchange
from authz_lib.transport.fetch import FetchError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["PARSERS", "Parser"]


class Parser(NamedTuple):
    """A public parser."""

    name: str
    seeds: Sequence[Any]
    call: Callable[[Any], object]
    share: int = 4
    """Of the cases of a round, in parts."""
    refusals: tuple[type[BaseException], ...] = (AuthzError,)
    prepare: Callable[[Any], Any] = lambda value: value
    """What makes the input of it, which is not the parser's time."""


NOW = 1_800_000_000.0
SECRET = b"a secret of the fuzzer, which is long enough: 0123456789"
ISSUER = TestIssuer("https://issuer.example", algorithm="EdDSA", clock=lambda: NOW)
# The same key in every process, so that a case can be tried again.
ISSUER._keys = [
    _SigningKey("key-1", "EdDSA", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
]
CALLER = EntityUid("User", "alice")
DOC = EntityUid("Doc", "1")
CREDENTIALS = Credentials("AKIDEXAMPLE", "a key of nobody", "a session token")

# ---- Tokens and keys ----

TOKENS = [
    ISSUER.token({"sub": "alice", "scope": "read", "cognito:groups": ["staff"]}),
    ISSUER.token({"sub": "bob"}),
]


def verifier() -> JWTVerifier:
    return JWTVerifier(
        issuer=ISSUER.issuer,
        audience=None,
        algorithms=["EdDSA"],
        keys=ISSUER.key_set(),
        remember=0,
        clock=lambda: NOW,
    )


VERIFIER = verifier()


def verify(token: str) -> None:
    VERIFIER.verify(token)
    assert token in TOKENS, "a changed token was accepted"


SHARED = JWTVerifier.shared_secret(
    secret=SECRET, issuer="https://issuer.example", audience="api", remember=0, clock=lambda: NOW
)
CLAIMS = {
    "iss": "https://issuer.example",
    "aud": ["api"],
    "sub": "alice",
    "iat": NOW - 10,
    "nbf": NOW - 10,
    "exp": NOW + 600,
    "scope": "read write",
    "cognito:groups": ["staff"],
    "nested": {"a": [1, 2.5, {"b": None}]},
}


def _part(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _json(value: Any) -> bytes:
    return json.dumps(value, default=str).encode("utf-8", "surrogatepass")


def verify_signed(claims: Any) -> None:
    """Any claims under a good signature."""
    data = claims if isinstance(claims, bytes) else _json(claims)
    signed = _part(b'{"alg":"HS256","typ":"JWT"}') + b"." + _part(data)
    signature = _part(hmac.digest(SECRET, signed, hashlib.sha256))
    SHARED.verify((signed + b"." + signature).decode())


def verify_header(header: Any) -> None:
    data = header if isinstance(header, bytes) else _json(header)
    _, payload, signature = TOKENS[0].split(".")
    VERIFIER.verify(f"{_part(data).decode()}.{payload}.{signature}")


HEADER = json.loads(base64.urlsafe_b64decode(TOKENS[0].split(".")[0] + "=="))
# RFC 7517, appendix A.1
RSA = {
    "kty": "RSA",
    "kid": "key-2",
    "alg": "RS256",
    "e": "AQAB",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_B"
    "JECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Qv"
    "zqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu"
    "0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
}
EC = {
    "kty": "EC",
    "kid": "key-3",
    "crv": "P-256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    "use": "enc",
}
KEYS = {"keys": [*ISSUER.jwks()["keys"], RSA, EC]}
DISCOVERY = {"issuer": "https://issuer.example", "jwks_uri": "https://issuer.example/keys"}


def fetch_keys(data: bytes) -> None:
    RemoteKeySet("https://issuer.example/keys", fetcher=lambda url: data).find(
        ISSUER.key_id, "EdDSA"
    )


def discover(data: bytes) -> None:
    DiscoveringFetcher("https://issuer.example", fetcher=lambda url: data)(
        "https://issuer.example/.well-known/openid-configuration"
    )


# ---- Events ----

TOKEN = TOKENS[0]
QUERY = [("a", "1"), ("token", TOKEN), ("a", "2")]
AUTHORIZER_EVENTS = [
    events.rest_token_authorizer_event(TOKEN),
    events.rest_request_authorizer_event(TOKEN, path="/orders/1", query=QUERY),
    events.http_authorizer_event_v1(TOKEN, path="/orders"),
    events.http_authorizer_event(TOKEN, route="GET /orders/{id}", path="/orders/1", query=QUERY),
    events.http_authorizer_event(headers={"cookie": f"a=b; session={TOKEN}; c"}),
    events.websocket_authorizer_event(query=[("token", TOKEN)]),
    events.appsync_authorizer_event(TOKEN),
    events.appsync_events_authorizer_event(TOKEN),
]
SOURCES = [BearerToken(), Header("x-token"), Cookie("session"), QueryParameter("token")]
LINES = [
    {"method": "GET", "route": "/orders", "action": "ListOrders", "scopes": ["read"]},
    {
        "method": "GET",
        "route": "/orders/{id}",
        "action": "shop:GetOrder",
        "resource_type": "Order",
        "resource_id_label": "id",
    },
    {"method": "POST", "route": "/orders?copy", "query": {"from": ""}, "action": "Copy"},
    {"method": "GET", "route": "/files/{rest+}", "action": "Read", "public": True},
]
LINES[2]["route"] = "/orders"
ACTIONS_DOCUMENT = {"version": 1, "prefix": "shop", "service": "a#B", "actions": LINES}
ACTIONS = ActionMap.from_document(ACTIONS_DOCUMENT)
POLICIES = """
@id("all") permit(principal in Group::"staff", action, resource);
@id("own") permit(principal is User, action in [Action::"View", Action::"shop:GetOrder"], resource)
  when { resource has owner && resource.owner == principal } // a comment
  unless { context.ip.isInRange(ip("10.0.0.0/8")) ||
    (if context.a > 1 + 2 * 3 then true else false) };
forbid(principal == User::"mallory", action, resource is Doc)
  when { ["a", "b"].contains(context["a b"]) && context.t like "x*\\*" && {a: 1, "b": -2}.a < 3 };
@id("share") permit(principal == ?principal, action, resource in ?resource);
"""
ENGINE = CedarEngine.from_text(POLICIES)


def authorizer(response: str) -> LambdaAuthorizer:
    return LambdaAuthorizer(
        verifier=VERIFIER,
        token_sources=SOURCES,
        actions=ACTIONS,
        decisions=ENGINE,
        application=EntityUid("Application", "shop"),
        response=response,
        gateway_cache=GatewayCache.OFF,
        tenant_claim=None,
        groups_claim="cognito:groups",
    )


AUTHORIZERS = [authorizer(response) for response in ("iam", "simple", "appsync")]


def authorize(event: Any) -> None:
    for handler in AUTHORIZERS:
        try:
            handler(event)
        except Exception as error:
            if str(error) != "Unauthorized":  # the words by which a gateway answers 401
                raise


PRINCIPAL = Principal(
    "alice", groups=("staff", "a b"), scopes=frozenset({"read"}), expires_at=NOW + 600
)
CONTEXT = dict(to_context(PRINCIPAL))
PRINCIPAL_HEADERS = principal_to_headers(PRINCIPAL)
JWT_CLAIMS = {
    "iss": "https://issuer.example",
    "sub": "alice",
    "client_id": "web",
    "token_use": "access",
    "exp": str(int(NOW + 600)),
    "cognito:groups": "[staff clerks]",
}
PROXY_EVENTS = [
    events.rest_event(body={"item": 1}, query=QUERY, authorizer=CONTEXT),
    events.rest_event(authorizer={"claims": JWT_CLAIMS}),
    events.http_event(body={"item": 1}, query=QUERY, authorizer={"lambda": CONTEXT}),
    events.http_event(authorizer={"jwt": {"claims": JWT_CLAIMS, "scopes": None}}),
    events.websocket_event(authorizer=CONTEXT, body={"a": 1}),
    events.function_url_event(iam={"userArn": "arn:aws:iam::123456789012:user/a"}),
    events.alb_event(headers={"x-amzn-oidc-data": TOKEN}),
    events.lattice_event(headers={"authorization": f"Bearer {TOKEN}"}),
]
GATEWAYS = [
    ExpectedGateway(
        kind=kind,
        api_id=None,
        account_id=None,
        issuer=None,
        client_ids=None,
        token_use=None,
        groups_separator="," if kind == "rest-cognito" else None,
    )
    for kind in ("rest-lambda", "rest-cognito", "http-lambda", "http-jwt", "http-iam")
]


def read_caller(event: Any) -> None:
    for gateway in GATEWAYS:
        with contextlib.suppress(AuthzError):
            principal_from_event(event, gateway=gateway, clock=lambda: NOW)
    if isinstance(event, dict):
        with contextlib.suppress(SmithyError):
            json_body(event)


def read_sources(event: Any) -> None:
    for source in SOURCES:
        with contextlib.suppress(AuthzError):
            source.read(event)


def read_query(text: str) -> None:
    event = AUTHORIZER_EVENTS[3] | {"rawQueryString": text}
    parsed = parse_authorizer_event(event)
    ACTIONS.resolve("POST", None, "/orders", parsed.query)
    QueryParameter("token").read(event)


def read_cookies(text: str) -> None:
    Cookie("session").read({"headers": {"Cookie": text}})
    Cookie("session").read({"cookies": text.split("\0")})


def read_header(text: str) -> None:
    BearerToken().read({"headers": {"Authorization": text}})


# ---- Routes, action maps, models ----

ARN = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/prod/GET/orders/1"


def resolve(path: str) -> None:
    ACTIONS.resolve("GET", None, path, {})
    found = ACTIONS.resolve("GET", "GET /orders/{id}", path, {"a": ["b"]})
    if found is not None:
        ACTIONS.is_one_route(found, "GET", path, {})


def temporary_folder() -> Path:
    made = tempfile.TemporaryDirectory(prefix="authz-fuzz-")
    KEPT.append(made)
    return Path(made.name)


KEPT: list[Any] = []
FOLDER = temporary_folder()


def load_actions(data: bytes) -> None:
    (FOLDER / "actions.json").write_bytes(data)
    ActionMap.load(FOLDER / "actions.json")


MODEL = {
    "smithy": "2.0",
    "shapes": {
        "s#S": {
            "type": "service",
            "operations": [{"target": "s#H"}],
            "resources": [{"target": "s#R"}],
            "errors": [{"target": "s#E"}],
            "mixins": [{"target": "s#M"}],
            "traits": {"smithy.api#httpBearerAuth": {}},
        },
        "s#M": {"type": "service", "traits": {"smithy.api#mixin": {"localTraits": ["a#b"]}}},
        "s#H": {
            "type": "operation",
            "traits": {"smithy.api#http": {"method": "GET", "uri": "/h?a=b", "code": 200}},
        },
        "s#R": {
            "type": "resource",
            "identifiers": {"id": {"target": "smithy.api#String"}},
            "properties": {"tags": {"target": "s#T"}, "at": {"target": "s#V"}},
            "resources": [{"target": "s#Q"}],
            "read": {"target": "s#G"},
        },
        "s#Q": {"type": "resource", "identifiers": {"id": {"target": "smithy.api#String"}}},
        "s#G": {
            "type": "operation",
            "input": {"target": "s#V"},
            "output": {"target": "s#V"},
            "traits": {
                "smithy.api#http": {"method": "GET", "uri": "/r/{id}"},
                "aws.iam#iamAction": {"name": "Get"},
            },
        },
        "s#T": {"type": "list", "member": {"target": "smithy.api#String"}},
        "s#V": {
            "type": "structure",
            "members": {
                "id": {
                    "target": "smithy.api#String",
                    "traits": {"smithy.api#resourceIdentifier": "id"},
                },
                "nested": {
                    "target": "s#V",
                    "traits": {"smithy.api#nestedProperties": {}},
                },
            },
        },
        "s#E": {
            "type": "structure",
            "traits": {"smithy.api#error": "client", "smithy.api#httpError": 404},
        },
        "s#V$id": {"type": "apply", "traits": {"smithy.api#required": {}}},
    },
}


OPENAPI = {
    "openapi": "3.0.1",
    "security": [{"pool": ["pets/read"]}],
    "components": {
        "securitySchemes": {
            "pool": {"type": "oauth2"},
            "key": {"type": "http", "x-amazon-apigateway-authtype": "custom"},
        }
    },
    "paths": {
        "/pets": {
            "get": {"operationId": "listPets", "x-authz": {"action": "a", "public": False}},
            "post": {"operationId": "addPet", "security": [{"pool": ["w"]}, {}]},
            "options": {"x-amazon-apigateway-integration": {"type": "mock"}},
        },
        "/pets/{petId}": {
            "x-amazon-apigateway-any-method": {"security": []},
            "get": {"operationId": "getPet", "security": [{"key": ["r"]}]},
        },
    },
}
SAM_TEMPLATE = {
    "Resources": {
        "Api": {
            "Type": "AWS::Serverless::Api",
            "Properties": {
                "StageName": "prod",
                "Auth": {
                    "DefaultAuthorizer": "Lambda",
                    "Authorizers": {"Lambda": {"FunctionArn": "arn:aws:lambda:::function:x"}},
                },
            },
        },
        "List": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Events": {
                    "One": {
                        "Type": "Api",
                        "Properties": {
                            "Path": "/orders/{id}",
                            "Method": "get",
                            "RestApiId": {"Ref": "Api"},
                            "Auth": {"Authorizer": "NONE"},
                        },
                    }
                }
            },
        },
    }
}


def read_openapi(document: Any) -> None:
    found: list[Any] = []
    routes = list(openapi_routes(require_openapi(document), found))
    ActionMap.from_document(make_document(routes, found, prefix="", resources="path"))


def read_template(document: Any) -> None:
    found: list[Any] = []
    routes = template_routes(document if isinstance(document, dict) else {}, found, api=None)
    ActionMap.from_document(make_document(routes, found, prefix="", resources="path"))


def read_model(ast: Any) -> None:
    service = Model(ast).service()
    for make in (
        lambda: ActionMap.from_smithy(ast),
        lambda: cedar_schema(service),
        lambda: lint(service, "rest"),
        lambda: [
            service.error_shape(one) for operation in service.operations for one in operation.errors
        ],
    ):
        with contextlib.suppress(AuthzError):
            make()


# ---- Cedar ----

SCHEMA = """
entity Group; entity User in [Group] = { name?: String, tags: Set<String>, at: datetime };
type Place = { ip: ipaddr, "a b"?: { c: Long } };
entity Doc in [Doc] = { owner: User } tags Set<Bool>;
action View, "shop:GetOrder" in [All] appliesTo {
  principal: User, resource: [Doc], context: Place };
action All;
namespace A::B { entity X enum ["a"]; }
"""
JSON_SCHEMA = {
    "": {
        "entityTypes": {
            "User": {"memberOfTypes": ["Group"]},
            "Group": {},
            "Doc": {
                "shape": {
                    "type": "Record",
                    "attributes": {"owner": {"type": "Entity", "name": "User", "required": True}},
                }
            },
        },
        "actions": {"View": {"appliesTo": {"principalTypes": ["User"], "resourceTypes": ["Doc"]}}},
    }
}
ALL = "permit(principal, action, resource);"
ENTITIES = [
    {
        "uid": {"type": "User", "id": "alice"},
        "attrs": {
            "a": 1,
            "set": ["x", True],
            "owner": {"__entity": {"type": "User", "id": "b"}},
            "ip": {"__extn": {"fn": "ip", "arg": "10.0.0.1"}},
            "at": {"__extn": {"fn": "datetime", "arg": "2024-01-01T00:00:00Z"}},
            "price": {"__extn": {"fn": "decimal", "arg": "1.5"}},
            "for": {"__extn": {"fn": "duration", "arg": "1h30m"}},
            "record": {"x": {"y": []}},
        },
        "parents": [{"type": "Group", "id": "staff"}],
    },
    {"uid": {"type": "Group", "id": "staff"}, "attrs": {}, "parents": []},
]
AVP = {
    "record": {
        "a": {"long": 1},
        "b": {"set": [{"string": "x"}, {"boolean": True}]},
        "c": {"entityIdentifier": {"entityType": "User", "entityId": "a"}},
        "d": {"decimal": "1.5"},
        "e": {"ipaddr": "10.0.0.0/8"},
    }
}


def read_entities(documents: Any) -> None:
    for document in documents if isinstance(documents, list) else [documents]:
        Entity.from_cedar_json(document)


def decide(context: Any) -> None:
    ENGINE.is_authorized(
        AuthorizationRequest(CALLER, "View", DOC, context, [Entity(DOC, attrs={"owner": CALLER})])
    )


def read_policies(text: str) -> None:
    CedarEngine.from_text(text)


def as_text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document, default=str)


def read_schema(text: str) -> None:
    _ = CedarEngine.from_text(ALL, text, validate_policies=False).schema_names


def hold_entities(documents: Any) -> None:
    CedarEngine.from_text(ALL, entities=json.dumps(documents, default=str))


REQUESTS = """\
entities:
  - uid: &uid {type: Order, id: "1"}
    attrs: {owner: {__entity: {type: User, id: alice}}}
    parents: []
requests:
  - &first
    name: owners view their orders
    principal: User::"alice"
    action: ViewOrder
    resource: Order::"1"
    context: {mfa: true, at: 2024-01-01, n: 0x1F, t: 1:30, s: "a\\tb", b: |
        text
      }
    expect: ALLOW
    policies: [all]
  - {<<: *first, name: another, expect: DENY}
"""
REQUESTS = REQUESTS.replace(", b: |\n        text\n      }", "}")
POLICY_FOLDER = temporary_folder()
(POLICY_FOLDER / "tests").mkdir()
(POLICY_FOLDER / "all.cedar").write_text(ALL)


def read_yaml(text: str) -> None:
    parse_yaml(text, "x.yaml")


def run_command(text: str) -> None:
    (POLICY_FOLDER / "tests" / "rows.yaml").write_text(text, "utf-8", "surrogatepass")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = main(["policies", "test", str(POLICY_FOLDER)])
    assert code in {0, 1, 2}, f"exit code {code}"


# ---- Signed calls and answers ----

SIGNER = SigV4Signer(service="execute-api", region="eu-west-1", credentials=CREDENTIALS)
URL = "https://user.example:8443/a/b%20c/./d?x=1&y=%2F&x=#f"


def sign(url: str) -> None:
    SIGNER.sign("GET", url, {"accept": "*/*"}, None)
    canonical_url(url)


def sign_headers(headers: Any) -> None:
    if isinstance(headers, dict):
        SIGNER.sign("POST", "https://api.example/", headers, b"{}")


@dataclass(frozen=True)
class Asked:
    method: str
    headers: dict[str, str]
    body: bytes | None


ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nan answer"[:-1],
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n",
    b"HTTP/1.0 403 Forbidden\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\n\r\nuntil it is closed",
    b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
]


def read_answer(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    try:
        theirs.sendall(data[:60_000])
        theirs.shutdown(socket.SHUT_WR)
        exchange(
            ours,
            Asked("GET", {"host": "a.example"}, None),
            "/",
            headers={"host": "a.example"},
            deadline=time.monotonic() + 5,
            max_bytes=20_000,
            until_close=len(data) % 2 == 0,
        )
    except (OSError, *HTTP_ERRORS):
        pass  # "of the socket or of http.client": each caller makes an `ExchangeError` of it
    finally:
        ours.close()
        theirs.close()


HTTP_ERRORS = (HTTPException, EOFError, ValueError)


class _Pool:
    """Connections to a policy store whose answers the fuzzer makes."""

    def __init__(self) -> None:
        self.answer = b""

    def response(self) -> HTTPResponse:
        status = 400 if self.answer.startswith(b'{"__type"') else 200
        return HTTPResponse(status, {"content-type": "application/x-amz-json-1.0"}, self.answer)

    def exchange(self, *_: object, **__: object) -> HTTPResponse:
        return self.response()

    def before_send(self, request: Any, **_: object) -> AWSResponse:
        status, headers, body = self.response()
        return AWSResponse(request.url, status, headers, RawBody(body))


class RawBody(io.BytesIO):
    """As botocore reads it."""

    def stream(self, *_: object, **__: object) -> Any:
        yield self.getvalue()


POOL = _Pool()
THIN = ThinClient(region="eu-west-1", credentials=CREDENTIALS, max_attempts=1)
THIN._pool = POOL
BOTO3 = boto3.client(
    "verifiedpermissions",
    region_name="eu-west-1",
    aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="a key of nobody",
    config=Config(retries={"total_max_attempts": 1}),
)
BOTO3.meta.events.register("before-send.verifiedpermissions", POOL.before_send)
STORES = [VerifiedPermissions("PSEXAMPLEabcdefg111111", client=client) for client in (THIN, BOTO3)]
STORE_ANSWER = {
    "decision": "ALLOW",
    "determiningPolicies": [{"policyId": "SPEXAMPLE"}],
    "errors": [{"errorDescription": "x"}],
}
BATCH_ANSWER = {
    "results": [
        STORE_ANSWER
        | {
            "request": {
                "principal": {"entityType": "User", "entityId": "alice"},
                "action": {"actionType": "Action", "actionId": "View"},
                "resource": {"entityType": "Doc", "entityId": str(number)},
            }
        }
        for number in (1, 2)
    ]
}
REQUEST = AuthorizationRequest(CALLER, "View", DOC)


ERROR_ANSWER = b'{"__type":"com.amazonaws.verifiedpermissions#ThrottlingException","message":"x"}'


def ask_store(answer: Any) -> None:
    POOL.answer = answer if isinstance(answer, bytes) else _json(answer)
    other = AuthorizationRequest(CALLER, "View", EntityUid("Doc", "2"))
    for store in STORES:
        with contextlib.suppress(AuthzError):
            store.is_authorized(REQUEST)
        with contextlib.suppress(AuthzError):
            store.batch_is_authorized([REQUEST, other])


LOCAL = PolicyStores()
LOCAL_STORE = LOCAL.create_store(POLICIES)
QUESTION = {
    "policyStoreId": LOCAL_STORE,
    "principal": {"entityType": "User", "entityId": "alice"},
    "action": {"actionType": "Action", "actionId": "View"},
    "resource": {"entityType": "Doc", "entityId": "1"},
    "context": {"contextMap": {"a": {"long": 1}}},
    "entities": {
        "entityList": [
            {
                "identifier": {"entityType": "Doc", "entityId": "1"},
                "attributes": {"owner": AVP},
                "parents": [{"entityType": "Doc", "entityId": "0"}],
            }
        ]
    },
}
CEDAR_QUESTION = QUESTION | {
    "context": {"cedarJson": '{"a": 1, "b": {"__extn": {"fn": "ip", "arg": "::1"}}}'},
    "entities": {"cedarJson": json.dumps(ENTITIES[1:])},
}


def ask_local(document: Any) -> None:
    LOCAL.call("IsAuthorized", document)


SETTINGS = {
    "AUTHZ_USER_POOL_ID": "eu-west-1_EXAMPLE",
    "AUTHZ_CLIENT_IDS": "web, app",
    "AUTHZ_TOKEN_USE": "access",
    "AUTHZ_TENANT_CLAIM": "none",
    "AUTHZ_ACTIONS": "actions.json",
    "AUTHZ_APPLICATION": 'Application::"orders"',
    "AUTHZ_POLICIES": "policies",
    "AUTHZ_RESPONSE": "simple",
    "AUTHZ_GATEWAY_TTL_SECONDS": "0",
    "AUTHZ_CONTEXT": "tenant=claims.tenant, ip=request.ip",
    "AUTHZ_TOKEN_SOURCES": "bearer, header:x-token, cookie:session, query:token",
}


PROVIDER_SETTINGS = {
    **{name: text for name, text in SETTINGS.items() if name != "AUTHZ_USER_POOL_ID"},
    "AUTHZ_PROVIDER": "keycloak",
    "AUTHZ_ISSUER": "https://id.example/realms/shop",
    "AUTHZ_AUDIENCE": "none",
    "AUTHZ_GROUPS_CLAIM": '["resource_access","orders.web","roles"]',
    "AUTHZ_ATTRIBUTES": "email=email, level=number:custom:level",
    "AUTHZ_USAGE_IDENTIFIER_KEY": "none",
    "AUTHZ_PRINCIPAL_ID": "issuer|sub",
    "AUTHZ_2_ENTRA_TENANT_ID": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "AUTHZ_2_AUDIENCE": "api://orders",
    "AUTHZ_2_CLIENT_IDS": "none",
    "AUTHZ_2_TENANT_CLAIM": "tid",
    "AUTHZ_2_GROUPS_CLAIM": "roles",
    "AUTHZ_2_ATTRIBUTES": "email=none, level=number:level",
    "AUTHZ_2_USAGE_IDENTIFIER_KEY": "key",
}
PROVIDER_SETTINGS.pop("AUTHZ_TOKEN_USE")


def read_settings(environment: Any) -> None:
    from authz_lib.authorizer.from_env import Settings, configured_issuers, token_sources_of
    from authz_lib.transport.insecure_hosts import InsecureHosts

    if isinstance(environment, dict):
        texts = {str(name): str(value) for name, value in environment.items()}
        settings = Settings.read(texts)
        token_sources_of(settings)
        configured_issuers(settings, InsecureHosts())


PASTED = [
    f'"Authorization: Bearer {TOKEN}"',
    f"curl -H 'Authorization: Bearer {TOKEN}' https://api.example/",
    f"https://app.example/#id_token={TOKEN}&state=x",
    f"> {TOKEN[:40]}\n> {TOKEN[40:]}",
]


def read_pasted(text: str) -> None:
    from authz_lib.cli.pasted_token import Peeked, tidied

    peeked = Peeked(tidied(text))
    for load_balancer in (True, False):
        peeked.hint(load_balancer=load_balancer)
    for name in ("iss", "exp", "kid", "aud"):
        peeked.found(name)


def read_headers(headers: Any) -> None:
    principal_from_headers({"headers": headers}, proof=None, clock=lambda: NOW)


def read_context(values: Any) -> None:
    if isinstance(values, dict):
        principal_from_context(values, now=NOW)


def read_body(event: Any) -> None:
    if isinstance(event, dict):
        json_body(event)


BODIES = [{"body": '{"item": "anvil", "n": [1, 2.5e3, null]}', "isBase64Encoded": False}]
BODIES += [{"body": base64.b64encode(b'{"a": 1}').decode(), "isBase64Encoded": True}]

PARSERS = [
    Parser("token", TOKENS, verify, 10),
    Parser("token header", [HEADER, _json(HEADER)], verify_header, 6),
    Parser("claims under a good signature", [CLAIMS, _json(CLAIMS)], verify_signed, 10),
    Parser("key set, a document", [KEYS], StaticKeySet, 4),
    Parser("key set, fetched", [_json(KEYS)], fetch_keys, 4),
    Parser("discovery document", [_json(DISCOVERY)], discover, 4, (AuthzError, FetchError)),
    Parser("authorizer event", AUTHORIZER_EVENTS, parse_authorizer_event, 8),
    Parser("authorizer, from event to answer", AUTHORIZER_EVENTS, authorize, 10),
    Parser("proxy event", PROXY_EVENTS, read_caller, 10),
    Parser("sources of an event", [*AUTHORIZER_EVENTS, *PROXY_EVENTS], read_sources, 6),
    Parser("query string", ["a=1&b=%20&token=x&a=2", "a=&a=&a="], read_query, 6),
    Parser("cookies", ["a=b; session=x.y.z; c", 'session="x"'], read_cookies, 6),
    Parser("bearer header", [f"Bearer {TOKEN}"], read_header, 4),
    Parser("body", BODIES, read_body, 6, (SmithyError,)),
    Parser("context of a gateway", [CONTEXT], read_context, 6),
    Parser(
        "principal headers", [PRINCIPAL_HEADERS, PRINCIPAL_HEADERS | {None: "x"}], read_headers, 6
    ),
    Parser("ARN", [ARN, ARN.replace("/GET/orders/1", "")], MethodArn.parse, 4),
    Parser("URI pattern", ["/a/{b}/c?d=e&f", "/files/{rest+}"], UriPattern.parse, 4),
    Parser("path", ["/orders/1", "/files/a/b%2Fc/"], resolve, 6),
    Parser("action map", [ACTIONS_DOCUMENT], ActionMap.from_document, 6),
    Parser("action map, a file", [_json(ACTIONS_DOCUMENT)], load_actions, 4),
    Parser("OpenAPI document", [OPENAPI], read_openapi, 4),
    Parser("template", [SAM_TEMPLATE], read_template, 4),
    Parser("Smithy model", [MODEL], read_model, 8),
    Parser("Cedar policies", [POLICIES, ALL], read_policies, 8),
    Parser("Cedar schema", [SCHEMA, JSON_SCHEMA], read_schema, 6, prepare=as_text),
    Parser("entities, held", [ENTITIES], hold_entities, 4),
    Parser("entities of a document", [ENTITIES], read_entities, 4),
    Parser("Cedar JSON value", [ENTITIES[0]["attrs"]], value_from_cedar_json, 4),
    Parser("value of Verified Permissions", [AVP], value_from_avp, 4),
    Parser("context of a question", [{"a": 1, "s": ["x"], "r": {"b": True}}], decide, 6),
    Parser("YAML", [REQUESTS], read_yaml, 4),
    Parser("authz policies test", [REQUESTS], run_command, 1, ()),
    Parser("signed URL", [URL], sign, 6),
    Parser("signed headers", [{"Accept": "a,  b", "X-A": "1"}], sign_headers, 4),
    Parser("HTTP answer", ANSWERS, read_answer, 6, (ExchangeError,)),
    Parser(
        "answer of a policy store",
        [STORE_ANSWER, BATCH_ANSWER, _json(STORE_ANSWER), ERROR_ANSWER],
        ask_store,
        3,
    ),
    Parser(
        "question to the local store",
        [QUESTION, CEDAR_QUESTION],
        ask_local,
        4,
        (OperationError, ValueError, TypeError, KeyError, AttributeError),  # its server answers 400
    ),
    Parser("settings", [SETTINGS, PROVIDER_SETTINGS], read_settings, 4),
    Parser("a pasted token", PASTED, read_pasted, 4),
]
