"""Resolving a host name in bounded time, and keeping the names of this machine on this machine.

Needs nothing but the standard library.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from typing import Any, Final, TypeAlias

from authz_lib._support.fork import reset_in_child
from authz_lib.transport.url import is_loopback

__all__ = ["Address", "ResolutionError", "resolve"]

Address: TypeAlias = tuple[Any, Any, int, str, Any]
"""One entry of `socket.getaddrinfo`."""


class ResolutionError(Exception):
    """No address to connect to.  The message is fixed text."""


def resolve(host: str, port: int, *, until: float) -> list[Address]:
    """The addresses of a host, at least one.

    ``localhost`` and ``*.localhost`` are never asked of a name server (RFC 6761, section 6.3), and
    nothing that `is_loopback` calls this machine resolves to another.

    Args:
        host: a name or an address.
        port: it is part of each address.
        until: on `time.monotonic`.

    Raises:
        ResolutionError: there is no such host, or there was no answer in time.
    """
    found = _lookups.run("localhost" if host.endswith(".localhost") else host, port, until)
    if is_loopback(host):
        found = [entry for entry in found if is_loopback(str(entry[4][0]))]
    if not found:
        raise ResolutionError("the host name could not be resolved")
    return found


class _Lookup:
    __slots__ = ("done", "found")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.found: list[Address] = []


class _Lookups:
    """One lookup of a host under way at a time, in a thread of its own.

    Nothing can interrupt `socket.getaddrinfo`, so its callers wait for it no longer than they may,
    and those that come later wait for the same one.
    """

    def __init__(self) -> None:
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Forget all lookups: their threads are gone, as after a fork."""
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, int], _Lookup] = {}

    def run(self, host: str, port: int, until: float) -> list[Address]:
        if _is_address(host):
            return _look_up(host, port)  # nobody is asked
        key = (host, port)
        with self._lock:
            lookup = self._under_way.get(key)
            is_new = lookup is None
            if lookup is None:
                lookup = self._under_way[key] = _Lookup()
        if is_new:
            self._start(key, lookup)
        if not lookup.done.wait(max(0.0, until - time.monotonic())):
            raise ResolutionError("no answer in time: the host name was not resolved")
        return lookup.found

    def _start(self, key: tuple[str, int], lookup: _Lookup) -> None:
        def work() -> None:
            try:
                lookup.found = _look_up(*key)
            finally:
                self._end(key, lookup)

        try:
            threading.Thread(target=work, name="authz-lib-resolve", daemon=True).start()
        except RuntimeError:  # this process can have no more threads
            self._end(key, lookup)

    def _end(self, key: tuple[str, int], lookup: _Lookup) -> None:
        with self._lock:
            if self._under_way.get(key) is lookup:
                del self._under_way[key]
        lookup.done.set()


def _look_up(host: str, port: int) -> list[Address]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # a name that IDNA refuses is a `UnicodeError`
        return []


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


_lookups: Final = _Lookups()
