"""A boto3 client in a forked process: it must not read its parent's answers."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["ForkSafeClient"]


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
