"""Only for the local run: how often a channel's jobs were executed, once the queue is empty."""

import os
import time
from typing import Any

import boto3

queue, table = boto3.client("sqs"), boto3.client("dynamodb")
COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Wait for the queue, and read the total."""
    for _ in range(100):
        asked = queue.get_queue_attributes(QueueUrl=os.environ["QUEUE_URL"], AttributeNames=COUNTS)
        if {asked["Attributes"][name] for name in COUNTS} == {"0"}:
            break
        time.sleep(0.1)
    key = {"id": {"S": f"total#{event['channel']}"}}
    found = table.get_item(TableName=os.environ["JOBS_TABLE"], Key=key, ConsistentRead=True)
    return {"executions": int(found.get("Item", {}).get("executions", {}).get("N", "0"))}
