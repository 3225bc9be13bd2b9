"""Calls the API as a service does: mints a token that lives 60 s, sends it, returns the answer."""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

import urllib3

from authz_lib.tokens import SharedSecretIssuer, secret_from_secrets_manager

URL = os.environ["HELLO_URL"]
tokens = SharedSecretIssuer(secret=secret_from_secrets_manager(os.environ["SECRET_ARN"]))
http = urllib3.PoolManager(timeout=5, retries=False)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Say hello.  A ``token`` in the event is sent instead of a fresh one, for the API to judge."""
    token = str(event.get("token") or tokens.mint("apigw-invoker", ttl_seconds=60))
    # A redirect is not followed: the token is for this URL.
    answer = http.request("GET", URL, headers={"Authorization": f"Bearer {token}"}, redirect=False)
    if answer.status != HTTPStatus.OK:
        return {"errorMessage": HTTPStatus(answer.status).phrase}
    return {"statusCode": answer.status, "body": answer.data.decode()}
