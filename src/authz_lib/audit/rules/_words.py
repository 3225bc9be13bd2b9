"""Words that several rules say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from authz_lib.audit.entry_point import EntryPoint
    from authz_lib.audit.entry_points import Inventory
    from authz_lib.audit.rule import Severity

API_SURFACES: Final = frozenset({"http", "rest"})


def when(inventory: Inventory, point: EntryPoint) -> str:
    """Under which condition, with the parameters and their defaults; empty for always."""
    if not point.guard:
        return ""
    values = inventory.template.values
    names: dict[str, None] = {}
    for name, side in point.guard.terms:
        found = [name] if isinstance(side, str) else values.parameters_of(name)
        names |= dict.fromkeys(found)
    defaults = [
        f"`{name}` is `{values.values[name]}` by default"
        if name in values.values
        else f"`{name}` has no default"
        for name in names
    ]
    holds = {True: "yes", False: "no", None: "not known"}[values.guard_holds(point.guard)]
    told = "; ".join([*defaults, f"so by default: {holds}"])
    return f" under the condition `{point.guard}` ({told})"


def is_never(inventory: Inventory, point: EntryPoint) -> bool:
    """Whether a condition that reads no parameter says that it is never so."""
    values = inventory.template.values
    reads = any(
        isinstance(side, str) or values.parameters_of(name) for name, side in point.guard.terms
    )
    return bool(point.guard) and not reads and values.guard_holds(point.guard) is False


def softened(inventory: Inventory, point: EntryPoint, severity: Severity) -> Severity:
    """The severity of an open way in that something else narrows."""
    if is_never(inventory, point):
        return "info"
    return "medium" if severity == "high" and narrowed_by(inventory, point) else severity


def narrowed_by(inventory: Inventory, point: EntryPoint) -> str:
    """What else stands before an entry point; empty for nothing."""
    gateway = inventory.gateways.get(point.gateway or "")
    if gateway is None:
        return ""
    endpoint = inventory.template.values.plain(gateway.properties.get("EndpointConfiguration"))
    kinds = endpoint.get("Types", []) if isinstance(endpoint, dict) else []
    if kinds == ["PRIVATE"]:
        return "; the API is private, and everyone in its networks reaches it"
    body = gateway.properties.get("Body")
    policy = gateway.properties.get("Policy")
    if policy or (isinstance(body, dict) and body.get("x-amazon-apigateway-policy")):
        return "; only the API's resource policy stands before it"
    return ""
