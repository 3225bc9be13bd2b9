"""`authz gateway-responses`: templates of what a REST API's gateway itself answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from authz_lib.cli.command_help import give_help
from authz_lib.errors import ConfigurationError
from authz_lib.service.cors import ORIGIN  # one rule for an origin, whoever answers
from authz_lib.smithy.error_answers import EXPOSED_HEADERS
from authz_lib.smithy.gateway_responses import gateway_responses

if TYPE_CHECKING:
    import argparse

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``authz gateway-responses``."""
    give_help(
        parser,
        "Print what a REST API's gateway answers itself, in the shape of your errors.",
        examples=[
            "authz gateway-responses --format sam",
            "authz gateway-responses --format cloudformation --rest-api OrdersApi",
            "authz gateway-responses --format openapi --cors-origin https://app.example.com",
        ],
        exit_codes={"1": "never"},
    )
    parser.add_argument(
        "--format",
        required=True,
        choices=["cloudformation", "openapi", "sam", "terraform"],
        help="where the document goes",
    )
    parser.add_argument(
        "--profile",
        default="AccessDeniedException",
        choices=["AccessDeniedException", "ForbiddenException"],
        help="the `__type` of a 403 (the header of a deny says AccessDeniedException in any case)",
    )
    parser.add_argument(
        "--denied-message",
        metavar="TEXT",
        help="what a caller is told whom the authorizer denies, such as `Not permitted`",
    )
    parser.add_argument(
        "--error-format",
        default="smithy",
        choices=["smithy", "standard"],
        help="`smithy`: as generated clients read them; `standard`: `code` and `message` "
        "(default: smithy)",
    )
    parser.add_argument(
        "--cors-origin", metavar="ORIGIN", help="add CORS headers for this origin, or `*`"
    )
    parser.add_argument(
        "--rest-api", metavar="NAME", help="the REST API's resource in the template"
    )
    parser.add_argument(
        "--api",
        default="rest",
        choices=["rest", "http"],
        help="the kind of API; HTTP APIs are refused",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the document as JSON, which is YAML too."""
    headers = {}
    if arguments.cors_origin is not None:
        if arguments.cors_origin != "*" and not ORIGIN.fullmatch(arguments.cors_origin):
            raise ConfigurationError(
                "`--cors-origin` must be `*` or one origin, such as `https://app.example.com`"
            )
        headers = {
            "Access-Control-Allow-Origin": arguments.cors_origin,
            "Access-Control-Expose-Headers": EXPOSED_HEADERS,
        }
    document = gateway_responses(
        arguments.format,
        denied=arguments.profile,
        denied_message=arguments.denied_message,
        error_format=arguments.error_format,
        headers=headers,
        rest_api=arguments.rest_api,
        api_kind=arguments.api,
    )
    print(json.dumps(document, indent=2))
    return 0
