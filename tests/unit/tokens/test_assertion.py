"""Assertions: what is signed, and everything that is no proof of a caller."""

from __future__ import annotations

import asyncio
import json
import threading
from types import MappingProxyType

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from authz_lib import JWTVerifier, StaticKeySet
from authz_lib._support import base64url
from authz_lib.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidClaimError,
    InvalidTokenError,
    MissingTokenError,
    TokenExpiredError,
    UntrustedEventError,
)
from authz_lib.tokens import AssertedCaller, CallerAssertion, SignedAssertion
from authz_lib.tokens.secret_source import SecretSource, StoredSecret

SECRET = "correct horse battery staple, and more"
ISSUER, AUDIENCE, NOW = "https://orders.example", "orders", 1_800_000_000.0
ROUTE = "DELETE /orders/{id}"


def pem_of(private, encryption=None):
    return private.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()
    ).decode()


PEM = pem_of(Ed25519PrivateKey.generate())


def caller(**changes):
    return AssertedCaller(
        subject="alice",
        issuer="https://issuer.example",
        client_id="web",
        scopes=frozenset({"orders/write", "orders/read"}),
        groups=("customers", "vip"),
        tenant_id="t1",
        expires_at=NOW + 3600,
        action="commercial:CancelOrder",
        route=ROUTE,
        attributes=MappingProxyType({"level": 3, "regions": ("eu", "us")}),
        transaction="r-1",
    )._replace(**changes)


def signer(**options):
    return CallerAssertion(
        **{
            "key": PEM,
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "clock": lambda: NOW,
            **options,
        }
    )


def secret_signer(**options):
    return signer(key=SECRET, algorithm="HS256", **options)


def verifier(of=None, *, clock=lambda: NOW, **options):
    return JWTVerifier(
        issuer=options.pop("issuer", ISSUER),
        audience=options.pop("audience", AUDIENCE),
        algorithms=["EdDSA"],
        keys=StaticKeySet((of or signer()).jwks()),
        clock=clock,
        **options,
    )


def proof(*, routes="event", **options):
    return SignedAssertion(verifier(**options), routes=routes)


def test_the_claims_are_those_of_a_transaction_token():
    token = signer(workload="gateway").sign(caller())
    header, claims = (
        jwt.get_unverified_header(token),
        jwt.decode(token, options={"verify_signature": False}),
    )
    assert (header["typ"], header["alg"]) == ("txntoken+jwt", "EdDSA")
    assert claims == {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": NOW,
        "exp": NOW + 60,
        "txn": "r-1",
        "sub": "alice",
        "scope": "orders/read orders/write",
        "req_wl": "gateway",
        "tctx": {"action": "commercial:CancelOrder", "route": ROUTE},
        "rctx": {
            "iss": "https://issuer.example",
            "client_id": "web",
            "groups": ["customers", "vip"],
            "tenant_id": "t1",
            "attributes": {"level": 3, "regions": ["eu", "us"]},
        },
    }


def test_what_was_signed_is_read_back():
    found = proof().read([signer().sign(caller())], "DELETE", "/orders/17")
    assert found == caller(expires_at=NOW + 60, attributes={"level": 3, "regions": ("eu", "us")})


def test_with_a_shared_secret_too():
    reader = JWTVerifier.shared_secret(
        secret=SECRET, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW
    )
    token = secret_signer().sign(caller())
    assert SignedAssertion(reader).read([token], "DELETE", "/orders/17").subject == "alice"


@pytest.mark.parametrize(
    ("lifetime", "left", "lives"), [(60, 3600, 60), (300, 3600, 300), (60, 10.9, 10), (1, 1, 1)]
)
def test_it_ends_with_the_token_and_after_its_own_life(lifetime, left, lives):
    token = signer(lifetime_seconds=lifetime).sign(caller(expires_at=NOW + left))
    assert jwt.decode(token, options={"verify_signature": False})["exp"] == NOW + lives


@pytest.mark.parametrize("change", [{"subject": ""}, {"expires_at": NOW}, {"expires_at": NOW - 1}])
def test_no_assertion_of_nobody_or_of_the_past(change):
    with pytest.raises(InvalidClaimError):
        signer().sign(caller(**change))


def test_a_transaction_without_a_name_gets_one():
    tokens = [signer().sign(caller(transaction="")) for _ in range(2)]
    names = {jwt.decode(token, options={"verify_signature": False})["txn"] for token in tokens}
    assert len(names) == 2


def forged(token, **changes):
    """The same signature under other claims; a mapping changes the members of a member."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64url.decode(payload.encode()))
    for name, value in changes.items():
        claims[name] = claims[name] | value if isinstance(value, dict) else value
    return f"{header}.{base64url.encode(json.dumps(claims).encode()).decode()}.{signature}"


def resigned(**changes):
    """An assertion of the right signer with other claims or another header."""
    kept = signer()
    header, claims = {"typ": "txntoken+jwt"}, {}
    token = kept.sign(caller())
    claims = jwt.decode(token, options={"verify_signature": False})
    header["kid"] = jwt.get_unverified_header(token)["kid"]
    header |= changes.pop("header", {})
    for name, value in changes.items():
        if value is ...:
            claims.pop(name)
        else:
            claims[name] = value
    return jwt.encode(claims, PEM, "EdDSA", headers=header)


REFUSED = {
    "nothing": ([], MissingTokenError),
    "two": (lambda: [signer().sign(caller())] * 2, UntrustedEventError),
    "no token": (["alice"], InvalidTokenError),
    "another audience": (lambda: [signer(audience="billing").sign(caller())], InvalidClaimError),
    "another issuer": (
        lambda: [signer(issuer="https://e.example").sign(caller())],
        InvalidClaimError,
    ),
    "another signer": (
        lambda: [signer(key=pem_of(Ed25519PrivateKey.generate())).sign(caller())],
        AuthenticationError,
    ),
    "a shared secret": (lambda: [secret_signer().sign(caller())], InvalidTokenError),
    "the public key as a secret": (
        lambda: [
            jwt.encode(
                {"sub": "alice"},
                base64url.decode(signer().jwks()["keys"][0]["x"].encode()),
                "HS256",
            )
        ],
        InvalidTokenError,
    ),
    "an expired one": (
        lambda: [signer(clock=lambda: NOW - 400).sign(caller())],
        TokenExpiredError,
    ),
    "a changed scope": (
        lambda: [forged(signer().sign(caller()), scope="admin")],
        InvalidTokenError,
    ),
    "a changed group": (
        lambda: [forged(signer().sign(caller()), rctx={"groups": ["admins"]})],
        InvalidTokenError,
    ),
    "a changed route": (
        lambda: [forged(signer().sign(caller()), tctx={"route": "DELETE /users/{id}"})],
        InvalidTokenError,
    ),
    "another type": (lambda: [resigned(header={"typ": "JWT"})], InvalidTokenError),
    "no type": (lambda: [resigned(header={"typ": None})], InvalidTokenError),
    "no route": (lambda: [resigned(tctx=...)], InvalidTokenError),
    "no requester": (lambda: [resigned(rctx=...)], InvalidTokenError),
    "groups as text": (lambda: [resigned(rctx={"groups": "admins"})], InvalidTokenError),
    "no subject": (lambda: [resigned(sub=...)], InvalidTokenError),
    "no expiry": (lambda: [resigned(exp=...)], InvalidTokenError),
    "no transaction": (lambda: [resigned(txn=...)], InvalidTokenError),
    "scope as a list": (lambda: [resigned(scope=["admin"])], InvalidTokenError),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_proof(name):
    values, error = REFUSED[name]
    with pytest.raises(error) as raised:
        proof().read(values() if callable(values) else values, "DELETE", "/orders/17")
    assert "alice" not in str(raised.value)


def test_what_a_provider_signed_is_no_assertion():
    """A token of the same keys, issuer and audience that is none."""
    token = jwt.encode(
        {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": NOW + 60},
        PEM,
        "EdDSA",
        headers={"kid": signer().jwks()["keys"][0]["kid"], "typ": "at+jwt"},
    )
    with pytest.raises(InvalidTokenError):
        proof().read([token], "DELETE", "/orders/17")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/orders/17"),
        ("DELETE", "/users/17"),
        ("DELETE", "/orders"),
        ("DELETE", "/orders/17/lines"),
        ("DELETE", "/orders/../users"),
        ("DELETE", "/prod/orders/17"),
        ("delete", "/orders/17"),
        ("DELETE", None),
        (None, "/orders/17"),
    ],
)
def test_a_replay_on_another_route_is_refused(method, path):
    with pytest.raises(UntrustedEventError):
        proof().read([signer().sign(caller())], method, path)


@pytest.mark.parametrize(
    ("routes", "passes"),
    [
        ([ROUTE], True),
        (["GET /orders", ROUTE], True),
        (["GET /orders"], False),
        ([], False),
        (None, True),
    ],
)
def test_a_service_further_on_names_the_routes(routes, passes):
    reader, token = proof(routes=routes), signer().sign(caller())
    if passes:
        assert reader.read([token]).route == ROUTE
    else:
        with pytest.raises(UntrustedEventError):
            reader.read([token])


def test_a_signer_whose_key_is_rotated_signs_with_the_new_one():
    keys = [PEM, pem_of(Ed25519PrivateKey.generate())]
    now = [NOW]

    class Vault:
        def current(self):
            return StoredSecret(keys[0])

        def previous(self, current):
            return None

    source = SecretSource("signing key", Vault(), ttl_seconds=10, clock=lambda: now[0])
    rotating = signer(key=source, clock=lambda: now[0])
    first = jwt.get_unverified_header(rotating.sign(caller()))["kid"]
    keys.reverse()
    assert jwt.get_unverified_header(rotating.sign(caller()))["kid"] == first
    now[0] += 11
    token = rotating.sign(caller())
    assert jwt.get_unverified_header(token)["kid"] != first
    assert verifier(of=rotating, clock=lambda: now[0]).verify(token)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "no key",
        SECRET,
        5,
        None,
        pem_of(generate_private_key(SECP256R1())),
        pem_of(Ed25519PrivateKey.generate(), BestAvailableEncryption(b"password")),
    ],
)
def test_what_is_no_signing_key(key):
    with pytest.raises(ConfigurationError):
        signer(key=key)


@pytest.mark.parametrize(
    "options",
    [
        {"algorithm": "RS256"},
        {"algorithm": "none"},
        {"issuer": ""},
        {"audience": None},
        {"workload": ""},
        {"lifetime_seconds": 0},
        {"lifetime_seconds": 301},
        {"lifetime_seconds": float("nan")},
        {"clock": 5},
        {"algorithm": "HS256"},
        {"algorithm": "HS256", "key": "short"},
    ],
)
def test_wrong_arguments(options):
    with pytest.raises(ConfigurationError):
        signer(**options)


@pytest.mark.parametrize(
    "routes", ["GET /orders", ["/orders"], ["GET orders"], [5], 5, [["GET /orders"]]]
)
def test_wrong_routes(routes):
    with pytest.raises(ConfigurationError):
        proof(routes=routes)
    with pytest.raises(ConfigurationError):
        SignedAssertion(None)


def test_one_source_is_no_secret_and_signing_key_at_once():
    class Vault:
        def current(self):
            return StoredSecret(PEM)

        def previous(self, current):
            return None

    source = SecretSource("signing key", Vault(), clock=lambda: NOW)
    signer(key=source).sign(caller())
    with pytest.raises(ConfigurationError):
        signer(key=source, algorithm="HS256")


def test_a_secret_has_no_public_key():
    with pytest.raises(ConfigurationError):
        secret_signer().jwks()


def test_no_repr_shows_a_key():
    shown = repr(signer()) + repr(secret_signer()) + repr(proof())
    assert SECRET not in shown
    assert "PRIVATE" not in shown


def test_an_attribute_that_is_no_json_value_is_refused():
    with pytest.raises(InvalidClaimError):
        signer().sign(caller(attributes={"at": object()}))


class TestInAnEventLoop:
    def read(self, reader, *values, method="DELETE", path="/orders/17"):
        return asyncio.run(reader.aread(values, method, path))

    def test_it_says_the_same(self):
        token = signer().sign(caller())
        assert self.read(proof(), token) == proof().read([token], "DELETE", "/orders/17")

    def test_another_route_is_refused(self):
        with pytest.raises(UntrustedEventError):
            self.read(proof(), signer().sign(caller()), path="/users/17")

    def test_what_is_no_assertion_is_refused(self):
        token = signer().sign(caller())
        with pytest.raises(MissingTokenError):
            self.read(proof())
        with pytest.raises(UntrustedEventError):
            self.read(proof(), token, token)
        with pytest.raises(InvalidTokenError):
            self.read(proof(), token[:-4] + "AAAA")

    def test_a_verifier_that_waits_does_so_in_a_thread(self):
        threads, inner = [], verifier()

        class Waiting:
            def verify(self, token):
                threads.append(threading.current_thread())
                return inner.verify(token)

        token = signer().sign(caller())
        assert self.read(SignedAssertion(Waiting()), token).subject == "alice"
        assert threads[0] is not threading.current_thread()
