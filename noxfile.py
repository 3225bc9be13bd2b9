"""The sessions that CI runs.

`uv run nox` runs the default ones, and `uv run nox --list` names them all. Sessions install the
wheel, which `uv build` makes from the sdist, and the tests run in the unpacked sdist.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from functools import cache
from pathlib import Path

import nox

HERE = Path(__file__).parent.resolve()
PROJECT = nox.project.load_toml("pyproject.toml")
EXTRAS = sorted(PROJECT["project"]["optional-dependencies"])
CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]

# pyenv hides all interpreters but the selected one behind shims that fail. Name each one it has.
_pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
if _pyenv.is_dir():
    os.environ["PYENV_VERSION"] = ":".join(
        sorted((p.name for p in _pyenv.iterdir()), key=lambda name: not name.startswith(CURRENT))
    )

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
# A Python that CI names and lacks is no success.
nox.options.error_on_missing_interpreters = "CI" in os.environ
nox.options.download_python = "never"  # what is tested is what is installed
nox.options.sessions = [
    "lint",
    "typing",
    f"tests-{CURRENT}",
    f"package-{CURRENT}",
    "docs",
    "examples",
]


def group(name: str) -> list[str]:
    """The requirements of a dependency group of pyproject.toml."""
    return nox.project.dependency_groups(PROJECT, name)


@cache
def dist() -> Path:
    """The folder of the sdists and wheels of the workspace, built once for each run of nox."""
    folder = HERE / ".nox" / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    nox.command.run(
        ["uv", "build", "--quiet", "--all-packages", "--out-dir", str(folder)], silent=False
    )
    return folder


def wheel(*extras: str, name: str = "authz_lib") -> str:
    """The requirement of a built wheel with some extras."""
    (path,) = dist().glob(f"{name}-*.whl")
    return f"{name.replace('_', '-')}[{','.join(extras)}] @ {path.as_uri()}"


def install_wheel(session: nox.Session, *requirements: str, extras: tuple[str, ...]) -> None:
    """Install the built wheel, also where one of the same version is installed already."""
    session.install("--reinstall-package", "authz-lib", wheel(*extras), *requirements)


def unpacked_sdist(session: nox.Session) -> Path:
    """The sdist in a temporary folder: what it lacks, no test finds."""
    folder = Path(session.create_tmp()).resolve() / "sdist"
    shutil.rmtree(folder, ignore_errors=True)
    (archive,) = dist().glob("authz_lib-*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


@nox.session
def lint(session: nox.Session) -> None:
    """Style and floors: ruff, ruff format, import-linter."""
    install_wheel(session, *group("lint"), extras=())
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", env={"PYTHONPATH": "src"})


@nox.session
def typing(session: nox.Session) -> None:
    """mypy strict on src, for the lowest and the newest Python; pyright on the typing tests."""
    install_wheel(session, *group("typing"), extras=("all",))
    for python in (PYTHONS[0], PYTHONS[-1]):
        session.run("mypy", "--python-version", python)
    session.run("pyright")


PYTEST = ["-m", "not stack", "-n", "2", "--dist", "worksteal"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests on the newest versions of everything: of the unpacked sdist, against the wheel."""
    install_wheel(session, *group("tests"), extras=("all",))
    _run_tests(session)


def _run_tests(session: nox.Session) -> None:
    with session.chdir(unpacked_sdist(session)):
        words = session.posargs or ["tests", "--ignore=tests/package", "--ignore=tests/docs"]
        session.run("python", "-m", "pytest", *PYTEST, *words)


@nox.session
def coverage(session: nox.Session) -> None:
    """What the tests of one module cover, which takes twice as long.  The floor only rises."""
    install_wheel(session, *group("tests"), extras=("all",))
    session.env["COVERAGE_FILE"] = str(Path(session.create_tmp()).resolve() / "coverage")
    with session.chdir(unpacked_sdist(session)):
        session.run("coverage", "erase")
        session.run("coverage", "run", "-m", "pytest", *PYTEST, "tests/unit", "tests/contract")
        session.run("coverage", "combine", "--quiet")
        session.run("coverage", "report")


@nox.session(python=PYTHONS)
def package(session: nox.Session) -> None:
    """The wheel bare and with each extra: `pip check`, imports, the command, missing extras."""
    folder = Path(session.create_tmp()).resolve()
    for extra in ("", *EXTRAS):
        venv = folder / (extra or "bare")
        python = str(venv / ("Scripts" if os.name == "nt" else "bin") / "python")
        session.run_install(
            "uv", "venv", "--quiet", "--clear", "--python", f"{session.bin}/python", str(venv)
        )
        requirements = [wheel(*filter(None, [extra])), *group("package")]
        session.run_install("uv", "pip", "install", "--quiet", "--python", python, *requirements)
        session.run("uv", "pip", "check", "--python", python)
        session.run(
            *[python, "-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider"],
            "tests/package",
            env={"AUTHZ_EXTRA": extra},
            external=True,
        )


@nox.session
def fuzz(session: nox.Session) -> None:
    """200,000 mutated inputs a round, and the property tests on new examples; `-- 10`: ten rounds.

    Also `-- --seed 7` and what else `tests/fuzz` takes.
    """
    install_wheel(session, *group("tests"), extras=("all",))
    rounds, options = "1", list(session.posargs)
    if options and options[0].isdecimal():
        rounds = options.pop(0)
    session.run("python", "tests/fuzz", "--rounds", rounds, *options)
    if options:  # one case or one parser is looked at
        return
    for _ in range(int(rounds)):
        session.run(
            "python", "-m", "pytest", "-q", "tests/property", env={"HYPOTHESIS_PROFILE": "fuzz"}
        )


@nox.session
def analysis(session: nox.Session) -> None:
    """Formulas against the engine: 20,000 generated policies and requests, and Cedar's corpora."""
    install_wheel(session, *group("tests"), extras=("all",))
    session.run(
        *["python", "-m", "pytest", "-q", "-n", "2", *session.posargs],
        *["tests/property/test_symbolic.py", "tests/property/test_policy_diff.py"],
        "tests/conformance/test_policy_analysis.py",
        env={"AUTHZ_GENERATED_POLICIES": "20000"},
    )


@nox.session
def rows(session: nox.Session) -> None:
    """The rows of 2,000 generated tables in two databases each, and of 500 in DynamoDB."""
    install_wheel(session, *group("tests"), extras=("all",))
    session.run(
        *["python", "-m", "pytest", "-q", "tests/property/test_listed_rows.py", *session.posargs],
        env={"AUTHZ_GENERATED_TABLES": "2000"},
    )


@nox.session
def mutation(session: nox.Session) -> None:
    """Faults put into the code, one at a time; `-- tokens/claims.py` for one of its files."""
    install_wheel(session, *group("tests"), *group("mutation"), extras=("all",))
    with session.chdir(unpacked_sdist(session)):
        session.run("python", "tests/mutation/score.py", *session.posargs)


@nox.session
def clients(session: nox.Session) -> None:
    """Our errors read by the JavaScript SDK too; needs Node.js and npm."""
    install_wheel(session, *group("tests"), extras=("all",))
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
    """The tests on the lowest direct versions that pyproject.toml promises."""
    install_wheel(session, *group("tests"), *_lowest_pins(), extras=("all",))
    _run_tests(session)


def _lowest_pins() -> list[str]:
    """Every `name>=version` of the project and its extras as `name==version`."""
    extras = PROJECT["project"]["optional-dependencies"]
    promised = [
        *PROJECT["project"]["dependencies"],
        *(requirement for extra in EXTRAS if extra != "all" for requirement in extras[extra]),
    ]
    return [requirement.replace(">=", "==") for requirement in promised]


@nox.session
def docs(session: nox.Session) -> None:
    """The pages (a warning is an error); every example in pages and docstrings is executed."""
    install_wheel(session, *group("docs"), extras=("all",))
    out = _built_pages(session)
    session.run(
        *["python", "-m", "pytest", "-p", "executed", "-q", "README.md", "docs", "src"],
        env={"PYTHONPATH": str(HERE / "docs")},
    )
    session.run(
        *["python", "-m", "pytest", "-q", "--confcutdir=tests/docs"],
        *["--ignore=tests/docs/test_pages.py", "tests/docs"],
        env={"AUTHZ_DOCS_HTML": str(out)},
    )


def _built_pages(session: nox.Session) -> Path:
    out = Path(session.create_tmp()).resolve() / "html"
    shutil.rmtree(out, ignore_errors=True)
    session.run("sphinx-build", "-nW", "--keep-going", "-q", "-b", "html", "docs", str(out))
    return out


@nox.session
def pages(session: nox.Session) -> None:
    """Every page in a headless Chromium: it fits 1280 and 390 pixels, and can be read."""
    install_wheel(session, *group("docs"), extras=("all",))
    out = _built_pages(session)
    session.run(
        *["python", "-m", "pytest", "-q", "--confcutdir=tests/docs"],
        *["tests/docs/test_pages.py", *session.posargs],
        env={"AUTHZ_DOCS_HTML": str(out), "AUTHZ_DOCS_PICTURES": "1"},
    )


@nox.session
def examples(session: nox.Session) -> None:
    """Every example, copied, under `authz local --check`, and the tests of the local AWS."""
    session.install(
        *["--reinstall-package", "authz-lib", "--reinstall-package", "authz-local"],
        *[wheel("all"), wheel(name="authz_local"), *group("examples"), *group("tests")],
    )
    # Each file starts a local AWS of its own, so that two of them can run at a time.
    stack = ["-m", "stack", "-n", "2", "--dist", "loadfile", *session.posargs]
    session.run("python", "-m", "pytest", *stack)
    session.run(
        "python", "-m", "pytest", "-m", "not stack", "tests/examples", "packages/authz-local/tests"
    )


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks: each subject beside its peer and its physical limit, printed as ratios."""
    install_wheel(session, *group("bench"), extras=("all",))
    for script in sorted((HERE / "benchmarks").glob("bench_*.py")):
        session.run("python", str(script.relative_to(HERE)), *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Threads beside a failing key set and a failing store, with peers; `-- --seconds 1`."""
    install_wheel(session, *group("bench"), extras=("all",))
    session.run("python", "tests/soak/soak.py", *session.posargs)
