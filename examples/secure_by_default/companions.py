"""What the local AWS lacks: a web server for `ui/`, a Batch queue, and another application."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

QUEUE, DEFINITION = "platform", "pipeline"
ARN = "arn:aws:batch:us-east-1:000000000000"


class Pages(SimpleHTTPRequestHandler):
    """The files of `ui/`, and the `config.json` that a deployment would put beside them."""

    outputs: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        """Serve a file."""
        if self.path == "/config.json":
            config = {
                "apiUrl": self.outputs["Url"],
                "authEnabled": "WebClientId" in self.outputs,
                "loginUrl": self.outputs.get("LoginUrl"),
                "clientId": self.outputs.get("WebClientId"),
            }
            self.send_response(200)
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(json.dumps(config).encode())
        else:
            super().do_GET()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
        """Say nothing: a query may hold a code."""


@contextmanager
def companions(folder: Path) -> Iterator[dict[str, str]]:
    """Serve the pages and name the platform's queue and definition."""
    pages = partial(Pages, directory=str(folder / "ui"))
    with ThreadingHTTPServer(("127.0.0.1", 0), pages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield {
                "AllowedOrigin": f"http://127.0.0.1:{server.server_port}",
                "DomainPrefix": "platform-local",
                "JobQueueArn": f"{ARN}:job-queue/{QUEUE}",
                "JobDefinitionArn": f"{ARN}:job-definition/{DEFINITION}:1",
            }
        finally:
            server.shutdown()


def seed(local: Any) -> None:
    """Make the queue, another application of the pool, and tell the pages where everything is."""
    batch, pools = local.aws.client("batch"), local.aws.client("cognito-idp")
    batch.create_compute_environment(computeEnvironmentName=QUEUE, type="UNMANAGED")
    order = [{"order": 1, "computeEnvironment": QUEUE}]
    batch.create_job_queue(jobQueueName=QUEUE, priority=1, computeEnvironmentOrder=order)
    job = {"image": "example", "command": ["run", "Ref::dataset"]}
    named = {"jobDefinitionName": DEFINITION, "type": "container"}
    batch.register_job_definition(**named, containerProperties=job)
    pool = {"UserPoolId": local.variables["UserPoolId"]}
    other = pools.create_user_pool_client(**pool, ClientName="someone-elses-app")
    local.variables["OtherClientId"] = other["UserPoolClient"]["ClientId"]
    local.variables["LoginUrl"] = local.aws.url
    Pages.outputs = local.variables
