"""Orders of a shop: a Lambda behind an HTTP API, or a service of its own under uvicorn."""

import os
from typing import Annotated

from fastapi import FastAPI
from mangum import Mangum

from authz_lib import (
    CedarEngine,
    Entity,
    EntityUid,
    ExpectedGateway,
    JWTVerifier,
    Principal,
    RemoteKeySet,
)
from authz_lib.integrations.fastapi import (
    AppAuthorization,
    Requires,
    authenticated,
    protect,
    public,
)

ISSUER, CLIENT_ID = os.environ["ISSUER"], os.environ["CLIENT_ID"]
POLICIES = CedarEngine.from_text(
    """
    permit(principal, action, resource is Order) when { resource.owner == principal };
    permit(principal in Group::"support", action == Action::"GetOrder", resource is Order);
    """
)


def order_of(order_id: str, owner: str) -> Entity:
    """An order as the policies see it."""
    return Entity(EntityUid("Order", order_id), attrs={"owner": EntityUid("User", owner)})


ORDERS = {"1001": order_of("1001", "alice"), "1002": order_of("1002", "bob")}


def load_order(order_id: str) -> Entity | None:
    """The order, or nothing: then the answer is 404."""
    return ORDERS.get(order_id)


def behind_the_gateway() -> AppAuthorization:
    """API Gateway has verified the token."""
    gateway = ExpectedGateway(
        kind="http-jwt",
        api_id=os.environ["API_ID"],
        account_id=os.environ["ACCOUNT_ID"],
        issuer=ISSUER,
        client_ids=[CLIENT_ID],
        token_use=None,
    )
    return AppAuthorization.mangum(gateway=gateway, decisions=POLICIES)


def on_its_own() -> AppAuthorization:
    """This service verifies the token."""
    verifier = JWTVerifier(
        issuer=ISSUER,
        audience=None,
        client_id=CLIENT_ID,
        algorithms=["RS256"],
        keys=RemoteKeySet(os.environ["JWKS_URL"]),
    )
    return AppAuthorization.standalone(verifier=verifier, tenant_claim=None, decisions=POLICIES)


# One word of the deployment chooses; without it, nothing starts.
CHOICES = {"gateway": behind_the_gateway, "token": on_its_own}
app = FastAPI(title="Orders")
protect(app, CHOICES[os.environ["CALLERS"]](), docs="public")


@app.get("/orders/{order_id}")
def get_order(order: Annotated[Entity, Requires("GetOrder", resource=load_order)]) -> str:
    """One order, for whom the policies allow it."""
    return order.uid.id


@app.delete("/orders/{order_id}")
def cancel_order(
    order: Annotated[Entity, Requires("CancelOrder", resource=load_order, scopes=["orders/write"])],
) -> str:
    """Cancel an order: the token needs the scope, and the policies must allow it."""
    return f"cancelled {order.uid.id}"


@app.get("/orders")
async def list_orders(caller: Annotated[Principal, authenticated()]) -> list[str]:
    """The orders that this caller may get."""
    seen = await POLICIES.afilter(caller, "GetOrder", ORDERS.values())
    return [order.uid.id for order in seen]


@app.get("/health", dependencies=[public()])
def health() -> str:
    """For everybody."""
    return "ok"


handler = Mangum(app)
