"""How the text of an ``AUTHZ_*`` variable is read, and how a refusal names the variable."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

from pydantic import BeforeValidator, Field

from authz_lib._support.strict_json import loads_document
from authz_lib.entities import TYPE_NAME
from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.gateway.sources import BearerToken, Cookie, Header, QueryParameter, Subprotocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from authz_lib.gateway.sources import TokenSource

__all__ = [
    "PREFIX",
    "EntityName",
    "Flag",
    "MaybeEntity",
    "MaybeNames",
    "MaybePath",
    "MaybeText",
    "NameList",
    "Pairs",
    "Text",
    "token_source_of",
    "variable_named",
]

PREFIX: Final = "AUTHZ_"

_ENTITY: Final = re.compile(rf'({TYPE_NAME.pattern})::"([^"\\]+)"')
_MAX_NAME_CHARACTERS: Final = 200  # of an `EntityIdentifier` of Verified Permissions
# The one table of what `AUTHZ_TOKEN_SOURCES` can hold: before the colon, after it one or two names.
_SOURCES: Final[dict[str, Callable[[str], TokenSource]]] = {
    "bearer": lambda name: BearerToken(header=name or "authorization"),
    "bearer-or-raw": lambda name: BearerToken(header=name or "authorization", required=False),
    "scheme": lambda text: _with_scheme(*text.partition(":")),
    "header": lambda text: _with_prefix(*text.partition(":")),
    "subprotocol": Subprotocol,
    "cookie": Cookie,
    "query": QueryParameter,
}
_WITHOUT_NAME: Final = frozenset({"bearer", "bearer-or-raw"})


def _with_scheme(scheme: str, colon: str, header: str) -> TokenSource:
    return BearerToken(scheme=scheme, header=header if colon else "authorization")


def _with_prefix(name: str, colon: str, prefix: str) -> TokenSource:
    if colon and not prefix:
        raise ConfigurationError("no prefix follows the second colon")
    return Header(name, prefix=prefix)


class EntityName(NamedTuple):
    """A Cedar entity id as it is written in a policy, ``Application::"orders"``."""

    type: str
    id: str


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",")]
    if "" in parts:
        raise ValueError("an item of the list is empty")
    if any(part.lower() == "none" for part in parts):
        raise ValueError("`none` is no item of a list")
    if len(set(parts)) != len(parts):
        raise ValueError("an item of the list is given twice")
    return parts


def _pairs(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",")]
    if not all(name.strip() and expression.strip() for name, _, expression in pairs):
        raise ValueError("expected `name=value`, a list")
    if len({name.strip() for name, _, _ in pairs}) != len(pairs):
        raise ValueError("a name is given twice")
    return {name.strip(): expression.strip() for name, _, expression in pairs}


def _none(value: object) -> object:
    if isinstance(value, str) and value.lower() == "none" != value:
        raise ValueError("`none` is written in small letters")
    return None if value == "none" else value


def _path(value: object) -> object:
    """A claim as text, or the names on the way to it as a JSON list, for names with dots."""
    value = _none(value)
    if not isinstance(value, str) or not value.startswith("["):
        return value
    try:
        names = loads_document(value.encode())
    except ValueError:
        names = None
    if not isinstance(names, list) or not names or not all(type(n) is str and n for n in names):
        raise ValueError("what begins with `[` is a JSON list of names")
    return tuple(names)


def _flag(value: object) -> object:
    if isinstance(value, str) and value not in {"true", "false"}:
        raise ValueError("expected `true` or `false`")
    return value


def _entity(value: object) -> object:
    match = _ENTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('expected `Type::"id"`')
    if max(map(len, match.groups())) > _MAX_NAME_CHARACTERS:
        raise ValueError(f"type and id have at most {_MAX_NAME_CHARACTERS} characters")
    return EntityName(match[1], match[2])


Text = Annotated[str, Field(min_length=1)]
NameList = Annotated[list[Text], BeforeValidator(_split)]
MaybeNames = Annotated[list[Text] | None, BeforeValidator(lambda value: _split(_none(value)))]
MaybeText = Annotated[Text | None, BeforeValidator(_none)]
MaybePath = Annotated[Text | tuple[Text, ...] | None, BeforeValidator(_path)]
MaybeEntity = Annotated[EntityName | None, BeforeValidator(_entity)]
Pairs = Annotated[dict[str, str], BeforeValidator(_pairs)]
Flag = Annotated[bool, BeforeValidator(_flag)]


def token_source_of(text: str) -> TokenSource:
    """``bearer``, ``header:NAME``, ``cookie:NAME`` and so on; the docs have the table.

    Raises:
        ConfigurationError: anything else.

    >>> token_source_of("cookie:session")
    Cookie('session')
    """
    kind, colon, name = text.partition(":")
    if kind not in _SOURCES or (not name and (colon or kind not in _WITHOUT_NAME)):
        raise ConfigurationError(
            "expected `bearer`, `bearer:HEADER`, `bearer-or-raw`, `bearer-or-raw:HEADER`, "
            "`scheme:SCHEME`, `scheme:SCHEME:HEADER`, `header:NAME`, `header:NAME:PREFIX`, "
            "`subprotocol:NAME`, `cookie:NAME` or `query:NAME`, a list"
        )
    return _SOURCES[kind](name)


@contextmanager
def variable_named(variable: str, arguments: Mapping[str, str] | None = None) -> Iterator[None]:
    """Say a refusal in the words of the variables: nobody has set an argument.

    Args:
        variable: stands before a message that names no variable.
        arguments: from the name of an argument to the variable that is said instead.
    """
    try:
        yield
    except (ConfigurationError, InvalidRequestError) as error:
        message = _ARGUMENT.sub(lambda match: _in_variables(match, arguments or {}), str(error))
    else:
        return
    if PREFIX not in message:
        message = f"`{variable}`: {message}"
    raise ConfigurationError(message)  # outside of `except`: the cause may quote a value


# An argument in a message: `issuer`, `issuer=`, `no_resource_policy=True`.
_ARGUMENT: Final = re.compile(r"`(\w+)(=(\w*))?`", re.ASCII)


def _in_variables(match: re.Match[str], arguments: Mapping[str, str]) -> str:
    variable = arguments.get(match[1])
    if variable is None:
        return match[0]
    return f"`{variable}={match[3].lower()}`" if match[3] else f"`{variable}`"
