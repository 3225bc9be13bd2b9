"""What of a Smithy service a kind of API cannot deploy, or deploys with another meaning.

API Gateway routes by method and path only, and each kind of API has rules of its own.  Smithy
allows more.  There is one function per rule.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from authz_lib._support.checks import require_one_of
from authz_lib.smithy.operations import NO_AUTHORIZER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from authz_lib.routes.uri import UriPattern
    from authz_lib.smithy.model import Operation, Service

__all__ = ["ApiKind", "Finding", "lint"]

ApiKind = Literal["http", "rest"]
"""Which kind of API a model is checked for."""

_REST_PART = re.compile(r"[A-Za-z0-9._:-]+")
_MAX_ROUTES = 300
_TYPE_MEMBERS = frozenset({"code", "Code", "__type"})


class Finding(NamedTuple):
    """One finding.

    Attributes:
        level: ``"error"`` where it cannot be deployed, ``"warning"`` where it can be, with another
            meaning.
        rule: the rule's name.
        where: the operation or shape.
        message: what is wrong and what to do.
    """

    level: Literal["error", "warning"]
    rule: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.level}: {self.where}: {self.message} [{self.rule}]"


def lint(service: Service, kind: ApiKind) -> list[Finding]:
    """All findings for a kind of API, errors first.

    Checked are routes, callers and errors.  Not checked: integrations, models, request validation.

    Raises:
        ConfigurationError: an unknown kind of API.
    """
    require_one_of(kind, "kind", tuple(_KINDS))
    found = [finding for rule in _RULES for finding in rule(service, kind)]
    return sorted(found, key=lambda finding: (finding.level, finding.where, finding.rule))


_KINDS = {"http": "an HTTP API", "rest": "a REST API"}


def _routed(service: Service) -> Iterator[tuple[Operation, UriPattern]]:
    for operation in service.operations:
        if operation.http is not None:
            yield operation, operation.http.pattern


def _greedy_not_last(service: Service, kind: ApiKind) -> Iterator[Finding]:
    for operation, pattern in _routed(service):
        if any(segment.kind == "greedy" for segment in pattern.segments[:-1]):
            message = (
                f"{_KINDS[kind]} allows a greedy label only at the end of a path: `{pattern.path}`"
            )
            yield Finding("error", "greedy-not-last", operation.name, message)


def _path_characters(service: Service, kind: ApiKind) -> Iterator[Finding]:
    if kind != "rest":
        return
    for operation, pattern in _routed(service):
        for segment in pattern.segments:
            if segment.kind == "literal" and not _REST_PART.fullmatch(segment.text):
                message = (
                    "a REST API allows only letters, digits and `._:-` in a part of a path: "
                    f"`{segment.text}`"
                )
                yield Finding("error", "path-characters", operation.name, message)


def _label_names(service: Service, kind: ApiKind) -> Iterator[Finding]:
    """A REST API is a tree of resources, with one label at each place."""
    if kind != "rest":
        return
    names: dict[str, tuple[str, str]] = {}
    for operation, pattern in _routed(service):
        place = ""
        for segment in pattern.segments:
            if segment.kind != "literal":
                first, owner = names.setdefault(place, (segment.text, operation.name))
                if first != segment.text:
                    message = (
                        f"a REST API has one label at one place, but here it is `{segment.text}`, "
                        f"and in {owner} `{first}`: rename one, or deploy one of them (the action "
                        "map accepts both)"
                    )
                    yield Finding("error", "label-names", operation.name, message)
            place += "/" + (segment.text if segment.kind == "literal" else "{}")


def _query_literals(service: Service, kind: ApiKind) -> Iterator[Finding]:
    for operation, pattern in _routed(service):
        if pattern.query:
            message = (
                f"{_KINDS[kind]} does not route by query, so that `{pattern.path}` is one route "
                "for several operations: let the service dispatch, and use an authorizer that sees "
                "the query (no TOKEN authorizer)"
            )
            yield Finding("warning", "query-literals", operation.name, message)


def _trailing_slash(service: Service, kind: ApiKind) -> Iterator[Finding]:
    for operation, pattern in _routed(service):
        uri = operation.http.uri.partition("?")[0] if operation.http else "/"
        if uri.endswith("/") and uri != "/":
            message = (
                f"`{uri}` and `{pattern.path}` are two paths of {_KINDS[kind]}: deploy the one "
                "without the slash"
            )
            yield Finding("warning", "trailing-slash", operation.name, message)


def _optional_auth(service: Service, kind: ApiKind) -> Iterator[Finding]:
    for operation, _ in _routed(service):
        if operation.public and len(operation.auth) > 1:
            message = (
                f"{_KINDS[kind]} has no optional authorizer: with one, this route answers 401 to a "
                "request without credentials, and without one, no credentials are checked"
            )
            yield Finding("warning", "optional-auth", operation.name, message)


def _open_gateway(service: Service, kind: ApiKind) -> Iterator[Finding]:
    for operation, _ in _routed(service):
        if operation.is_open:
            message = (
                f'`@authorizer("{NO_AUTHORIZER}")` opens this route of {_KINDS[kind]} to every '
                "request, although callers need credentials: name an authorizer, or declare "
                "`@auth([])`"
            )
            yield Finding("error", "open-gateway", operation.name, message)


def _asked_for_nothing(service: Service, kind: ApiKind) -> Iterator[Finding]:
    for operation, _ in _routed(service):
        has_authorizer = operation.authorizer not in {None, NO_AUTHORIZER}
        if has_authorizer and operation.public and len(operation.auth) == 1:
            message = (
                f"no credentials are needed, and {_KINDS[kind]} asks an authorizer all the same: "
                f'declare `@authorizer("{NO_AUTHORIZER}")`'
            )
            yield Finding("warning", "public-with-authorizer", operation.name, message)


def _iam_only(service: Service, kind: ApiKind) -> Iterator[Finding]:
    for operation, _ in _routed(service):
        if set(operation.auth) <= {"aws.auth#sigv4", "aws.auth#sigv4a"}:
            message = (
                f"only signed requests may call it: give the route of {_KINDS[kind]} the "
                "authorization type AWS_IAM instead of a Lambda authorizer"
            )
            yield Finding("warning", "iam-only", operation.name, message)


def _id_not_in_path(service: Service, _: ApiKind) -> Iterator[Finding]:
    for operation, _pattern in _routed(service):
        if operation.subject is not None and operation.subject_label is None:
            message = (
                f"the path does not name the `{operation.subject.name}`: the service must decide "
                "about it, since the authorizer cannot"
            )
            yield Finding("warning", "id-not-in-path", operation.name, message)


def _error_members(service: Service, _: ApiKind) -> Iterator[Finding]:
    for error_id in sorted(
        {error for operation in service.operations for error in operation.errors}
    ):
        for member in _TYPE_MEMBERS.intersection(service.error_members(error_id)):
            message = (
                f"rename the member `{member}` of this error: generated clients read it as the "
                "error's type"
            )
            yield Finding("error", "error-members", error_id, message)


def _too_many(service: Service, kind: ApiKind) -> Iterator[Finding]:
    routes = {
        (operation.http.method, pattern.path)
        for operation, pattern in _routed(service)
        if operation.http
    }
    paths = {pattern.path for _, pattern in _routed(service)}
    count, unit = (len(routes), "routes") if kind == "http" else (len(paths), "resources")
    if count > _MAX_ROUTES:
        message = (
            f"{count} {unit}: {_KINDS[kind]} has at most {_MAX_ROUTES} unless the quota is raised"
        )
        yield Finding("warning", "quota", service.name, message)


_RULES: tuple[Callable[[Service, ApiKind], Iterator[Finding]], ...] = (
    _greedy_not_last,
    _path_characters,
    _label_names,
    _query_literals,
    _trailing_slash,
    _optional_auth,
    _open_gateway,
    _asked_for_nothing,
    _iam_only,
    _id_not_in_path,
    _error_members,
    _too_many,
)
