"""Asks the authorizer a few questions on this machine, and prints the spans: one a line."""

import json
import os

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from authz_lib.testing.events import http_authorizer_event
from authz_lib.testing.issuer import TestIssuer
from authz_lib.testing.policy_store import PolicyStoreServer

POLICY = """
permit (
  principal == User::"alice",
  action == Action::"ListOrders",
  resource == Application::"orders"
);
"""


def one_line(span: ReadableSpan) -> str:
    """Name and attributes."""
    return json.dumps([span.name, dict(span.attributes or {})]) + "\n"


def ask(issuer: TestIssuer) -> None:
    """Alice twice, then Bob, then somebody without a good token."""
    from authorizer import handler

    alice = issuer.token({"sub": "alice", "aud": "orders"})
    bob = issuer.token({"sub": "bob", "aud": "orders"})
    for token in (alice, alice, bob, f"{alice}x"):
        event = http_authorizer_event(
            route="GET /orders", path="/orders", headers={"authorization": f"Bearer {token}"}
        )
        handler(event, None)


provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=one_line)))
trace.set_tracer_provider(provider)

issuer = TestIssuer("https://issuer.example")
with issuer.serve() as keys, PolicyStoreServer() as store:
    os.environ |= {
        "ISSUER": "https://issuer.example",
        "AUDIENCE": "orders",
        "KEYS_URL": keys.jwks_url,
        "POLICY_STORE_ID": store.create_store(POLICY),
        "AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS": store.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    ask(issuer)
