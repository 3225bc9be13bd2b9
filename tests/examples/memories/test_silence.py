"""A database that sends nothing: connections stay open, TCP acknowledges, no answer comes."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from authz_lib.smithy.errors import SmithyError

pytestmark = pytest.mark.stack

EXAMPLE = Path(__file__).parents[3] / "examples" / "memories"
FAR_TOO_LONG = 29  # seconds: the gateway's
READY_FOR_QUERY = b"Z\x00\x00\x00\x05I"  # with it PostgreSQL ends a login


class FreezingProxy:
    """Passes bytes between a port and PostgreSQL's socket; frozen, it takes them and keeps them."""

    def __init__(self, target):
        self.target = target
        self.frozen = Event()
        self.freezes_after_login = Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = [self.listener]
        Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.target)
                self.sockets += [client, server]
                for source, sink in ((client, server), (server, client)):
                    Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source, sink):
        with suppress(OSError):
            while content := source.recv(65536):
                if self.frozen.is_set():
                    continue
                if self.freezes_after_login.is_set() and content.endswith(READY_FOR_QUERY):
                    self.frozen.set()  # before the client has the answer: no question gets through
                    self.freezes_after_login.clear()
                sink.sendall(content)
            if not self.frozen.is_set():
                sink.shutdown(socket.SHUT_WR)

    def close(self):
        for each in self.sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture(scope="module")
def database():
    """PostgreSQL with the example's tables and nothing in them."""
    import importlib.util

    from sqlalchemy import make_url

    spec = importlib.util.spec_from_file_location("memories_companions", EXAMPLE / "companions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        with module.companions(EXAMPLE) as parameters:
            yield make_url(parameters["DatabaseUrl"])


@pytest.fixture
def proxy(database):
    made = FreezingProxy(f"{database.query['host']}/.s.PGSQL.{database.port or 5432}")
    yield made
    made.close()


@pytest.fixture
def segments(service, database, proxy, monkeypatch):
    url = database.set(host="127.0.0.1", port=proxy.port, query={})
    loaded = service(DATABASE_URL=url.render_as_string(hide_password=False)).segments
    monkeypatch.setattr(loaded, "SILENCE_SECONDS", 0.5)
    yield loaded
    loaded.engine().dispose()


def ends(proxy, question):
    """The seconds until a query ends, and its error; a query that does not end fails the test."""
    ended = []

    def ask():
        start = time.monotonic()
        try:
            question()
        except SmithyError as error:
            ended.append((time.monotonic() - start, error))

    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(FAR_TOO_LONG)
    proxy.frozen.clear()
    if thread.is_alive():
        proxy.close()
        thread.join()
        pytest.fail("it waits for ever")
    return ended[0]


def test_the_limits_leave_time_before_the_gateways_29_seconds(service, database):
    from sqlalchemy import text

    loaded = service(DATABASE_URL=database.render_as_string(hide_password=False)).segments
    limit = text(
        "select setting::int from pg_settings where name = 'statement_timeout' and unit = 'ms'"
    )
    with loaded.engine().connect() as connection:
        statement = connection.scalar(limit) / 1000
        connect = int(
            connection.connection.driver_connection.info.get_parameters()["connect_timeout"]
        )
    loaded.engine().dispose()
    assert 0 < statement < loaded.SILENCE_SECONDS  # 0 would be no limit
    assert connect > 0
    assert 2 * loaded.SILENCE_SECONDS + connect < 28


def test_silence_after_the_first_login_is_503(segments, proxy):
    # As a pooler without a server does.  SQLAlchemy's own questions come first.
    proxy.freezes_after_login.set()
    seconds, error = ends(proxy, lambda: segments.of_caller("alice", id="x"))
    assert not proxy.freezes_after_login.is_set()
    assert (error.status, error.standard_code) == (503, "DATABASE_UNAVAILABLE")
    assert seconds < 10
    assert segments.of_caller("alice", id="x") is None


def test_silence_before_a_question_is_503(segments, proxy):
    assert segments.of_caller("alice", id="x") is None
    proxy.frozen.set()
    seconds, error = ends(proxy, lambda: segments.of_caller("alice", id="x"))
    assert (error.status, error.standard_code) == (503, "DATABASE_UNAVAILABLE")
    assert seconds < 10
    # And as soon as it speaks again it is asked again.
    assert segments.of_caller("alice", id="x") is None


def test_silence_after_a_question_is_503(segments, proxy):
    from sqlalchemy import text

    def ask():
        with segments.transaction() as connection:
            proxy.frozen.set()
            connection.execute(text("select 1"))

    seconds, error = ends(proxy, ask)
    assert (error.status, error.standard_code) == (503, "DATABASE_UNAVAILABLE")
    assert seconds < 10
    assert segments.of_caller("alice", id="x") is None
