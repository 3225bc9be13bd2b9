"""Which Python runs a function: the one of its runtime where it is installed, else the tool's own.

Each has an empty virtual environment in the cache, so that a function finds no package that is not
its own.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from authz_lib.errors import ConfigurationError
from authz_local._process import run_to_its_end

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "IndexUnreachableError",
    "Interpreter",
    "cache_folder",
    "find_interpreter",
    "new_folder",
    "uv",
]

_RUNTIME = re.compile(r"python(3\.\d+)")
_OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
_SECONDS = 600
_UNREACHABLE = re.compile(r"error sending request|Packages were unavailable because the network")


class IndexUnreachableError(ConfigurationError):
    """No package index could be reached: this machine is offline."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python without packages."""

    path: Path
    version: str
    """Such as ``3.12``."""
    is_the_runtime_s: bool
    """Whether it has the version that the runtime asks for."""


def cache_folder() -> Path:
    """Where environments and packages are kept between runs: ``~/.cache/authz-local``."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "authz-local"


def find_interpreter(runtime: str, *, cache: Path) -> Interpreter:
    """The Python for a runtime such as ``python3.12``.

    Raises:
        ConfigurationError: it is no Python runtime, or its environment cannot be made.
    """
    match = _RUNTIME.fullmatch(runtime)
    if match is None:
        raise ConfigurationError(f"`{runtime}` is no Python runtime")
    version = match[1]
    found = Path(sys.executable) if version == _OWN else _installed(version)
    if found is None:
        return Interpreter(_environment(Path(sys.executable), _OWN, cache), _OWN, False)
    return Interpreter(_environment(found, version, cache), version, True)


def _installed(version: str) -> Path | None:
    """A Python of this version: on the path, pyenv's, or uv's."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    shared = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    managed = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path(shared) / "uv" / "python")
    # A shim of pyenv stands on the path for versions that are not chosen too, and is slow.
    folders = [one for one in os.get_exec_path() if Path(one) != pyenv.parent / "shims"]
    on_path = shutil.which(name, path=os.pathsep.join(folders))
    candidates = [
        *([Path(on_path)] if on_path else []),
        *sorted(pyenv.glob(f"{version}.*/bin/{name}"), reverse=True),
        *sorted(managed.glob(f"cpython-{version}.*/bin/{name}"), reverse=True),
    ]
    return next((path for path in candidates if _runs(path)), None)


def _runs(path: Path) -> bool:
    """Whether it starts."""
    try:
        done = run_to_its_end([path, "-I", "-c", ""], timeout=_SECONDS)
    except OSError:
        return False
    return done.returncode == 0


def _environment(python: Path, version: str, cache: Path) -> Path:
    real = python.resolve()
    folder = cache / "environments" / f"python{version}{str(real).replace('/', '-')}"
    inside = folder / "bin" / "python"
    if not inside.exists():
        shutil.rmtree(folder, ignore_errors=True)  # of an interpreter that is gone
        what = f"the environment for python {version}"
        with new_folder(folder) as made:
            uv("venv", "--quiet", "--no-project", "--python", str(real), str(made), what=what)
    return inside


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder beside ``target`` to fill, which then becomes it; another run may be quicker.

    Raises:
        ConfigurationError: the cache cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix="making-", dir=target.parent))
    except OSError as error:
        raise ConfigurationError(
            f"`{target.parent}` cannot be written: {error.strerror}; `XDG_CACHE_HOME` names another"
        ) from None
    try:
        yield beside / "made"
        with suppress(OSError):  # another run has made it meanwhile
            (beside / "made").rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def uv(*arguments: str, what: str, folder: Path | None = None) -> None:
    """Run uv.

    Raises:
        IndexUnreachableError: no package index could be reached.
        ConfigurationError: uv is not installed, or it fails; the message has what it says.
    """
    program = os.environ.get("UV") or shutil.which("uv")
    if program is None:
        raise ConfigurationError("`authz local` needs uv on the path: https://docs.astral.sh/uv/")
    settings = {
        name: value
        for name, value in os.environ.items()
        if name not in {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "UV_PYTHON"}
    }
    done = run_to_its_end([program, *arguments], timeout=_SECONDS, cwd=folder, env=settings)
    if done.returncode != 0:
        kind = IndexUnreachableError if _UNREACHABLE.search(done.stderr) else ConfigurationError
        lines = [line.strip(" │╰─▶├\u00d7") for line in done.stderr.splitlines() if line.strip()]
        raise kind(f"{what}: uv says: {'; '.join(lines[:3]) or 'no reason given'}")
