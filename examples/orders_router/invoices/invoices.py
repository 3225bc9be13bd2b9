"""The invoices service: another team's Lambda behind the REST API, with the same authorizer."""

from __future__ import annotations

import json
import os
from typing import Any

import boto3

from authz_lib import (
    Entity,
    EntityUid,
    ExpectedGateway,
    VerifiedPermissions,
    principal_from_event,
    service_handler,
)
from authz_lib.service import api_id_from_parameter_store
from authz_lib.smithy import errors as smithy

JSON = dict[str, Any]

table = boto3.resource("dynamodb").Table(os.environ["INVOICES_TABLE"])
policies = VerifiedPermissions(os.environ["POLICY_STORE_ID"])

GATEWAY = ExpectedGateway(
    kind="rest-lambda",
    # The API names this function, so the template cannot hand its id over: that would be a cycle.
    api_id=api_id_from_parameter_store(os.environ["API_ID_PARAMETER"]),
    account_id=os.environ["ACCOUNT_ID"],
    issuer=os.environ["ISSUER"],
    client_ids=[os.environ["CLIENT_ID"]],
    token_use="access",
)


@service_handler
def handler(event: JSON, context: object) -> JSON:
    """``GET /invoices`` and ``GET /invoices/{invoiceId}``: each caller's own."""
    caller = principal_from_event(event, gateway=GATEWAY)
    wanted = (event["pathParameters"] or {}).get("invoiceId")
    if wanted is None:
        rows = {row["id"]: row for row in table.scan()["Items"]}
        visible = policies.filter(
            caller, "commercial:GetInvoice", [entity(row) for row in rows.values()]
        )
        return answer({"invoices": [view(rows[invoice.uid.id]) for invoice in visible]})
    row = table.get_item(Key={"id": wanted}).get("Item")
    if row is None:
        raise smithy.not_found("no such invoice")
    policies.require(caller, "commercial:GetInvoice", entity(row))
    return answer(view(row))


def entity(row: JSON) -> Entity:
    """An invoice as the policies see it."""
    owner = EntityUid("User", row["owner"])
    return Entity(
        EntityUid("Invoice", row["id"]), attrs={"owner": owner, "tenant_id": row["tenant_id"]}
    )


def view(row: JSON) -> JSON:
    """An invoice as its readers see it."""
    return {"id": row["id"], "amount": row["amount"]}


def answer(body: JSON) -> JSON:
    """A Lambda proxy answer."""
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
    }
