"""The option ``--attribute NAME[=TYPE]``: an attribute of callers that the authorizer declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["add_attribute_option", "attribute_types"]

_TYPES: Final = ("text", "number", "bool", "texts")


def add_attribute_option(parser: argparse.ArgumentParser) -> None:
    """Declare the option."""
    parser.add_argument(
        "--attribute",
        action="append",
        default=[],
        metavar="NAME[=TYPE]",
        help="an attribute of callers that the authorizer declares; its type is text (the "
        "default), number, bool or texts; may be repeated",
    )


def attribute_types(given: Sequence[str]) -> dict[str, str]:
    """The type of each attribute.

    Raises:
        ConfigurationError: a name is there twice, or empty, or a type is none.
    """
    found: dict[str, str] = {}
    for text in given:
        name, sign, kind = text.partition("=")
        kind = kind if sign else "text"
        if not name or kind not in _TYPES:
            raise ConfigurationError(
                f"`--attribute` is `NAME` or `NAME=TYPE`, with a type of {', '.join(_TYPES)}"
            )
        if name in found:
            raise ConfigurationError(f"`--attribute` names `{name}` twice")
        found[name] = kind
    return found
