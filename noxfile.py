"""The sessions that CI runs.

`uv run nox` runs the default ones, and `uv run nox --list` names them all. Sessions install the
wheel, which `uv build` makes from the sdist, and the tests run in the unpacked sdist.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import nox

if TYPE_CHECKING:
    from collections.abc import Mapping

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

# Several hundred processes are started. With this, each would compile all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

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


class Job(NamedTuple):
    """Commands of which each needs the one before it, and variables for them."""

    commands: list[list[str]]
    variables: Mapping[str, str] = MappingProxyType({})


def two_at_a_time(session: nox.Session, *jobs: Job) -> None:
    """Run jobs of one core each on two cores."""

    def run(job: Job) -> bool:
        given = {name: value for name, value in session.env.items() if value is not None}
        venv = {"PATH": f"{session.bin}{os.pathsep}{os.environ['PATH']}"}
        venv["VIRTUAL_ENV"] = session.virtualenv.location
        environment = {**os.environ, **venv, **given, **job.variables}
        for words in job.commands:
            done = subprocess.run(  # noqa: S603  what this file says
                words,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            session.log(f"{' '.join(words)}\n{done.stdout}".rstrip())
            if done.returncode:
                return False
        return True

    with ThreadPoolExecutor(max_workers=2) as pool:
        if not all(pool.map(run, jobs)):
            session.error("one of them failed")


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
    versions = (PYTHONS[0], PYTHONS[-1])
    mypy = [[f"{session.bin}/mypy", "--python-version", version] for version in versions]
    two_at_a_time(session, *(Job([words]) for words in [[f"{session.bin}/pyright"], *mypy]))


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
    two_at_a_time(session, *(_with_extra(session, folder, extra) for extra in ("", *EXTRAS)))


def _with_extra(session: nox.Session, folder: Path, extra: str) -> Job:
    """What installs and tests the wheel with one extra, or bare, in an environment of its own."""
    venv = folder / (extra or "bare")
    python = str(venv / ("Scripts" if os.name == "nt" else "bin") / "python")
    uv = os.environ.get("UV", "uv")
    pytest = [python, "-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider"]
    install = [uv, "pip", "install", "--quiet", "--python", python]
    commands = [
        [uv, "venv", "--quiet", "--clear", "--python", f"{session.bin}/python", str(venv)],
        [*install, wheel(*filter(None, [extra])), *group("package")],
        [uv, "pip", "check", "--python", python],
        [*pytest, "tests/package"],
    ]
    return Job(commands, {"AUTHZ_EXTRA": extra})


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
    more = {"HYPOTHESIS_PROFILE": "fuzz", "AUTHZ_FUZZED_REQUESTS": "10000"}
    for _ in range(int(rounds)):
        session.run("python", "-m", "pytest", "-q", "tests/property", env=more)


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


NEEDS_SAM = ("aws-sam-translator", "cfn-lint")  # and these need a newer pydantic than we do


@nox.session
def lowest(session: nox.Session) -> None:
    """The tests on the lowest direct versions that pyproject.toml promises.

    Those of the audit come last: SAM's translator brings a newer pydantic.
    """
    others = tuple(extra for extra in EXTRAS if extra not in {"all", "audit"})
    tools = [one for one in group("tests") if not one.startswith(NEEDS_SAM)]
    install_wheel(session, *tools, *_lowest_pins(*others), extras=others)
    _run_tests(session, "--ignore=tests/unit/audit")
    pins = [pin for pin in _lowest_pins("audit") if not pin.startswith("pydantic")]
    install_wheel(session, *group("tests"), *pins, extras=("audit", "cedar"))
    _run_tests(session, "tests/unit/audit")


def _lowest_pins(*extras: str) -> list[str]:
    """Every `name>=version` of the project and of some extras as `name==version`."""
    of_extras = PROJECT["project"]["optional-dependencies"]
    promised = [
        *PROJECT["project"]["dependencies"],
        *(requirement for extra in extras for requirement in of_extras[extra]),
    ]
    return [requirement.replace(">=", "==") for requirement in promised]


@nox.session
def docs(session: nox.Session) -> None:
    """The pages (a warning is an error); every example in pages and docstrings is executed."""
    install_wheel(session, *group("docs"), extras=("all",))
    out = _folder_of_pages(session)
    pytest = [f"{session.bin}/python", "-m", "pytest", "-q"]
    site = [*pytest, "--confcutdir=tests/docs", "--ignore=tests/docs/test_pages.py", "tests/docs"]
    two_at_a_time(
        session,
        Job([_sphinx(session, out), site], {"AUTHZ_DOCS_HTML": str(out)}),
        Job(
            [[*pytest, "-p", "executed", "README.md", "docs", "src"]],
            {"PYTHONPATH": str(HERE / "docs")},
        ),
    )


def _folder_of_pages(session: nox.Session) -> Path:
    out = Path(session.create_tmp()).resolve() / "html"
    shutil.rmtree(out, ignore_errors=True)
    return out


def _sphinx(session: nox.Session, out: Path) -> list[str]:
    words = ["-nW", "--keep-going", "-q", "-b", "html", "docs", str(out)]
    return [f"{session.bin}/sphinx-build", *words]


@nox.session
def pages(session: nox.Session) -> None:
    """Every page in a headless Chromium: it fits 1280 and 390 pixels, and can be read."""
    install_wheel(session, *group("docs"), extras=("all",))
    out = _folder_of_pages(session)
    session.run(*_sphinx(session, out))
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
    # Tests of one file share a local AWS.  It is often waited for: three at a time keep two cores
    # busy.
    stack = ["-m", "stack", "-n", "3", "--dist", "loadfile", *session.posargs]
    session.run("python", "-m", "pytest", *stack)
    if not session.posargs:
        folders = ["tests/examples", "packages/authz-local/tests"]
        session.run("python", "-m", "pytest", *PYTEST, *folders)


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks: each subject beside its peer and its physical limit, printed as ratios."""
    install_wheel(session, *group("bench"), extras=("all",))
    for script in sorted((HERE / "benchmarks").glob("bench_*.py")):
        session.run("python", str(script.relative_to(HERE)), *session.posargs)


@nox.session
def release(session: nox.Session) -> None:
    """What is uploaded: same bytes from two clones, metadata, contents, workflows, each Python."""
    session.install("check-wheel-contents", "twine", "zizmor")
    folder = Path(session.create_tmp()).resolve()
    first = _built_from_a_clone(session, folder / "one", seconds=10**9, mode=0o755)
    second = _built_from_a_clone(session, folder / "two", seconds=17 * 10**8, mode=0o700)
    if first != second:
        session.error(f"two clones make other bytes: {first} and {second}")
    files = [str(folder / "one-dist" / name) for name in first]
    session.run("twine", "check", "--strict", *files)
    session.run("check-wheel-contents", *(path for path in files if path.endswith(".whl")))
    session.run("zizmor", "--offline", "--quiet", ".github", "action.yml")
    for python in PYTHONS:
        _run_the_command(session, folder, python)


def _built_from_a_clone(
    session: nox.Session, clone: Path, *, seconds: int, mode: int
) -> dict[str, str]:
    """The digest of each sdist and wheel of the newest commit, on some day, for some user."""
    dist = clone.with_name(f"{clone.name}-dist")
    for old in (clone, dist):
        shutil.rmtree(old, ignore_errors=True)
    session.run("git", "clone", "--quiet", str(HERE), str(clone), external=True)
    for path in clone.rglob("*"):
        os.utime(path, (seconds, seconds))
        path.chmod(path.stat().st_mode & mode)
    session.run_install(
        *["uv", "build", "--quiet", "--all-packages", "--out-dir", str(dist), str(clone)],
        external=True,
    )
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(dist.iterdir())
        if path.suffix in {".gz", ".whl"}
    }


def _run_the_command(session: nox.Session, folder: Path, python: str) -> None:
    """`authz --version` and `pip check` with every extra, where this Python is installed."""
    venv = folder / f"python-{python}"
    bin_folder = venv / ("Scripts" if os.name == "nt" else "bin")
    found = session.run(
        *["uv", "python", "find", "--no-python-downloads", "--no-project", python],
        external=True,
        silent=True,
        success_codes=[0, 2],
    )
    if not Path(str(found).strip()).is_file():
        session.warn(f"Python {python} is not installed")
        return
    session.run_install("uv", "venv", "--quiet", "--clear", "--python", python, str(venv))
    target = str(bin_folder / "python")
    session.run_install("uv", "pip", "install", "--quiet", "--python", target, wheel("all"))
    session.run("uv", "pip", "check", "--python", target, external=True)
    session.run(str(bin_folder / "authz"), "--version", external=True)


@nox.session
def soak(session: nox.Session) -> None:
    """Threads beside a failing key set and a failing store, with peers; `-- --seconds 1`."""
    install_wheel(session, *group("bench"), extras=("all",))
    session.run("python", "tests/soak/soak.py", *session.posargs)
