"""The user's own setup stays outside the local AWS: a profile, an endpoint or a proxy would send
calls elsewhere.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.session import Session

__all__ = ["inherited_variables", "make_client", "make_resource"]

# Families of variables that change where AWS is, how the local one works, or what the Lambdas under
# it would read.
_FAMILIES = ("AWS_", "AUTHZ_", "LAMBDA_", "LOCALSTACK_", "MINISTACK_", "SFN_")
_SINGLE = {
    *("ALL_PROXY", "FTP_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("PYTHONIOENCODING", "PYTHONUTF8"),  # Lambdas read and write UTF-8
    *(
        "EDGE_PORT",
        "PERSIST_STATE",
        "S3_PERSIST",
        "SERVICES",
        "USE_SSL",
    ),  # ministack's own switches
}


def inherited_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """What a local AWS may keep of an environment: paths, languages, the interpreter's own; see the
    two tables above.

    >>> inherited_variables({"PATH": "/bin", "AWS_PROFILE": "work", "https_proxy": "http://proxy.example"})
    {'PATH': '/bin'}
    """
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_FAMILIES) and name.upper() not in _SINGLE
    }


def make_client(service: str, *, endpoint_url: str, region: str) -> Any:
    """A botocore client that reads no variable and no file of the user's, and goes through no
    proxy.
    """
    return _session().create_client(service, **_options(endpoint_url, region))


def make_resource(service: str, *, endpoint_url: str, region: str) -> Any:
    """A boto3 resource that reads as little."""
    from boto3.session import Session

    make: Callable[..., Any] = Session(
        botocore_session=_session()
    ).resource  # its overloads want a literal name
    return make(service, **_options(endpoint_url, region))


def _session() -> Session:
    from botocore.session import Session

    # (name in the file, variable, default, conversion) of each setting: only the defaults are left.
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
