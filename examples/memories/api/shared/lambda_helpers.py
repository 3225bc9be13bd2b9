"""What every route of `/memories` shares: who is calling, which memory is meant, errors, 503."""

import os
import re
from collections.abc import Callable
from functools import partial

import psycopg

from authz_lib import ExpectedGateway, principal_from_event, service_handler
from authz_lib.service import api_id_from_parameter_store, json_answer, json_body, outages_as_503
from authz_lib.smithy import errors as smithy

ORIGIN = os.environ["ALLOWED_ORIGIN"]
GATEWAY = ExpectedGateway(
    kind="rest-cognito",
    api_id=api_id_from_parameter_store(os.environ["API_ID_PARAMETER"]),  # `!Ref Api` is a cycle
    account_id=os.environ["ACCOUNT_ID"],
    issuer=os.environ["ISSUER"],
    client_ids=[os.environ["CLIENT_ID"]],  # the authorizer takes any client of the pool
    token_use="access",
    groups_claim=None,
)
not_found = partial(smithy.not_found, "no such memory", standard_code="MEMORY_NOT_FOUND")
no_audio = partial(smithy.not_found, "the memory has no audio", standard_code="AUDIO_NOT_FOUND")


def memories_route(operation: Callable[[str, str], dict]) -> Callable[[dict, object], dict]:
    """A handler of ``operation(user_id, memory_id)``; errors are `{status, code, message}`."""

    @service_handler(errors="standard", cors_origin=ORIGIN)
    def handler(event: dict[str, object], context: object) -> dict[str, object]:
        with outages_as_503(psycopg.OperationalError):
            caller = principal_from_event(event, gateway=GATEWAY)
            body = operation(caller.subject, memory_id(event))
        return json_answer(200, body, cors_origin=ORIGIN)

    return handler


def memory_id(event: dict[str, object]) -> str:
    """The `memory_id` of the body; what cannot be an id names nothing."""
    value = json_body(event).get("memory_id")
    if not isinstance(value, str):
        raise smithy.validation("`memory_id` is required, and a string")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise not_found()
    return value
