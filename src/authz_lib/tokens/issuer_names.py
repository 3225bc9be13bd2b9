"""Names that no token has as its ``iss``, though documentation and consoles show them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["require_issuer_names"]

_ENTRA: Final = r"login\.(?:microsoftonline\.(?:com|us)|partner\.microsoftonline\.cn)"
_ENTRA_V1: Final = r"sts\.(?:windows\.net|chinacloudapi\.cn)"
_NO_ISSUERS: Final = (
    (
        re.compile(r"[^{}<>]*[{<].*", re.DOTALL),
        "`issuer` holds a placeholder: put the name in that stands in `iss` of the tokens",
    ),
    (
        re.compile(
            rf"https://(?:{_ENTRA}|{_ENTRA_V1})/(?:common|organizations|consumers)(?:/.*)?",
            re.IGNORECASE | re.DOTALL,
        ),
        (
            "`issuer` is Entra's address for every tenant, which no token has as its `iss`: use "
            "the tenant's own id, as `JWTVerifier.entra(tenant_id=...)` does; for several `any_of`"
        ),
    ),
    (
        re.compile(rf"https://{_ENTRA}/[^/]+/?", re.IGNORECASE),
        (
            "`issuer` is not what Entra writes: "
            "`https://login.microsoftonline.com/<tenant id>/v2.0`, or "
            "`https://sts.windows.net/<tenant id>/` in tokens of version 1.0"
        ),
    ),
    (
        re.compile(rf"https://{_ENTRA_V1}/[^/]+", re.IGNORECASE),
        "`issuer` must end with a slash, as Entra writes it in tokens of version 1.0",
    ),
    (
        re.compile(r"https://(?:[^./]+\.){1,3}auth0\.com", re.IGNORECASE),
        "`issuer` must end with a slash, as Auth0 writes it",
    ),
)


def require_issuer_names(issuers: Iterable[str]) -> None:
    """Refuse a configured issuer that no token can have: it would refuse every token.

    Raises:
        ConfigurationError: a placeholder; Entra's address for every tenant; a slash too few or too
            many where the provider is known to write it otherwise.

    >>> require_issuer_names(["https://example.eu.auth0.com/"])
    """
    for issuer in issuers:
        for pattern, message in _NO_ISSUERS:
            if pattern.fullmatch(issuer):
                raise ConfigurationError(message)
