"""FE support: tickets, plain HTTP in a container.  It believes what the authorizer has signed."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
from rows import Rows

from authz_lib import CedarEngine, JWTVerifier, principal_from_headers, service_handler
from authz_lib.integrations.dynamodb import where
from authz_lib.service import json_answer
from authz_lib.tokens import SignedAssertion, secret_from_secrets_manager

ROW = {"owner": "owner", "tenant_id": "tenant_id"}  # what the policies read, and where it stands
policies = CedarEngine.from_directory(os.environ["POLICIES"])
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
tickets = Rows("Ticket", shown="subject", policies=policies, table=table)
secret = secret_from_secrets_manager(os.environ["SECRET_ID"])
signed = JWTVerifier.shared_secret(secret=secret, issuer="orders-authorizer", audience="support")
proof = SignedAssertion(signed)


@service_handler
def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """``/api/support/tickets`` and ``/api/support/tickets/{id}``."""
    caller = principal_from_headers(event, proof=proof)
    if event["path"] == "/api/support/tickets":
        mine = where(policies, caller, "commercial:GetTicket", resource_type="Ticket", columns=ROW)
        found = table.scan(FilterExpression=mine)["Items"]  # the table asks what the policies say
        return json_answer(200, {"tickets": [tickets.view(row) for row in found]})
    wanted = event["path"].removeprefix("/api/support/tickets/") or "-"
    return json_answer(200, tickets.require(caller, "Get", wanted))


class Requests(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        sent = {name: self.headers.get_all(name) for name in self.headers}  # each, also if repeated
        event = {"httpMethod": "GET", "path": self.path.split("?")[0], "multiValueHeaders": sent}
        said = handle(event, None)
        self.send_response(said["statusCode"])
        for name, value in said["headers"].items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said["body"].encode())


if __name__ == "__main__":
    ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Requests).serve_forever()
