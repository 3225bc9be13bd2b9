"""Migrate from one way of calling to another without executing a call twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.lazy import lazy_names

if TYPE_CHECKING:
    from authz_lib.delivery.api_call import ApiCall
    from authz_lib.delivery.delivery import Delivery, DeliveryEvent, DeliveryPath, Receipt
    from authz_lib.delivery.lambda_invoke import LambdaInvoke
    from authz_lib.delivery.parcel import Parcel
    from authz_lib.delivery.rollout import RolloutFlag

__all__ = [
    "ApiCall",
    "Delivery",
    "DeliveryEvent",
    "DeliveryPath",
    "LambdaInvoke",
    "Parcel",
    "Receipt",
    "RolloutFlag",
]

# Public name -> the module that holds it.
_HOME = {
    "ApiCall": "api_call",
    "Delivery": "delivery",
    "DeliveryEvent": "delivery",
    "DeliveryPath": "delivery",
    "LambdaInvoke": "lambda_invoke",
    "Parcel": "parcel",
    "Receipt": "delivery",
    "RolloutFlag": "rollout",
}

if not TYPE_CHECKING:  # type checkers read the imports above: a misspelt name is an error for them
    __getattr__, __dir__ = lazy_names(__name__, _HOME)
