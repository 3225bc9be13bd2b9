"""The dependencies of `authz_lib.integrations.fastapi` in a typed application."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI

from authz_lib import CedarEngine, Entity, EntityUid, ExpectedGateway, Principal
from authz_lib.integrations.asgi import AuthorizationMiddleware, principal_from_scope
from authz_lib.integrations.fastapi import (
    AppAuthorization,
    CurrentPrincipal,
    Requires,
    authenticated,
    protect,
    public,
)


class Row:
    id = "7"


def load_row(order_id: str) -> Row | None:
    return Row() if order_id == "7" else None


def entity_of(row: Row) -> Entity:
    return Entity(EntityUid("Order", row.id))


def application(gateway: ExpectedGateway, policies: CedarEngine) -> FastAPI:
    app = FastAPI()
    protect(app, AppAuthorization.mangum(gateway=gateway, decisions=policies), docs="public")

    def cancel(
        row: Annotated[Row, Requires("Cancel", resource=load_row, entity=entity_of)],
        caller: Annotated[Principal, CurrentPrincipal],
    ) -> str:
        return f"{row.id} {caller.subject}"

    app.delete("/orders/{order_id}", dependencies=[authenticated()])(cancel)
    app.get("/health", dependencies=[public()])(application)
    protect(app, "mangum")  # pyright: ignore[reportArgumentType]
    AppAuthorization.mangum(policies)  # pyright: ignore[reportCallIssue]
    AppAuthorization.behind_router()  # pyright: ignore[reportCallIssue]
    return app


def subject(middleware: AuthorizationMiddleware, scope: dict[str, object]) -> str:
    del middleware
    return principal_from_scope(scope).subject
