"""CORS headers of what a service answers, for the one origin whose pages may read it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ORIGIN", "cors_headers"]

ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?")


def cors_headers(origin: str | None, exposed: Iterable[str]) -> dict[str, str]:
    """The headers for one origin; none for ``None``.

    Args:
        origin: scheme, host and port.
        exposed: headers that a browser hides from pages of another origin, unless they are named.

    Raises:
        ConfigurationError: it is not an origin.

    >>> headers = cors_headers("https://app.example.com", ["Location"])
    >>> headers["Access-Control-Expose-Headers"]
    'Location'
    """
    if origin is None:
        return {}
    if type(origin) is not str or not ORIGIN.fullmatch(origin):
        raise ConfigurationError(
            "`cors_origin` must be one origin, such as `https://app.example.com`"
        )
    named = ",".join(exposed)
    headers = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    return headers | ({"Access-Control-Expose-Headers": named} if named else {})
