"""The hosts that plain http is allowed to: named one by one, and named in the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from authz_lib._support.checks import require_names
from authz_lib.errors import ConfigurationError
from authz_lib.transport.url import split_authority

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["InsecureHosts"]

_log = logging.getLogger("authz_lib.transport")


class InsecureHosts(frozenset[str]):
    """Host names and addresses of a local stack, such as ``cognito`` or ``0.0.0.0``.

    Whoever is on the way to such a host can answer in its place, and so mint tokens.  Reading the
    names writes one line at WARNING to the logger ``authz_lib.transport``.
    """

    __slots__ = ()

    @classmethod
    def of(cls, hosts: Iterable[str] | None) -> InsecureHosts:
        """Read the names; what was read before is handed on without another line.

        Raises:
            ConfigurationError: a name that is no host name or address, such as ``*.internal`` or
                ``cognito:9229``.

        >>> sorted(InsecureHosts.of(["Cognito", "[::]"]))
        ['::', 'cognito']
        """
        if isinstance(hosts, InsecureHosts):
            return hosts
        if not hosts and not isinstance(hosts, str):
            return _NONE
        read = cls(_host(name) for name in require_names(hosts, _ARGUMENT, of="host names"))
        _log.warning(
            "plain http is allowed to %s: whoever is on the way can answer in its place",
            ", ".join(sorted(read)),
        )
        return read


def _host(name: str) -> str:
    try:
        host, port = split_authority(name)
    except ValueError:
        port, host = 0, ""
    if port is not None:
        raise ConfigurationError(
            f"`{_ARGUMENT}` must be a list of exact host names or addresses: no port, no `*`"
        )
    return host


_ARGUMENT: Final = "insecure_http_hosts"
_NONE: Final = InsecureHosts()
