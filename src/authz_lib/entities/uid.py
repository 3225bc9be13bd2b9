"""The id of a Cedar entity."""

from __future__ import annotations

import re
from dataclasses import dataclass

from authz_lib._support.memo import Memo
from authz_lib.errors import InvalidRequestError

__all__ = [
    "IDENTIFIER",
    "RESERVED_WORDS",
    "TYPE_NAME",
    "EntityUid",
    "is_action_id",
    "is_type_name",
]

MAX_TYPE_LENGTH = 200
MAX_ID_LENGTH = 612
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""The form of a name in Cedar."""

TYPE_NAME = re.compile(rf"{IDENTIFIER.pattern}(?:::{IDENTIFIER.pattern})*")
"""The form of a Cedar type name, with or without namespaces."""

# `actionId` of Verified Permissions: `.{1,512}`, in which a point is any character of a line.
_ACTION_ID = re.compile(r"[^\n\r\u2028\u2029\ud800-\udfff]{1,512}")
RESERVED_WORDS = frozenset(
    {"true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar"}
)
"""What has the form of a name in Cedar and is none."""


@dataclass(frozen=True, slots=True, order=True, init=False)
class EntityUid:
    """The id of a Cedar entity: a type (``"User"``, ``"Shop::Order"``) and an id within it.

    Both are checked here, against what Cedar and Verified Permissions accept:

    ========  ==================================================
    ``type``  a path of identifiers, at most 200 characters
    ``id``    a string of 1 to 612 characters; an ``int`` is refused
    ========  ==================================================

    Raises:
        InvalidRequestError: one of them is something else.

    >>> EntityUid("Order", "o-17")
    EntityUid(type='Order', id='o-17')
    """

    type: str
    id: str

    def __init__(self, type: str, id: str) -> None:  # noqa: A002  the field names
        if _type_of(type) is not str:
            raise _no_type_name()
        _set_type(self, _TYPE_NAMES[type])
        text = id if _type_of(id) is str else _plain_text(id)
        if not 0 < len(text) <= MAX_ID_LENGTH:
            raise InvalidRequestError(f"`id` must have 1 to {MAX_ID_LENGTH} characters", field="id")
        if not text.isascii():
            _check_unicode(text)
        _set_id(self, text)


_type_of = type  # in `EntityUid`, `type` is an argument
# The slots' own setters take half the time of the `object.__setattr__` of a generated `__init__`.
_set_type, _set_id = (vars(EntityUid)[name].__set__ for name in ("type", "id"))


def _plain_text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidRequestError("`id` must be a string", field="id")
    return str.__str__(value)  # a member of a str enum


def _check_unicode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequestError(
            "`id`: a string must be valid Unicode, without lone surrogates", field="id"
        ) from None


def _type_name(text: str) -> str:
    """The same text; raises where it is no Cedar type name."""
    if not is_type_name(text):
        raise _no_type_name()
    return text


def is_type_name(text: str) -> bool:
    """Whether a text is a Cedar type name of 1 to 200 characters."""
    return (
        0 < len(text) <= MAX_TYPE_LENGTH
        and TYPE_NAME.fullmatch(text) is not None
        and not RESERVED_WORDS.intersection(text.split("::"))
    )


def is_action_id(text: str) -> bool:
    """Whether Verified Permissions takes a text as the id of an action.

    >>> [is_action_id(text) for text in ("get /pets/{petId}", "a\\nb", "a" * 513)]
    [True, False, False]
    """
    return _ACTION_ID.fullmatch(text) is not None


def _no_type_name() -> InvalidRequestError:
    return InvalidRequestError(
        f"`type` must be a Cedar type name of at most {MAX_TYPE_LENGTH} characters", field="type"
    )


# An application has few types, and each of its ids has one of them.
_TYPE_NAMES: Memo[str, str] = Memo(_type_name, max_entries=1024)
