"""The verification layer: hands a message to the execution layer, and answers at once."""

import json
import os
from contextvars import ContextVar
from dataclasses import asdict
from typing import Any

from authz_lib.delivery import ApiCall, Delivery, DeliveryEvent, LambdaInvoke, RolloutFlag
from authz_lib.errors import AuthzError
from authz_lib.sigv4 import SigV4Client

ANSWERING_SECONDS = 1.0  # what is left for our own answer when both ways were tried
URL, REGION = os.environ["EXECUTION_API_URL"], os.environ["AWS_REGION_NAME"]
LEVELS = {"error": "WARN", "failed": "ERROR"}
request: ContextVar[dict[str, Any]] = ContextVar("request")


def log(event: DeliveryEvent) -> None:
    """One JSON line per event: the metric filters of the template read it.  No text, no token."""
    level = LEVELS.get(event.name.rpartition("_")[2], "INFO")
    named = {"api_url": URL, "status_code": event.status, "error": event.error_code}
    print(json.dumps({"level": level, **asdict(event), **named, **request.get()}))  # noqa: T201


# Built once, when the Lambda starts; a wrong setting fails the deployment and no request.
EXECUTION = Delivery(
    primary=ApiCall(SigV4Client(URL, region=REGION), "/execute"),  # not doubled, if it ends with it
    fallback=LambdaInvoke(  # the end of the migration: delete this argument
        os.environ["BEDROCK_PROCESSOR_ARN"], answer_seconds=4
    ),
    rollout=RolloutFlag.from_env("USE_API_GATEWAY"),
    receiver_deduplicates=True,  # execution/execution.py: one conditional write per key
    on_event=log,
)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """``{channel, text, bot_token}`` → 202 as soon as the execution layer has taken it.

    Slack sends an event again, with the same ``event_id``: that is the key.
    """
    job = {name: event[name] for name in ("channel", "text", "bot_token")}
    key = event.get("event_id") or context.aws_request_id
    request.set({"channel": job["channel"], "text_length": len(job["text"])})
    remaining = context.get_remaining_time_in_millis() / 1000 - ANSWERING_SECONDS
    try:
        receipt = EXECUTION.send(job, idempotency_key=key, timeout_seconds=remaining)
    except AuthzError as error:
        outcome = getattr(error, "outcome", None)
        return {"statusCode": error.status, "body": {"code": error.code, "outcome": outcome}}
    return {"statusCode": 202, "body": {"job_id": key, "path": receipt.path}}
