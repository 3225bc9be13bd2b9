"""What an event is that cannot be read, for the message that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["missing_members", "why_no_authorizer_event"]


def why_no_authorizer_event(event: Mapping[str, Any]) -> str:
    """What it is instead of an authorizer's event, or which member it lacks."""
    context = event.get("requestContext")
    if "raw_path" in event:
        found = "VPC Lattice's (event structure 1.0), which is not supported"
    elif isinstance(context, dict) and "serviceArn" in context:
        found = "VPC Lattice's (event structure 2.0), which is not supported"
    elif isinstance(context, dict) and "elb" in context:
        found = "a load balancer's, which asks no authorizer"
    elif event.get("type") is None and ("methodArn" in event or "routeArn" in event):
        return "`type` of the event is missing"
    elif isinstance(context, dict) and {"queryString", "operation"} & context.keys():
        return "`authorizationToken` of the event is missing, and `type`: it is not AppSync's"
    else:
        found = "a service's, or of no known kind"
    return (
        f"not an authorizer event but {found}: `type` is neither `TOKEN` nor `REQUEST`, and it is "
        "not AppSync's"
    )


def missing_members(event: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """What a partial event of an API lacks; empty where that is not clear."""
    if event.get("version") == "2.0":
        names = ["domainName", "http"]
    else:
        names = ["apiId", "resourceId"] if "resource" in event else []
    absent = [f"`requestContext.{name}`" for name in names if context.get(name) is None]
    return f": {' and '.join(absent)} is missing" if absent else ""
