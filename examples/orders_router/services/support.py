"""FE support: tickets, plain HTTP in a container.  It believes headers beside a proof, no token."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
from rows import Rows

from authz_lib import CedarEngine, principal_from_headers, service_handler
from authz_lib.service import json_answer
from authz_lib.service.principal_headers import SecretHeader

policies = CedarEngine.from_directory(os.environ["POLICIES"])
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
tickets = Rows("Ticket", shown="subject", policies=policies, table=table)
proof = SecretHeader("x-gateway-proof", os.environ["GATEWAY_PROOF"].split())  # new, and the old


@service_handler
def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """``/api/support/tickets`` and ``/api/support/tickets/{id}``."""
    caller = principal_from_headers(event, proof=proof)
    path = event["path"].partition("?")[0]
    if path == "/api/support/tickets":
        return json_answer(200, {"tickets": tickets.visible(caller)})
    wanted = path.removeprefix("/api/support/tickets/") or "-"
    return json_answer(200, tickets.require(caller, "Get", wanted))


class Requests(BaseHTTPRequestHandler):
    """An HTTP request as the library reads it: a repeated header keeps all its values."""

    def do_GET(self) -> None:
        headers = {name: self.headers.get_all(name) for name in self.headers}
        said = handle({"path": self.path, "multiValueHeaders": headers}, None)
        self.send_response(said["statusCode"])
        for name, value in said["headers"].items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said["body"].encode())


if __name__ == "__main__":
    address = (os.environ["HOST"], int(os.environ["PORT"]))
    ThreadingHTTPServer(address, Requests).serve_forever()
