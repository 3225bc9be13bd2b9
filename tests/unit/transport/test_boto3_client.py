"""A boto3 client keeps its connections, but for a process that has them from its parent."""

from __future__ import annotations

import os

from authz_lib.transport.boto3_client import ForkSafeClient


class Client:
    closed = 0

    def close(self):
        self.closed += 1


def test_another_process_closes_what_it_inherited_once(monkeypatch):
    client = Client()
    safe = ForkSafeClient(client)
    assert safe.get() is client
    assert client.closed == 0
    child = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: child)
    assert safe.get() is safe.get() is client
    assert client.closed == 1
