"""Ports of 127.0.0.1, and the end of a group of processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from authz_lib._support.checks import require_count
from authz_lib.errors import ConfigurationError
from authz_local._interrupts import interrupts_held_back

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["end_group", "free_port", "run_to_its_end", "usable_port"]

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


def run_to_its_end(
    words: Sequence[str | os.PathLike[str]], *, timeout: float, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a program; one that is interrupted, or too slow, is gone when this returns.

    `subprocess.run` loses a process that is interrupted while it starts, and does not wait for one
    that it has killed.

    Raises:
        OSError: it cannot be started.
        subprocess.TimeoutExpired: it was too slow.
    """
    process: subprocess.Popen[str] | None = None
    try:
        with interrupts_held_back():  # what was interrupted is raised at the end of the block
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                **options,
            )
        output, errors = process.communicate(timeout=timeout)
    except BaseException:
        if process is not None:
            process.kill()
            process.wait()
        raise
    return subprocess.CompletedProcess(list(words), process.returncode, output, errors)


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
