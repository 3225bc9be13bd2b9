"""``authz token verify``: which checks a token passes and which it fails.  It is not printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from authz_lib.errors import (
    AccessDeniedError,
    AuthenticationError,
    AuthzError,
    ConfigurationError,
    InvalidAlgorithmError,
    InvalidClaimError,
    InvalidSignatureError,
    TokenExpiredError,
    TokenNotYetValidError,
    UnknownKeyError,
)
from authz_lib.tokens import JWTVerifier, RemoteKeySet, StaticKeySet

if TYPE_CHECKING:
    import argparse

    from authz_lib.tokens import KeySet

__all__ = ["add_arguments", "run"]

_MAX_INPUT_CHARACTERS = 64 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``authz token``."""
    commands = parser.add_subparsers(dest="token_command", metavar="COMMAND", required=True)
    verify = commands.add_parser(
        "verify",
        help="check a token",
        description="Check a token.  Exit codes: 0 it passes, 1 it fails, 2 could not find out.",
    )
    verify.add_argument(
        "token", metavar="TOKEN|-", help="the token, or - to read it from standard input"
    )
    verify.add_argument(
        "--cognito", metavar="POOL", help="the id of the Cognito user pool that issued it"
    )
    verify.add_argument(
        "--jwks",
        metavar="FILE|URL",
        help="the key set, for any issuer or instead of the pool's own",
    )
    verify.add_argument(
        "--client-id",
        action="append",
        metavar="ID",
        help="the client it must name; may be repeated",
    )
    verify.add_argument("--any-client", action="store_true", help="accept every client of the pool")
    verify.add_argument(
        "--token-use", choices=["access", "id", "any"], default="access", help="for --cognito"
    )
    verify.add_argument(
        "--issuer", action="append", metavar="ISS", help="the `iss` it must have; may be repeated"
    )
    verify.add_argument(
        "--audience", action="append", metavar="AUD", help="the `aud` it must have; may be repeated"
    )
    verify.add_argument(
        "--any-audience", action="store_true", help="accept a token meant for anyone"
    )
    verify.add_argument(
        "--algorithm",
        action="append",
        metavar="ALG",
        help="allowed `alg` with --jwks; default RS256",
    )


def run(arguments: argparse.Namespace) -> int:
    """Verify and print one line per check."""
    verifier = _cognito(arguments) if arguments.cognito else _plain(arguments)
    by_issuer = arguments.cognito and len(verifier.issuers or ()) > 1
    checks = _SEVERAL_ISSUERS_CHECKS if by_issuer else _ONE_KEY_SET_CHECKS
    token = _read(arguments.token)
    try:
        verifier.verify(token)
    except (AuthenticationError, AccessDeniedError) as error:
        _print_checks(checks, error)
        return 1
    except AuthzError as error:
        print(f"could not find out: {error}", file=sys.stderr)
        return 2
    _print_checks(checks, None)
    return 0


def _read(token: str) -> str:
    if token != "-":  # noqa: S105 - not a password
        return token.strip()
    try:
        return sys.stdin.read(_MAX_INPUT_CHARACTERS).strip()
    except UnicodeDecodeError:  # it is no token, and the verifier says so
        return "\N{REPLACEMENT CHARACTER}"
    except OSError as error:
        raise ConfigurationError(f"standard input cannot be read: {error.strerror}") from None
    except (AttributeError, ValueError):  # a process may be started without a standard input
        raise ConfigurationError("standard input is closed: there is no token to read") from None


def _cognito(arguments: argparse.Namespace) -> JWTVerifier:
    if bool(arguments.client_id) == arguments.any_client:
        raise ConfigurationError(
            "with `--cognito` pass `--client-id`, or `--any-client` to skip that check"
        )
    if arguments.algorithm:
        raise ConfigurationError("`--algorithm` goes with `--jwks`: Cognito signs with RS256")
    return JWTVerifier.cognito(
        user_pool_id=arguments.cognito,
        client_id=arguments.client_id,
        token_use=None if arguments.token_use == "any" else arguments.token_use,  # noqa: S105 - not a password
        audience=arguments.audience,
        issuer=arguments.issuer,
        keys=_keys(arguments.jwks) if arguments.jwks else None,
        remember=0,
    )


def _plain(arguments: argparse.Namespace) -> JWTVerifier:
    if not arguments.jwks or not arguments.issuer:
        raise ConfigurationError("pass `--cognito`, or `--jwks` and `--issuer`")
    if bool(arguments.audience) == arguments.any_audience:
        raise ConfigurationError(
            "with `--jwks` pass `--audience`, or `--any-audience` to skip that check"
        )
    return JWTVerifier(
        issuer=arguments.issuer,
        audience=arguments.audience,
        algorithms=arguments.algorithm or ["RS256"],
        keys=_keys(arguments.jwks),
        client_id=arguments.client_id,
        remember=0,
    )


def _keys(place: str) -> KeySet:
    return RemoteKeySet(place) if "://" in place else StaticKeySet(place)


class _Check(NamedTuple):
    name: str
    refusals: tuple[type[AuthzError], ...]
    claim: str | None = None  # of an `InvalidClaimError`

    def refused(self, error: AuthzError) -> bool:
        if self.claim is not None and getattr(error, "claim", None) != self.claim:
            return False
        return isinstance(error, self.refusals)


_FORM = _Check("form and header", ())
_ALGORITHM = _Check("algorithm", (InvalidAlgorithmError,))
_ISSUER = _Check("issuer", (InvalidClaimError,), claim="iss")
_KEY = _Check("key", (UnknownKeyError,))
_SIGNATURE = _Check("signature", (InvalidSignatureError,))
_CLAIMS = _Check("audience, client and other claims", (InvalidClaimError, AccessDeniedError))
_DATES = _Check("dates", (TokenExpiredError, TokenNotYetValidError))
# The order in which the verifier checks: those before the failed one have passed, those after it
# are open.  With several issuers, `iss` comes before the key: it says whose keys to use.
_SEVERAL_ISSUERS_CHECKS = (_FORM, _ALGORITHM, _ISSUER, _KEY, _SIGNATURE, _CLAIMS, _DATES)
_ONE_KEY_SET_CHECKS = (_FORM, _ALGORITHM, _KEY, _SIGNATURE, _ISSUER, _CLAIMS, _DATES)


def _print_checks(checks: tuple[_Check, ...], error: AuthzError | None) -> None:
    failed = len(checks)
    if error is not None:
        failed = next(
            (position for position, check in enumerate(checks) if check.refused(error)), 0
        )
    for position, check in enumerate(checks):
        state = "passed" if position < failed else "FAILED" if position == failed else "open"
        reason = f": {error}" if position == failed else ""
        print(f"{state:<8}{check.name}{reason}")
