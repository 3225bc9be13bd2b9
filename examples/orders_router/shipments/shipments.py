"""The shipments service: plain HTTP in a container, behind the router.

It reads no token.  Who is calling stands in headers, and it believes them only beside the proof
that the gateway adds.
"""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3

from authz_lib import CedarEngine, Entity, EntityUid, principal_from_headers, service_handler
from authz_lib.service.principal_headers import SecretHeader
from authz_lib.smithy import errors as smithy

if TYPE_CHECKING:
    from authz_lib import DecisionPoint
    from authz_lib.service import Handler

JSON = dict[str, Any]
PROOF = "x-gateway-proof"


def service(*, table: Any, policies: DecisionPoint, proof: SecretHeader) -> Handler:
    """``GET /shipments`` and ``GET /shipments/{shipmentId}``: what each caller may follow."""

    @service_handler
    def handle(event: JSON, context: object) -> JSON:
        caller = principal_from_headers(event, proof=proof)
        if event["path"] == "/shipments":
            rows = {row["id"]: row for row in table.scan()["Items"]}
            visible = policies.filter(
                caller, "commercial:GetShipment", [entity(row) for row in rows.values()]
            )
            return answer({"shipments": [view(rows[shipment.uid.id]) for shipment in visible]})
        row = table.get_item(Key={"id": event["path"].removeprefix("/shipments/") or "-"}).get(
            "Item"
        )
        if row is None:
            raise smithy.not_found("no such shipment")
        policies.require(caller, "commercial:GetShipment", entity(row))
        return answer(view(row))

    return handle


def entity(row: JSON) -> Entity:
    """A shipment as the policies see it."""
    recipient = EntityUid("User", row["recipient"])
    return Entity(
        EntityUid("Shipment", row["id"]),
        attrs={"recipient": recipient, "tenant_id": row["tenant_id"]},
    )


def view(row: JSON) -> JSON:
    """A shipment as its readers see it."""
    return {"id": row["id"], "carrier": row["carrier"]}


def answer(body: JSON) -> JSON:
    """Status, headers and body."""
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
    }


@service_handler
def not_ready(event: JSON, context: object) -> JSON:
    """What a server says that has been told neither the proof nor the table."""
    raise smithy.service_unavailable("not ready")


class Server(ThreadingHTTPServer):
    """Hands each request to `handle`."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handle: Handler = not_ready) -> None:
        super().__init__(address, Requests)
        self.handle = handle


class Requests(BaseHTTPRequestHandler):
    """One connection: an HTTP request as the library reads it, and the answer on the wire."""

    server: Server
    timeout = 10

    def do_GET(self) -> None:
        """Answer; a repeated header keeps all its values, so a second `x-principal-sub` is seen."""
        headers = {name: self.headers.get_all(name) for name in self.headers}
        said = self.server.handle(
            {"path": urlsplit(self.path).path, "multiValueHeaders": headers}, None
        )
        content = said["body"].encode()
        self.send_response(said["statusCode"])
        for name, value in {**said["headers"], "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: the access log is the gateway's."""


def main() -> None:
    """Serve on `PORT`; `GATEWAY_PROOF` holds the proof, and after a space the one before it."""
    handle = service(
        table=boto3.resource("dynamodb").Table(os.environ["SHIPMENTS_TABLE"]),
        policies=CedarEngine.from_directory(os.environ["POLICIES"]),
        proof=SecretHeader(PROOF, os.environ["GATEWAY_PROOF"].split()),
    )
    server = Server((os.environ.get("HOST", "0.0.0.0"), int(os.environ["PORT"])), handle)  # noqa: S104 - a container
    server.serve_forever()


if __name__ == "__main__":
    main()
