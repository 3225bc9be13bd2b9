"""One way into an application, and who is let in there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from authz_lib.audit.conditions import Guard
from authz_lib.audit.stack_values import ABSENT, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = [
    "AUTHORIZATION_KINDS",
    "NOT_SEEN",
    "OPEN",
    "Authorization",
    "AuthorizerUse",
    "EntryPoint",
    "Gateway",
    "ResultCache",
    "authorization_kind",
    "written_kind",
]

OPEN: Final = frozenset({"NONE", "API_KEY"})
"""Kinds that ask nobody who they are.  An API key says which plan pays, not who calls."""
NOT_SEEN: Final = frozenset({"OPAQUE_BODY", "OPAQUE_S3", "UNKNOWN"})
"""Kinds that the template does not tell."""
AUTHORIZATION_KINDS: Final = frozenset(
    {
        "AMAZON_COGNITO_USER_POOLS",
        "API_KEY",
        "AWS_IAM",
        "AWS_LAMBDA",
        "COGNITO_USER_POOLS",
        "CUSTOM",
        "JWT",
        "NONE",
        "OPENID_CONNECT",
    }
)
"""What a template may write as the type of an authorization."""


def authorization_kind(written: Any) -> str:
    """The kind that a template writes: ``NONE`` where it writes nothing, ``UNKNOWN`` beyond."""
    if written is None or written is ABSENT:
        return "NONE"
    kind = written.upper() if isinstance(written, str) else "UNKNOWN"
    return kind if kind in AUTHORIZATION_KINDS else "UNKNOWN"


def written_kind(properties: Mapping[str, Any], member: str) -> Any:
    """What a resource writes as its kind; not known where a macro may write it."""
    return properties.get(member, UNKNOWN if "Fn::Transform" in properties else None)


@dataclass(frozen=True, slots=True)
class ResultCache:
    """How long the gateway remembers what a Lambda authorizer said, and by which key."""

    ttl_seconds: int | None
    """``None``: only a deployment tells."""
    identity_sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Authorization:
    """Who is let in.

    Attributes:
        kind: ``NONE``, ``API_KEY``, ``AWS_IAM``, ``COGNITO_USER_POOLS``, ``CUSTOM`` (a Lambda
            authorizer), ``JWT``; of AppSync ``AMAZON_COGNITO_USER_POOLS``, ``OPENID_CONNECT``,
            ``AWS_LAMBDA``; ``OPAQUE_BODY``, ``OPAQUE_S3`` and ``UNKNOWN`` where the template does
            not tell.
        authorizer: its name.
        scopes: of which the token must have one.
        names: what the template names beside: security schemes, or AppSync's other ways.
        api_key: whether the caller needs an API key too.
    """

    kind: str
    authorizer: str | None = None
    scopes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    api_key: bool = False


@dataclass(frozen=True, slots=True)
class AuthorizerUse:
    """An authorizer that an API defines.

    Attributes:
        name: its logical id, or the name of its security scheme.
        kind: as of an `Authorization`.
        line: where it is defined.
        form: ``token`` or ``request`` of a Lambda authorizer.
        cache: of a Lambda authorizer, else ``None``.
        audience: of a JWT authorizer; ``None`` where it is not known.
        issuer: of a JWT authorizer.
        function: the logical id of the Lambda function, where it is in the template.
        simple: whether it answers yes or no, and no policy.
    """

    name: str
    kind: str
    line: int
    form: str = ""
    cache: ResultCache | None = None
    audience: tuple[str, ...] | None = ()
    issuer: str | None = None
    function: str | None = None
    simple: bool = False


@dataclass(slots=True)
class Gateway:
    """An API of the template.

    Attributes:
        name: its logical id.
        surface: ``rest``, ``http``, ``websocket``, ``graphql``, ``events`` or ``function-url``.
        line: where the template has it.
        properties: of the resource, after the transform.
        authorizers: that it defines, by name.
        condition: under which it is there at all.
    """

    name: str
    surface: str
    line: int
    properties: dict[str, Any] = field(default_factory=dict)
    authorizers: dict[str, AuthorizerUse] = field(default_factory=dict)
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """One way in.

    Attributes:
        api: the logical id of the API or, where method or route is a resource, of that.
        gateway: the logical id of the API, ``None`` where it is not in the template.
        surface: as of a `Gateway`.
        method: upper case, ``ANY``, or ``*`` where there is no method.
        path: ``None`` where it is not known.
        authorization: who is let in.
        guard: under which conditions it is this one.
        present_if: the condition under which the resource is there at all.
        line: of the source.
        is_preflight: whether the gateway answers it itself, without the application.
        on_purpose: whether the template says beside it that it is open.
        function: the logical id of the Lambda function behind it.
    """

    api: str
    gateway: str | None
    surface: str
    method: str
    path: str | None
    authorization: Authorization
    line: int
    guard: Guard = field(default_factory=Guard)
    present_if: str | None = None
    is_preflight: bool = False
    on_purpose: bool = False
    function: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody is asked who they are."""
        return self.authorization.kind in OPEN

    @property
    def is_seen(self) -> bool:
        """Whether the template tells who is let in."""
        return self.authorization.kind not in NOT_SEEN

    @property
    def place(self) -> str:
        """Method and path, for people."""
        path = self.path if self.path is not None else "(a path that only a deployment tells)"
        return path if self.method == "*" else f"{self.method} {path}"
