"""What the ``AUTHZ_ASSERTION_*`` variables make: who signs for the callers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.authorizer.setting_texts import PREFIX, variable_named

if TYPE_CHECKING:
    from authz_lib.authorizer.settings import Settings
    from authz_lib.tokens.assertion import CallerAssertion

__all__ = ["assertion_of"]


def assertion_of(settings: Settings) -> CallerAssertion | None:
    """What signs who the caller is; the key is read with the first answer.

    Raises:
        ConfigurationError: names the variable that is wrong.
    """
    if settings.assertion_secret_id is None:
        return None
    from authz_lib.tokens import secret_from_secrets_manager
    from authz_lib.tokens.assertion import CallerAssertion

    names = {
        argument: f"{PREFIX}ASSERTION_{argument.upper()}"
        for argument in ("algorithm", "issuer", "audience", "lifetime_seconds")
    }
    with variable_named("AUTHZ_ASSERTION_SECRET_ID", names):
        return CallerAssertion(
            key=secret_from_secrets_manager(settings.assertion_secret_id),
            algorithm=settings.assertion_algorithm,
            issuer=settings.assertion_issuer or "",
            audience=settings.assertion_audience or "",
            lifetime_seconds=settings.assertion_lifetime_seconds,
        )
