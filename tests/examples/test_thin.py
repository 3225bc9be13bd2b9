"""Two examples are thin: what they import is what they declare."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
DISTRIBUTIONS = {"authz_lib": "authz-lib", "boto3": "boto3", "urllib3": "urllib3"}


@pytest.fixture(params=["orders_router"])
def folder(request):
    return EXAMPLES / request.param


def requirements(path):
    lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    nested = [requirements(path.parent / line[3:]) for line in lines if line.startswith("-r ")]
    names = {
        re.split(r"[\[=<>~]", line)[0] for line in lines if line and not line.startswith("-r ")
    }
    return names.union(*nested)


def imported(path):
    tree = ast.parse(path.read_text())
    named = [n.names[0].name for n in ast.walk(tree) if isinstance(n, ast.Import)]
    named += [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module]
    return {name.partition(".")[0] for name in named}


def test_the_requirements_are_what_it_imports(folder):
    code = list(folder.rglob("*.py"))
    own = {path.stem for path in code} | {"authz_local"}  # it runs the folder
    foreign = set.union(*map(imported, code)) - own - set(sys.stdlib_module_names)
    assert foreign <= set(DISTRIBUTIONS)
    assert requirements(folder / "requirements.txt") == {DISTRIBUTIONS[name] for name in foreign}
