"""Names that no token has as its ``iss``, though documentation and consoles show them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["require_issuer_names"]

_ENTRA: Final = r"login\.(?:microsoftonline\.(?:com|us)|partner\.microsoftonline\.cn)"
_ENTRA_WORDS: Final = ("microsoftonline", "windows", "chinacloudapi")
_ENTRA_V1: Final = r"sts\.(?:windows\.net|chinacloudapi\.cn)"
# A word that such a name holds; what the name looks like, compiled only where the word is there;
# and what is wrong with it.
_NO_ISSUERS: Final = (
    (
        ("{", "<"),
        r"(?s)[^{}<>]*[{<].*",
        "`issuer` holds a placeholder: put the name in that stands in `iss` of the tokens",
    ),
    (
        _ENTRA_WORDS,
        rf"(?is)https://(?:{_ENTRA}|{_ENTRA_V1})/(?:common|organizations|consumers)(?:/.*)?",
        (
            "`issuer` is Entra's address for every tenant, which no token has as its `iss`: use "
            "the tenant's own id, as `JWTVerifier.entra(tenant_id=...)` does; for several `any_of`"
        ),
    ),
    (
        _ENTRA_WORDS,
        rf"(?i)https://{_ENTRA}/[^/]+/?",
        (
            "`issuer` is not what Entra writes: "
            "`https://login.microsoftonline.com/<tenant id>/v2.0`, or "
            "`https://sts.windows.net/<tenant id>/` in tokens of version 1.0"
        ),
    ),
    (
        _ENTRA_WORDS,
        rf"(?i)https://{_ENTRA_V1}/[^/]+",
        "`issuer` must end with a slash, as Entra writes it in tokens of version 1.0",
    ),
    (
        ("auth0",),
        r"(?i)https://(?:[^./]+\.){1,3}auth0\.com",
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
        lowered = issuer.lower()
        for words, form, message in _NO_ISSUERS:
            if any(word in lowered for word in words) and re.fullmatch(form, issuer):
                raise ConfigurationError(message)
