"""Who calls is remembered with the verified token, and forgotten with it."""

from __future__ import annotations

import gc
from typing import NamedTuple

import pytest

from authz_lib import BearerToken, JWTVerifier
from authz_lib.authorizer.callers import Callers
from authz_lib.gateway.events import parse_authorizer_event
from authz_lib.testing.issuer import TestIssuer

ISSUER = TestIssuer("https://issuer.example", algorithm="EdDSA")
ARN = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/prod/GET/orders"


def event_of(token):
    return parse_authorizer_event(
        {"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": ARN}
    )


def verifier_of(**options):
    return JWTVerifier(
        issuer=ISSUER.issuer,
        audience=None,
        algorithms=["EdDSA"],
        keys=ISSUER.key_set(),
        **options,
    )


def callers_of(verifier):
    return Callers(verifier, [BearerToken()], tenant_claim=None, groups_claim=None)


def test_a_caller_is_made_once_per_token():
    callers, event = callers_of(verifier_of()), event_of(ISSUER.token({"sub": "alice"}))
    assert callers.identify(event) is callers.identify(event)


@pytest.mark.parametrize("bound", [{"remember": 3}, {"remember_bytes": 9000}])
def test_what_the_verifier_forgets_is_forgotten(bound):
    verifier = verifier_of(**bound)
    callers = callers_of(verifier)
    for number in range(20):
        callers.identify(event_of(ISSUER.token({"sub": f"user-{number}"})))
    gc.collect()
    assert 1 <= len(callers._known) == len(verifier._memory) <= 3


def test_a_verifier_that_remembers_nothing_leaves_nothing_here():
    callers = callers_of(verifier_of(remember=0))
    for number in range(20):
        callers.identify(event_of(ISSUER.token({"sub": f"user-{number}"})))
    gc.collect()
    assert len(callers._known) == 0


def test_two_authorizers_may_share_a_verifier():
    verifier, event = verifier_of(), event_of(ISSUER.token({"sub": "alice", "org": "t1"}))
    plain = callers_of(verifier)
    with_tenant = Callers(verifier, [BearerToken()], tenant_claim="org", groups_claim=None)
    for _ in range(2):
        assert plain.identify(event).principal.tenant_id is None
        assert with_tenant.identify(event).principal.tenant_id == "t1"
    assert with_tenant.identify(event) is with_tenant.identify(event)


class Foreign:
    """A verifier that keeps every token it has seen."""

    issuers = None

    def __init__(self, make):
        self.make, self.kept = make, {}

    def verify(self, text):
        return self.kept.setdefault(text, self.make(verifier_of().verify(text)))


class Plain(NamedTuple):
    """A token that cannot be referenced weakly."""

    claims: object
    header: object
    issuer: str
    key_id: str


def test_a_foreign_verifier_works_within_the_bound():
    callers = callers_of(Foreign(lambda token: token))
    tokens = [ISSUER.token({"sub": f"user-{number}"}) for number in range(1030)]
    for token in tokens:
        callers.identify(event_of(token))
    assert len(callers._known) == 1024
    event = event_of(tokens[-1])
    assert callers.identify(event) is callers.identify(event)


def test_a_foreign_token_of_any_kind_works():
    foreign = Foreign(lambda token: Plain(token.claims, token.header, token.issuer, token.key_id))
    callers, event = callers_of(foreign), event_of(ISSUER.token({"sub": "alice"}))
    for _ in range(2):
        assert callers.identify(event).principal.subject == "alice"
    assert len(callers._known) == 0
