"""What the wheel promises without an extra: its modules and its command."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

import authz_lib
from authz_lib.errors import ConfigurationError

# Modules that may be imported with an extra only; without it, the error names the extra.
NEED_AN_EXTRA = {
    "authz_lib.integrations.fastapi": "fastapi",
    "authz_lib.integrations.fastapi_decisions": "fastapi",
    "authz_lib.integrations.fastapi_routes": "fastapi",
    "authz_lib.integrations.opentelemetry": "opentelemetry",
    "authz_lib.integrations.powertools": "powertools",
    "authz_lib.integrations.resolver_routes": "powertools",
    "authz_lib.integrations.powertools_metrics": "powertools",
    "authz_lib.integrations.sql_columns": "sqlalchemy",
    "authz_lib.integrations.sqlalchemy": "sqlalchemy",
    "authz_lib.integrations.telemetry_operations": "opentelemetry",
    "authz_lib.sigv4.httpx_auth": "httpx",
    "authz_lib.sigv4.requests_auth": "requests",
    "authz_lib.testing.policy_store.decisions": "cedar",
}
MODULES = [
    module.name
    for module in pkgutil.walk_packages(authz_lib.__path__, "authz_lib.")
    if not any(part.startswith("_") for part in module.name.split("."))
]


def authz(*arguments):
    command = Path(sys.executable).with_name("authz")
    return subprocess.run(
        [command, *arguments], capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.parametrize("module", MODULES)
def test_every_public_module_is_imported(module):
    try:
        assert import_module(module)
    except ConfigurationError as error:
        named = f"needs the extra `{NEED_AN_EXTRA.get(module)}` of authz-lib"
        assert named in str(error)  # noqa: PT017


@pytest.mark.parametrize("name", authz_lib.__all__)
def test_every_root_name_is_there(name):
    assert getattr(authz_lib, name) is not None


def test_the_command_prints_its_help():
    run = authz("--help")
    assert (run.returncode, run.stderr) == (0, "")
    assert "usage: authz" in run.stdout


def test_the_command_prints_the_version():
    run = authz("--version")
    assert (run.returncode, run.stderr) == (0, "")
    assert f"authz-lib {version('authz-lib')}" in run.stdout


def test_the_types_are_shipped():
    assert (Path(authz_lib.__file__).parent / "py.typed").is_file()
