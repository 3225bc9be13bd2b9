"""What the local AWS lacks: a web server for `ui/`, and the platform's Batch queue."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from authz_local.local_scenario import LocalScenario

QUEUE, DEFINITION = "platform", "pipeline"
# Member of config.json: output.
CONFIG = {
    "apiUrl": "Url",
    "loginUrl": "LoginUrl",
    "clientId": "WebClientId",
}


class Pages(SimpleHTTPRequestHandler):
    """The files of `ui/`, and the `config.json` that a deployment would put beside them."""

    outputs: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        """Serve a file."""
        if self.path != "/config.json":
            super().do_GET()
            return
        content = json.dumps(
            {member: self.outputs.get(name) for member, name in CONFIG.items()}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def end_headers(self) -> None:
        """Nothing is kept: the next run serves other values from the same names."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: a query may hold a code."""


@contextmanager
def companions(folder: Path) -> Iterator[dict[str, str]]:
    """Serve the pages and name the platform's queue and definition."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, directory=str(folder / "ui")))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    arn = "arn:aws:batch:us-east-1:000000000000"
    try:
        yield {
            "AllowedOrigin": f"http://127.0.0.1:{server.server_port}",
            "DomainPrefix": "platform-local",
            "JobQueueArn": f"{arn}:job-queue/{QUEUE}",
            "JobDefinitionArn": f"{arn}:job-definition/{DEFINITION}:1",
        }
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def seed(local: LocalScenario) -> None:
    """Make the queue and its definition, and tell the pages where everything is."""
    batch = local.aws.client("batch")
    batch.create_compute_environment(computeEnvironmentName=QUEUE, type="UNMANAGED")
    order = [{"order": 1, "computeEnvironment": QUEUE}]
    batch.create_job_queue(jobQueueName=QUEUE, priority=1, computeEnvironmentOrder=order)
    container = {"image": "example", "command": ["run", "Ref::dataset"]}
    batch.register_job_definition(
        jobDefinitionName=DEFINITION, type="container", containerProperties=container
    )
    Pages.outputs = local.variables
