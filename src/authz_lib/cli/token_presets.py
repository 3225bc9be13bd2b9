"""Whose tokens ``authz token verify`` can check: one line of a table for each kind of issuer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from authz_lib.errors import ConfigurationError
from authz_lib.tokens import JWTVerifier, RemoteKeySet, StaticKeySet

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from authz_lib.tokens import KeySet

__all__ = ["PRESETS", "Preset", "verifier_by_options"]

_Build: TypeAlias = "Callable[[str, argparse.Namespace], JWTVerifier]"
_MAX_SECRET_BYTES: Final = 64 * 1024


class Preset(NamedTuple):
    """A kind of issuer.

    Attributes:
        metavar: what its option is given.
        help: what that is.
        takes: the other options that say what is checked.  Any more would be ignored, and are
            refused.
        build: makes the verifier.
    """

    metavar: str
    help: str
    takes: frozenset[str]
    build: _Build


def _cognito(pool: str, given: argparse.Namespace) -> JWTVerifier:
    use = given.token_use or "access"
    return JWTVerifier.cognito(
        user_pool_id=pool,
        client_id=_one_of(given, "client_id", "any_client"),
        token_use=None if use == "any" else use,
        audience=given.audience,
        issuer=given.issuer,
        keys=_keys(given.jwks) if given.jwks else None,
        remember=0,
    )


def _oidc(issuer: str, given: argparse.Namespace) -> JWTVerifier:
    return JWTVerifier.oidc(
        issuer,
        audience=_one_of(given, "audience", "any_audience"),
        algorithms=given.algorithm or ["RS256"],
        client_id=given.client_id,
        remember=0,
    )


def _entra(tenant: str, given: argparse.Namespace) -> JWTVerifier:
    return JWTVerifier.entra(tenant_id=tenant, **_of_access_tokens(given))


def _okta(issuer: str, given: argparse.Namespace) -> JWTVerifier:
    return JWTVerifier.okta(issuer, **_of_access_tokens(given), **_algorithms(given))


def _auth0(issuer: str, given: argparse.Namespace) -> JWTVerifier:
    return JWTVerifier.auth0(issuer, **_of_access_tokens(given), **_algorithms(given))


def _keycloak(issuer: str, given: argparse.Namespace) -> JWTVerifier:
    return JWTVerifier.keycloak(issuer, **_of_access_tokens(given), **_algorithms(given))


def _of_access_tokens(given: argparse.Namespace) -> dict[str, Any]:
    """What the presets for access tokens of a provider have in common."""
    return {
        "audience": _one_of(given, "audience", "any_audience"),
        "client_id": _one_of(given, "client_id", "any_client"),
        "keys": _keys(given.jwks) if given.jwks else None,
        "remember": 0,
    }


def _algorithms(given: argparse.Namespace) -> dict[str, Any]:
    return {"algorithms": given.algorithm or ["RS256"]}


def _load_balancer(arn: str, given: argparse.Namespace) -> JWTVerifier:
    return JWTVerifier.alb(
        load_balancer_arn=arn,
        client_id=_one_of(given, "client_id", "any_client"),
        issuer=_one_of(given, "issuer", "any_issuer"),
        remember=0,
    )


def _secret_of_variable(name: str, given: argparse.Namespace) -> JWTVerifier:
    secret = os.environ.get(name)
    if not secret:
        raise ConfigurationError(f"the environment variable `{name}` is not set, or empty")
    return _shared_secret(secret, given)


def _secret_of_file(name: str, given: argparse.Namespace) -> JWTVerifier:
    try:
        with Path(name).open("rb") as stream:
            secret = stream.read(_MAX_SECRET_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such path"
        raise ConfigurationError(f"the secret's file cannot be read: {reason}") from None
    if len(secret) > _MAX_SECRET_BYTES:
        raise ConfigurationError(f"the secret's file has more than {_MAX_SECRET_BYTES} bytes")
    return _shared_secret(secret.removesuffix(b"\n").removesuffix(b"\r"), given)


def _shared_secret(secret: str | bytes, given: argparse.Namespace) -> JWTVerifier:
    algorithms = given.algorithm or ["HS256"]
    if len(algorithms) > 1:
        raise ConfigurationError("a shared secret has one `--algorithm`")
    return JWTVerifier.shared_secret(
        secret=secret,
        issuer=_one_of(given, "issuer", "any_issuer"),
        audience=_one_of(given, "audience", "any_audience"),
        algorithm=algorithms[0],
        remember=0,
    )


_CLIENT: Final = frozenset({"client_id", "any_client"})
_AUDIENCE: Final = frozenset({"audience", "any_audience"})
_ISSUER: Final = frozenset({"issuer", "any_issuer"})
_PROVIDER: Final = _CLIENT | _AUDIENCE | {"jwks"}
_SECRET: Final = _ISSUER | _AUDIENCE | {"algorithm"}

PRESETS: Final[dict[str, Preset]] = {
    "cognito": Preset(
        "POOL",
        "the id of the Cognito user pool that issued it",
        _CLIENT | {"token_use", "audience", "issuer", "jwks"},
        _cognito,
    ),
    "oidc": Preset(
        "ISSUER",
        "the OpenID provider that issued it; its key set is found by discovery",
        _AUDIENCE | {"client_id", "algorithm"},
        _oidc,
    ),
    "entra": Preset("TENANT", "the directory (tenant) id of Microsoft Entra ID", _PROVIDER, _entra),
    "okta": Preset(
        "ISSUER",
        "the custom authorization server of Okta: `https://example.okta.com/oauth2/default`",
        _PROVIDER | {"algorithm"},
        _okta,
    ),
    "auth0": Preset(
        "ISSUER",
        "the domain of Auth0, with a slash at the end: `https://example.eu.auth0.com/`",
        _PROVIDER | {"algorithm"},
        _auth0,
    ),
    "keycloak": Preset(
        "ISSUER",
        "the realm of Keycloak: `https://id.example.com/realms/orders`",
        _PROVIDER | {"algorithm"},
        _keycloak,
    ),
    "alb": Preset(
        "ARN", "the load balancer that made `x-amzn-oidc-data`", _CLIENT | _ISSUER, _load_balancer
    ),
    "shared-secret-env": Preset(
        "NAME", "the environment variable that holds the secret", _SECRET, _secret_of_variable
    ),
    "shared-secret-file": Preset(
        "FILE", "the file that holds the secret", _SECRET, _secret_of_file
    ),
}
"""By the name of the option, without dashes."""

_EXPECTATIONS: Final = (
    "jwks", "client_id", "any_client", "token_use", "issuer", "any_issuer", "audience",
    "any_audience", "algorithm",
)  # fmt: skip


def verifier_by_options(given: argparse.Namespace) -> JWTVerifier:
    """The verifier that the options of the command line give_help.

    Raises:
        ConfigurationError: they say too little, too much or what contradicts itself.
    """
    chosen = [name for name in PRESETS if _value(given, name) is not None]
    if len(chosen) > 1:
        raise ConfigurationError(f"pass one of {_options(chosen)}")
    if not chosen:
        return _plain(given)
    (name,) = chosen
    preset = PRESETS[name]
    _require_only(given, preset.takes, name)
    return preset.build(str(_value(given, name)), given)


def _require_only(given: argparse.Namespace, takes: frozenset[str], name: str) -> None:
    """Refuse what would be ignored: it would look like a check that was made."""
    for option in _EXPECTATIONS:
        if _value(given, option) and option not in takes:
            raise ConfigurationError(f"{_options([option])} does not go with `--{name}`")


def _plain(given: argparse.Namespace) -> JWTVerifier:
    if not given.jwks or not given.issuer:
        raise ConfigurationError(f"pass one of {_options(PRESETS)}, or `--jwks` and `--issuer`")
    _require_only(given, _AUDIENCE | {"jwks", "issuer", "client_id", "algorithm"}, "jwks")
    return JWTVerifier(
        issuer=given.issuer,
        audience=_one_of(given, "audience", "any_audience"),
        algorithms=given.algorithm or ["RS256"],
        keys=_keys(given.jwks),
        client_id=given.client_id,
        remember=0,
    )


def _one_of(given: argparse.Namespace, expected: str, anything: str) -> Any:
    """What is expected, or ``None`` where that check is skipped by its own option."""
    values = _value(given, expected)
    if bool(values) == bool(_value(given, anything)):
        raise ConfigurationError(
            f"pass {_options([expected])}, or {_options([anything])} to skip that check"
        )
    return values


def _keys(place: str) -> KeySet:
    return RemoteKeySet(place) if "://" in place else StaticKeySet(place)


def _value(given: argparse.Namespace, option: str) -> Any:
    return getattr(given, option.replace("-", "_"))


def _options(names: Any) -> str:
    return ", ".join(f"`--{name.replace('_', '-')}`" for name in names)
