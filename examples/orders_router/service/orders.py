"""The orders service: the gateway has let the caller through; who may touch which order is decided here."""

from __future__ import annotations

import json
import os
import uuid
from typing import Any

import boto3

from authz_lib import (
    Entity,
    EntityUid,
    ExpectedGateway,
    Principal,
    SmithyError,
    VerifiedPermissions,
    principal_from_event,
    service_handler,
)
from authz_lib.smithy import errors as smithy_errors

Event = dict[str, Any]

_table = boto3.resource("dynamodb").Table(os.environ["ORDERS_TABLE"])
_policies = VerifiedPermissions(os.environ["POLICY_STORE_ID"])
