"""The platform's service: jobs of AWS Batch, each of the person who submitted it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from typing import Any

import boto3

from authz_lib import BearerToken, JWTVerifier, Principal, service_handler
from authz_lib.errors import AccessDeniedError
from authz_lib.gateway.sources import read_token
from authz_lib.service import json_body
from authz_lib.smithy import errors as smithy

JSON = dict[str, Any]

QUEUE = os.environ["JOB_QUEUE"]
batch = boto3.client("batch")


def configured_verifier() -> JWTVerifier | None:
    """``None`` for one word of the template only; else a whole configuration, or no start."""
    if os.environ["ENABLE_AUTH"] == "false":
        logging.getLogger(__name__).warning("EnableAuth is false: everyone may call")
        return None
    return JWTVerifier.cognito(
        user_pool_id=os.environ["USER_POOL_ID"],
        client_id=os.environ["CLIENT_ID"],
        token_use="access",  # the gateway would take an ID token too
        jwks_url=os.environ.get("JWKS_URL") or None,  # the local AWS serves its key set elsewhere
    )


VERIFIER = configured_verifier()
ANYONE = Principal("anyone", tenant_id="anyone")


@service_handler
def handler(event: JSON, context: object) -> JSON:
    """Verify, then run the operation of the route."""
    caller = caller_of(event)
    operation = OPERATIONS.get(event.get("routeKey", ""))
    if operation is None:
        raise smithy.not_found("no such route")
    return operation(event, caller)


def caller_of(event: JSON) -> Principal:
    """The caller that the token names, whatever the gateway did or did not check."""
    if VERIFIER is None:
        return ANYONE
    caller = Principal.from_token(
        VERIFIER.verify(read_token(event, [BearerToken()])), tenant_claim="tenant_id"
    )
    if caller.tenant_id is None:
        raise AccessDeniedError("the caller belongs to no tenant")
    return caller


def orchestrate(event: JSON, caller: Principal) -> JSON:
    """Submit a job for a data set; whose job it is comes from the token, whatever the body says."""
    dataset = json_body(event).get("dataset")
    if not isinstance(dataset, str) or not re.fullmatch(r"[a-z0-9-]{1,64}", dataset):
        raise smithy.validation("`dataset` must be 1 to 64 lower-case letters, digits and hyphens")
    job = batch.submit_job(
        jobName=owned_by(caller) + dataset,
        jobQueue=QUEUE,
        jobDefinition=os.environ["JOB_DEFINITION"],
        parameters={"dataset": dataset, "tenant": caller.tenant_id, "subject": caller.subject},
    )
    return answer(202, {"jobId": job["jobId"], "dataset": dataset})


def list_jobs(event: JSON, caller: Principal) -> JSON:
    """The caller's jobs."""
    mine = [{"name": "JOB_NAME", "values": [f"{owned_by(caller)}*"]}]
    pages = batch.get_paginator("list_jobs").paginate(jobQueue=QUEUE, filters=mine)
    return answer(
        200,
        {
            "jobs": [
                view(job, caller)
                for page in pages
                for job in page["jobSummaryList"]
                if is_of(job, caller)
            ]
        },
    )


def get_job(event: JSON, caller: Principal) -> JSON:
    """One job of the caller; another's is not there."""
    found = batch.describe_jobs(jobs=[event["pathParameters"]["jobId"]])["jobs"]
    if not found or found[0]["jobQueue"] != QUEUE or not is_of(found[0], caller):
        raise smithy.not_found("no such job")
    return answer(200, view(found[0], caller))


OPERATIONS = {
    "POST /orchestrate": orchestrate,
    "GET /jobs": list_jobs,
    "GET /jobs/{jobId}": get_job,
}


def owned_by(caller: Principal) -> str:
    """How the names of a caller's jobs begin: a digest, since job names take no URL."""
    owner = json.dumps([caller.issuer, caller.tenant_id, caller.subject])
    return hashlib.sha256(owner.encode()).hexdigest()[:40] + "-"


def is_of(job: JSON, caller: Principal) -> bool:
    """Whether this caller submitted the job."""
    return job["jobName"].startswith(owned_by(caller))


def view(job: JSON, caller: Principal) -> JSON:
    """A job as its owner sees it."""
    return {
        "jobId": job["jobId"],
        "dataset": job["jobName"].removeprefix(owned_by(caller)),
        "status": job["status"],
    }


def answer(status: int, body: JSON) -> JSON:
    """A Lambda proxy answer.  CORS headers are the gateway's."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
    }
