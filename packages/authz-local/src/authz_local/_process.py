"""Ports of 127.0.0.1, and the end of a group of processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress

from authz_lib._support.checks import require_count
from authz_lib.errors import ConfigurationError

__all__ = ["end_group", "free_port", "usable_port"]

_GRACE_SECONDS = 2  # whatever it would save is deleted with its folder
_STOP_SECONDS = 5


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def usable_port(port: int) -> int:
    """The same port.

    Raises:
        ConfigurationError: it is no port, or it is in use.
    """
    require_count(port, "port", least=1, most=65535)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigurationError(f"port `{port}` cannot be used: {error.strerror}") from None
    return port


def end_group(leader: subprocess.Popen[bytes]) -> None:
    """End a process and all others of its group: SIGTERM, and SIGKILL up to 2 seconds later."""
    with suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        leader.wait(_GRACE_SECONDS)
    # Lambda processes may outlive their parent: they are still in its group.
    deadline = time.monotonic() + _STOP_SECONDS
    with suppress(ProcessLookupError, PermissionError):  # the latter: macOS, for a group of zombies
        while time.monotonic() < deadline:
            os.killpg(leader.pid, signal.SIGKILL)
            leader.poll()  # a killed leader stays in its group until it has been waited for
            time.sleep(0.01)
    leader.wait()
