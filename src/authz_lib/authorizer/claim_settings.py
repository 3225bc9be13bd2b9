"""Which claims of each issuer the ``AUTHZ_*`` variables name, for attributes and usage plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from authz_lib.authorizer.setting_texts import variable_named
from authz_lib.errors import ConfigurationError
from authz_lib.tokens.attributes import Attribute, Attributes, AttributeType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from authz_lib.authorizer.callers import Claim
    from authz_lib.authorizer.settings import Settings

__all__ = ["attributes_of", "per_issuer", "usage_claims_of"]


def per_issuer(names: Sequence[Sequence[str]], values: Sequence[Any]) -> Any:
    """A value for each name of each issuer, or the value of the only one."""
    if len(values) == 1:
        return values[0]
    return {name: value for own, value in zip(names, values, strict=True) for name in own}


def attributes_of(
    settings: Settings, names: Sequence[Sequence[str]]
) -> dict[str, Attribute] | None:
    """Each ``name=claim``, or ``name=type:claim``; a claim such as ``custom:level`` is a text.

    Args:
        settings: of all issuers.
        names: of each issuer.

    Raises:
        ConfigurationError: names the variable that is wrong, or that leaves an attribute out.
    """
    declared = [
        {name: _typed_claim(text) for name, text in one.attributes.items()}
        for one in settings.issuers
    ]
    first = declared[0]
    for one, own in zip(settings.issuers, declared, strict=True):
        if own.keys() != first.keys():
            raise ConfigurationError(
                f"`{one.variable('attributes')}` must name the same attributes as "
                f"`{settings.variable('attributes')}`; `name=none` is for no claim"
            )
    found = {}
    with variable_named(settings.variable("attributes"), {"attributes": "AUTHZ_ATTRIBUTES"}):
        for name in first:
            kinds = {own[name][0] for own in declared if own[name][1] is not None}
            if len(kinds) != 1:
                raise ConfigurationError(
                    "an attribute is of one type, and at least one issuer has a claim for it"
                )
            claims = per_issuer(names, [own[name][1] for own in declared])
            found[name] = Attribute(claims, *kinds)
        Attributes(found)
    return found or None


def _typed_claim(text: str) -> tuple[AttributeType, str | None]:
    kind, _, claim = text.partition(":")
    if kind in get_args(AttributeType) and claim:
        return kind, claim  # type: ignore[return-value]
    return "text", None if text == "none" else text


def usage_claims_of(settings: Settings, names: Sequence[Sequence[str]]) -> Claim:
    """The claim of each issuer that names the API key to count a request against.

    Raises:
        ConfigurationError: one issuer has a variable for it and another has none: its callers would
            be counted against nothing.
    """
    issuers = settings.issuers
    given = ["usage_identifier_key" in one.model_fields_set for one in issuers]
    if any(given) and not all(given):
        missing = issuers[given.index(False)].variable("usage_identifier_key")
        raise ConfigurationError(
            f"with several issuers `{missing}` must be set too; `none` is for no key"
        )
    claims: Claim = per_issuer(names, [one.usage_identifier_key for one in issuers])
    return claims if any(given) else None
