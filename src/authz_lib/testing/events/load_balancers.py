"""What load balancers and VPC Lattice send to a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.testing.events._parts import ACCOUNT_ID, REGION, TIME

if TYPE_CHECKING:
    from collections.abc import Mapping


def alb_event(
    *, method: str = "GET", path: str = "/", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What an Application Load Balancer sends to a Lambda target.

    >>> list(alb_event()["requestContext"])
    ['elb']
    """
    group = (
        f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT_ID}:targetgroup/orders/49e9d65c45c6791a"
    )
    return {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {},
        "headers": dict(headers or {}),
        "body": "",
        "isBase64Encoded": False,
    }


def lattice_event(
    *, method: str = "GET", path: str = "/", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What VPC Lattice sends with event structure 2.0, whose ``version`` is that of an HTTP API.

    >>> lattice_event()["version"]
    '2.0'
    """
    arn = f"arn:aws:vpc-lattice:{REGION}:{ACCOUNT_ID}"
    return {
        "version": "2.0",
        "path": path,
        "method": method,
        "headers": {name.lower(): [value] for name, value in (headers or {}).items()},
        "isBase64Encoded": False,
        "requestContext": {
            "serviceNetworkArn": f"{arn}:servicenetwork/sn-0bf3f2882e9cc805a",
            "serviceArn": f"{arn}:service/svc-0a40eebed65f8d69c",
            "targetGroupArn": f"{arn}:targetgroup/tg-6d0ecf831eec9f09",
            "region": REGION,
            "timeEpoch": str(TIME * 1_000_000),
        },
    }


def lattice_event_v1(
    *, method: str = "GET", path: str = "/", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What VPC Lattice sends with event structure 1.0.

    >>> sorted(lattice_event_v1())[-2:]
    ['query_string_parameters', 'raw_path']
    """
    return {
        "raw_path": path,
        "method": method,
        "headers": {name.lower(): value for name, value in (headers or {}).items()},
        "query_string_parameters": {},
        "body": "",
        "is_base64_encoded": False,
    }
