"""Orders, with Powertools, behind an HTTP API whose Lambda authorizer is this library's."""

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from authz_lib import EntityUid, ExpectedGateway, VerifiedPermissions
from authz_lib.decisions import DecisionLog
from authz_lib.integrations.powertools import (
    ResolverAuthorization,
    any_caller,
    principal_of,
    public,
    requires,
)
from authz_lib.integrations.powertools_metrics import AuthorizationMetrics

logger = Logger()
metrics = AuthorizationMetrics()
gateway = ExpectedGateway(
    kind="http-lambda",
    api_id=os.environ["API_ID"],
    account_id=os.environ["ACCOUNT_ID"],
    issuer=os.environ["ISSUER"],
    client_ids=[os.environ["CLIENT_ID"]],
    token_use="access",
)
policies = VerifiedPermissions(
    os.environ["POLICY_STORE_ID"], decision_log=DecisionLog(on_decision=metrics.decision)
).cached(ttl_seconds=60)

app = APIGatewayHttpResolver()
authorization = ResolverAuthorization.behind_gateway(
    app, gateway, decisions=policies, logger=logger, metrics=metrics
)


def order(path: dict[str, str]) -> EntityUid:
    """The resource of a route with ``<order_id>``."""
    return EntityUid("Order", path["order_id"])


@app.get("/health", middlewares=[public()])
def health() -> dict[str, Any]:
    """For everybody."""
    return {"ok": True}


@app.get("/me", middlewares=[any_caller()])
def me() -> dict[str, Any]:
    """For every caller that the authorizer has let in."""
    return {"groups": principal_of(app).groups}


@app.get("/orders/<order_id>", middlewares=[requires("GetOrder", resource=order)])
def get_order(order_id: str) -> dict[str, Any]:
    """For whom the policies allow it."""
    logger.info("an order is read")
    return {"id": order_id}


handler = authorization.handler()
