"""What a type checker must see of integrations; checked by pyright strict, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from aws_lambda_powertools.event_handler import ALBResolver, APIGatewayHttpResolver

from authz_lib import (
    BearerToken,
    CedarEngine,
    DecisionPoint,
    EntityUid,
    ExpectedGateway,
    JWTVerifier,
    Principal,
    RemoteKeySet,
)
from authz_lib.decisions import DecisionLog
from authz_lib.delivery import Delivery
from authz_lib.integrations.opentelemetry import AuthorizationTelemetry
from authz_lib.integrations.powertools import ResolverAuthorization, principal_of, requires
from authz_lib.integrations.powertools_metrics import AuthorizationMetrics

if TYPE_CHECKING:
    from authz_lib.delivery.delivery import DeliveryPath


def guarded(gateway: ExpectedGateway, verifier: JWTVerifier, policies: CedarEngine) -> None:
    app = APIGatewayHttpResolver()
    metrics = AuthorizationMetrics(namespace="Orders")
    DecisionLog(on_decision=metrics.decision)
    ResolverAuthorization.behind_gateway(
        app, gateway, decisions=policies, application=EntityUid("Application", "a"), metrics=metrics
    )
    assert_type(principal_of(app), Principal)
    requires("Get", resource=lambda path: EntityUid("Order", path["order_id"]))
    ResolverAuthorization.with_tokens(
        ALBResolver(), verifier=verifier, token_sources=[BearerToken()], tenant_claim=None
    )
    ResolverAuthorization.with_tokens(ALBResolver(), verifier=verifier)  # pyright: ignore[reportCallIssue]
    ResolverAuthorization.behind_proxy(ALBResolver())  # pyright: ignore[reportCallIssue]
    ResolverAuthorization.behind_gateway(app, gateway, decision=policies)  # pyright: ignore[reportCallIssue]


def observed(policies: CedarEngine, verifier: JWTVerifier, way: DeliveryPath) -> None:
    telemetry = AuthorizationTelemetry()
    point: DecisionPoint = telemetry.decisions(policies.cached())
    RemoteKeySet("https://keys.example/", fetcher=telemetry.fetcher())
    Delivery(primary=way, on_event=telemetry.delivery)
    ResolverAuthorization.with_tokens(
        ALBResolver(),
        verifier=telemetry.verifier(verifier),
        token_sources=[BearerToken()],
        tenant_claim=None,
        decisions=point,
    )
    assert_type(telemetry.verifier(verifier).issuers, frozenset[str] | None)
