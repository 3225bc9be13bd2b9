"""Security 12: a principal header without a value, which a gateway may drop."""

from __future__ import annotations

import pytest

from authz_lib import (
    BearerToken,
    GatewayCache,
    JWTVerifier,
    LambdaAuthorizer,
    errors,
    principal_from_headers,
)
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer

ISSUER = TestIssuer("https://issuer.example", algorithm="ES256")


def told() -> dict[str, object]:
    """What the authorizer tells the gateway about alice, who is of no tenant and no client."""
    authorizer = LambdaAuthorizer(
        verifier=JWTVerifier(
            issuer=ISSUER.issuer, audience=None, algorithms=["ES256"], keys=ISSUER.key_set()
        ),
        token_sources=[BearerToken()],
        actions=None,
        decisions=None,
        response="simple",
        gateway_cache=GatewayCache.OFF,
        tenant_claim="org",
    )
    token = ISSUER.token({"sub": "alice"})
    context = authorizer(events.http_authorizer_event(token))["context"]
    del context["reason"]
    return context


def header(key: str) -> str:
    return f"x-principal-{key.replace('_', '-')}"


def test_a_clients_own_header_does_not_reach_the_service_where_a_gateway_drops_what_is_empty() -> (
    None
):
    forged = {header("tenant_id"): "globex", header("client_id"): "backoffice"}
    written = {header(key): str(value) for key, value in told().items() if str(value)}
    caller = principal_from_headers({"headers": {**forged, **written}}, proof=None)
    assert (caller.subject, caller.tenant_id, caller.client_id) == ("alice", None, None)


@pytest.mark.parametrize("key", ["issuer", "client_id", "token_use", "tenant_id"])
def test_an_empty_header_is_not_read_as_none(key: str) -> None:
    headers = {header(name): str(value) for name, value in told().items()}
    with pytest.raises(errors.UntrustedEventError):
        principal_from_headers({"headers": {**headers, header(key): ""}}, proof=None)
