"""One template on its way to a stack of the local AWS."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from authz_lib.errors import ConfigurationError
from authz_local.function_urls import hand_over_urls
from authz_local.resource_types import unknown_resources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authz_local.built_template import BuiltTemplate

__all__ = ["DeployedStack", "Deployment", "local_url"]

_DEPLOY_SECONDS = 120
_HTTP_API = "AWS::ApiGatewayV2::Api"
_FUNCTION = "AWS::Lambda::Function"
_NESTED = "AWS::CloudFormation::Stack"
_EXECUTE_API = re.compile(r"^https://(?P<api>[a-z0-9]+)\.execute-api\.[^/]+(?P<path>/.*)?$")
_FUNCTION_URL = re.compile(
    r"^https://(?P<host>[a-z0-9]+\.lambda-url\.[a-z0-9-]+)\.on\.aws(?P<path>/.*)?$"
)


@dataclass(frozen=True, slots=True)
class DeployedStack:
    """What a deployed template answers to: its outputs and the physical names of its resources."""

    name: str
    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    """Logical id to physical id."""
    functions: Mapping[str, str] = field(default_factory=dict)
    """Logical id to function name, for the Lambda functions among the resources.

    A function of a nested stack is ``<logical id of the stack>.<logical id>``.
    """


class _LocalAWS(Protocol):
    port: int
    region: str
    url: str

    def client(self, service: str) -> Any:
        """A client of the local AWS."""
        ...


def local_url(value: str, port: int) -> str:
    """A URL of an API or a function on AWS as the local one; anything else as it is.

    >>> local_url("https://a1.execute-api.eu-west-1.amazonaws.com/prod/", 4566)
    'http://a1.execute-api.localhost:4566/prod'
    """
    function = _FUNCTION_URL.match(value)
    if function is not None:
        return f"http://{function['host']}.localhost:{port}{function['path'] or '/'}"
    match = _EXECUTE_API.match(value)
    if match is None:
        return value
    return f"http://{match['api']}.execute-api.localhost:{port}{match['path'] or ''}".rstrip("/")


class Deployment:
    """A template that is deployed once."""

    def __init__(self, aws: _LocalAWS, template: str, stack_name: str) -> None:
        self._aws = aws
        self._template = template
        self._stack = stack_name

    def run(
        self, built: BuiltTemplate, parameters: Mapping[str, str], say: Callable[[str], None]
    ) -> DeployedStack:
        """Upload, deploy, wait, and describe.

        Raises:
            ConfigurationError: it does not deploy; the message has the first failure.
        """
        self._upload(built)
        say(f"packaged {len(built.uploads.archives)} code folder(s)")
        for logical_id, reason in sorted(built.not_made.items()):
            say(f"not made: {logical_id} ({reason})")
        say(f"deploying {self._template}")
        self._create(built, parameters)
        self._wait()
        described = self._describe(self._stack)
        missing = built.document["Resources"].keys() - described.resources.keys()
        for logical_id in sorted(missing):
            condition = built.document["Resources"][logical_id].get("Condition")
            say(f"not made: {logical_id} (its condition `{condition}` is false)")
        return described

    def _upload(self, built: BuiltTemplate) -> None:
        s3, bucket = self._aws.client("s3"), built.uploads.bucket
        region = self._aws.region
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):  # a second stack on this local AWS
            s3.create_bucket(Bucket=bucket, **({} if region == "us-east-1" else elsewhere))
        for key, archive in built.uploads.archives.items():
            s3.put_object(Bucket=bucket, Key=key, Body=archive)

    def _create(self, built: BuiltTemplate, parameters: Mapping[str, str]) -> None:
        declared = built.document.get("Parameters", {})
        given = [
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in parameters.items()
            if name in declared
        ]
        cloudformation = self._aws.client("cloudformation")
        try:
            cloudformation.create_stack(
                StackName=self._stack,
                TemplateBody=json.dumps(built.document),
                Parameters=given,
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            )
        except cloudformation.exceptions.ClientError as error:
            message = error.response["Error"]["Message"]
            reason = unknown_resources(built.document, message) or message
            raise self._refused(reason) from None

    def _refused(self, reason: str) -> ConfigurationError:
        return ConfigurationError(f"`{self._template}` does not deploy: {reason}")

    def _wait(self) -> None:
        cloudformation = self._aws.client("cloudformation")
        deadline = time.monotonic() + _DEPLOY_SECONDS
        while True:
            stacks = cloudformation.describe_stacks(StackName=self._stack)["Stacks"]
            status = stacks[0]["StackStatus"]
            if status == "CREATE_COMPLETE":
                return
            if not status.endswith("IN_PROGRESS") or status.startswith("ROLLBACK"):
                raise self._refused(self._first_failure())
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"`{self._template}` was not deployed within {_DEPLOY_SECONDS} s: "
                    f"{self._unfinished()} is not made yet"
                )
            time.sleep(0.05)

    def _unfinished(self) -> str:
        cloudformation = self._aws.client("cloudformation")
        events = cloudformation.describe_stack_events(StackName=self._stack)["StackEvents"]
        last = max(events, key=lambda event: event["Timestamp"])
        return f"`{last['LogicalResourceId']}` ({last['ResourceType']})"

    def _first_failure(self) -> str:
        cloudformation = self._aws.client("cloudformation")
        events = cloudformation.describe_stack_events(StackName=self._stack)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
        if not failed:
            return "no reason given"
        first = min(failed, key=lambda event: event["Timestamp"])
        reason = first.get("ResourceStatusReason", "no reason given")
        return f"{first['LogicalResourceId']}: {reason}"

    def _describe(self, stack_name: str) -> DeployedStack:
        cloudformation = self._aws.client("cloudformation")
        stack = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
        resources = cloudformation.describe_stack_resources(StackName=stack_name)["StackResources"]
        functions: dict[str, str] = {}
        for item in resources:
            logical, physical = item["LogicalResourceId"], item["PhysicalResourceId"]
            if item["ResourceType"] == _HTTP_API:
                self._hand_over_cors(physical)
            elif item["ResourceType"] == _FUNCTION:
                functions[logical] = physical
                hand_over_urls(self._aws.client("lambda"), physical, self._aws.url)
            elif item["ResourceType"] == _NESTED:
                inner = self._describe(physical.rpartition(":stack/")[2].partition("/")[0])
                functions |= {f"{logical}.{name}": value for name, value in inner.functions.items()}
        return DeployedStack(
            name=stack_name,
            outputs={
                output["OutputKey"]: local_url(output["OutputValue"], self._aws.port)
                for output in stack.get("Outputs", [])
            },
            resources={item["LogicalResourceId"]: item["PhysicalResourceId"] for item in resources},
            functions=functions,
        )

    def _hand_over_cors(self, api: str) -> None:
        """Set CORS by the API: ministack 1.5 cannot read what it stored for CloudFormation."""
        import urllib3

        found = urllib3.request("GET", f"{self._aws.url}/v2/apis/{api}").json()
        stored = found.get("corsConfiguration", {})
        if stored and all(name[0].isupper() for name in stored):
            self._aws.client("apigatewayv2").update_api(ApiId=api, CorsConfiguration=stored)
