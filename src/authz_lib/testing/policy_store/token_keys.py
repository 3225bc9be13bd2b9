"""Signature and expiry of a token, by the keys of the identity source's issuer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from authz_lib._support.memo import Memo
from authz_lib.errors import DependencyError
from authz_lib.testing.policy_store.tokens import read_unverified
from authz_lib.tokens import JWTVerifier
from authz_lib.transport.endpoints import user_pool_keys_url

if TYPE_CHECKING:
    from authz_lib.testing.policy_store.tokens import StoreIdentitySource

__all__ = ["TokenKeys"]

_ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
)
_COGNITO_ENDPOINT = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"
_MAX_ISSUERS = 64


class TokenKeys:
    """Verifies tokens; each issuer's key set is fetched when it is needed, and kept.

    Args:
        user_pools_url: where user pools have their key sets, such as a local AWS; by default as
            `JWTVerifier.cognito` finds them.
    """

    def __init__(self, user_pools_url: str | None = None) -> None:
        self.user_pools_url = user_pools_url
        self._verifiers: Memo[tuple[str, str | None, str | None], JWTVerifier] = Memo(
            self._make, max_entries=_MAX_ISSUERS
        )

    def verify(self, token: str, source: StoreIdentitySource) -> dict[str, Any]:
        """The claims of a token of this source's issuer.

        Raises:
            AuthenticationError: the signature, the issuer or the times are wrong.
            ValueError: the issuer's keys cannot be fetched.
        """
        name = (source.issuer, source.user_pool_id, self.user_pools_url)
        try:
            self._verifiers[name].verify(token)
        except DependencyError:
            raise ValueError("the keys of the token's issuer cannot be fetched") from None
        return read_unverified(token)  # the same, with lists as Cedar's values want them

    def _make(self, name: tuple[str, str | None, str | None]) -> JWTVerifier:
        issuer, user_pool_id, pools_url = name
        if user_pool_id is None:
            return JWTVerifier.oidc(issuer, audience=None, algorithms=_ALGORITHMS)
        endpoint = {} if pools_url is None else {_COGNITO_ENDPOINT: pools_url}
        return JWTVerifier.cognito(
            user_pool_id=user_pool_id,
            client_id=None,
            token_use=None,
            issuer=issuer,
            jwks_url=user_pool_keys_url(user_pool_id, endpoint),
        )
