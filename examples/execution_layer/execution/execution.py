"""The execution layer: queues a job and answers at once; a worker does each job once."""

import json
import os
import time
from typing import Any

from authz_lib import service_handler
from authz_lib.delivery import Parcel
from authz_lib.errors import InvalidRequestError
from authz_lib.service import json_answer, json_body, outages_as_503, patient_client
from authz_lib.smithy import errors as smithy

JSON = dict[str, Any]
MEMBERS = ("channel", "text", "bot_token")
KEPT_SECONDS = 30 * 24 * 3600  # longer than both queues keep a message

queue = patient_client("sqs")
table = patient_client("dynamodb")


@service_handler
def api_handler(event: JSON, context: Any) -> JSON:
    """``POST /execute``, behind ``AWS_IAM``: the new way."""
    with outages_as_503():
        key = accept(json_body(event), new_key=event["requestContext"]["requestId"])
    return json_answer(202, {"job_id": key})


def direct_handler(event: JSON, context: Any) -> JSON:
    """A direct invocation: the old way.  It is deleted together with the client's ``fallback``."""
    return {"job_id": accept(event, new_key=context.aws_request_id)}


def accept(document: JSON, *, new_key: str) -> str:
    """Queue a job.  It comes in an envelope that has its key, or as it is, and gets a new one."""
    key, job = new_key, document
    if "idempotency_key" in document:
        try:
            key, job = Parcel.unpack(json.dumps(document))
        except InvalidRequestError:
            raise smithy.validation("the body is not an envelope") from None
    texts = [job.get(name) for name in MEMBERS] if isinstance(job, dict) else [None]
    if not all(isinstance(text, str) and text for text in texts):
        raise smithy.validation("`channel`, `text` and `bot_token` are required, and strings")
    message = json.dumps({"key": key, "job": job})
    if len(message) > 200_000:  # SQS takes 256 KiB
        raise smithy.validation("the job is too large")
    queue.send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=message)
    return key


def worker(event: JSON, context: Any) -> None:
    """Messages of the queue: at least once each, and perhaps at the same time in two places."""
    for record in event["Records"]:
        message = json.loads(record["body"])
        execute_once(message["key"], message["job"])


def execute_once(key: str, job: JSON) -> bool:
    """Do the work and note that it is done, in one transaction.

    Work that cannot be in the transaction (a post to Slack) needs a key that the other side
    deduplicates by: pass this one on.
    """
    name, channel = os.environ["JOBS_TABLE"], job["channel"]
    # A key belongs to its channel: two channels may use the same one.  No two pairs make one text.
    note = {"id": {"S": f"job#{json.dumps([channel, key])}"}}
    note["expires_at"] = {"N": str(int(time.time()) + KEPT_SECONDS)}
    new = {"TableName": name, "Item": note, "ConditionExpression": "attribute_not_exists(id)"}
    work = {
        "TableName": name,
        "Key": {"id": {"S": f"total#{channel}"}},
        "UpdateExpression": "ADD executions :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    try:
        table.transact_write_items(TransactItems=[{"Put": new}, {"Update": work}])
    except table.exceptions.TransactionCanceledException as error:
        if error.response["CancellationReasons"][0].get("Code") != "ConditionalCheckFailed":
            raise  # throttled, or in conflict with another worker: the queue brings it again
        return False
    return True
