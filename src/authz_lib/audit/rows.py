"""What people read of an audit: words for entry points and findings, grouped by API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from authz_lib.audit.audited import Audit, AuditedFile
    from authz_lib.audit.entry_point import AuthorizerUse, EntryPoint, ResultCache

__all__ = ["ApiRows", "Openness", "RouteRow", "api_rows", "counted_rows", "summary_text"]

Openness = Literal["open", "on purpose", "closed", "not seen"]

_SURFACES: Final = {
    "events": "AppSync Events",
    "function-url": "function URL",
    "graphql": "AppSync GraphQL",
    "http": "HTTP API",
    "rest": "REST API",
    "websocket": "WebSocket API",
}
_KINDS: Final = {
    "AMAZON_COGNITO_USER_POOLS": "Cognito user pool",
    "API_KEY": "an API key only",
    "AWS_IAM": "AWS_IAM",
    "AWS_LAMBDA": "Lambda authorizer",
    "COGNITO_USER_POOLS": "Cognito user pool",
    "CUSTOM": "Lambda authorizer",
    "JWT": "JWT authorizer",
    "NONE": "nobody",
    "OPAQUE_BODY": "not seen: a file or macro brings the routes",
    "OPAQUE_S3": "not seen: a file in S3 holds the routes",
    "OPENID_CONNECT": "OpenID Connect",
    "UNKNOWN": "not seen: known when deployed",
}


@dataclass(frozen=True, slots=True)
class RouteRow:
    """One entry point in words."""

    openness: Openness
    place: str
    asks: str
    details: str
    condition: str
    line: int


@dataclass(frozen=True, slots=True)
class ApiRows:
    """The entry points of one API."""

    title: str
    rows: tuple[RouteRow, ...]


def api_rows(file: AuditedFile) -> list[ApiRows]:
    """The entry points of a file by API, in the order of its lines."""
    groups: dict[tuple[str, str], list[EntryPoint]] = {}
    for point in file.inventory.entry_points:
        groups.setdefault((point.gateway or point.api, point.surface), []).append(point)
    return [
        ApiRows(f"{name} ({_SURFACES[surface]})", tuple(_row(file, point) for point in points))
        for (name, surface), points in groups.items()
    ]


def _row(file: AuditedFile, point: EntryPoint) -> RouteRow:
    return RouteRow(
        openness_of(file, point),
        point.place,
        _KINDS.get(point.authorization.kind, point.authorization.kind),
        _details(point, _use_of(file, point)),
        _condition(point),
        point.line,
    )


def openness_of(file: AuditedFile, point: EntryPoint) -> Openness:
    """Whether an entry point is open, and whether the template says that it is meant."""
    if not point.is_seen:
        return "not seen"
    if not point.is_open:
        return "closed"
    own = [
        finding
        for finding in file.findings
        if (finding.resource, finding.place) == (point.api, point.place)
        and finding.condition == (str(point.guard) or None)
    ]
    explained = own and all(finding.on_purpose or finding.ignored for finding in own)
    return "on purpose" if explained else "open"


def _use_of(file: AuditedFile, point: EntryPoint) -> AuthorizerUse | None:
    gateway = file.inventory.gateways.get(point.gateway or "")
    return gateway.authorizers.get(point.authorization.authorizer or "") if gateway else None


def _details(point: EntryPoint, use: AuthorizerUse | None) -> str:
    asked = point.authorization
    words = [asked.authorizer or ""]
    if asked.scopes:
        words.append(f"scopes {' '.join(asked.scopes)}")
    if use is not None and use.audience:
        words.append(f"audience {' '.join(use.audience)}")
    if use is not None and use.issuer:
        words.append(f"issuer {use.issuer}")
    if use is not None and use.cache is not None:
        words.append(_cache_words(use.cache))
    if asked.api_key and asked.kind != "API_KEY":
        words.append("and an API key")
    if point.surface == "graphql" and asked.names:
        words.append(f"or {' '.join(asked.names)}")
    if point.is_preflight:
        words.append("preflight, answered by the gateway")
    return ", ".join(filter(None, words))


def _cache_words(cache: ResultCache) -> str:
    if cache.ttl_seconds == 0:
        return "no cache"
    ttl = "?" if cache.ttl_seconds is None else cache.ttl_seconds
    return f"cache {ttl} s by {' '.join(cache.identity_sources) or '-'}"


def _condition(point: EntryPoint) -> str:
    words = [f"if {point.guard}" if point.guard else ""]
    if point.present_if is not None:
        words.append(f"present if {point.present_if}")
    return ", ".join(filter(None, words))


def counted_rows(audit: Audit) -> dict[Openness, int]:
    """How many entry points are open, open on purpose, closed, and not seen."""
    found: dict[Openness, int] = {"open": 0, "on purpose": 0, "closed": 0, "not seen": 0}
    for file in audit.files:
        for point in file.inventory.entry_points:
            found[openness_of(file, point)] += 1
    return found


def summary_text(audit: Audit) -> str:
    """One line: how much is open, and how many findings count."""
    counted = counted_rows(audit)
    parts = [f"{number} {name}" for name, number in counted.items() if number]
    counting = sum(one.counts for file in audit.files for one in file.findings)
    explained = sum(not one.counts for file in audit.files for one in file.findings)
    told = f"; {explained} explained or known" if explained else ""
    total = _number(sum(counted.values()), "entry point")
    return f"{total}: {', '.join(parts) or 'none'}. {_number(counting, 'finding')}{told}."


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
