"""Security 2: a class around a verifier or a decision point that does not say its issuers."""

from __future__ import annotations

import pytest

from authz_lib import (
    ActionMap,
    BearerToken,
    CedarEngine,
    EntityUid,
    GatewayCache,
    JWTVerifier,
    LambdaAuthorizer,
    errors,
)
from authz_lib.testing.issuer import TestIssuer

A = TestIssuer("https://a.example", algorithm="ES256")
B = TestIssuer("https://b.example", algorithm="ES256")
ACTIONS = ActionMap.from_document(
    {"version": 1, "actions": [{"method": "GET", "route": "/orders", "action": "ListOrders"}]}
)


def verifier(issuer: TestIssuer) -> JWTVerifier:
    return JWTVerifier(
        issuer=issuer.issuer, audience=None, algorithms=["ES256"], keys=issuer.key_set()
    )


class Metered:
    """Forwards `verify`, to count, and knows no `issuers`."""

    def __init__(self, inner: JWTVerifier) -> None:
        self._inner = inner

    def verify(self, token: str) -> object:
        return self._inner.verify(token)


class MeteredDecisions:
    """Forwards the questions, and knows no `vocabulary`."""

    def __init__(self, inner: CedarEngine) -> None:
        self.is_authorized = inner.is_authorized
        self.batch_is_authorized = inner.batch_is_authorized


def build(**changes: object) -> LambdaAuthorizer:
    arguments = {
        "verifier": JWTVerifier.any_of(verifier(A), verifier(B)),
        "token_sources": [BearerToken()],
        "actions": ACTIONS,
        "decisions": CedarEngine.from_text("permit(principal, action, resource);"),
        "application": EntityUid("Application", "shop"),
        "response": "simple",
        "gateway_cache": GatewayCache.OFF,
        "tenant_claim": None,
        "groups_claim": None,
    }
    return LambdaAuthorizer(**{**arguments, **changes})


def test_a_verifier_that_names_no_issuers_is_refused():
    with pytest.raises(errors.ConfigurationError, match="issuers"):
        build(verifier=Metered(JWTVerifier.any_of(verifier(A), verifier(B))), tenant_claim="org")


def test_a_decision_point_that_names_no_vocabulary_is_refused():
    engine = CedarEngine.from_text(
        "permit(principal, action, resource);", principal_id="issuer|sub"
    )
    with pytest.raises(errors.ConfigurationError, match="vocabulary"):
        build(decisions=MeteredDecisions(engine))
