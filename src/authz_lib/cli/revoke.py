"""`authz revoke`: fills the table of `authz_lib.integrations.dynamodb.RevokedTokens`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.cli.command_help import give_help
from authz_lib.errors import ConfigurationError
from authz_lib.integrations.revoked_tokens import RevokedTokens

if TYPE_CHECKING:
    import argparse

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``authz revoke``."""
    give_help(
        parser,
        "Refuse a token, a sign-in or a subject from now on, by an entry in a table of DynamoDB.",
        examples=[
            "authz revoke Revoked subject 7f1e --issuer https://id.example",
            "authz revoke Revoked token 5c2a --issuer https://id.example --expires-at 1893456000",
        ],
        exit_codes={"1": "never"},
    )
    parser.add_argument("table", metavar="TABLE", help="the table that the verifiers read")
    parser.add_argument(
        "what",
        choices=["token", "sign-in", "subject"],
        help="one token (`jti`), all of a sign-in (`origin_jti`), or all of a subject (`sub`)",
    )
    parser.add_argument("name", metavar="VALUE", help="the value of that claim")
    parser.add_argument("--issuer", required=True, help="`iss` of the tokens, exactly")
    parser.add_argument(
        "--expires-at",
        type=float,
        metavar="SECONDS",
        help="when the last such token expires, since the epoch; required but for a subject",
    )
    parser.add_argument(
        "--up-to",
        type=float,
        metavar="SECONDS",
        help="of a subject: tokens issued until then, since the epoch (now)",
    )


def run(arguments: argparse.Namespace) -> int:
    """List one name, and say so."""
    of_subject = arguments.what == "subject"
    if of_subject and arguments.expires_at is not None:
        raise ConfigurationError("`--expires-at` is not for a subject: its entry goes by itself")
    if not of_subject and (arguments.expires_at is None or arguments.up_to is not None):
        raise ConfigurationError(f"a {arguments.what} needs `--expires-at`, and takes no `--up-to`")
    revoked = RevokedTokens(arguments.table, on_failure="closed")
    name, issuer = arguments.name, arguments.issuer
    if of_subject:
        revoked.revoke_subject(name, issuer=issuer, up_to=arguments.up_to)
    elif arguments.what == "sign-in":
        revoked.revoke_sign_in(name, issuer=issuer, expires_at=arguments.expires_at)
    else:
        revoked.revoke_token(name, issuer=issuer, expires_at=arguments.expires_at)
    print(f"revoked: {arguments.what}, in table {arguments.table}")
    return 0
