"""What a reader of a document has: an example that runs, with its outputs and tokens."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import urllib3

EXAMPLES = Path(__file__).parents[3] / "examples"


class Example:
    """A running example, seen from outside: outputs, tokens, functions, HTTP."""

    def __init__(self, local):
        self.local = local
        self.outputs = local.stack.outputs

    def token(self, user):
        return self.local.token(user)

    def http(self, method, url, body=None, **headers):
        """Status, headers and JSON of an answer; text where it is no JSON."""
        parts = urllib3.util.parse_url(url)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        with urllib3.HTTPConnectionPool("127.0.0.1", parts.port, timeout=60, retries=False) as pool:
            answer = pool.request(
                method, parts.request_uri, body=content, headers={**sent, "Host": parts.netloc}
            )
        text = answer.data.decode(errors="replace")
        try:
            said = json.loads(text)
        except ValueError:
            said = text
        return SimpleNamespace(status=answer.status, headers=answer.headers, json=said)

    def invoke(self, function, payload):
        """What a function answers to a direct invocation, by its name."""
        status, content = self.local.aws.invoke(function, json.dumps(payload).encode())
        assert status == 200
        return json.loads(content)

    def differences(self):
        """What `--check` would show: each row of `requests.yaml` that is answered otherwise."""
        results = map(self.local.run, self.local.scenario.requests)
        return [(one.row.name, one.status, one.differences) for one in results if one.differences]


@pytest.fixture(scope="module")
def example(request, tmp_path_factory):
    """A copy of the example that the module's `EXAMPLE` names: it runs by itself."""
    pytest.importorskip("ministack")
    from authz_local.local_scenario import LocalScenario

    copy = tmp_path_factory.mktemp("copied") / request.module.EXAMPLE
    leave_out = shutil.ignore_patterns("__pycache__", "layer")
    shutil.copytree(EXAMPLES / request.module.EXAMPLE, copy, ignore=leave_out)
    with LocalScenario(copy) as local:
        yield Example(local)
