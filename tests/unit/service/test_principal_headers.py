"""Principal headers: complete, proven, and refused when anything is odd."""

from __future__ import annotations

import asyncio

import pytest

from authz_lib import JWTVerifier, principal_from_headers
from authz_lib.errors import (
    ConfigurationError,
    InvalidClaimError,
    TokenExpiredError,
    UntrustedEventError,
)
from authz_lib.gateway.context import PRINCIPAL_KEYS, refusal_context, to_context
from authz_lib.principal import Principal
from authz_lib.service import principal_headers as module
from authz_lib.testing import events
from authz_lib.tokens import AssertedCaller, CallerAssertion, SignedAssertion
from authz_lib.tokens.attributes import Attribute

NOW = 1_700_000_000.0
CALLER = Principal(
    "alice",
    issuer="https://issuer.example",
    client_id="web",
    groups=("a b", "é"),
    scopes=frozenset({"read"}),
    tenant_id="t1",
    claims={"token_use": "access"},
    expires_at=NOW + 60,
)
HEADERS = module.principal_to_headers(CALLER)
SECRET = "0123456789abcdef"
PROOF = module.SecretHeader("x-gateway-proof", [SECRET])


def read(headers, *, proof=None, now=NOW, **event):
    return principal_from_headers({"headers": headers, **event}, proof=proof, clock=lambda: now)


def test_there_and_back():
    caller = read(HEADERS)
    assert (caller.subject, caller.issuer, caller.client_id, caller.tenant_id) == (
        "alice",
        "https://issuer.example",
        "web",
        "t1",
    )
    assert (caller.groups, caller.scopes, caller.expires_at) == (("a b", "é"), {"read"}, NOW + 60)
    assert all(value.isascii() for value in HEADERS.values())


def test_one_table_makes_every_mapping():
    keys = set(to_context(CALLER)) - {"reason"}
    assert (
        set(PRINCIPAL_KEYS)
        == set(module.PRINCIPAL_HEADERS)
        == keys
        == set(refusal_context("x")) - {"reason"}
    )
    assert (
        module.HTTP_API_PARAMETERS["overwrite:header.x-principal-sub"] == "$context.authorizer.sub"
    )
    assert (
        module.REST_API_PARAMETERS["integration.request.header.x-principal-tenant-id"]
        == "context.authorizer.tenant_id"
    )
    assert module.HTTP_API_PUBLIC_PARAMETERS["remove:header.x-principal-sub"] == "''"
    assert module.REST_API_PUBLIC_PARAMETERS["integration.request.header.x-principal-sub"] == "'-'"
    sizes = {
        len(table)
        for table in (
            module.HTTP_API_PARAMETERS,
            module.REST_API_PARAMETERS,
            module.HTTP_API_PUBLIC_PARAMETERS,
            module.REST_API_PUBLIC_PARAMETERS,
        )
    }
    assert sizes == {len(PRINCIPAL_KEYS)}


@pytest.mark.parametrize("header", HEADERS)
def test_a_missing_header_is_refused(header):
    with pytest.raises(UntrustedEventError, match=header):
        read({name: value for name, value in HEADERS.items() if name != header})


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_is_there_twice_is_refused(header):
    with pytest.raises(UntrustedEventError):
        read({**HEADERS, header.upper(): HEADERS[header]})
    with pytest.raises(UntrustedEventError):
        read({**HEADERS, header: f"{HEADERS[header]},{HEADERS[header]}"})
    multi = {name: [value] for name, value in HEADERS.items()}
    with pytest.raises(UntrustedEventError):
        read({}, multiValueHeaders={**multi, header: [HEADERS[header], HEADERS[header]]})
    assert read({}, multiValueHeaders=multi).subject == "alice"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-principal-sub", ""),
        ("x-principal-sub", "alic\xe9"),
        ("x-principal-sub", "a\x00"),
        ("x-principal-groups", "admins"),
        ("x-principal-groups", "[admins"),
        ("x-principal-groups", '"admins"'),
        ("x-principal-groups", '{"admins": 1}'),
        ("x-principal-groups", "[1]"),
        ("x-principal-groups", '[""]'),
        ("x-principal-groups", "[" * 100_000),
        ("x-principal-groups", '["' + "x" * 8189 + '"]'),  # one more than a gateway passes on
        ("x-principal-scopes", "read"),
        ("x-principal-exp", "never"),
        ("x-principal-exp", ""),
        ("x-principal-exp", "$context.authorizer.exp"),
    ],
)
def test_a_malformed_header_is_refused_with_its_name_and_without_its_value(header, value):
    with pytest.raises(UntrustedEventError) as caught:
        read({**HEADERS, header: value})
    assert not value or value not in str(caught.value)


def test_an_expired_principal_is_refused():
    with pytest.raises(TokenExpiredError):
        read(HEADERS, now=NOW + 60)


@pytest.mark.parametrize("value", ["", " ", "-"])
def test_the_headers_of_a_public_route_are_nobody(value):
    with pytest.raises(UntrustedEventError):
        read(dict.fromkeys(HEADERS, value))
    with pytest.raises(UntrustedEventError):
        read({**HEADERS, "x-principal-sub": value})


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("value", ["", " ", "\t"])
def test_an_empty_header_is_refused_and_never_read_as_none(header, value):
    """A gateway that drops it would let a client's own through; none is `-`."""
    with pytest.raises(UntrustedEventError, match=header):
        read({**HEADERS, header: value})


def test_none_is_written_and_read_as_a_dash():
    nobody = Principal("alice", expires_at=NOW + 60)
    headers = module.principal_to_headers(nobody)
    assert {headers[f"x-principal-{key}"] for key in ("issuer", "client-id", "tenant-id")} == {"-"}
    assert all(headers.values())
    caller = read(headers)
    assert (caller.issuer, caller.client_id, caller.tenant_id) == (None, None, None)
    assert (caller.groups, dict(caller.claims)) == ((), {"sub": "alice", "exp": NOW + 60})


def test_a_json_text_that_is_there_twice_is_refused():
    headers = module.principal_to_headers(Principal("a,b", tenant_id="-", expires_at=NOW + 60))
    assert read(headers).subject == "a,b"
    with pytest.raises(UntrustedEventError, match="tenant_id"):
        read({**headers, "x-principal-tenant-id": '"-","t2"'})


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"x-gateway-proof": ""},
        {"x-gateway-proof": "0123456789abcdeX"},
        {"x-gateway-proof": "é"},
        {"x-gateway-proof": f"{SECRET},{SECRET}"},
        {"x-gateway-proof": SECRET, "X-Gateway-Proof": SECRET},
    ],
)
def test_headers_without_the_proof_are_only_a_claim_of_the_client(extra):
    with pytest.raises(UntrustedEventError, match="proof"):
        read({**HEADERS, **extra}, proof=PROOF)


def test_the_proof_lets_in_during_a_rotation_too():
    assert read({**HEADERS, "X-Gateway-Proof": SECRET}, proof=PROOF).subject == "alice"
    both = module.SecretHeader("x-gateway-proof", ["another-secret-of-16", SECRET])
    assert read({**HEADERS, "x-gateway-proof": SECRET}, proof=both).subject == "alice"
    assert SECRET not in repr(both)


@pytest.mark.parametrize(
    ("name", "secrets"),
    [
        ("x-amzn-trace", [SECRET]),
        ("X-Forwarded-For", [SECRET]),
        ("authorization", [SECRET]),
        ("via", [SECRET]),
        ("", [SECRET]),
        ("a b", [SECRET]),
        ("x-proof", []),
        ("x-proof", SECRET),
        ("x-proof", ["short"]),
        ("x-proof", [SECRET, ""]),
        ("x-proof", [SECRET + "\ud800"]),
        ("x-proof", [SECRET + "\n"]),
        ("x-proof", [7]),
        ("x-proof", 7),
        (7, [SECRET]),
    ],
)
def test_a_proof_that_proves_nothing_is_refused(name, secrets):
    with pytest.raises(ConfigurationError):
        module.SecretHeader(name, secrets)


def test_a_client_certificate_is_a_proof():
    proof = module.MutualTLS(subject_dn="CN=gateway", issuer_dn="CN=ca")
    certificate = {"subjectDN": "CN=gateway", "issuerDN": "CN=ca"}
    http = events.http_event(headers=HEADERS)
    http["requestContext"]["authentication"] = {"clientCert": certificate}
    rest = events.rest_event(headers=HEADERS, identity={"clientCert": certificate})
    for event in (http, rest):
        assert principal_from_headers(event, proof=proof, clock=lambda: NOW).subject == "alice"
        certificate["issuerDN"] = "CN=other"
        with pytest.raises(UntrustedEventError):
            principal_from_headers(event, proof=proof, clock=lambda: NOW)
        certificate["issuerDN"] = "CN=ca"
    with pytest.raises(UntrustedEventError):
        principal_from_headers(events.http_event(headers=HEADERS), proof=proof, clock=lambda: NOW)
    for wrong in ("", 1, None):
        with pytest.raises(ConfigurationError):
            module.MutualTLS(subject_dn=wrong, issuer_dn="CN=ca")


@pytest.mark.parametrize(
    "event", [None, {}, {"headers": None}, {"headers": []}, {"headers": {"a": 1}}]
)
def test_an_event_without_headers_is_nobody(event):
    with pytest.raises(UntrustedEventError):
        principal_from_headers(event, proof=None)


@pytest.mark.parametrize(
    "text", ["-", "--", "Zürich", "a,b", "a\nb", " a", "a ", " ", '"a"', '"', "\x7f", "[]", "null"]
)
def test_every_text_comes_back_as_itself(text):
    """A tenant that is called as nothing is, `-`, is no caller without a tenant."""
    caller = Principal(
        text,
        issuer=text,
        client_id=text,
        tenant_id=text,
        groups=(text,),
        claims={"token_use": text},
        expires_at=NOW + 60,
    )
    headers = module.principal_to_headers(caller)
    assert all(value.isascii() and value.isprintable() and value for value in headers.values())
    assert all(value == value.strip() for value in headers.values())
    back = read(headers)
    assert (back.subject, back.issuer, back.client_id) == (text, text, text)
    assert (back.tenant_id, back.groups, back.claims["token_use"]) == (text, (text,), text)


def test_a_principal_without_a_subject_is_not_handed_on():
    with pytest.raises(InvalidClaimError, match="sub"):
        module.principal_to_headers(Principal("", expires_at=NOW + 60))


@pytest.mark.parametrize("seconds", [-1.0, 1e15, float("inf"), float("nan")])
def test_an_end_that_no_service_would_take_back_is_not_written(seconds):
    with pytest.raises(InvalidClaimError, match="exp"):
        module.principal_to_headers(Principal("alice", expires_at=seconds))


def test_a_principal_without_an_end_is_not_handed_on():
    with pytest.raises(InvalidClaimError):
        module.principal_to_headers(Principal("alice"))


def test_half_a_character_is_no_proof():
    headers = module.principal_to_headers(Principal("alice", expires_at=NOW + 60))
    for value in ("\ud800", SECRET + "\ud800"):
        with pytest.raises(UntrustedEventError, match="proof"):
            read({**headers, "x-gateway-proof": value}, proof=PROOF)


@pytest.mark.parametrize(
    "event",
    [
        {"headers": {None: "x"}},
        {"headers": {1: "x"}, "multiValueHeaders": None},
        {"headers": [["x-principal-sub", "alice"]]},
        {"headers": "x-principal-sub: alice"},
        {},
        None,
    ],
)
def test_headers_of_another_type_are_refused_and_never_a_crash(event):
    with pytest.raises(UntrustedEventError):
        module.principal_from_headers(event, proof=None)


def test_a_header_that_the_two_maps_tell_differently_is_there_twice():
    headers = module.principal_to_headers(Principal("alice", expires_at=4_000_000_000.0))
    other = {name: [value] for name, value in headers.items()} | {"x-principal-sub": ["mallory"]}
    with pytest.raises(UntrustedEventError, match="x-principal-sub"):
        module.principal_from_headers({"headers": headers, "multiValueHeaders": other}, proof=None)


def test_a_list_may_be_as_long_as_a_gateway_passes_on():
    groups = '["' + "x" * 8188 + '"]'
    assert read({**HEADERS, "x-principal-groups": groups}).groups == ("x" * 8188,)


@pytest.mark.parametrize(
    ("kind", "public", "constant"),
    [
        ("http", False, module.HTTP_API_PARAMETERS),
        ("http", True, module.HTTP_API_PUBLIC_PARAMETERS),
        ("rest", False, module.REST_API_PARAMETERS),
        ("rest", True, module.REST_API_PUBLIC_PARAMETERS),
    ],
)
def test_each_header_that_is_read_is_mapped(kind, public, constant):
    assert module.header_parameters(kind, public=public) == dict(constant)
    declared = {"email": "email", "staff_level": Attribute("level", "number")}
    mapped = module.header_parameters(kind, attributes=declared, public=public)
    caller = Principal("alice", expires_at=NOW + 60, attributes={"email": "a"})
    headers = module.principal_to_headers(caller, attributes=declared)
    assert {name.rpartition(".")[2] for name in mapped} == set(headers)
    assert len(mapped) == len(constant) + 2


@pytest.mark.parametrize("options", [{"kind": "alb"}, {"public": 1}, {"attributes": {"sub": "x"}}])
def test_parameters_of_nothing_are_refused(options):
    with pytest.raises(ConfigurationError):
        module.header_parameters(**{"kind": "http", **options})


class TestInAnEventLoop:
    def read(self, headers, **options):
        event = {"httpMethod": "GET", "path": "/orders/7", "headers": headers}
        options = {"proof": PROOF, "clock": lambda: NOW, **options}
        return asyncio.run(module.aprincipal_from_headers(event, **options))

    def test_the_headers_say_the_same(self):
        proven = {**HEADERS, PROOF.name: SECRET}
        assert self.read(proven) == read(proven, proof=PROOF)

    def test_without_the_proof_they_are_refused(self):
        with pytest.raises(UntrustedEventError):
            self.read(HEADERS)

    def test_an_assertion_says_who_calls_and_the_headers_nothing(self):
        key = "correct horse battery staple, and more"
        names = {"issuer": "https://orders.example", "audience": "orders"}
        signer = CallerAssertion(key=key, algorithm="HS256", clock=lambda: NOW, **names)
        asserted = AssertedCaller(
            subject="bob",
            issuer=CALLER.issuer,
            client_id="web",
            scopes=frozenset({"read"}),
            groups=("g",),
            tenant_id="t1",
            expires_at=NOW + 30,
            action="Get",
            route="GET /orders/{id}",
            attributes={"level": 3},
            transaction="",
        )
        headers = {**HEADERS, "Txn-Token": signer.sign(asserted)}
        verifier = JWTVerifier.shared_secret(secret=key, clock=lambda: NOW, **names)
        options = {
            "proof": SignedAssertion(verifier),
            "attributes": {"level": Attribute("level", type="number")},
        }
        caller = self.read(headers, **options)
        assert (caller.subject, caller.attributes["level"]) == ("bob", 3)
        event = {"httpMethod": "GET", "path": "/orders/7", "headers": headers}
        assert principal_from_headers(event, clock=lambda: NOW, **options) == caller
        with pytest.raises(TokenExpiredError):
            self.read(headers, clock=lambda: NOW + 31, **options)
