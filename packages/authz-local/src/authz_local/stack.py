"""A SAM template deployed on a local AWS: ministack in a child process, on 127.0.0.1.

| real | not real |
|---|---|
| HTTP; API Gateway's routing, authorizers and result cache | throttling and WAF |
| Lambda processes, each with its own packages | cold-start times |
| Cognito's RS256 tokens and key sets | failures of a Region |
| DynamoDB, S3, SSM; CloudFormation with the SAM transform | IAM, without ``check_iam=True`` |
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from authz_lib._support.memo import Memo
from authz_lib.errors import ConfigurationError
from authz_local._interrupts import interrupts_held_back
from authz_local._isolation import (
    inherited_variables,
    make_client,
    make_resource,
    own_session,
)
from authz_local._ministack_functions import INVOCATIONS
from authz_local._process import end_group, free_port, usable_port
from authz_local.built_template import BuiltTemplate, build_template
from authz_local.deployment import DeployedStack, Deployment, local_url
from authz_local.function_code import CodeBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from botocore.session import Session

__all__ = ["DeployedStack", "Invocation", "LocalAWS"]

_START_SECONDS = 60
_JOURNAL = "invocations.jsonl"


class Invocation(NamedTuple):
    """One invocation of a Lambda function."""

    function: str
    """Its name."""
    failed: bool
    log: str
    """What it wrote, and the traceback of what it raised."""


class LocalAWS:
    """A local AWS for the time of a ``with`` block.

    Afterwards its processes are ended and its files deleted.

    Args:
        port: the port on 127.0.0.1; a free one by default.
        region: the Region that everything is deployed to.
        environment: variables for the Lambdas beside those of the template, such as
            ``AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS``.
        check_iam: check the signatures and policies of ``AWS_IAM`` routes (ministack's
            ``AUTH=true``).

    Raises:
        ConfigurationError: the port cannot be used, or the local AWS did not start.
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        region: str = "us-east-1",
        environment: Mapping[str, str] | None = None,
        check_iam: bool = False,
    ) -> None:
        self.port = free_port() if port is None else usable_port(port)
        self.url = f"http://127.0.0.1:{self.port}"
        self.region = region
        self._name = f"authz-local-{uuid.uuid4().hex}"
        self._environment = dict(environment or {})
        self._check_iam = check_iam
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._making = threading.Lock()
        self._session: Session | None = None  # botocore is loaded when it is needed
        self._clients: Memo[str, Any] = Memo(self._make_client, max_entries=64)

    # -- start and stop ---

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers; stop it again if that fails or is interrupted."""
        self.launch()
        self.wait_until_it_answers()

    def launch(self) -> None:
        """Start it, and do not wait: `wait_until_it_answers` does."""
        try:
            with interrupts_held_back():  # an interrupt here would lose a folder or a process
                self._folder = Path(tempfile.mkdtemp(prefix="authz-local-"))
                self._process = self._launch(self._folder)
        except BaseException:
            self.stop()
            raise

    def wait_until_it_answers(self) -> None:
        """Wait for the start; stop it if that fails or is interrupted."""
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    def _launch(self, folder: Path) -> subprocess.Popen[bytes]:
        environment = self._process_environment(folder)
        with (folder / "ministack.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "authz_local._ministack"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment,
                # A group of its own: its Lambda processes end with it, and Ctrl-C reaches only us.
                start_new_session=True,
            )

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            self.require_running("ended while starting")
            if time.monotonic() > deadline:
                raise ConfigurationError(f"the local AWS did not answer within {_START_SECONDS} s")
            time.sleep(0.05)

    def require_running(self, otherwise: str = "ended") -> None:
        """Check that its process runs.

        Raises:
            ConfigurationError: it does not; the message has the last line of its log.
        """
        if self._process is None or self._process.poll() is not None:
            raise ConfigurationError(f"the local AWS {otherwise}: {self._last_logged()}")

    def _process_environment(self, folder: Path) -> dict[str, str]:
        for name in ("state", "tmp", "s3"):
            (folder / name).mkdir()
        return inherited_variables(os.environ) | {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            # A verifier in a Lambda fetches the keys of a user pool here, whatever the template.
            "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": self.url,
            INVOCATIONS: str(folder / _JOURNAL),
            "AUTH": "true" if self._check_iam else "false",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "LAMBDA_EXECUTOR": "local",
            "LOG_LEVEL": "WARNING",
            "MINISTACK_REGION": self.region,
            "MINISTACK_EDITION": self._name,
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",
            "S3_DATA_DIR": str(folder / "s3"),
            "STATE_DIR": str(folder / "state"),
            "TMPDIR": str(folder / "tmp"),
            **self._environment,
        }

    def _answers(self) -> bool:
        """Whether it is this local AWS that answers: another one may have taken the port."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/_ministack/health")
            health = json.loads(connection.getresponse().read())
        except (OSError, HTTPException, ValueError):
            return False
        finally:
            connection.close()
        return isinstance(health, dict) and health.get("edition") == self._name

    def _last_logged(self) -> str:
        if self._folder is None:
            return "no log"
        lines = (self._folder / "ministack.log").read_text(errors="replace").strip().splitlines()
        return next(
            (line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "no log"
        )

    def stop(self) -> None:
        """End its processes and delete its folder.  May be called twice."""
        with interrupts_held_back():
            process, self._process = self._process, None
            if process is not None:
                end_group(process)
            folder, self._folder = self._folder, None
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    # -- use ---

    def client(self, service: str) -> Any:
        """A botocore client of the local AWS, the same one each time."""
        return self._clients[service]

    def _make_client(self, service: str) -> Any:
        with self._making:  # a session of botocore is for one thread at a time
            if self._session is None:
                self._session = own_session()
            return make_client(
                service, endpoint_url=self.url, region=self.region, session=self._session
            )

    def resource(self, service: str) -> Any:
        """A boto3 resource of the local AWS, such as ``resource("dynamodb").Table(name)``."""
        return make_resource(service, endpoint_url=self.url, region=self.region)

    def deploy(
        self,
        template: Path,
        *,
        parameters: Mapping[str, str] | None = None,
        stack_name: str = "local",
        on_event: Callable[[str], None] | None = None,
    ) -> DeployedStack:
        """Build the template's local code, deploy it by CloudFormation and wait.

        Args:
            template: the template's file.
            parameters: values of its parameters; those that it does not declare are left out.
            stack_name: the name of the stack.
            on_event: is told what was done, a line each time.

        Raises:
            ConfigurationError: the template cannot be read or built, or does not deploy; the
                message has the first failure.
        """
        built = self.build(template, parameters=parameters, on_event=on_event)
        return self.deploy_built(
            template, built, parameters=parameters, stack_name=stack_name, on_event=on_event
        )

    def build(
        self,
        template: Path,
        *,
        parameters: Mapping[str, str] | None = None,
        on_event: Callable[[str], None] | None = None,
    ) -> BuiltTemplate:
        """The first half of `deploy`: all that needs no local AWS yet."""
        say = on_event or (lambda _: None)
        builder = CodeBuilder(template.parent.resolve(), say)
        return build_template(
            template, parameters=parameters or {}, region=self.region, builder=builder
        )

    def deploy_built(
        self,
        template: Path,
        built: BuiltTemplate,
        *,
        parameters: Mapping[str, str] | None = None,
        stack_name: str = "local",
        on_event: Callable[[str], None] | None = None,
    ) -> DeployedStack:
        """The second half of `deploy`."""
        say = on_event or (lambda _: None)
        return Deployment(self, template.name, stack_name).run(built, parameters or {}, say)

    @property
    def folder(self) -> Path:
        """The folder of this run.

        Raises:
            ConfigurationError: it is not started.
        """
        if self._folder is None:
            raise ConfigurationError("the local AWS is not running")
        return self._folder

    def local_url(self, value: str) -> str:
        """An ``execute-api`` URL of AWS as the local one; anything else as it is."""
        return local_url(value, self.port)

    def invocations(self, start: int = 0) -> tuple[list[Invocation], int]:
        """The invocations of Lambda functions from a position on, and the next position."""
        try:
            with (self.folder / _JOURNAL).open("rb") as journal:
                journal.seek(start)
                content = journal.read()
        except FileNotFoundError:
            return [], start
        whole = content[: content.rfind(b"\n") + 1]
        found = [Invocation(**json.loads(line)) for line in whole.splitlines()]
        return found, start + len(whole)

    def function_log(self, function_name: str) -> list[str]:
        """What a Lambda function has written to CloudWatch Logs so far, line by line."""
        logs = self.client("logs")
        try:
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=f"/aws/lambda/{function_name}"
            )
            return [
                line
                for page in pages
                for event in page["events"]
                for line in event["message"].splitlines()
            ]
        except logs.exceptions.ResourceNotFoundException:  # it was never called
            return []

    def start_functions(self, names: Iterable[str]) -> None:
        """Begin to start functions, in this order, as AWS starts some before their first event.

        It waits for none.  One that does not start says so when it is invoked.
        """
        functions = self.client("lambda")
        for name in names:
            with suppress(functions.exceptions.ClientError):
                functions.invoke(FunctionName=name, InvocationType="DryRun")

    def prepare_clients(self) -> None:
        """Make the clients that a deployment needs, which loads botocore."""
        for service in ("s3", "cloudformation"):
            self.client(service)

    def invoke(self, function_name: str, payload: bytes) -> tuple[int, bytes]:
        """Invoke a Lambda function and wait: the status of the invocation, and its answer."""
        answer = self.client("lambda").invoke(FunctionName=function_name, Payload=payload)
        return answer["StatusCode"], answer["Payload"].read()

    def error_lines(self) -> list[str]:
        """What the local AWS has logged as errors so far, each line once.

        A Lambda that does not start or that raises is among them.
        """
        if self._folder is None:
            return []
        lines = (self._folder / "ministack.log").read_text(errors="replace").splitlines()
        return list(
            dict.fromkeys(line.partition(" ERROR ")[2] for line in lines if " ERROR " in line)
        )

    def pool_signing_key(self, user_pool_id: str, token_use: str = "access") -> bytes:
        """The PEM of the key that a local user pool signs with: tests make expired tokens by it."""
        return (
            self.folder / "state" / "cognito-pool-keys" / f"{user_pool_id}-{token_use}.pem"
        ).read_bytes()
