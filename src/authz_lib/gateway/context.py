"""The principal as flat values, for contexts, gateway events and headers."""

from __future__ import annotations

import json
import re
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from authz_lib._support.memo import Memo
from authz_lib._support.strict_json import loads_document
from authz_lib.errors import InvalidClaimError, TokenExpiredError, UntrustedEventError
from authz_lib.gateway.responses import MAX_RESPONSE_BYTES, check_size
from authz_lib.principal import Principal
from authz_lib.tokens.attributes import whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.gateway.responses import ContextValue
    from authz_lib.tokens.attributes import Attributes, AttributeType, AttributeValue

__all__ = [
    "EPOCH_SECONDS",
    "NO_VALUE",
    "PRINCIPAL_KEYS",
    "REASON",
    "principal_from_context",
    "refusal_context",
    "to_context",
]

PRINCIPAL_KEYS = ("sub", "issuer", "client_id", "token_use", "tenant_id", "groups", "scopes", "exp")
"""Every key is always present, and its value is never empty."""

NO_VALUE = "-"
"""What stands for nothing.  A gateway may drop a header whose value is empty, and then a client's
own header reaches the service.
"""

REASON = "reason"
"""The key under which a refusal says why: the stable ``code`` of an error, never a detail of a
policy.
"""

_NONE: dict[str, ContextValue] = dict.fromkeys(PRINCIPAL_KEYS, NO_VALUE)
_quote = json.encoder.encode_basestring_ascii
_MAX_SECONDS = 10**15
_CERTAINLY_SMALL = (
    600  # characters: each is at most 12 bytes as escaped JSON, and a gateway takes 8192
)
EPOCH_SECONDS = re.compile(r"[0-9]{1,15}")
"""A time as text, in whole seconds since 1970."""


def to_context(
    principal: Principal, attributes: Attributes | None = None
) -> dict[str, ContextValue]:
    """What an authorizer tells the integration about the caller: strings, and ``exp`` in seconds.

    Each string can be the value of a header, and no two principals have the same:

    | value | written as |
    |---|---|
    | none | ``-`` |
    | printable ASCII without a comma, a first ``"`` or white space around it | itself |
    | any other text, ``-`` too | one JSON string: ``"-"`` |
    | groups, scopes | one JSON list: REST APIs answer 500 for a list, HTTP APIs join one |

    The declared attributes follow under their names, a number and a bool as in JSON.

    Raises:
        InvalidRequestError: it is more than a gateway passes on.
        InvalidClaimError: the principal has no expiry.  A gateway may replay an answer long after
            the token died, so a service must be able to see that.

    >>> alice = Principal("alice", groups=("a b",), expires_at=1700000000.0)
    >>> to_context(alice)["groups"]
    '["a b"]'
    >>> to_context(alice)["tenant_id"]
    '-'
    """
    if not principal.subject:
        raise InvalidClaimError("`sub` is missing", claim="sub")
    if principal.expires_at is None:
        raise InvalidClaimError("`exp` is missing", claim="exp")
    if not 0 <= principal.expires_at < _MAX_SECONDS:  # what `principal_from_context` would refuse
        raise InvalidClaimError("`exp` is out of range", claim="exp")
    token_use = principal.claims.get("token_use")
    shared, size = _SHARED[
        principal.issuer,
        principal.client_id,
        token_use if type(token_use) is str else None,
        principal.tenant_id,
        tuple(principal.groups),
        frozenset(principal.scopes),
    ]
    context = shared.copy()
    context["sub"] = subject = _written(principal.subject)
    context["exp"] = int(principal.expires_at)
    size += len(subject)
    if attributes is not None:
        found = principal.attributes
        for name in attributes.types:
            context[name] = _written_attribute(found.get(name))
    if size > _CERTAINLY_SMALL or attributes is not None:
        check_size(context)
    return context


def _written(text: str | None) -> str:
    """The text, as the value of a header that is never empty, and never another text's."""
    if not text:
        return NO_VALUE
    is_plain = (
        text.isascii()
        and text.isprintable()
        and "," not in text
        and text[0] != '"'
        and text.strip(" ") == text
        and text != NO_VALUE
    )
    return text if is_plain else _quote(text)


def _written_attribute(value: AttributeValue | None) -> str:
    if value is None or isinstance(value, str):
        return _written(value)
    return _list(value) if isinstance(value, tuple) else json.dumps(value)


def _list(names: tuple[str, ...]) -> str:
    """A JSON list of strings; an encoder would be asked what each of them is."""
    return f"[{','.join([_quote(name) for name in names])}]"


_SharedKey: TypeAlias = (
    "tuple[str | None, str | None, str | None, str | None, tuple[str, ...], frozenset[str]]"
)


def _written_shared(key: _SharedKey) -> tuple[dict[str, ContextValue], int]:
    """A context without its subject and expiry, which many have in common; its characters."""
    issuer, client, use, tenant, groups, scopes = key
    lists = _list(groups), _list(tuple(sorted(scopes)))
    texts = [*map(_written, (issuer, client, use, tenant)), *lists]
    shared: dict[str, ContextValue] = {
        **_NONE,
        **dict(zip(PRINCIPAL_KEYS[1:-1], texts, strict=True)),
    }
    return {**shared, REASON: ""}, sum(map(len, texts))


# Few issuers, clients, tenants, groups and scopes make up most callers.
_SHARED: Memo[_SharedKey, tuple[dict[str, ContextValue], int]] = Memo(
    _written_shared, max_entries=1024
)


def refusal_context(reason: str) -> dict[str, ContextValue]:
    """The context of a refusal: no value for any key of the principal, and why.

    >>> refusal_context("token_expired")["reason"]
    'token_expired'
    """
    return {**_NONE, REASON: reason}


def principal_from_context(
    values: Mapping[str, Any], *, now: float, attributes: Attributes | None = None
) -> Principal:
    """Read back what `to_context` wrote, after a gateway turned some or all of it into strings.

    An empty text is read as `NO_VALUE`: older authorizers wrote it.

    Raises:
        UntrustedEventError: a key is missing, of another type or malformed; the message names the
            key.
        TokenExpiredError: ``exp`` has passed; a gateway's remembered Allow outlives a token.

    >>> scopes = frozenset({"read"})
    >>> caller = Principal("alice", scopes=scopes, expires_at=1700000000.0)
    >>> principal_from_context(to_context(caller), now=1600000000.0).scopes
    frozenset({'read'})
    """
    try:
        found = _READ(values)
    except KeyError as error:
        raise UntrustedEventError(f"`{error.args[0]}` of the principal is missing") from None
    subject, issuer, client_id, token_use, tenant_id, groups, scopes, expiry = found
    if not _TEXT.issuperset(map(type, found[:-1])):
        name = next(
            key for key, value in zip(PRINCIPAL_KEYS, found, strict=True) if type(value) is not str
        )
        raise UntrustedEventError(f"`{name}` of the principal is not a string")
    texts = found[:5]
    subject, issuer, client_id, token_use, tenant_id = (
        map(_SIGNS.get, texts, texts)
        if '"' not in "".join(texts)
        else map(_read_text, PRINCIPAL_KEYS, texts)
    )
    if not subject:
        raise UntrustedEventError("`sub` of the principal is empty")
    expires_at = _seconds(expiry)
    if expires_at <= now:
        raise TokenExpiredError("the principal's token has expired")
    claims = {"sub": subject, "exp": expires_at}
    if token_use:
        claims["token_use"] = token_use
    return Principal(
        subject,
        issuer,
        client_id,
        _names(groups, "groups"),
        frozenset(_names(scopes, "scopes")),
        tenant_id,
        claims,
        expires_at,
        *(() if attributes is None else (_read_attributes(values, attributes),)),
    )


_READ = itemgetter(*PRINCIPAL_KEYS)
_TEXT = frozenset({str})
_SIGNS: dict[str, str | None] = {"": None, NO_VALUE: None}


def _read_text(key: str, text: str) -> str | None:
    if text[:1] != '"':
        return _SIGNS.get(text, text)
    try:
        value = loads_document(text.encode())
    except ValueError:  # also half a character, which cannot be encoded
        value = None
    if type(value) is not str or not value:
        raise UntrustedEventError(f"`{key}` of the principal is not one JSON string")
    return value


def _read_attributes(
    values: Mapping[str, Any], attributes: Attributes
) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    for name, kind in attributes.types.items():
        text = values.get(name)
        if type(text) is not str or not text:  # the authorizer writes each that is declared
            raise UntrustedEventError(f"`{name}` of the principal is missing or not a string")
        if text == NO_VALUE:
            continue
        value = _read_attribute(name, kind, text)
        if value is None:
            raise UntrustedEventError(f"`{name}` of the principal is not of the type `{kind}`")
        found[name] = value
    return found


def _read_attribute(name: str, kind: AttributeType, text: str) -> AttributeValue | None:
    if kind == "text":
        return _read_text(name, text)
    if kind == "number":
        return whole_number(text)
    if kind == "bool":
        return _BOOLS.get(text)
    return _names(text, name)


_BOOLS = {"true": True, "false": False}


def _names(text: str, key: str) -> tuple[str, ...]:
    names = _NAMES[text]
    if names is None:
        raise UntrustedEventError(f"`{key}` of the principal is not a JSON list of names")
    return names


def _read_names(text: str) -> tuple[str, ...] | None:
    if len(text) > MAX_RESPONSE_BYTES:  # no gateway passed it on
        return None
    try:
        names = loads_document(text.encode())
    except ValueError:  # also half a character, which cannot be encoded
        return None
    if type(names) is not list or not all(type(name) is str and name for name in names):
        return None
    return tuple(names)


# Few lists of groups and of scopes stand in the events of many callers.
_NAMES: Memo[str, tuple[str, ...] | None] = Memo(_read_names, max_entries=256)


def _seconds(value: object) -> float:
    if type(value) is str and EPOCH_SECONDS.fullmatch(value):
        return float(value)
    if (type(value) is int or type(value) is float) and 0 <= value < _MAX_SECONDS:
        return float(value)
    raise UntrustedEventError("`exp` of the principal is not a number of seconds")
