"""Every reader of an event, given any value at any place: an answer or a documented error."""

from __future__ import annotations

import copy
import json
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from authz_lib import (
    ActionMap,
    BearerToken,
    Cookie,
    ExpectedGateway,
    GatewayCache,
    Header,
    JWTVerifier,
    LambdaAuthorizer,
    QueryParameter,
    principal_from_event,
    principal_from_headers,
    service_handler,
)
from authz_lib.errors import AuthzError
from authz_lib.gateway import parse_authorizer_event, proxy_kind
from authz_lib.gateway.context import to_context
from authz_lib.gateway.sources import read_token
from authz_lib.principal import Principal
from authz_lib.service import json_body
from authz_lib.service.principal_headers import MutualTLS, SecretHeader, principal_to_headers
from authz_lib.smithy.errors import SmithyError
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer

ISSUER = TestIssuer("https://issuer.example", algorithm="EdDSA")
TOKEN = ISSUER.token({"sub": "alice"})
ALICE = Principal("alice", issuer=ISSUER.issuer, tenant_id="t1", expires_at=4_000_000_000.0)
CLAIMS = {"sub": "alice", "exp": "4000000000", "cognito:groups": "[a b]", "iss": ISSUER.issuer}
CONTEXT = to_context(ALICE)
FLAT = {key: str(value) for key, value in CONTEXT.items()}
CERTIFICATE = {"clientCert": {"subjectDN": "CN=gateway", "issuerDN": "CN=ca"}}

AUTHORIZER_EVENTS = [
    events.rest_token_authorizer_event(TOKEN, path="/orders/7"),
    events.rest_request_authorizer_event(
        TOKEN, path="/orders/7", resource="/orders/{id}", path_parameters={"id": "7"}
    ),
    events.http_authorizer_event(
        TOKEN, route="GET /orders/{id}", path="/orders/7", path_parameters={"id": "7"},
        query=[("a", "1")],
    ),
    events.http_authorizer_event_v1(TOKEN, path="/orders/7", resource="/orders/{id}"),
    events.websocket_authorizer_event(TOKEN, query=[("a", "1")]),
    events.appsync_authorizer_event(TOKEN),
    events.appsync_events_authorizer_event(TOKEN),
]  # fmt: skip
PROXY_EVENTS = [
    events.rest_event(authorizer=FLAT, identity=CERTIFICATE, headers=principal_to_headers(ALICE)),
    events.rest_event(authorizer={"claims": CLAIMS}, identity={"userArn": "arn"}, body="{}"),
    events.http_event(authorizer={"lambda": CONTEXT}, headers=principal_to_headers(ALICE)),
    events.http_event(authorizer={"jwt": {"claims": CLAIMS}}, body={"a": [1]}),
    events.websocket_event(authorizer=FLAT, body="e30="),
    events.function_url_event(iam={"userArn": "arn", "accountId": "1"}),
    events.alb_event(headers={"x": "1", "Authorization": f"Bearer {TOKEN}"}),
    events.lattice_event(headers={"x": "1"}),
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -1, 1e308, float("nan"), float("inf"), Decimal("NaN"), object()]),
    st.sampled_from(
        ["", " ", "\ud800", "a" * 17_000, "a" * 70_000, "%", "a=&" * 5_000, "[" * 9_999]
    ),
    st.sampled_from(["-", '"', '"-"', "2.0", "1.0", "TOKEN", "REQUEST", "$default", "Bearer x"]),
    st.text(max_size=6),
    st.binary(max_size=3),
)
names = st.one_of(st.none(), st.integers(), st.text(max_size=4), st.just(("a",)), st.binary())
junk = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=2).map(tuple),
        st.dictionaries(names, inner, max_size=3),
    ),
    max_leaves=5,
)


def places(part, path=()):
    """Where a value stands in an event."""
    yield path
    items = part.items() if isinstance(part, dict) else enumerate(part)
    if isinstance(part, dict | list):
        for name, value in items:
            yield from (
                places(value, (*path, name)) if isinstance(value, dict | list) else [(*path, name)]
            )


@st.composite
def broken(draw, originals):
    event = copy.deepcopy(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(event))))
        if not path:
            if draw(st.integers(0, 9)) == 0:
                return draw(junk)
            path = (draw(names),)
        holder = event
        for name in path[:-1]:
            holder = holder[name]
        if isinstance(holder, dict) and draw(st.booleans()):
            holder.pop(path[-1], None)
            holder[draw(names)] = draw(junk)
        else:
            holder[path[-1]] = draw(junk)
    return event


def answers(call, *errors):
    try:
        return call()
    except (AuthzError, *errors):
        return None


SOURCES = [BearerToken(), Header("authorization"), Header("x"), Cookie("c"), QueryParameter("a")]
LINE = {"method": "GET", "route": "/orders/{id}", "action": "Get", "scopes": []}
VERIFIER = JWTVerifier(
    issuer=ISSUER.issuer, audience=None, algorithms=["EdDSA"], keys=ISSUER.key_set()
)
AUTHORIZERS = [
    LambdaAuthorizer(
        verifier=VERIFIER,
        token_sources=[BearerToken()],
        actions=ActionMap.from_document({"version": 1, "actions": [LINE]}),
        decisions=None,
        response=response,
        gateway_cache=cache,
    )
    for response, cache in [
        ("simple", GatewayCache.OFF),
        ("iam", GatewayCache.OFF),
        ("appsync", GatewayCache.OFF),
        (
            "simple",
            GatewayCache(
                identity_sources=[
                    "$request.header.Authorization",
                    "$context.routeKey",
                    "$context.path",
                    "$stageVariables.x",
                    "$request.querystring.a",
                ],
                ttl_seconds=60,
            ),
        ),
        (
            "iam",
            GatewayCache(
                identity_sources=["method.request.header.Authorization"],
                ttl_seconds=60,
                no_resource_policy=True,
            ),
        ),
    ]
]


@settings(max_examples=300, deadline=None)
@given(broken(AUTHORIZER_EVENTS))
def test_an_authorizer_event_is_read_or_refused(event):
    def read():
        parsed = parse_authorizer_event(event)
        repr(parsed)
        for part in ("account_id", "query", "headers", "cookies", "path_parameters"):
            answers(lambda: getattr(parsed, part))  # noqa: B023  called at once
        for part in ("stage_variables", "identity"):
            answers(lambda: getattr(parsed, part))  # noqa: B023

    answers(read)
    for authorizer in AUTHORIZERS:
        try:
            answers(lambda: authorizer(event))  # noqa: B023
        except Exception as error:
            if str(error) != "Unauthorized" or type(error) is not Exception:
                raise


@settings(max_examples=300, deadline=None)
@given(broken([*AUTHORIZER_EVENTS, *PROXY_EVENTS]))
def test_a_token_is_read_or_refused(event):
    for source in SOURCES:
        answers(lambda: source.read(event))  # noqa: B023
    answers(lambda: read_token(event, SOURCES))


def expected(kind):
    iam = kind.endswith("-iam")
    return ExpectedGateway(
        kind=kind,
        api_id=events.API_ID,
        account_id=None,
        issuer=None if iam else ISSUER.issuer,
        client_ids=None,
        token_use=None,
        tenant_claim="org",
        groups_separator="," if kind == "rest-cognito" else None,
    )


GATEWAYS = [
    expected(kind)
    for kind in (
        "rest-cognito", "http-jwt", "http-lambda", "rest-lambda", "websocket-lambda", "rest-iam",
        "http-iam", "function-url-iam",
    )
]  # fmt: skip
PROOFS = [None, SecretHeader("x-proof", ["0123456789abcdef"]), MutualTLS("CN=gateway", "CN=ca")]


@settings(max_examples=400, deadline=None)
@given(broken(PROXY_EVENTS))
def test_a_principal_is_read_or_refused(event):
    answers(lambda: proxy_kind(event))
    for gateway in GATEWAYS:
        answers(lambda: principal_from_event(event, gateway=gateway))  # noqa: B023
        if not gateway.kind.endswith("-iam"):
            options = {"gateway": gateway, "verifier": VERIFIER, "token_sources": SOURCES}
            answers(lambda: principal_from_event(event, **options))  # noqa: B023
    for proof in PROOFS:
        answers(lambda: principal_from_headers(event, proof=proof))  # noqa: B023


@service_handler
def handler(event, context):
    principal_from_event(event, gateway=GATEWAYS[0])
    return json_body(event)


@settings(max_examples=300, deadline=None)
@given(broken(PROXY_EVENTS), st.one_of(st.none(), junk))
def test_a_service_always_answers(event, context):
    answer = handler(event, context)
    assert isinstance(answer, dict)
    assert "statusCode" not in answer or json.dumps(answer)
    body = answers(lambda: json_body(event), SmithyError)
    assert body is None or isinstance(body, dict)
