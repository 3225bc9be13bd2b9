"""The orders example: its folder, its template, and one local AWS for the tests of this folder."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import urllib3

from authz_local.template import load_template

FOLDER = Path(__file__).parents[3] / "examples" / "orders_router"


@pytest.fixture(scope="session")
def folder():
    return FOLDER


@pytest.fixture
def template():
    return load_template(FOLDER / "template.yaml")


class Running:
    """The deployed example, and a way of asking it."""

    def __init__(self, local):
        self.local = local

    def ask(self, user, method, url, body=None, **headers):
        """Status, headers and JSON of an answer; `url` begins with an output's name."""
        name, _, path = url.partition("/")
        parts = urllib3.util.parse_url(f"{self.local.variables[name]}/{path}")
        token = {"Authorization": f"Bearer {self.local.token(user)}"} if user else {}
        sent = {
            **token,
            **{key.replace("_", "-"): value for key, value in headers.items()},
            "Host": parts.netloc,
        }
        content = None if body is None else json.dumps(body).encode()
        sent = sent if body is None else {"Content-Type": "application/json", **sent}
        with urllib3.HTTPConnectionPool("127.0.0.1", parts.port, timeout=30, retries=False) as pool:
            answer = pool.request(method, parts.request_uri, headers=sent, body=content)
        return SimpleNamespace(
            status=answer.status,
            headers=answer.headers,
            json=answer.json() if answer.data else None,
        )

    def invocations(self, function):
        log = self.local.aws.function_log(self.local.stack.functions[function])
        return sum(line.startswith("START RequestId") for line in log)

    def secret(self):
        secrets = self.local.aws.client("secretsmanager")
        return secrets.get_secret_value(SecretId=self.local.variables["AssertionSecretArn"])[
            "SecretString"
        ]


@pytest.fixture(scope="module")
def running():
    pytest.importorskip("ministack")
    from authz_local.local_scenario import LocalScenario

    with LocalScenario(FOLDER) as scenario:
        yield Running(scenario)
