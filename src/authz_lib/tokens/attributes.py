"""Which claims go to policies and services as attributes of the caller, and of which type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from authz_lib._support.longs import is_long
from authz_lib.errors import ConfigurationError, InvalidClaimError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_ATTRIBUTES", "Attribute", "AttributeType", "AttributeValue", "Attributes"]

AttributeType: TypeAlias = Literal["text", "number", "bool", "texts"]
"""A text, a whole number, a bool, or a list of texts, which is a set in Cedar."""

AttributeValue: TypeAlias = str | int | bool | tuple[str, ...]
"""What an attribute holds."""

MAX_ATTRIBUTES = 16
"""The most attributes of a caller."""

# What a principal has already, and what gateways write beside it.
_RESERVED = frozenset({
    "sub", "issuer", "client_id", "token_use", "tenant_id", "groups", "scopes", "exp", "reason",
    "claims", "jwt", "iam", "lambda",
})  # fmt: skip
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class Attribute:
    """A claim that is an attribute of the caller.

    Args:
        claim: the name of the claim, or with several issuers one name per issuer; ``None`` there
            for none.
        type: what the claim must be: ``text``, ``number`` (a whole one of 64 bits), ``bool`` or
            ``texts``.

    Raises:
        ConfigurationError: a value of another type.

    >>> Attribute("custom:level", "number").type
    'number'
    """

    claim: str | Mapping[str, str | None]
    type: AttributeType = "text"

    def __post_init__(self) -> None:
        names = self.claim.values() if isinstance(self.claim, Mapping) else (self.claim,)
        for name in names:
            is_none = name is None and isinstance(self.claim, Mapping)
            if not is_none and (type(name) is not str or not name):
                raise ConfigurationError("`claim` must be the name of a claim, or one per issuer")
        if self.type not in get_args(AttributeType):
            raise ConfigurationError("`type` must be `text`, `number`, `bool` or `texts`")


class Attributes:
    """A declaration of attributes, checked: ``{"email": "email"}``, or an `Attribute` per name.

    Raises:
        ConfigurationError: a name that is reserved or no plain name, more than 16 of them, or no
            claim.

    >>> Attributes({"email": "email"}).read({"email": "a@example.com"}, None)
    {'email': 'a@example.com'}
    """

    __slots__ = ("_claims", "types")

    def __init__(
        self,
        declared: Mapping[str, str | Attribute],
        *,
        claim_of: Callable[[Any], Any] = lambda claim: claim,
    ) -> None:
        given: object = declared
        if not isinstance(given, Mapping) or len(declared) > MAX_ATTRIBUTES:
            raise ConfigurationError(
                f"`attributes` must be a mapping of at most {MAX_ATTRIBUTES} names to claims"
            )
        self.types: dict[str, AttributeType] = {}
        self._claims: list[tuple[str, AttributeType, Any]] = []
        for name, value in declared.items():
            if type(name) is not str or not _NAME.fullmatch(name) or name in _RESERVED:
                raise ConfigurationError(
                    "a name in `attributes` has 1 to 64 of `a-z`, `0-9` and `_`, starts with a "
                    f"letter and is none of {', '.join(f'`{word}`' for word in sorted(_RESERVED))}"
                )
            attribute = value if isinstance(value, Attribute) else Attribute(value)
            self.types[name] = attribute.type
            self._claims.append((name, attribute.type, claim_of(attribute.claim)))

    def read(self, claims: Mapping[str, Any], issuer: str | None) -> dict[str, AttributeValue]:
        """The attributes that a token has.

        Raises:
            InvalidClaimError: a claim has another type than the declared one.
        """
        found: dict[str, AttributeValue] = {}
        for name, kind, claim in self._claims:
            source = claim.get(issuer or "") if isinstance(claim, Mapping) else claim
            if source is None or claims.get(source) is None:
                continue
            value = claims[source]
            checked = _CHECKS[kind](value)
            if checked is None:
                raise InvalidClaimError(f"`{source}` is not of the type `{kind}`", claim=source)
            found[name] = checked
        return found

    def of_asserted(self, values: Mapping[str, Any]) -> dict[str, AttributeValue]:
        """The declared ones among the attributes that an assertion names.

        Raises:
            InvalidClaimError: one has another type than the declared one.
        """
        found: dict[str, AttributeValue] = {}
        for name, kind in self.types.items():
            if values.get(name) is None:
                continue
            checked = _CHECKS[kind](values[name])
            if checked is None:
                raise InvalidClaimError(f"`{name}` is not of the type `{kind}`", claim=name)
            found[name] = checked
        return found


def whole_number(text: str) -> int | None:
    """The number that a text is, if it is one of 64 bits and written in the one way."""
    number = int(text) if _WHOLE_NUMBER.fullmatch(text) else None
    return number if number is not None and str(number) == text else None


def _text(value: object) -> str | None:
    return value if type(value) is str and value else None


def _number(value: object) -> int | None:
    return value if type(value) is int and is_long(value) else None


def _bool(value: object) -> bool | None:
    return value if type(value) is bool else None


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list | tuple) or not all(_text(item) for item in value):
        return None
    return tuple(dict.fromkeys(value))


_CHECKS: Mapping[AttributeType, Callable[[object], AttributeValue | None]] = {
    "text": _text,
    "number": _number,
    "bool": _bool,
    "texts": _texts,
}
