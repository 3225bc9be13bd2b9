"""How an ASGI application knows who calls: one way each, and no other beside it."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest

from authz_lib import ExpectedGateway, JWTVerifier, Principal, errors
from authz_lib.gateway.context import to_context
from authz_lib.gateway.sources import BearerToken, Cookie, Header, QueryParameter, Subprotocol
from authz_lib.integrations.asgi_callers import (
    MangumCallers,
    RouterCallers,
    TokenCallers,
    event_of_scope,
)
from authz_lib.service.principal_headers import (
    MutualTLS,
    SecretHeader,
    principal_to_headers,
)
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens import AssertedCaller, CallerAssertion, SignedAssertion

NOW = 1_800_000_000.0
ISSUER = "https://issuer.example"
ALICE = Principal("alice", issuer=ISSUER, client_id="web", expires_at=NOW + 60)
SECRET = "correct horse battery staple, and more"
PROOF = SecretHeader("x-gateway-proof", ["0123456789abcdef"])
PROVEN = {"x-gateway-proof": "0123456789abcdef"}


def scope_of(headers=(), *, path="/orders/7", method="GET", query=b"", **more):
    pairs = headers.items() if isinstance(headers, dict) else headers
    raw = [
        tuple(part.encode("latin-1") if isinstance(part, str) else part for part in pair)
        for pair in pairs
    ]
    scope = {"type": "http", "path": path, "method": method, "headers": raw}
    return {**scope, "query_string": query, **more}


def identified(callers, scope):
    return asyncio.run(callers.identify(scope))


def gateway(**options):
    expected = {
        "kind": "http-lambda",
        "api_id": events.API_ID,
        "account_id": events.ACCOUNT_ID,
        "issuer": ISSUER,
        "client_ids": ["web"],
        "token_use": None,
    }
    return ExpectedGateway(**{**expected, **options})


def mangum(**options):
    return MangumCallers(gateway(**options), clock=lambda: NOW)


def event(principal=ALICE, **options):
    return events.http_event(authorizer={"lambda": to_context(principal)}, **options)


def router(proof=PROOF, **options):
    return RouterCallers(proof, attributes=None, clock=lambda: NOW, **options)


def token_callers(verifier, *sources, **options):
    claims = {"tenant_claim": None, "groups_claim": None, "attributes": None, "decisions": None}
    return TokenCallers(verifier, sources or [BearerToken()], **{**claims, **options})


class TestTheEvent:
    def test_it_has_the_request_as_it_came(self):
        scope = scope_of([("a", "1"), ("a", "1")], query=b"x=%C3%A9", method="PUT")
        assert event_of_scope(scope) == {
            "httpMethod": "PUT",
            "path": "/orders/7",
            "multiValueHeaders": {"a": ["1", "1"]},
            "rawQueryString": "x=%C3%A9",
        }

    def test_the_path_is_the_one_that_the_application_routes(self):
        scope = scope_of(path="/a b/é/%2F", raw_path=b"/a%20b/%C3%A9%2F%252F")
        assert event_of_scope(scope)["path"] == "/a%20b/%C3%A9/%252F"

    def test_a_header_may_hold_any_byte(self):
        assert event_of_scope(scope_of([(b"x", b"\xff\x00")]))["multiValueHeaders"] == {
            "x": ["\xff\x00"]
        }


class TestMangum:
    def test_the_caller_is_in_the_event(self):
        assert identified(mangum(), scope_of(**{"aws.event": event()})).subject == "alice"

    def test_without_an_event_nobody_is_known(self):
        headers = {**principal_to_headers(ALICE), **PROVEN, "aws.event": "{}"}
        with pytest.raises(errors.UntrustedEventError, match="under Mangum"):
            identified(mangum(), scope_of(headers))

    @pytest.mark.parametrize("other", [None, "{}", [], 7])
    def test_what_is_no_event_is_none(self, other):
        with pytest.raises(errors.UntrustedEventError):
            identified(mangum(), scope_of(**{"aws.event": other}))

    def test_another_api_is_refused(self):
        with pytest.raises(errors.UntrustedEventError, match="apiId"):
            identified(mangum(api_id="other"), scope_of(**{"aws.event": event()}))

    def test_a_caller_ends_with_its_token(self):
        late = MangumCallers(gateway(), clock=lambda: NOW + 61)
        with pytest.raises(errors.TokenExpiredError):
            identified(late, scope_of(**{"aws.event": event()}))

    def test_the_api_is_looked_up_once_and_not_on_the_event_loop(self):
        asked = []

        def api_id():
            asked.append(threading.current_thread())
            return events.API_ID

        callers = mangum(api_id=api_id)
        for _ in range(2):
            assert identified(callers, scope_of(**{"aws.event": event()})).subject == "alice"
        assert len(asked) == 1
        assert asked[0] is not threading.current_thread()

    @pytest.mark.parametrize("given", [None, "http-lambda", ExpectedGateway])
    def test_a_gateway_is_needed(self, given):
        with pytest.raises(errors.ConfigurationError, match="`gateway`"):
            MangumCallers(given, clock=lambda: NOW)

    def test_openapi_names_what_the_client_sends(self):
        assert mangum().schemes["Bearer"]["scheme"] == "bearer"
        none = dict.fromkeys(["api_id", "account_id", "issuer", "client_ids", "token_use"])
        (signed,) = mangum(kind="rest-iam", **none).schemes.values()
        assert signed["x-amazon-apigateway-authtype"] == "awsSigv4"


class TestBehindARouter:
    def test_the_caller_is_in_the_headers(self):
        scope = scope_of({**principal_to_headers(ALICE), **PROVEN})
        assert identified(router(), scope).subject == "alice"

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            principal_to_headers(ALICE),
            {**principal_to_headers(ALICE), "x-gateway-proof": "fedcba9876543210"},
            PROVEN,
            [*principal_to_headers(ALICE).items(), *PROVEN.items(), *PROVEN.items()],
            [*principal_to_headers(ALICE).items(), *PROVEN.items(), ("x-principal-sub", "bob")],
            [*principal_to_headers(ALICE).items(), *PROVEN.items(), ("X-Principal-Sub", "bob")],
        ],
        ids=["nothing", "no proof", "wrong proof", "proof alone", "twice", "two", "two spellings"],
    )
    def test_anything_else_names_nobody(self, headers):
        with pytest.raises(errors.UntrustedEventError):
            identified(router(), scope_of(headers))

    def test_an_event_is_not_read(self):
        with pytest.raises(errors.UntrustedEventError):
            identified(router(), scope_of(**{"aws.event": event()}))

    def test_a_caller_ends_with_its_token(self):
        late = RouterCallers(PROOF, attributes=None, clock=lambda: NOW + 61)
        with pytest.raises(errors.TokenExpiredError):
            identified(late, scope_of({**principal_to_headers(ALICE), **PROVEN}))

    def test_a_certificate_is_no_proof_here(self):
        with pytest.raises(errors.ConfigurationError, match="certificate"):
            router(MutualTLS("CN=a", "CN=b"))

    @pytest.mark.parametrize("proof", ["secret", SecretHeader, True])
    def test_what_is_no_proof_is_refused(self, proof):
        with pytest.raises(errors.ConfigurationError, match="`proof`"):
            router(proof)

    def test_none_trusts_whoever_can_reach_it(self):
        scope = scope_of(principal_to_headers(ALICE))
        assert identified(router(None), scope).subject == "alice"

    def test_attributes_are_checked_when_built(self):
        with pytest.raises(errors.ConfigurationError):
            RouterCallers(PROOF, attributes={"sub": "sub"}, clock=lambda: NOW)


class TestAssertions:
    CALLER = AssertedCaller(
        "alice", ISSUER, "web", frozenset(), (), None, NOW + 60, "Get", "GET /orders/{id}", {}, ""
    )

    @pytest.fixture
    def signer(self):
        return CallerAssertion(
            key=SECRET, algorithm="HS256", issuer=ISSUER, audience="orders", clock=lambda: NOW
        )

    @pytest.fixture
    def proof(self):
        verifier = JWTVerifier.shared_secret(
            secret=SECRET, issuer=ISSUER, audience="orders", clock=lambda: NOW
        )
        return SignedAssertion(verifier)

    def test_it_says_who_calls(self, signer, proof):
        scope = scope_of({"txn-token": signer.sign(self.CALLER)})
        assert identified(router(proof), scope).subject == "alice"

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("DELETE", "/orders/7"),
            ("HEAD", "/orders/7"),
            ("GET", "/orders/7/lines"),
            ("GET", "/admin/orders/7"),
            ("GET", "/orders"),
        ],
    )
    def test_it_is_about_one_route(self, signer, proof, method, path):
        scope = scope_of({"txn-token": signer.sign(self.CALLER)}, method=method, path=path)
        with pytest.raises(errors.UntrustedEventError, match="another route"):
            identified(router(proof), scope)

    def test_an_encoded_slash_is_the_applications_slash(self, signer, proof):
        """The gateway sees one label in `/orders/7%2Fcancel`; the application routes two."""
        scope = scope_of(
            {"txn-token": signer.sign(self.CALLER)},
            path="/orders/7/cancel",
            raw_path=b"/orders/7%2Fcancel",
        )
        with pytest.raises(errors.UntrustedEventError, match="another route"):
            identified(router(proof), scope)

    def test_what_it_is_mounted_at_is_part_of_the_path(self, signer, proof):
        scope = scope_of(
            {"txn-token": signer.sign(self.CALLER)}, path="/admin/orders/7", root_path="/admin"
        )
        with pytest.raises(errors.UntrustedEventError, match="another route"):
            identified(router(proof), scope)

    def test_plain_headers_do_for_nothing(self, proof):
        with pytest.raises(errors.MissingTokenError):
            identified(router(proof), scope_of({**principal_to_headers(ALICE), **PROVEN}))

    def test_two_are_refused(self, signer, proof):
        token = signer.sign(self.CALLER)
        with pytest.raises(errors.UntrustedEventError, match="more than once"):
            identified(router(proof), scope_of([("txn-token", token)] * 2))

    def test_it_ends(self, signer, proof):
        scope = scope_of({"txn-token": signer.sign(self.CALLER)})
        verifier = JWTVerifier.shared_secret(
            secret=SECRET,
            issuer=ISSUER,
            audience="orders",
            clock=lambda: NOW + 61,
            leeway_seconds=600,
        )
        late = RouterCallers(SignedAssertion(verifier), attributes=None, clock=lambda: NOW + 61)
        with pytest.raises(errors.TokenExpiredError):
            identified(late, scope)


class TestStandalone:
    def test_the_token_says_who_calls(self, tokens):
        callers = token_callers(tokens.verifier)
        assert identified(callers, scope_of(tokens.bearer())).subject == "alice"

    def test_principal_headers_and_events_do_for_nothing(self, tokens):
        headers = {**principal_to_headers(ALICE), **PROVEN, "aws.event": "{}"}
        scope = scope_of(headers, **{"aws.event": event()})
        with pytest.raises(errors.MissingTokenError):
            identified(token_callers(tokens.verifier), scope)

    @pytest.mark.parametrize("other", ["alice", "bob"])
    def test_two_authorization_headers_are_refused(self, tokens, other):
        pairs = [*tokens.bearer().items(), *tokens.bearer(other).items()]
        with pytest.raises(errors.AmbiguousTokenError):
            identified(token_callers(tokens.verifier), scope_of(pairs))

    def test_one_header_twice_is_refused(self, tokens):
        pairs = list(tokens.bearer().items()) * 2
        with pytest.raises(errors.AmbiguousTokenError):
            identified(token_callers(tokens.verifier), scope_of(pairs))

    @pytest.mark.parametrize("raw", [b"Bearer \xff\xfe", b"Bearer caf\xc3\xa9", b"Bearer a b"])
    def test_bytes_that_are_no_token_are_refused(self, tokens, raw):
        scope = scope_of([(b"authorization", raw)])
        with pytest.raises(errors.AuthenticationError) as refused:
            identified(token_callers(tokens.verifier), scope)
        assert raw[7:].decode("latin-1") not in str(refused.value)

    def test_an_expired_token_is_refused(self, tokens):
        scope = scope_of(tokens.bearer(expires_in_seconds=-10))
        with pytest.raises(errors.TokenExpiredError):
            identified(token_callers(tokens.verifier), scope)

    def test_a_token_that_never_expires_is_refused(self):
        class Anything:
            issuers = frozenset({"a"})

            def verify(self, token):
                return SimpleNamespace(issuer="a", claims={"sub": token}, header={})

        with pytest.raises(errors.InvalidClaimError, match="`exp`"):
            identified(token_callers(Anything()), scope_of({"authorization": "Bearer alice"}))

    def test_a_refusal_names_the_key_by_its_digest(self, tokens):
        stranger = TestIssuer("https://issuer.example", algorithm="ES256")
        scope = scope_of({"authorization": f"Bearer {stranger.token({'sub': 'a'})}"})
        with pytest.raises(errors.UnknownKeyError) as refused:
            identified(token_callers(tokens.verifier), scope)
        assert refused.value.key_id_digest

    @pytest.mark.parametrize(
        ("source", "headers", "query"),
        [
            (Header("x-token"), {"X-Token": "{}"}, b""),
            (Cookie("session"), {"Cookie": "a=b; session={}"}, b""),
            (QueryParameter("token"), {}, b"token={}"),
            (Subprotocol("bearer"), {"Sec-WebSocket-Protocol": "bearer, {}"}, b""),
        ],
    )
    def test_the_token_is_where_it_is_said_to_be(self, tokens, source, headers, query):
        token = tokens.token()
        filled = {name: value.format(token) for name, value in headers.items()}
        scope = scope_of(filled, query=query.replace(b"{}", token.encode()))
        callers = token_callers(tokens.verifier, source)
        assert identified(callers, scope).subject == "alice"
        with pytest.raises(errors.MissingTokenError):
            identified(callers, scope_of(tokens.bearer()))

    def test_openapi_names_each_source(self, tokens):
        sources = [BearerToken(), Header("x-token"), Cookie("session"), QueryParameter("t")]
        assert token_callers(tokens.verifier, *sources).schemes == {
            "Bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            "Token-x-token": {"type": "apiKey", "in": "header", "name": "x-token"},
            "Token-session": {"type": "apiKey", "in": "cookie", "name": "session"},
            "Token-t": {"type": "apiKey", "in": "query", "name": "t"},
        }

    def test_users_of_several_issuers_must_be_told_apart(self):
        pair = [TestIssuer(f"https://{name}.example", algorithm="ES256") for name in "ab"]
        verifier = JWTVerifier.any_of(
            *[
                JWTVerifier(
                    issuer=one.issuer, audience=None, algorithms=["ES256"], keys=one.key_set()
                )
                for one in pair
            ]
        )
        decisions = SimpleNamespace(vocabulary=SimpleNamespace(principal_id="sub"))
        with pytest.raises(errors.ConfigurationError, match="several issuers"):
            token_callers(verifier, decisions=decisions)
