"""`authz local store POLICIES`: a policy store endpoint with the policies of a folder."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, NoReturn

from authz_lib.errors import ConfigurationError
from authz_local._interrupts import serving

if TYPE_CHECKING:
    from pathlib import Path

    from authz_lib.testing.policy_store import PolicyStoreServer
    from authz_lib.testing.policy_store.decisions import AuthorizationRecord

__all__ = ["serve_store"]

_WATCH_SECONDS = 0.2
_EXAMPLE = """
AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 \\
  aws verifiedpermissions list-policies --endpoint-url {url} --policy-store-id {store}"""


def serve_store(policies: Path, port: int | None) -> None:
    """Serve until Ctrl-C, and print each decision.

    Raises:
        ConfigurationError: the folder is not one of policies, or the port cannot be used.
    """
    from authz_lib.testing.policy_store import PolicyStoreServer
    from authz_local._process import usable_port

    if not policies.is_dir():
        raise ConfigurationError(f"`{policies}` is not a folder")
    with PolicyStoreServer(port=0 if port is None else usable_port(port)) as server:
        store_id = server.create_store_from_directory(policies)
        with serving():  # from the first line on: whoever has read it may interrupt
            print(f"EndpointUrl = {server.url}")
            print(f"PolicyStoreId = {store_id}")
            print(f"\nexport AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS={server.url}")
            print(_EXAMPLE.format(url=server.url, store=store_id))
            print("\nserving; Ctrl-C ends it", flush=True)
            _print_decisions(server)


def _print_decisions(server: PolicyStoreServer) -> NoReturn:
    printed = 0
    while True:
        records = server.requests[printed:]
        for record in records:
            print(_line(record), file=sys.stderr, flush=True)
        printed += len(records)
        time.sleep(_WATCH_SECONDS)


def _line(record: AuthorizationRecord) -> str:
    policies = ", ".join(record.determining_policies) or "no policy"
    return (
        f"{record.decision:5}  {record.principal}  {record.action}  {record.resource}  ({policies})"
    )
