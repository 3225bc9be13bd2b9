"""Where a user pool's keys are: below each of its issuers, or at an endpoint of the environment."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from authz_lib.tokens.remote_keys import RemoteKeySet
from authz_lib.transport.endpoints import user_pool_keys_url
from authz_lib.transport.insecure_hosts import InsecureHosts
from authz_lib.transport.url import require_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from authz_lib._support.clock import Clock
    from authz_lib.tokens.remote_keys import KeySetOptions
    from authz_lib.transport.fetch import Fetcher

__all__ = ["is_aws_issuer", "pool_keys"]

_log = logging.getLogger("authz_lib.tokens")


def is_aws_issuer(name: str, user_pool_id: str) -> bool:
    """Whether a pool has this issuer on AWS, so that an endpoint of the environment stands for it.

    >>> url = "https://cognito-idp.eusc-de-east-1.amazonaws.eu/eusc-de-east-1_Ab1"
    >>> is_aws_issuer(url, "eusc-de-east-1_Ab1")
    True
    >>> is_aws_issuer("https://id.example/eusc-de-east-1_Ab1", "eusc-de-east-1_Ab1")
    False
    """
    region = str(user_pool_id).partition("_")[0]
    start, _, pool = name.rpartition("/")
    hosts = (f"https://cognito-idp.{region}.", f"https://issuer-cognito-idp.{region}.")
    return pool == user_pool_id and start.startswith(hosts) and start.count("/") == len("//")


def pool_keys(
    user_pool_id: str,
    issuers: Sequence[str],
    *,
    fetcher: Fetcher | None,
    clock: Clock,
    fetching: KeySetOptions,
) -> dict[str, RemoteKeySet]:
    """A key set for each issuer.

    The issuers that the pool has on AWS share the one of a configured endpoint, where the
    environment has it; another issuer's is below that issuer, always.

    Raises:
        ConfigurationError: a URL that may not be fetched; it is named by its variable or as the
            issuer.
    """
    hosts = InsecureHosts.of(fetching.get("insecure_http_hosts"))
    of_aws = [name for name in issuers if is_aws_issuer(name, user_pool_id)]
    keys: dict[str, RemoteKeySet] = {}
    url = user_pool_keys_url(user_pool_id, os.environ, named_hosts=hosts) if of_aws else None
    if url is not None:
        _log.warning("keys of user pools are fetched from an endpoint that the environment names")
        keys = dict.fromkeys(of_aws, RemoteKeySet(url, fetcher=fetcher, clock=clock, **fetching))
    for name in issuers:
        if name not in keys:
            require_url(name, argument="issuer", insecure_http_hosts=hosts)
            keys[name] = RemoteKeySet(
                f"{name}/.well-known/jwks.json", fetcher=fetcher, clock=clock, **fetching
            )
    return keys
