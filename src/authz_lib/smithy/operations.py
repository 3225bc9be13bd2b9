"""An operation of a Smithy service: its route, who may call it, and what it is about.

See https://smithy.io/2.0/spec/http-bindings.html and
https://smithy.io/2.0/spec/authentication-traits.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authz_lib.entities.uid import is_action_id
from authz_lib.errors import ConfigurationError
from authz_lib.routes.uri import UriPattern
from authz_lib.smithy.resources import Resource, resource_in_path
from authz_lib.smithy.shapes import shape_name

if TYPE_CHECKING:
    from authz_lib._support.strict_json import JSONObject

__all__ = [
    "NO_AUTH",
    "NO_AUTHORIZER",
    "HttpBinding",
    "Operation",
    "action_name",
    "http_binding",
    "required_scopes",
]

NO_AUTH = "smithy.api#noAuth"
"""The scheme of a caller without credentials."""
NO_AUTHORIZER = "NONE"
"""The word by which ``aws.apigateway#authorizer`` says that the gateway asks nobody."""


@dataclass(frozen=True, slots=True)
class HttpBinding:
    """The trait ``@http``.

    Attributes:
        method: the HTTP method.
        uri: the URI pattern, as the model has it.
        pattern: the URI pattern, parsed.
        code: the status of success.
    """

    method: str
    uri: str
    pattern: UriPattern
    code: int


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a service.

    Attributes:
        id: the shape id.
        http: its binding; None where the protocol has none.
        auth: the authentication schemes that it accepts, in order of preference.  `NO_AUTH` is the
            last one where no credentials are needed.
        declares_public: whether the model has ``@auth([])`` or ``@optionalAuth`` for it.  Without
            them it is public only because there is no scheme.
        errors: shape ids, those of the service first.
        readonly: from ``@readonly``.
        idempotent: from ``@idempotent``.
        action_name: ``@iamAction``'s name, else ``@actionName``, else the name of the shape.
        resource: the resource it is bound to.
        on_instance: whether it is about one instance of ``resource``, not about all of them.
        labels: pairs of a resource's identifier and the URI's label that has its value.
        scopes: OAuth scopes, from the trait ``authz#requiredScopes`` (a list of strings).
        authorizer: the authorizer of the gateway: ``@authorizer`` of the operation, else of the
            nearest resource above it, else of the service.  `NO_AUTHORIZER` is none.
    """

    id: str
    http: HttpBinding | None
    auth: tuple[str, ...]
    declares_public: bool
    errors: tuple[str, ...]
    readonly: bool
    idempotent: bool
    action_name: str
    resource: Resource | None
    on_instance: bool
    labels: tuple[tuple[str, str], ...]
    scopes: tuple[str, ...] = ()
    authorizer: str | None = None

    @property
    def name(self) -> str:
        """The name behind the namespace."""
        return shape_name(self.id)

    @property
    def public(self) -> bool:
        """Whether no credentials are needed."""
        return NO_AUTH in self.auth

    @property
    def is_open(self) -> bool:
        """Whether the gateway lets every request through, although callers need credentials."""
        return self.authorizer == NO_AUTHORIZER and not self.public

    @property
    def subject(self) -> Resource | None:
        """The resource that one instance of is acted on; for a nested collection its parent."""
        return self.resource if self.resource is None or self.on_instance else self.resource.parent

    @property
    def subject_label(self) -> str | None:
        """The label that names the instance of `subject` in the path; see `resource_in_path`."""
        return (
            None
            if self.http is None
            else resource_in_path(self.subject, self.http.pattern, dict(self.labels))
        )


def http_binding(found: JSONObject, operation_id: str) -> HttpBinding | None:
    """The trait ``@http`` of an operation; None where it has none."""
    trait: Any = found.get("smithy.api#http")
    if trait is None:
        return None
    method, uri, code = (
        (trait.get("method"), trait.get("uri"), trait.get("code", 200))
        if isinstance(trait, dict)
        else ("", "", 0)
    )
    if (
        not isinstance(method, str)
        or not isinstance(uri, str)
        or type(code) is not int
        or not method
    ):
        raise ConfigurationError(
            f"the model is broken: `@http` of `{operation_id}` must have `method`, `uri` and `code`"
        )
    try:
        return HttpBinding(method, uri, UriPattern.parse(uri), code)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"the model is broken: `@http` of `{operation_id}`: {error}"
        ) from None


def required_scopes(found: JSONObject, operation_id: str) -> tuple[str, ...]:
    """The trait ``authz#requiredScopes`` of an operation."""
    scopes = found.get("authz#requiredScopes", [])
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise ConfigurationError(
            f"the model is broken: `authz#requiredScopes` of `{operation_id}` must be a list of "
            "strings"
        )
    return tuple(scopes)


def action_name(found: JSONObject, operation_id: str) -> str:
    """The name of the action: ``@iamAction``'s, else ``@actionName``, else that of the shape."""
    action = found.get("aws.iam#iamAction")
    name = action.get("name") if isinstance(action, dict) else None
    name = found.get("aws.iam#actionName") if name is None else name
    if name is None:
        return shape_name(operation_id)
    if not isinstance(name, str) or not is_action_id(name):
        raise ConfigurationError(
            f"the model is broken: the action name of `{operation_id}` must be a string of 1 to "
            "512 characters on one line"
        )
    return name
