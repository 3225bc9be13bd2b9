"""The sessions that CI runs.  `uv run nox` runs the default ones; `uv run nox --list` names them all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

HERE = Path(__file__).parent
PROJECT = nox.project.load_toml("pyproject.toml")
CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]

# pyenv hides all interpreters but the selected one behind shims that fail; name every version it has.
_pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
if _pyenv.is_dir():
    os.environ["PYENV_VERSION"] = ":".join(
        sorted((p.name for p in _pyenv.iterdir()), key=lambda name: not name.startswith(CURRENT))
    )

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "typing", f"tests-{CURRENT}", "docs", "examples"]


def group(name: str) -> list[str]:
    """The requirements of a dependency group of pyproject.toml."""
    return nox.project.dependency_groups(PROJECT, name)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and floors: ruff, ruff format, import-linter."""
    session.install("-e", ".", *group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def typing(session: nox.Session) -> None:
    """mypy strict on src, pyright strict on the typing tests."""
    session.install("-e", ".[cedar]", *group("typing"))
    session.run("mypy")
    session.run("pyright")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests, on the newest versions of everything; coverage with branches has a floor that only rises."""
    session.install("-e", ".[cedar]", *group("tests"))
    _run_tests(session)


def _run_tests(session: nox.Session) -> None:
    session.env["COVERAGE_FILE"] = str(Path(session.create_tmp()) / "coverage")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    if not session.posargs:  # a part of the tests covers a part of the code
        session.run("coverage", "report")
