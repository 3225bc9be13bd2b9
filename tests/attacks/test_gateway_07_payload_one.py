"""gateway.md 7: `verifier=` did not read payload 1.0 of a route without an authorizer."""

from __future__ import annotations

import pytest

from authz_lib import BearerToken, ExpectedGateway, JWTVerifier, principal_from_event
from authz_lib.errors import UntrustedEventError
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer

ISSUER = TestIssuer("https://issuer.example", algorithm="EdDSA")
VERIFIER = JWTVerifier(
    issuer=ISSUER.issuer, audience=None, algorithms=["EdDSA"], keys=ISSUER.key_set()
)


def event():
    headers = {"authorization": "Bearer " + ISSUER.token({"sub": "alice"})}
    return {
        **events.rest_event(headers=headers),
        "version": "1.0",
        "requestContext": {
            **events.rest_event()["requestContext"],
            "resourceId": None,
            "authorizer": {"claims": None, "scopes": None},
        },
    }


@pytest.mark.parametrize("kind", ["http-jwt", "http-lambda"])
def test_a_route_without_an_authorizer(kind):
    gateway = ExpectedGateway(
        kind=kind, api_id=None, account_id=None, issuer=None, client_ids=None, token_use=None
    )
    caller = principal_from_event(
        event(), gateway=gateway, verifier=VERIFIER, token_sources=[BearerToken()]
    )
    assert caller.subject == "alice"
    with pytest.raises(UntrustedEventError, match="is missing"):
        principal_from_event(event(), gateway=gateway)
