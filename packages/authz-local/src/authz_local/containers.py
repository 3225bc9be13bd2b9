"""The part of a container: a Python file that serves HTTP, as a process on a port of this machine.

For a companion, whose service would run behind a VPC link on AWS.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from authz_lib.errors import ConfigurationError
from authz_local._isolation import inherited_variables
from authz_local._process import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from authz_local.stack import LocalAWS

__all__ = ["Container"]

_START_SECONDS = 30


class Container:
    """A server of its own, which has the variables ``HOST`` and ``PORT``.

    `named` makes a companion of it, whose parameter is the URL: a template names it before the
    server runs.  The companion's ``seed`` starts it, and returns what `launch` does.

    Args:
        script: the Python file; it runs on this Python and its packages.
    """

    def __init__(self, script: Path) -> None:
        self._script = script
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        """Where it serves, once the block has begun."""

    def named(self, parameter: str) -> Callable[[Path], AbstractContextManager[dict[str, str]]]:
        """The function ``companions`` of a companion: the template's parameter is the URL."""

        @contextmanager
        def companions(_: Path) -> Iterator[dict[str, str]]:
            self.url = f"http://127.0.0.1:{free_port()}"
            try:
                yield {parameter: self.url}
            finally:
                self._stop()

        return companions

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait()

    def launch(self, aws: LocalAWS, **environment: str) -> Callable[[], None]:
        """Start it, with the local AWS as its AWS; what is returned waits until it listens.

        That raises a `ConfigurationError` where it ended, or did not listen in time.
        """
        host, _, port = self.url.removeprefix("http://").partition(":")
        variables = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_DEFAULT_REGION": aws.region,
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_SECRET_ACCESS_KEY": "test",
            "HOST": host,
            "PORT": port,
            **environment,
        }
        process = self._process = subprocess.Popen(
            [sys.executable, str(self._script)],
            env=inherited_variables(os.environ) | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches only us
        )
        deadline = time.monotonic() + _START_SECONDS

        def wait() -> None:
            while not _listens(host, int(port)):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise ConfigurationError(f"`{self._script.name}` does not serve")
                time.sleep(0.05)

        return wait


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
