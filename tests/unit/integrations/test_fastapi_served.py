"""One FastAPI application under uvicorn and under Mangum: real sockets, events and keys."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from mangum import Mangum
from mangum.exceptions import LifespanFailure
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from authz_lib import CedarEngine, Entity, EntityUid, ExpectedGateway, JWTVerifier, Principal
from authz_lib.errors import ConfigurationError, PolicyStoreUnavailableError
from authz_lib.gateway.context import to_context
from authz_lib.integrations.fastapi import (
    AppAuthorization,
    CurrentPrincipal,
    Requires,
    authenticated,
    protect,
    public,
)
from authz_lib.service.principal_headers import SecretHeader, principal_to_headers
from authz_lib.testing import events
from authz_lib.tokens import AssertedCaller, CallerAssertion, SignedAssertion
from authz_lib.tokens.remote_keys import RemoteKeySet

POLICIES = CedarEngine.from_text(
    """
    permit(principal, action == Action::"Cancel", resource is Order)
    when { resource.owner == principal };
    """
)
ISSUER, SECRET = "https://issuer.example", "correct horse battery staple, and more"
EXPIRY = 4_000_000_000
PROOF = {"X-Gateway-Proof": "0123456789abcdef"}


def load_order(order_id: str) -> Entity | None:
    if order_id == "outage":
        raise PolicyStoreUnavailableError("no answer")
    owner = EntityUid("User", "alice")
    known = {"7": Entity(EntityUid("Order", "7"), attrs={"owner": owner})}
    return known.get(order_id)


def application(authorization):
    app = FastAPI()
    protect(app, authorization, docs="public")

    @app.delete("/orders/{order_id}")
    async def cancel(
        order: Annotated[Entity, Requires("Cancel", resource=load_order)],
        caller: Annotated[Principal, CurrentPrincipal],
    ):
        return {"cancelled": order.uid.id, "by": caller.subject}

    @app.get("/me")
    def me(caller: Annotated[Principal, authenticated()]):
        return caller.subject

    @app.get("/health", dependencies=[public()])
    def health():
        return "ok"

    @app.websocket("/orders/{order_id}/live")
    async def live(
        websocket: WebSocket, order: Annotated[Entity, Requires("Cancel", resource=load_order)]
    ):
        await websocket.accept()
        await websocket.send_text(order.uid.id)
        await websocket.close()

    return app


# What is asked, and what is answered wherever the application runs.
TABLE = [
    ("alice", "DELETE", "/orders/7", 200),
    ("bob", "DELETE", "/orders/7", 403),
    (None, "DELETE", "/orders/7", 401),
    ("alice", "DELETE", "/orders/8", 404),
    ("alice", "DELETE", "/orders/outage", 503),
    ("bob", "GET", "/me", 200),
    (None, "GET", "/me", 401),
    (None, "GET", "/health", 200),
    (None, "GET", "/openapi.json", 200),
    ("alice", "HEAD", "/me", 405),
    ("alice", "OPTIONS", "/orders/7", 405),
]
NAMES = {
    401: "UnauthorizedException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    503: "ServiceUnavailableException",
}


def check(status, headers, body):
    """That a refusal has the documented shape."""
    if status not in NAMES:
        return
    assert headers["x-amzn-errortype"] == body["__type"] == NAMES[status]
    assert headers["x-amzn-requestid"] == body["requestId"]
    assert headers["content-type"] == "application/json"
    assert headers.get("www-authenticate") == ("Bearer" if status == 401 else None)
    assert headers.get("retry-after") == ("1" if status == 503 else None)


def check_all(url, headers_of):
    for who, method, path, status in TABLE:
        said = httpx.request(method, f"{url}{path}", headers=headers_of(who, method, path))
        assert (who, method, path, said.status_code) == (who, method, path, status)
        check(status, said.headers, said.json() if said.text and status != 405 else {})


class TestUvicorn:
    def test_standalone(self, tokens, served):
        with tokens.issuer.serve() as endpoint:
            verifier = tokens.verifier_with(keys=RemoteKeySet(endpoint.jwks_url))
            app = application(
                AppAuthorization.standalone(
                    verifier=verifier, tenant_claim=None, decisions=POLICIES
                )
            )
            check_all(served(app).url, lambda who, *_: tokens.bearer(who) if who else {})

    def test_standalone_without_keys(self, tokens, served, free_port):
        keys = RemoteKeySet(f"http://127.0.0.1:{free_port}/keys")
        app = application(
            AppAuthorization.standalone(
                verifier=tokens.verifier_with(keys=keys), tenant_claim=None, decisions=POLICIES
            )
        )
        url = served(app).url
        said = httpx.get(f"{url}/me", headers=tokens.bearer())
        assert said.status_code == 503
        check(503, said.headers, said.json())
        assert httpx.get(f"{url}/me").status_code == 401
        assert httpx.get(f"{url}/health").status_code == 200

    def test_behind_a_router_with_a_secret(self, served):
        proof = SecretHeader("x-gateway-proof", ["0123456789abcdef"])
        app = application(AppAuthorization.behind_router(proof=proof, decisions=POLICIES))

        def headers_of(who, *_):
            caller = Principal(who or "", issuer=ISSUER, client_id="web", expires_at=EXPIRY)
            return {**principal_to_headers(caller), **PROOF} if who else PROOF

        check_all(served(app).url, headers_of)

    def test_behind_a_router_with_an_assertion(self, served):
        signer = CallerAssertion(key=SECRET, algorithm="HS256", issuer=ISSUER, audience="orders")
        verifier = JWTVerifier.shared_secret(secret=SECRET, issuer=ISSUER, audience="orders")
        app = application(
            AppAuthorization.behind_router(proof=SignedAssertion(verifier), decisions=POLICIES)
        )

        def headers_of(who, method, path):
            route = f"{method} {path.replace('/7', '/{id}')}"
            caller = AssertedCaller(
                who or "", ISSUER, "web", frozenset(), (), None, EXPIRY, "Any", route, {}, ""
            )
            return {"Txn-Token": signer.sign(caller)} if who else PROOF

        check_all(served(app).url, headers_of)
        other = headers_of("alice", "GET", "/me")
        said = httpx.delete(f"{served(app).url}/orders/7", headers=other)
        assert said.status_code == 401

    def test_a_websocket(self, tokens, served):
        app = application(
            AppAuthorization.standalone(
                verifier=tokens.verifier, tenant_claim=None, decisions=POLICIES
            )
        )
        url = served(app).ws_url
        with connect(f"{url}/orders/7/live", additional_headers=tokens.bearer()) as socket:
            assert socket.recv() == "7"
            with pytest.raises(ConnectionClosed):
                socket.recv()
        for headers, path, status in [
            ({}, "/orders/7/live", 401),
            (tokens.bearer("bob"), "/orders/7/live", 403),
            (tokens.bearer(), "/orders/8/live", 404),
            (tokens.bearer(), "/orders/outage/live", 503),
        ]:
            with pytest.raises(InvalidStatus) as refused:
                connect(f"{url}{path}", additional_headers=headers)
            answer = refused.value.response
            assert answer.status_code == status
            check(status, answer.headers, json.loads(answer.body))

    def test_under_mangums_word_nobody_is_known(self, served, tokens):
        """The choice for Mangum, deployed under uvicorn by mistake: closed, whatever is sent."""
        url = served(application(lambda_authorization())).url
        alice = Principal("alice", issuer=ISSUER, client_id="web", expires_at=EXPIRY)
        event = json.dumps(http_event(alice, "GET", "/me"))
        for headers in (
            {},
            tokens.bearer(),
            {**principal_to_headers(alice), **PROOF},
            {"aws.event": event, "X-Amzn-Lambda-Event": event},
        ):
            assert httpx.get(f"{url}/me", headers=headers).status_code == 401
            assert httpx.delete(f"{url}/orders/7", headers=headers).status_code == 401
        assert httpx.get(f"{url}/health").status_code == 200


def gateway(kind):
    return ExpectedGateway(
        kind=kind,
        api_id=events.API_ID,
        account_id=events.ACCOUNT_ID,
        issuer=ISSUER,
        client_ids=["web"],
        token_use=None,
    )


def lambda_authorization(kind="http-lambda", **options):
    return AppAuthorization.mangum(gateway=gateway(kind), decisions=POLICIES, **options)


def http_event(caller, method, path, **options):
    authorizer = {"lambda": to_context(caller)} if caller else None
    return events.http_event(route=f"{method} {path}", authorizer=authorizer, **options)


def http_event_v1(caller, method, path, **options):
    authorizer = to_context(caller) if caller else None
    return events.http_event_v1(method=method, path=path, authorizer=authorizer, **options)


def rest_event(caller, method, path, **options):
    authorizer = to_context(caller) if caller else None
    return events.rest_event(method=method, path=path, authorizer=authorizer, **options)


def rest_cognito_event(caller, method, path, **options):
    claims = {
        "sub": caller and caller.subject,
        "iss": ISSUER,
        "aud": "web",
        "token_use": "id",
        "exp": "Fri Oct 02 07:06:40 UTC 2096",
    }
    authorizer = {"claims": claims} if caller else None
    return events.rest_event(method=method, path=path, authorizer=authorizer, **options)


KINDS = {
    "http-2.0": ("http-lambda", http_event),
    "http-1.0": ("http-lambda", http_event_v1),
    "rest": ("rest-lambda", rest_event),
}


@pytest.fixture
def event_loop():
    """Lambda's: Mangum takes the loop of the thread."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.mark.usefixtures("event_loop")
class TestMangum:
    @pytest.fixture(params=KINDS)
    def kind(self, request):
        return KINDS[request.param]

    def test_each_answer(self, kind):
        name, event_of = kind
        handler = Mangum(application(lambda_authorization(name)))
        for who, method, path, status in TABLE:
            caller = who and Principal(who, issuer=ISSUER, client_id="web", expires_at=EXPIRY)
            event = event_of(caller, method, path)
            said = handler(event, None)
            assert (who, method, path, said["statusCode"]) == (who, method, path, status)
            if status != 405:
                check(status, said["headers"], json.loads(said["body"]))
            if status in NAMES:
                assert said["headers"]["x-amzn-requestid"] == event["requestContext"]["requestId"]

    def test_cognito_of_a_rest_api(self):
        app = application(
            AppAuthorization.mangum(
                gateway=ExpectedGateway(
                    kind="rest-cognito",
                    api_id=events.API_ID,
                    account_id=events.ACCOUNT_ID,
                    issuer=ISSUER,
                    client_ids=["web"],
                    token_use="id",
                    groups_claim=None,
                ),
                decisions=POLICIES,
                errors="standard",
            )
        )
        handler = Mangum(app)
        said = handler(rest_cognito_event(Principal("alice"), "DELETE", "/orders/7"), None)
        assert json.loads(said["body"]) == {"cancelled": "7", "by": "alice"}
        said = handler(rest_cognito_event(None, "DELETE", "/orders/7"), None)
        assert json.loads(said["body"]) == {
            "status": 401,
            "code": "UNTRUSTED_EVENT",
            "message": "Unauthorized",
        }

    def test_headers_and_tokens_do_for_nothing(self, kind, tokens):
        name, event_of = kind
        alice = Principal("alice", issuer=ISSUER, client_id="web", expires_at=EXPIRY)
        headers = {**tokens.bearer(), **principal_to_headers(alice), **PROOF}
        event = event_of(None, "DELETE", "/orders/7", headers=headers)
        said = Mangum(application(lambda_authorization(name)))(event, None)
        assert said["statusCode"] == 401

    def test_a_caller_ends_with_its_token(self, kind):
        name, event_of = kind
        caller = Principal("alice", issuer=ISSUER, client_id="web", expires_at=1_000_000_000)
        said = Mangum(application(lambda_authorization(name)))(event_of(caller, "GET", "/me"), None)
        assert said["headers"]["www-authenticate"] == 'Bearer error="invalid_token"'

    def test_an_event_of_another_api(self, kind):
        name, event_of = kind
        caller = Principal("alice", issuer=ISSUER, client_id="web", expires_at=EXPIRY)
        handler = Mangum(application(lambda_authorization(name)))
        for other in ({"api_id": "zzzzzzzzzz"}, {"account_id": "999999999999"}):
            assert handler(event_of(caller, "GET", "/me", **other), None)["statusCode"] == 401

    def test_standalone_reads_no_event(self, kind, tokens):
        _, event_of = kind
        caller = Principal("alice", issuer=ISSUER, client_id="web", expires_at=EXPIRY)
        app = application(
            AppAuthorization.standalone(
                verifier=tokens.verifier, tenant_claim=None, decisions=POLICIES
            )
        )
        handler = Mangum(app)
        assert handler(event_of(caller, "GET", "/me"), None)["statusCode"] == 401
        event = event_of(caller, "GET", "/me", headers=tokens.bearer("bob"))
        assert json.loads(handler(event, None)["body"]) == "bob"

    def test_it_does_not_start_with_an_open_route(self):
        app = application(lambda_authorization())
        app.get("/open")(lambda: "open")
        with pytest.raises(LifespanFailure):
            Mangum(app)(http_event(None, "GET", "/open"), None)
        handler = Mangum(app, lifespan="off")
        assert handler(http_event(None, "GET", "/open"), None)["statusCode"] == 500


class TestUvicornDoesNotStart:
    @pytest.mark.parametrize("lifespan", ["on", "auto"])
    def test_with_an_open_route(self, served, lifespan):
        app = application(lambda_authorization())
        app.get("/open")(lambda: "open")
        assert not served(app, lifespan=lifespan).started

    def test_and_without_a_lifespan_it_answers_nobody(self, served):
        app = application(lambda_authorization())
        app.get("/open")(lambda: "open")
        url = served(app, lifespan="off").url
        for path in ("/open", "/health", "/docs"):
            assert httpx.get(f"{url}{path}").status_code == 500


def test_what_is_wrong_is_said_by_name():
    app = application(lambda_authorization())
    app.get("/open")(lambda: "open")

    async def started():
        async def receive():
            return {"type": "lifespan.startup"}

        async def send(message):
            sent.append(message)

        await app({"type": "lifespan", "state": {}}, receive, send)

    sent = []
    with pytest.raises(ConfigurationError, match="`GET /open` has no explicit decision"):
        asyncio.run(started())
    assert sent[0]["type"] == "lifespan.startup.failed"
    assert "`GET /open` has no explicit decision" in sent[0]["message"]
