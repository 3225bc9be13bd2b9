"""The checks of a token that says who it is for in its header: a load balancer's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authz_lib.errors import InvalidClaimError
from authz_lib.tokens.claims import date_of, is_text_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.tokens.claims import Times

__all__ = ["HeaderRules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRules:
    """What is asked of the header, before a key is looked for.  ``None`` means: not checked."""

    signers: frozenset[str]
    clients: frozenset[str] | None
    issuers: frozenset[str] | None

    def check(self, header: Mapping[str, Any]) -> None:
        """Compare ``signer``, ``client`` and ``iss`` exactly.

        Raises:
            InvalidClaimError: one is missing or not the expected one.
        """
        for name, expected in (
            ("signer", self.signers),
            ("client", self.clients),
            ("iss", self.issuers),
        ):
            if expected is not None and not is_text_in(header.get(name), expected):
                raise InvalidClaimError(
                    f"header member `{name}` is not the expected one", claim=name
                )

    def read(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> Times:
        """The dates: ``exp`` of the header, required; those of the payload count too where it has
        them.

        Raises:
            InvalidClaimError: the header has no ``exp``, or a date is not a finite number.
        """
        expires_at = date_of(header, "exp")
        if expires_at is None:
            raise InvalidClaimError("header member `exp` is missing", claim="exp")
        inner = date_of(claims, "exp")
        expires_at = expires_at if inner is None else min(expires_at, inner)
        return expires_at, date_of(claims, "nbf"), date_of(claims, "iat")
