"""An extra that is missing is named.

The session `package` runs this on the wheel alone and on the wheel with each extra.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import metadata
from importlib.util import find_spec

import pytest

from authz_lib.audit.audited import audit_files
from authz_lib.decisions.cedar import CedarEngine
from authz_lib.errors import ConfigurationError

POLICIES = "permit(principal, action, resource);"
# The extra, what it brings, the module that needs it as soon as it is imported.
MODULES = [
    ("fastapi", "fastapi", "authz_lib.integrations.fastapi"),
    ("httpx", "httpx", "authz_lib.sigv4.httpx_auth"),
    ("opentelemetry", "opentelemetry", "authz_lib.integrations.opentelemetry"),
    ("powertools", "aws_lambda_powertools", "authz_lib.integrations.powertools"),
    ("powertools", "aws_lambda_powertools", "authz_lib.integrations.powertools_metrics"),
    ("requests", "requests", "authz_lib.sigv4.requests_auth"),
    ("sqlalchemy", "sqlalchemy", "authz_lib.integrations.sqlalchemy"),
]
BROUGHT = {
    "audit": "samtranslator",
    "analysis": "cvc5",
    "cedar": "cedarpy",
    "fastapi": "fastapi",
    "httpx": "httpx",
    "opentelemetry": "opentelemetry",
    "powertools": "aws_lambda_powertools",
    "requests": "requests",
    "sqlalchemy": "sqlalchemy",
    "yaml": "yaml",
}

# What an extra brings of another one, or may bring.
ALSO = {"audit": ["yaml"], "fastapi": ["opentelemetry"]}


def names(extra):
    return f"needs the extra `{extra}` of authz-lib"


def installed(extra):
    return find_spec(BROUGHT[extra]) is not None


def test_the_extras_are_these():
    assert set(metadata("authz-lib").get_all("Provides-Extra")) == {*BROUGHT, "all"}


@pytest.mark.skipif("AUTHZ_EXTRA" not in os.environ, reason="for the session `package`")
def test_an_extra_brings_its_package_and_no_other():
    extra = os.environ["AUTHZ_EXTRA"]
    brought = {name for name in BROUGHT if installed(name)}
    if extra == "all":
        assert brought == set(BROUGHT)
    else:
        assert {extra} - {""} <= brought <= {extra, *ALSO.get(extra, ())}


def test_the_engine_names_cedar():
    if installed("cedar"):
        assert CedarEngine.from_text(POLICIES)
    else:
        with pytest.raises(ConfigurationError, match=names("cedar")):
            CedarEngine.from_text(POLICIES)


@pytest.mark.parametrize(("extra", "package", "module"), MODULES)
def test_an_adapter_names_its_package(extra, package, module):
    if installed(extra):
        assert import_module(module)
    else:
        with pytest.raises(ConfigurationError, match=names(extra)):
            import_module(module)


def test_a_template_of_sam_names_audit(tmp_path):
    function = {"Type": "AWS::Serverless::Function", "Properties": {"InlineCode": "pass"}}
    function["Properties"] |= {"Handler": "a.b", "Runtime": "python3.12"}
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Resources": {"F": function}}), encoding="utf-8")
    (problem,) = audit_files([path]).problems or ("",)
    assert (names("audit") in problem) is not installed("audit")


def test_requests_in_yaml_name_yaml(tmp_path):
    (tmp_path / "all.cedar").write_text(POLICIES, encoding="utf-8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "requests.yaml").write_text("- {}\n", encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "authz_lib.cli", "policies", "test", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    said = run.stdout + run.stderr
    assert run.returncode != 0
    assert "Traceback" not in said
    assert bool(re.search(names("yaml"), said)) == (installed("cedar") and not installed("yaml"))


def test_a_proof_names_what_it_needs(tmp_path):
    (tmp_path / "all.cedar").write_text(POLICIES, encoding="utf-8")
    schema = "entity User; action get appliesTo { principal: User, resource: User };"
    (tmp_path / "schema.cedarschema").write_text(schema, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "authz_lib.cli", "policies", "matrix", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    needed = next((extra for extra in ("cedar", "analysis") if not installed(extra)), None)
    assert run.returncode == (0 if needed is None else 2)
    assert run.stderr == "" if needed is None else names(needed) in run.stderr
