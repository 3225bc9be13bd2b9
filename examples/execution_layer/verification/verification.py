"""The verification layer: checks a job, hands it to the execution layer, and answers at once."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Any

from authz_lib.delivery import ApiCall, Delivery, DeliveryEvent, LambdaInvoke, RolloutFlag
from authz_lib.errors import AuthzError
from authz_lib.sigv4 import SigV4Client

ANSWERING_SECONDS = 1.0  # what is left for our own answer when both ways were tried


def log(event: DeliveryEvent) -> None:
    """One JSON line per event: the metric filters of the template read it."""
    print(json.dumps(asdict(event)))  # noqa: T201  # standard output is the Lambda's log


# Built once, when the Lambda starts; a wrong setting fails the deployment and no request.
NEW_WAY = ApiCall(
    SigV4Client(os.environ["EXECUTION_API_URL"], region=os.environ["AWS_REGION"]),
    "/execute",  # not doubled, where the configured URL ends with it
)
OLD_WAY = LambdaInvoke(os.environ["EXECUTION_FUNCTION"], answer_seconds=4)
EXECUTION = Delivery(
    primary=NEW_WAY,
    fallback=OLD_WAY,  # the end of the migration: delete this line
    rollout=RolloutFlag.from_env("USE_API_GATEWAY"),
    receiver_deduplicates=True,  # execution/execution.py: one conditional write per key
    on_event=log,
)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """``{"job_id": ..., "work": ...}`` → 202 as soon as the execution layer has taken it."""
    remaining = context.get_remaining_time_in_millis() / 1000 - ANSWERING_SECONDS
    try:
        receipt = EXECUTION.send(
            event["work"], idempotency_key=event["job_id"], timeout_seconds=remaining
        )
    except AuthzError as error:
        return {
            "statusCode": error.status,
            "body": {"code": error.code, "outcome": getattr(error, "outcome", None)},
        }
    return {"statusCode": 202, "body": {"job_id": event["job_id"], "path": receipt.path}}
