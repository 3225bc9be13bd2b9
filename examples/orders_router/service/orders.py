"""The orders service: decides which order a caller may touch; the gateway has let the caller in."""

from __future__ import annotations

import json
import os
import uuid
from typing import Any

import boto3

from authz_lib import (
    Entity,
    EntityUid,
    ExpectedGateway,
    Principal,
    VerifiedPermissions,
    principal_from_event,
    service_handler,
)
from authz_lib.errors import AccessDeniedError
from authz_lib.service import api_id_from_parameter_store, json_body
from authz_lib.smithy import errors as smithy

JSON = dict[str, Any]
LONGEST_ITEM = 200  # as `model/orders.smithy` says; no gateway checks it on the HTTP API

table = boto3.resource("dynamodb").Table(os.environ["ORDERS_TABLE"])
policies = VerifiedPermissions(os.environ["POLICY_STORE_ID"])


def expected(kind: str, api_id: Any) -> ExpectedGateway:
    """Claims are read only from events of our own API, for tokens of our own pool and client."""
    return ExpectedGateway(
        kind=kind,
        api_id=api_id,
        account_id=os.environ["ACCOUNT_ID"],
        issuer=os.environ["ISSUER"],
        client_ids=[os.environ["CLIENT_ID"]],
        token_use="access",
    )


HTTP_API = expected("http-lambda", os.environ.get("API_ID", "only-behind-the-rest-api"))
# The API names this function, so the template cannot hand the id over: that would be a cycle.
PARAMETER = os.environ.get("API_ID_PARAMETER", "only-behind-the-http-api")
REST_API = expected("rest-lambda", api_id_from_parameter_store(PARAMETER))


@service_handler
def http_handler(event: JSON, context: object) -> JSON:
    """Behind the HTTP API (payload 2.0)."""
    return serve(event["routeKey"], event, principal_from_event(event, gateway=HTTP_API))


@service_handler
def rest_handler(event: JSON, context: object) -> JSON:
    """Behind the REST API."""
    return serve(
        f"{event['httpMethod']} {event['resource']}",
        event,
        principal_from_event(event, gateway=REST_API),
    )


def serve(route: str, event: JSON, caller: Principal) -> JSON:
    """Run the operation of a route."""
    operation = OPERATIONS.get(route)
    if operation is None:
        raise smithy.not_found("no such route")
    return operation(event, caller)


def list_orders(event: JSON, caller: Principal) -> JSON:
    """Only the orders that the caller may get: one batched question, whatever is in the table."""
    rows = {row["id"]: row for row in table.scan()["Items"]}
    visible = policies.filter(caller, "commercial:GetOrder", [entity(row) for row in rows.values()])
    return answer(200, {"orders": [view(rows[order.uid.id]) for order in visible]})


def get_order(event: JSON, caller: Principal) -> JSON:
    """One order, where the policies allow it for this caller and this order."""
    row = stored(event)
    policies.require(caller, "commercial:GetOrder", entity(row))
    return answer(200, view(row))


def create_order(event: JSON, caller: Principal) -> JSON:
    """A new order, always of the caller and the caller's tenant, whatever the body says."""
    if caller.tenant_id is None:
        raise AccessDeniedError("the caller belongs to no tenant")
    item = json_body(event).get("item")
    if not isinstance(item, str) or not 0 < len(item) <= LONGEST_ITEM:
        raise smithy.validation(f"`item` must be text of 1 to {LONGEST_ITEM} characters")
    row = {
        "id": uuid.uuid4().hex,
        "owner": caller.subject,
        "tenant_id": caller.tenant_id,
        "item": item,
    }
    table.put_item(Item=row)
    return answer(201, view(row))


def cancel_order(event: JSON, caller: Principal) -> JSON:
    """Cancel an order; only its owner may, say the policies."""
    row = stored(event)
    policies.require(caller, "commercial:CancelOrder", entity(row))
    table.delete_item(Key={"id": row["id"]})
    return {"statusCode": 204}


OPERATIONS = {
    "GET /orders": list_orders,
    "POST /orders": create_order,
    "GET /orders/{orderId}": get_order,
    "DELETE /orders/{orderId}": cancel_order,
}


def stored(event: JSON) -> JSON:
    """The order that the path names."""
    row = table.get_item(Key={"id": event["pathParameters"]["orderId"]}).get("Item")
    if row is None:
        raise smithy.not_found("no such order")
    return row


def entity(row: JSON) -> Entity:
    """An order as the policies see it."""
    return Entity(
        EntityUid("Order", row["id"]),
        attrs={"owner": EntityUid("User", row["owner"]), "tenant_id": row["tenant_id"]},
    )


def view(row: JSON) -> JSON:
    """An order as its readers see it."""
    return {"id": row["id"], "item": row["item"]}


def answer(status: int, body: JSON) -> JSON:
    """A Lambda proxy answer."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
    }
