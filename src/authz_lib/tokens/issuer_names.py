"""Names that no token has as its ``iss``, though documentation and consoles show them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["UUID", "require_issuer_names"]

UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""What Entra calls a tenant by in ``iss``, and a load balancer a key in ``kid``."""

_ENTRA: Final = frozenset({
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
})  # fmt: skip
_ENTRA_V1: Final = frozenset({"sts.windows.net", "sts.chinacloudapi.cn"})
_EVERY_TENANT: Final = frozenset({"common", "organizations", "consumers"})


def require_issuer_names(issuers: Iterable[str]) -> None:
    """Refuse a configured issuer that no token can have: it would refuse every token.

    Raises:
        ConfigurationError: one is a placeholder, or Entra's address for every tenant.  Or it has a
            slash too many or too few for a provider that is known.

    >>> require_issuer_names(["https://example.eu.auth0.com/"])
    """
    for issuer in issuers:
        problem = _problem(issuer)
        if problem is not None:
            raise ConfigurationError(problem)


def _problem(issuer: str) -> str | None:
    if next((sign for sign in issuer if sign in "{}<>"), "") in {"{", "<"}:
        return "`issuer` holds a placeholder: put the name in that stands in `iss` of the tokens"
    lowered = issuer.lower()
    if not lowered.startswith("https://"):
        return None
    host, slash, path = lowered.removeprefix("https://").partition("/")
    if not slash and _is_of_auth0(host):
        return "`issuer` must end with a slash, as Auth0 writes it"
    return _problem_of_entra(host, path)


def _problem_of_entra(host: str, path: str) -> str | None:
    first, _, rest = path.partition("/")
    if host in _ENTRA | _ENTRA_V1 and first in _EVERY_TENANT:
        return (
            "`issuer` is Entra's address for every tenant, which no token has as its `iss`: use "
            "the tenant's own id, as `JWTVerifier.entra(tenant_id=...)` does; for several `any_of`"
        )
    if host in _ENTRA and first and not rest:
        return (
            "`issuer` is not what Entra writes: "
            "`https://login.microsoftonline.com/<tenant id>/v2.0`, or "
            "`https://sts.windows.net/<tenant id>/` in tokens of version 1.0"
        )
    if host in _ENTRA_V1 and path and "/" not in path:
        return "`issuer` must end with a slash, as Entra writes it in tokens of version 1.0"
    return None


def _is_of_auth0(host: str) -> bool:
    labels = host.removesuffix(".auth0.com").split(".")
    return host.endswith(".auth0.com") and 1 <= len(labels) <= 3 and all(labels)
