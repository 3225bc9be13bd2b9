"""Keeps the user's own AWS setup out: a profile, endpoint or proxy would send calls elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.session import Session

__all__ = ["inherited_variables", "make_client", "make_resource", "own_session"]

# They change where AWS is, how the local one works, or what its Lambdas read.
_FAMILIES = ("AWS_", "AUTHZ_", "LAMBDA_", "LOCALSTACK_", "MINISTACK_", "SFN_")
_SINGLE = {
    *("ALL_PROXY", "FTP_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("PYTHONIOENCODING", "PYTHONUTF8"),  # Lambdas read and write UTF-8
    # ministack's own switches
    *("EDGE_PORT", "PERSIST_STATE", "S3_PERSIST", "SERVICES", "USE_SSL"),
}


def inherited_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a local AWS keeps: all but AWS's, ours, ministack's and a proxy's.

    >>> inherited_variables({"PATH": "/bin", "AWS_PROFILE": "work", "https_proxy": "http://p"})
    {'PATH': '/bin'}
    """
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_FAMILIES) and name.upper() not in _SINGLE
    }


def make_client(
    service: str, *, endpoint_url: str, region: str, session: Session | None = None
) -> Any:
    """A botocore client that reads no variable and no file of the user's, and uses no proxy.

    Args:
        session: one of `own_session`, for several clients: each loads the list of endpoints once.
    """
    return (session or own_session()).create_client(service, **_options(endpoint_url, region))


def make_resource(service: str, *, endpoint_url: str, region: str) -> Any:
    """A boto3 resource, with the same isolation as `make_client`."""
    from boto3.session import Session

    session = Session(botocore_session=own_session())
    make: Callable[..., Any] = session.resource  # its overloads want a literal name
    return make(service, **_options(endpoint_url, region))


def own_session() -> Session:
    """A botocore session that reads no variable and no file of the user's."""
    from botocore.session import Session

    # A setting is (name in the file, variable, default, conversion).  Keep the last two.
    settings = {
        name: (None, None, *rest) for name, (_, _, *rest) in Session.SESSION_VARIABLES.items()
    }
    nowhere = (None, None, os.devnull, None)
    return Session(session_vars=settings | {"config_file": nowhere, "credentials_file": nowhere})


def _options(endpoint_url: str, region: str) -> dict[str, Any]:
    from botocore.config import Config

    return {
        "region_name": region,
        "endpoint_url": endpoint_url,
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "config": Config(
            connect_timeout=5,
            read_timeout=60,
            proxies={},
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        ),
    }
