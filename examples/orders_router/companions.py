"""What the local AWS lacks: the container of the shipments service, which runs on a port here."""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from authz_lib import CedarEngine
from authz_lib.service.principal_headers import SecretHeader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from authz_local.local_scenario import LocalScenario

FOLDER = Path(__file__).parent
RUNNING: list[Any] = []  # the server, between the two functions


def _shipments() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "orders_router_shipments", FOLDER / "shipments" / "shipments.py"
    )
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


@contextmanager
def companions(folder: Path) -> Iterator[dict[str, str]]:
    """Start the service; it refuses until `seed` has told it the proof and the table."""
    shipments = _shipments()
    server = shipments.Server(("127.0.0.1", 0))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    RUNNING.append(server)
    try:
        yield {"ShipmentsUrl": f"http://127.0.0.1:{server.server_port}"}
    finally:
        RUNNING.remove(server)
        server.shutdown()
        thread.join()
        server.server_close()


def seed(local: LocalScenario) -> None:
    """Give the service its secret, table and policies, and the rows the partner's API key."""
    shipments, server = _shipments(), RUNNING[-1]
    secret = local.aws.client("secretsmanager").get_secret_value(
        SecretId=local.variables["GatewayProofArn"]
    )
    server.handle = shipments.service(
        table=local.aws.resource("dynamodb").Table(local.variables["ShipmentsTableName"]),
        policies=CedarEngine.from_directory(FOLDER / "policies"),
        proof=SecretHeader(shipments.PROOF, [secret["SecretString"]]),
    )
    keys = local.aws.client("apigateway")
    key = keys.get_api_key(apiKey=local.variables["PartnerKeyId"], includeValue=True)
    local.variables |= {
        "ShipmentsUrl": local.parameters["ShipmentsUrl"],
        "PartnerKey": key["value"],
    }
