"""The examples are thin: few lines, few words, and requirements that are what they import."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
LINES = {
    "execution_layer": 200,
    "hello_invoker": 200,
    "memories": 350,
    "orders_router": 200,
    "secure_by_default": 200,
}
WORDS = 3000  # of all READMEs together
IN_THE_RUNTIME = {"boto3", "botocore", "urllib3"}
DISTRIBUTIONS = {"imageio_ffmpeg": "imageio-ffmpeg", "psycopg": "psycopg"}


@pytest.fixture(params=LINES)
def folder(request):
    return EXAMPLES / request.param


def code_of(folder):
    return [path for path in folder.rglob("*.py") if "layer" not in path.relative_to(folder).parts]


def imported(path):
    tree = ast.parse(path.read_text())
    named = [n.names[0].name for n in ast.walk(tree) if isinstance(n, ast.Import)]
    named += [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module]
    return {name.partition(".")[0] for name in named}


def test_it_has_few_lines(folder):
    counted = sum(len(path.read_text().splitlines()) for path in code_of(folder))
    assert counted <= LINES[folder.name]


def test_the_readmes_have_few_words():
    counted = {
        path.parent.name: len(path.read_text().split()) for path in EXAMPLES.glob("*/README.md")
    }
    assert set(counted) == set(LINES)
    assert sum(counted.values()) <= WORDS, counted


def test_no_requirements_name_the_library_or_what_the_runtime_has(folder):
    for path in folder.rglob("requirements.txt"):
        names = {re.split(r"[\[=<>~ ]", line)[0] for line in path.read_text().splitlines()}
        assert not names & {"authz-lib", *IN_THE_RUNTIME}, path


def test_the_requirements_are_what_the_functions_import(folder):
    own = {path.stem for path in code_of(folder)} | {
        p.name for p in folder.rglob("*") if p.is_dir()
    }
    for place in {path.parent for path in folder.rglob("requirements.txt")}:
        needed = set.union(*map(imported, code_of(place))) - own - set(sys.stdlib_module_names)
        wanted = {DISTRIBUTIONS[name] for name in needed - IN_THE_RUNTIME - {"authz_lib"}}
        lines = (place / "requirements.txt").read_text().split()
        assert {re.split(r"[\[=<>~]", line)[0] for line in lines} == wanted


def test_a_folder_without_requirements_imports_what_layer_and_runtime_have(folder):
    places = [path.parent for path in folder.rglob("requirements.txt")]
    own = {path.stem for path in code_of(folder)} | {
        p.name for p in folder.rglob("*") if p.is_dir()
    }
    for path in code_of(folder):
        if path.name == "companions.py" or any(place in path.parents for place in places):
            continue
        foreign = imported(path) - own - set(sys.stdlib_module_names)
        assert foreign <= {"authz_lib", *IN_THE_RUNTIME}, path


def test_nothing_in_a_template_is_about_the_local_run(folder):
    text = (folder / "template.yaml").read_text()
    assert not re.search(
        r"local|127\.0\.0\.1|JWKS",
        text.replace("http://(localhost|127\\.0\\.0\\.1)", ""),
        re.IGNORECASE,
    )
