"""Where AWS's SDKs are told to find a service: the ``AWS_ENDPOINT_URL`` variables.

| variable | counts when it names | otherwise |
|---|---|---|
| ``AWS_ENDPOINT_URL_<SERVICE>`` | a loopback host, or any host by ``https`` | it is refused |
| ``AWS_ENDPOINT_URL`` | a loopback host | by ``https`` it is another service's, and not read |
| ``AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true`` | | no variable is read |

See "Service-specific endpoints" in the AWS SDKs and Tools Reference Guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from authz_lib.errors import ConfigurationError
from authz_lib.transport.url import is_loopback, parse_url

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["ConfiguredEndpoint", "configured_endpoint", "user_pool_keys_url"]

_EVERY_SERVICE: Final = "AWS_ENDPOINT_URL"
_IGNORE: Final = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
_USER_POOLS: Final = "COGNITO_IDENTITY_PROVIDER"


class ConfiguredEndpoint(NamedTuple):
    """An endpoint of the environment, and the variable that names it."""

    url: str
    variable: str


def configured_endpoint(
    service: str, environment: Mapping[str, str], *, named_hosts: Collection[str] | None = None
) -> ConfiguredEndpoint | None:
    """The endpoint that the environment configures for a service, if any.

    Plain ``http`` to another machine is handed back, since it may be a local stack's: the caller's
    `parse_url` refuses or allows it.

    Args:
        service: the end of the service's variable, such as ``VERIFIEDPERMISSIONS``.
        environment: the variables.
        named_hosts: the hosts that plain ``http`` is allowed to.  Where it is given,
            ``AWS_ENDPOINT_URL`` counts for loopback hosts and these only.

    >>> local = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}
    >>> configured_endpoint("SSM", local).url
    'http://127.0.0.1:4566'
    >>> elsewhere = {"AWS_ENDPOINT_URL": "https://files.example.com"}
    >>> configured_endpoint("SSM", elsewhere) is None
    True
    """
    if environment.get(_IGNORE, "").lower() == "true":
        return None
    own = f"{_EVERY_SERVICE}_{service}"
    if environment.get(own):
        return ConfiguredEndpoint(environment[own], own)
    url = environment.get(_EVERY_SERVICE)
    if url and _may_be_meant(url, named_hosts):
        return ConfiguredEndpoint(url, _EVERY_SERVICE)
    return None


def _may_be_meant(url: str, named_hosts: Collection[str] | None) -> bool:
    """Whether the variable for every service means a local AWS, and so this service too."""
    try:
        place = parse_url(url, argument=_EVERY_SERVICE, require_https=False)
    except ConfigurationError:
        return named_hosts is None  # what is broken is refused by whoever needs it
    if is_loopback(place.host):
        return True
    return place.scheme == "http" and (named_hosts is None or place.host in named_hosts)


def user_pool_keys_url(
    user_pool_id: str, environment: Mapping[str, str], *, named_hosts: Collection[str] = ()
) -> str | None:
    """Where a configured endpoint has a user pool's key set; ``None`` without such an endpoint.

    Args:
        user_pool_id: the pool.
        environment: the variables.
        named_hosts: the hosts that plain ``http`` is allowed to.

    Raises:
        ConfigurationError: the pool's own variable names a host by plain ``http`` that is neither
            loopback nor named, or is no URL, or has a query.

    >>> local = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}
    >>> user_pool_keys_url("us-east-1_Abc123", local)
    'http://127.0.0.1:4566/us-east-1_Abc123/.well-known/jwks.json'
    """
    found = configured_endpoint(_USER_POOLS, environment, named_hosts=named_hosts)
    if found is None:
        return None
    place = parse_url(found.url, argument=found.variable, insecure_http_hosts=named_hosts)
    if "?" in place.target:
        raise ConfigurationError(f"`{found.variable}` must not hold a query")
    return f"{found.url.rstrip('/')}/{user_pool_id}/.well-known/jwks.json"
