"""For the local run: functions to compare with, and requests that were signed in advance."""

import json
import time
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials

from authz_lib import SigV4Signer

JOB = {"channel": "C123", "text": "test", "bot_token": "xoxb-test"}
ANYBODY = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [ANYBODY]})
ROLE = "arn:aws:iam::000000000000:role/"


def seed(local: Any) -> None:
    """Deploy the functions, and put headers of signed requests where `${...}` finds them."""
    made, url = local.stack.resources, local.stack.outputs["ExecutionApiUrl"]
    role = made["VerificationRole"]
    names = {"RoleArn": ROLE + role, "ApiUrl": url, "ProcessorArn": made["ExecutionDirect"]}
    names |= {"QueueUrl": made["Queue"], "JobsTable": made["Jobs"]}
    template = Path(__file__).with_name("probes.yaml")
    probes = local.aws.deploy(template, parameters=names, stack_name="probes")
    local.stack.functions.update(probes.functions)
    # Here anybody may be the role: no function of it signs wrongly by itself.
    local.aws.client("iam").update_assume_role_policy(RoleName=role, PolicyDocument=TRUST)
    for name, signed_by, body, age in (
        ("signed", role, JOB, 0),
        ("incomplete", role, {"channel": "C123"}, 0),
        ("other_body", role, {}, 0),
        ("too_old", role, JOB, 1200),
        ("stranger", probes.resources["Stranger"], JOB, 0),
    ):
        sts, clock = local.aws.client("sts"), lambda age=age: time.time() - age
        made = sts.assume_role(RoleArn=ROLE + signed_by, RoleSessionName="client")["Credentials"]
        keys = Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
        api = {"service": "execute-api", "region": local.aws.region}
        signer = SigV4Signer(**api, credentials=keys, clock=clock)
        kind = {"content-type": "application/json"}
        signed = signer.sign("POST", f"{url}/execute", kind, json.dumps(body).encode())
        local.variables |= {f"{name}.{key}": value for key, value in signed.headers.items()}
