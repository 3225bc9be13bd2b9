"""The sessions that CI runs.  `uv run nox` runs the default ones; `uv run nox --list` names them
all.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

HERE = Path(__file__).parent
PROJECT = nox.project.load_toml("pyproject.toml")
CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]

# pyenv hides all interpreters but the selected one behind shims that fail; name every version it
# has.
_pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
if _pyenv.is_dir():
    os.environ["PYENV_VERSION"] = ":".join(
        sorted((p.name for p in _pyenv.iterdir()), key=lambda name: not name.startswith(CURRENT))
    )

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = (
    "CI" in os.environ
)  # a Python that CI names and lacks is no success
nox.options.download_python = "never"  # what is tested is what is installed
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
    """The tests, on the newest versions of everything; coverage with branches has a floor that only
    rises.
    """
    session.install("-e", ".[cedar]", *group("tests"))
    _run_tests(session)


def _run_tests(session: nox.Session) -> None:
    session.env["COVERAGE_FILE"] = str(Path(session.create_tmp()) / "coverage")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-m", "not stack", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    if not session.posargs:  # a part of the tests covers a part of the code
        session.run("coverage", "report")


@nox.session
def fuzz(session: nox.Session) -> None:
    """The property tests on new random examples; `-- 20` for twenty rounds."""
    session.install("-e", ".[cedar]", *group("tests"))
    rounds = int(session.posargs[-1]) if session.posargs else 5
    for _ in range(rounds):
        session.run(
            "python", "-m", "pytest", "-q", "tests/property", env={"HYPOTHESIS_PROFILE": "fuzz"}
        )


@nox.session
def clients(session: nox.Session) -> None:
    """Our errors read by the JavaScript SDK too; needs Node.js and npm."""
    session.install("-e", ".[cedar]", *group("tests"))
    folder = Path(session.create_tmp()).resolve() / "javascript"
    session.run(
        "npm",
        "install",
        "--silent",
        "--ignore-scripts",
        "--prefix",
        str(folder),
        "@aws-sdk/client-scheduler",
        external=True,
    )
    environment = {"AUTHZ_NODE_MODULES": str(folder / "node_modules")}
    session.run("python", "-m", "pytest", "tests/contract/test_smithy_clients.py", env=environment)


@nox.session
def lowest(session: nox.Session) -> None:
    """The tests on the lowest direct versions that pyproject.toml promises; that they are installed
    is checked too.
    """
    session.install("--resolution", "lowest-direct", "-e", ".[cedar]")
    session.install(*group("tests"), *_lowest_pins())
    _run_tests(session)


def _lowest_pins() -> list[str]:
    """Every `name>=version` of the project as `name==version`: what is installed beside it cannot
    raise it.
    """
    extras = PROJECT["project"]["optional-dependencies"]
    return [
        requirement.replace(">=", "==")
        for requirement in [*PROJECT["project"]["dependencies"], *extras["cedar"]]
    ]


@nox.session
def docs(session: nox.Session) -> None:
    """The pages (every warning is an error), and every example in pages, README and docstrings
    executed.
    """
    session.install("-e", ".[cedar]", *group("docs"))
    out = Path(session.create_tmp()) / "html"
    session.run("sphinx-build", "-nW", "--keep-going", "-q", "-b", "html", "docs", str(out))
    session.run(
        "python",
        "-m",
        "pytest",
        "-p",
        "executed",
        "-q",
        "README.md",
        "docs",
        "src",
        env={"PYTHONPATH": str(HERE / "docs")},
    )


@nox.session
def examples(session: nox.Session) -> None:
    """Every example on the local AWS over real HTTP, and the tests that need that AWS."""
    session.install("-e", ".[cedar]", "./packages/authz-local", *group("examples"), *group("tests"))
    for example in sorted(path.parent for path in (HERE / "examples").glob("*/requests.yaml")):
        session.run("authz", "local", str(example.relative_to(HERE)), "--check")
    session.run("python", "-m", "pytest", "-m", "stack", *session.posargs)
    session.run(
        "python", "-m", "pytest", "-m", "not stack", "tests/examples", "packages/authz-local/tests"
    )


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks: each subject beside its peer and its physical limit in one run, printed as
    ratios.
    """
    session.install("-e", ".[cedar]", *group("bench"))
    for script in sorted((HERE / "benchmarks").glob("bench_*.py")):
        session.run("python", str(script.relative_to(HERE)), *session.posargs)
