"""The platform's service: jobs of AWS Batch, each of the person who submitted it."""

import hashlib
import json
import logging
import os
import re
from collections import Counter
from typing import Any

from authz_lib import BearerToken, JWTVerifier, Principal, service_handler
from authz_lib.errors import AccessDeniedError
from authz_lib.gateway.sources import read_token
from authz_lib.service import json_answer, json_body, outages_as_503, patient_client
from authz_lib.smithy import errors as smithy

JSON = dict[str, Any]
QUEUE = os.environ["JOB_QUEUE"]
STATES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
ANYONE = Principal("anyone", tenant_id="anyone")
batch = patient_client("batch")


def configured_verifier() -> JWTVerifier | None:
    """``None`` for one word of the template only; else a whole configuration, or no start."""
    if os.environ["ENABLE_AUTH"] == "false":
        logging.getLogger(__name__).warning("EnableAuth is false: everyone may call")
        return None
    return JWTVerifier.cognito(
        user_pool_id=os.environ["USER_POOL_ID"],
        client_id=os.environ["CLIENT_ID"],
        token_use="access",  # the gateway would take an ID token too
    )


VERIFIER = configured_verifier()


@service_handler
def handler(event: JSON, context: object) -> JSON:
    """Verify, then run the action that the body names."""
    caller = caller_of(event)
    body = json_body(event)
    action = body.get("action")
    operation = ACTIONS.get(action) if isinstance(action, str) else None
    if operation is None:
        raise smithy.validation(f"`action` must be one of {', '.join(ACTIONS)}")
    with outages_as_503():
        return operation(body, caller)


def caller_of(event: JSON) -> Principal:
    """The caller that the token names, whatever the gateway did or did not check."""
    if VERIFIER is None:
        return ANYONE
    token = VERIFIER.verify(read_token(event, [BearerToken()]))
    caller = Principal.from_token(token, tenant_claim="tenant_id")
    if caller.tenant_id is None:
        raise AccessDeniedError("the caller belongs to no tenant")
    return caller


def submit(body: JSON, caller: Principal) -> JSON:
    """Submit a job for a data set; whose job it is comes from the token, whatever the body says."""
    dataset = body.get("dataset")
    if not isinstance(dataset, str) or not re.fullmatch(r"[a-z0-9-]{1,64}", dataset):
        raise smithy.validation("`dataset` must be 1 to 64 lower-case letters, digits and hyphens")
    job = batch.submit_job(
        jobName=owned_by(caller) + dataset,
        jobQueue=QUEUE,
        jobDefinition=os.environ["JOB_DEFINITION"],
        parameters={"dataset": dataset, "tenant": caller.tenant_id, "subject": caller.subject},
    )
    return json_answer(202, {"jobId": job["jobId"], "dataset": dataset})


def list_jobs(body: JSON, caller: Principal) -> JSON:
    """The caller's jobs."""
    return json_answer(200, {"jobs": jobs_of(caller)})


def get_job(body: JSON, caller: Principal) -> JSON:
    """One job of the caller; another's is not there."""
    found = batch.describe_jobs(jobs=[str(body.get("jobId"))])["jobs"]
    if not found or found[0]["jobQueue"] != QUEUE or not is_of(found[0], caller):
        raise smithy.not_found("no such job")
    return json_answer(200, view(found[0]))


def metrics(body: JSON, caller: Principal) -> JSON:
    """How many of the caller's jobs are in each state."""
    if body.get("type", "jobs") != "jobs":
        raise smithy.validation("`type` must be jobs")
    counted = Counter(job["status"] for job in jobs_of(caller))
    return json_answer(200, {"type": "jobs", "jobs": {name: counted[name] for name in STATES}})


ACTIONS = {"list_jobs": list_jobs, "get_job": get_job, "submit": submit, "metrics": metrics}


def jobs_of(caller: Principal) -> list[JSON]:
    """What the caller has submitted."""
    mine = [{"name": "JOB_NAME", "values": [f"{owned_by(caller)}*"]}]
    pages = batch.get_paginator("list_jobs").paginate(jobQueue=QUEUE, filters=mine)
    found = (job for page in pages for job in page["jobSummaryList"])
    return [view(job) for job in found if is_of(job, caller)]


def view(job: JSON) -> JSON:
    """A job as its owner sees it; its name is the owner's digest, and the data set."""
    dataset = job["jobName"].partition("-")[2]
    return {"jobId": job["jobId"], "dataset": dataset, "status": job["status"]}


def is_of(job: JSON, caller: Principal) -> bool:
    """Whether this caller submitted the job."""
    return job["jobName"].startswith(owned_by(caller))


def owned_by(caller: Principal) -> str:
    """How the names of a caller's jobs begin: a digest, since job names take no URL."""
    owner = json.dumps([caller.issuer, caller.tenant_id, caller.subject])
    return hashlib.sha256(owner.encode()).hexdigest()[:40] + "-"
