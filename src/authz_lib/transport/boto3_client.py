"""A boto3 client: how long it waits, and what a forked process does with its parent's."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ForkSafeClient", "bounded_client"]


def bounded_client(
    service: str,
    problem: str,
    *,
    connect_seconds: float,
    read_seconds: float,
    attempts: int = 2,
    config: Mapping[str, Any] | None = None,
) -> Any:
    """A boto3 client whose waiting has an end; boto3's own waits for minutes.

    Args:
        service: what boto3 calls the service.
        problem: the beginning of the error's message.
        connect_seconds: of one attempt.
        read_seconds: of one attempt, for each read.
        attempts: of one call, the first included.
        config: more of `botocore.config.Config`; what is given here takes the place of the above.

    Raises:
        ConfigurationError: boto3 could make no client: no Region, a broken profile, no boto3.

    >>> client = bounded_client(
    ...     "sqs",
    ...     "no client for the queue",
    ...     connect_seconds=1,
    ...     read_seconds=2,
    ...     config={"region_name": "us-east-1"},
    ... )
    >>> client.meta.config.read_timeout
    2
    """
    settings = {
        "connect_timeout": connect_seconds,
        "read_timeout": read_seconds,
        "retries": {"mode": "standard", "total_max_attempts": attempts},
        **(config or {}),
    }
    try:
        made = import_module("botocore.config").Config(**settings)
        return import_module("boto3").client(service, config=made)
    except Exception as error:  # noqa: BLE001  no Region, a broken profile: all are settings
        raise ConfigurationError(f"{problem} ({type(error).__name__})") from None


class ForkSafeClient:
    """A boto3 client whose kept connections are closed where the process is another.

    botocore's own locks are not looked after: a fork in the microseconds in which a thread holds
    one may leave the child's copy of the client without answer.

    >>> ForkSafeClient("client").get()
    'client'
    """

    __slots__ = ("_client", "_process")

    def __init__(self, client: Any) -> None:
        self._client = client
        self._process = os.getpid()

    def get(self) -> Any:
        """The client, for one call."""
        process = os.getpid()
        if process != self._process:
            self._client.close()  # the parent's copies stay open
            self._process = process
        return self._client
