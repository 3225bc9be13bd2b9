"""Commercial: orders, behind both APIs.  The gateway let the caller in; here it is one order."""

import uuid
from typing import Any

from gateway import GATEWAY, policies, table
from rows import Rows

from authz_lib import Principal, principal_from_event, service_handler
from authz_lib.service import json_answer, json_body
from authz_lib.smithy import errors as smithy

LONGEST_ITEM = 200  # as `model/orders.smithy` says; no gateway checks it on the HTTP API
orders = Rows("Order", shown="item", policies=policies, table=table)


@service_handler
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """``/api/commercial/orders`` and ``/api/commercial/orders/{id}``."""
    caller = principal_from_event(event, gateway=GATEWAY)
    order_id = (event.get("pathParameters") or {}).get("id")
    match (event.get("routeKey") or f"{event['httpMethod']} {event['resource']}").split():
        case ["GET", "/api/commercial/orders"]:
            return json_answer(200, {"orders": orders.visible(caller)})
        case ["POST", "/api/commercial/orders"]:
            return json_answer(201, created(json_body(event).get("item"), caller))
        case ["GET", "/api/commercial/orders/{id}"]:
            return json_answer(200, orders.require(caller, "Get", order_id))
        case ["DELETE", "/api/commercial/orders/{id}"]:
            table.delete_item(Key={"id": orders.require(caller, "Cancel", order_id)["id"]})
            return json_answer(204)
    raise smithy.not_found("no such route")


def created(item: object, caller: Principal) -> dict[str, str]:
    """A new order, always of the caller and the caller's tenant, whatever the body says."""
    if caller.tenant_id is None:
        raise smithy.access_denied("the caller belongs to no tenant")
    if not isinstance(item, str) or not 0 < len(item) <= LONGEST_ITEM:
        raise smithy.validation(f"`item` must be text of 1 to {LONGEST_ITEM} characters")
    row = {"id": uuid.uuid4().hex, "item": item}
    table.put_item(Item={**row, "owner": caller.subject, "tenant_id": caller.tenant_id})
    return row
