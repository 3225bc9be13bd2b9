"""The execution layer: queues a job and answers at once; a worker does each job once."""

from __future__ import annotations

import base64
import json
import os
import time
from typing import Any

import boto3

from authz_lib.delivery import Parcel
from authz_lib.errors import InvalidRequestError

# Longer than both queues keep a message (14 days, and 4 more when redriven).
KEPT_SECONDS = 30 * 24 * 3600

queue = boto3.client("sqs")
table = boto3.client("dynamodb")


def api_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """``POST /execute``, behind ``AWS_IAM``: the new way."""
    body = event.get("body") or ""
    try:
        key = accept(base64.b64decode(body) if event.get("isBase64Encoded") else body)
    except InvalidRequestError as error:
        return answer(400, {"message": str(error)})
    return answer(202, {"job_id": key})


def direct_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """A direct invocation: the old way.  It is deleted together with the client's ``fallback``."""
    return {"job_id": accept(json.dumps(event))}


def accept(envelope: bytes | str) -> str:
    """Queue a job; a job that comes twice is queued twice, and done once."""
    key, payload = Parcel.unpack(envelope)
    queue.send_message(
        QueueUrl=os.environ["QUEUE_URL"], MessageBody=json.dumps({"key": key, "work": payload})
    )
    return key


def answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    """A proxy answer."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
    }


def worker(event: dict[str, Any], _context: Any) -> None:
    """Messages of the queue: at least once each, and perhaps at the same time in two places."""
    for record in event["Records"]:
        job = json.loads(record["body"])
        execute_once(job["key"], job["work"])


def execute_once(key: str, work: Any) -> bool:
    """Do the work and note that it is done, in one transaction.

    Work that cannot be in the transaction (a mail, another API) needs a key that the other side
    deduplicates by: pass this one on.
    """
    name = os.environ["JOBS_TABLE"]
    # A key belongs to its account: two accounts may use the same one.
    job = json.dumps([work["account"], key])  # no two pairs make one text
    note = {"id": {"S": f"job#{job}"}, "expires_at": {"N": str(int(time.time()) + KEPT_SECONDS)}}
    done = {
        "TableName": name,
        "Key": {"id": {"S": f"total#{work['account']}"}},
        "UpdateExpression": "ADD executions :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    try:
        table.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": name,
                        "Item": note,
                        "ConditionExpression": "attribute_not_exists(id)",
                    }
                },
                {"Update": done},
            ]
        )
    except table.exceptions.TransactionCanceledException as error:
        if error.response["CancellationReasons"][0].get("Code") != "ConditionalCheckFailed":
            raise  # throttled, or in conflict with another worker: the queue brings it again
        return False
    return True


def ledger(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """How often work for an account was executed, once the queue is empty."""
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    for _ in range(100):
        found = queue.get_queue_attributes(QueueUrl=os.environ["QUEUE_URL"], AttributeNames=counts)[
            "Attributes"
        ]
        if all(found[name] == "0" for name in counts):
            break
        time.sleep(0.1)
    item = table.get_item(
        TableName=os.environ["JOBS_TABLE"],
        Key={"id": {"S": f"total#{event['account']}"}},
        ConsistentRead=True,
    )
    return {"executions": int(item.get("Item", {}).get("executions", {}).get("N", "0"))}
