"""What the API guards: a greeting, with the name of the caller that the authorizer verified."""

from __future__ import annotations

from typing import Any

from authz_lib import ExpectedGateway, principal_from_event, service_handler

GATEWAY = ExpectedGateway(
    kind="rest-lambda",
    api_id=None,  # its permission names the one API that may invoke this function
    account_id=None,
    issuer=None,  # the tokens say `sub` and `exp` only
    client_ids=None,
    token_use=None,
)


@service_handler
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Greet the caller.  Headers, query and body may name somebody else: they are not asked."""
    caller = principal_from_event(event, gateway=GATEWAY)
    headers = {"Content-Type": "text/plain; charset=utf-8", "X-Principal-Sub": caller.subject}
    return {"statusCode": 200, "headers": headers, "body": "Hello, world!"}
