"""Settings of the property tests, and the tests that need `authz-local`.

The property tests have the same examples on every run; `uv run nox -s fuzz` looks for new ones.
"""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec

import pytest
from hypothesis import settings

# They deploy templates, and read them with `authz-local`, which a plain install does not bring.
collect_ignore = [] if find_spec("authz_local") else ["examples", "stack"]


def pytest_report_header():
    return f"left out without `authz-local`: {', '.join(collect_ignore)}" if collect_ignore else ""


def pytest_collection_modifyitems(items):
    """The files that take longest come first: with ``--dist loadfile`` none is left over."""
    items.sort(key=lambda item: not getattr(item.module, "TAKES_LONGEST", False))


settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("fuzz", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


@pytest.fixture
def key_server():
    """Serves JSON documents by path; the endpoint's URL."""
    servers = []

    def start(documents):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(documents[self.path]).encode())

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()
