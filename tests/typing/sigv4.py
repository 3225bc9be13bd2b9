"""What a user writes with `authz_lib.sigv4` must type-check under pyright's strict mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from authz_lib import SigV4Client, SigV4Signer
from authz_lib.delivery import (
    ApiCall,
    Delivery,
    DeliveryEvent,
    LambdaInvoke,
    Parcel,
    Receipt,
    RolloutFlag,
)
from authz_lib.sigv4 import Credentials, Response, SignedRequest
from authz_lib.transport.outcome import Outcome

if TYPE_CHECKING:
    from botocore.credentials import Credentials as BotocoreCredentials
    from botocore.credentials import ReadOnlyCredentials

signer = SigV4Signer(
    service="execute-api", region="eu-west-1", credentials=Credentials("A", "B"), also_sign=["x"]
)
signed = signer.sign("POST", "https://abc.example.com/", {"content-type": "text/plain"}, b"x")
assert_type(signed, SignedRequest)
assert_type(signed.headers, dict[str, str])
assert_type(signed.body, bytes | None)


def credentials_of_botocore(
    refreshing: BotocoreCredentials, frozen: ReadOnlyCredentials
) -> list[SigV4Signer]:
    return [
        SigV4Signer(service="lambda", region="eu-west-1", credentials=given)
        for given in (refreshing, frozen)
    ]


client = SigV4Client("https://abc.example.com", region="eu-west-1")
response = client.request(
    "POST", "/execute", json={"n": 1}, query={"a": ["1", "2"]}, idempotency_key="k"
)
assert_type(response, Response)
assert_type(response.raise_for_status(), Response)
assert_type(response.outcome, Outcome)
assert_type(response.json(), Any)


def on_event(event: DeliveryEvent) -> None:
    assert_type(event.outcome, Outcome | None)


def flags(key: str) -> bool:
    return key == "k"


class Own:
    def deliver(self, parcel: Parcel, *, timeout_seconds: float) -> tuple[int, bytes]:
        return 200, parcel.body


delivery = Delivery(
    primary=ApiCall(client, "/execute"),
    fallback=LambdaInvoke("f", invocation_type="Event", async_retries_disabled=True),
    rollout=RolloutFlag.from_env(),
    on_event=on_event,
)
assert_type(delivery.send({"n": 1}, idempotency_key="k"), Receipt)
Delivery(primary=Own(), rollout=flags)
