"""``authz token verify``: which checks a token passes and which it fails, and what was expected."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from authz_lib.cli.command_help import add_json_option, give_help
from authz_lib.cli.pasted_token import Peeked, read_pasted, tidied
from authz_lib.cli.terminal import painted
from authz_lib.cli.token_presets import PRESETS, verifier_by_options
from authz_lib.errors import (
    AccessDeniedError,
    AuthenticationError,
    AuthzError,
    InvalidAlgorithmError,
    InvalidClaimError,
    InvalidSignatureError,
    TokenExpiredError,
    TokenNotYetValidError,
    UnknownKeyError,
)

if TYPE_CHECKING:
    import argparse

__all__ = ["add_arguments", "run"]

_HELP: Final[dict[str, Any]] = {
    "examples": [
        "pbpaste | authz token verify --cognito us-east-1_EXAMPLE --client-id orders-web",
        "authz token verify --file token.txt --oidc https://id.example.com --any-audience",
        "authz token verify --jwks keys.json --issuer https://id.example.com --any-audience --json",
    ],
    "exit_codes": {
        "0": "it passes",
        "1": "it fails",
        "2": "the question was wrong or could not be answered",
    },
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``authz token``."""
    give_help(parser, "Check a token: which checks it passes, and which it fails.", **_HELP)
    commands = parser.add_subparsers(dest="token_command", metavar="COMMAND", required=True)
    verify = commands.add_parser("verify", help="check a token")
    give_help(
        verify, "Check a token.  `Bearer`, quotes and line breaks around it do no harm.", **_HELP
    )
    verify.add_argument(
        "token", nargs="?", metavar="TOKEN|-", help="the token; else standard input is read"
    )
    verify.add_argument("--file", metavar="FILE", help="read the token from a file")
    verify.add_argument(
        "--show-claims",
        action="store_true",
        help="also print header and claims of the token, never its signature",
    )
    whose = verify.add_argument_group("whose token it is, one of these, or --jwks and --issuer")
    for name, preset in PRESETS.items():
        whose.add_argument(f"--{name}", metavar=preset.metavar, help=preset.help)
    whose.add_argument(
        "--jwks",
        metavar="FILE|URL",
        help="the key set, for any issuer or instead of the provider's own",
    )
    expected = verify.add_argument_group("what it must say")
    for option, metavar, text in (
        ("--client-id", "ID", "the client it must name"),
        ("--issuer", "ISS", "the `iss` it must have"),
        ("--audience", "AUD", "the `aud` it must have"),
        ("--algorithm", "ALG", "allowed `alg`; default RS256, and HS256 of a secret"),
    ):
        expected.add_argument(
            option, action="append", metavar=metavar, help=f"{text}; may be repeated"
        )
    for option, text in (
        ("--any-client", "accept every client"),
        ("--any-issuer", "accept every issuer, with --alb and a secret"),
        ("--any-audience", "accept a token meant for anyone"),
    ):
        expected.add_argument(option, action="store_true", help=text)
    expected.add_argument(
        "--token-use", choices=["access", "id", "any"], help="for --cognito; default access"
    )
    add_json_option(verify)


def run(arguments: argparse.Namespace) -> int:
    """Verify and print one line per check."""
    verifier = verifier_by_options(arguments)
    is_balancer = arguments.alb is not None
    token = tidied(read_pasted(arguments.token, arguments.file))
    peeked = Peeked(token)
    checks = _ONE_KEY_SET_CHECKS
    if is_balancer:
        checks = _LOAD_BALANCER_CHECKS
    elif len(verifier.configuration.trusts) > 1:
        checks = _SEVERAL_ISSUERS_CHECKS
    error: AuthzError | None = None
    try:
        verifier.verify(token)
    except (AuthenticationError, AccessDeniedError) as refusal:
        error = refusal
    except AuthzError as problem:
        print(f"could not find out: {problem}", file=sys.stderr)
        return 2
    results = _results(checks, error, peeked, peeked.hint(load_balancer=is_balancer))
    shown = {"header": peeked.header, "claims": peeked.claims} if arguments.show_claims else {}
    if arguments.json:
        listed = [result._asdict() for result in results]
        print(json.dumps({"passed": error is None, "checks": listed, **shown}, indent=2))
    else:
        for result in results:
            print(_line(result))
        for name, value in shown.items():
            print(f"{name}  {json.dumps(value)}")
    return 0 if error is None else 1


class _CheckResult(NamedTuple):
    name: str
    state: str  # passed, FAILED or open
    reason: str | None


def _line(result: _CheckResult) -> str:
    style = {"passed": "green", "FAILED": "red"}.get(result.state, "dim")
    state = painted(f"{result.state:<8}", style, sys.stdout)
    return f"{state}{result.name}{f': {result.reason}' if result.reason else ''}"


class _Check(NamedTuple):
    name: str
    refusals: tuple[type[AuthzError], ...]
    claims: tuple[str, ...] = ()  # of an `InvalidClaimError`

    def refused(self, error: AuthzError) -> bool:
        if self.claims and getattr(error, "claim", None) not in self.claims:
            return False
        return isinstance(error, self.refusals)


_FORM = _Check("form and header", ())
_ALGORITHM = _Check("algorithm", (InvalidAlgorithmError,))
_ISSUER = _Check("issuer", (InvalidClaimError,), ("iss",))
_MADE_BY = _Check(
    "load balancer, client and issuer", (InvalidClaimError,), ("signer", "client", "iss")
)
_KEY = _Check("key", (UnknownKeyError,))
_SIGNATURE = _Check("signature", (InvalidSignatureError,))
_CLAIMS = _Check("audience, client and other claims", (InvalidClaimError, AccessDeniedError))
_DATES = _Check("dates", (TokenExpiredError, TokenNotYetValidError))
# The order in which the verifier checks: those before the failed one have passed, those after it
# are open.  With several issuers, `iss` comes before the key: it says whose keys to use.
_SEVERAL_ISSUERS_CHECKS = (_FORM, _ALGORITHM, _ISSUER, _KEY, _SIGNATURE, _CLAIMS, _DATES)
_ONE_KEY_SET_CHECKS = (_FORM, _ALGORITHM, _KEY, _SIGNATURE, _ISSUER, _CLAIMS, _DATES)
_LOAD_BALANCER_CHECKS = (_FORM, _ALGORITHM, _MADE_BY, _KEY, _SIGNATURE, _CLAIMS, _DATES)
# What the operator may see of their own token without asking: who issued it for whom and when, and
# nothing about the user.
_TOLD = frozenset(
    {"iss", "aud", "client_id", "azp", "appid", "cid", "client", "signer", "token_use"}
)
_TOLD_BY_CODE = {
    "invalid_algorithm": ("alg",),
    "unknown_key": ("kid",),
    "token_expired": ("exp", "iat"),
    "token_not_yet_valid": ("nbf", "iat"),
    "insufficient_scope": ("scope", "scp"),
}


def _results(
    checks: tuple[_Check, ...], error: AuthzError | None, peeked: Peeked, hint: str | None
) -> list[_CheckResult]:
    failed = len(checks)
    reason = None
    if error is not None:
        failed = next(
            (position for position, check in enumerate(checks) if check.refused(error)), 0
        )
        parts = [str(error), *_expected(error), *_found(error, peeked)]
        if hint is not None:
            parts.append(hint)
        elif checks[min(failed, len(checks) - 1)] is _CLAIMS and peeked.looks_like_id_token():
            parts.append("it looks like an ID token")
        reason = "; ".join(parts)
    results = []
    for position, check in enumerate(checks):
        state = "passed" if position < failed else "FAILED" if position == failed else "open"
        results.append(_CheckResult(check.name, state, reason if position == failed else None))
    return results


def _expected(error: AuthzError) -> list[str]:
    return [f"expected {name}: {_listed(value)}" for name, value in error.configured.items()]


def _listed(value: Any) -> str:
    return ", ".join(sorted(value)) if isinstance(value, frozenset | tuple) else str(value)


def _found(error: AuthzError, peeked: Peeked) -> list[str]:
    claim = getattr(error, "claim", None)
    names = (claim,) if claim in _TOLD else _TOLD_BY_CODE.get(error.code, ())
    return [f"the token has {name}: {peeked.found(str(name))}" for name in names]
