"""The packages that a function runs with: its own requirements, installed as ``sam build`` does.

``uv pip install --target``, once per content: the cache is keyed by the requirements and by the
interpreter.  The library itself is not published yet: whatever names ``authz-lib`` gets the one
that this tool runs with, and the packages that its metadata asks for.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import re
import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

import authz_lib
from authz_lib._support.text_file import read_bounded
from authz_lib.errors import ConfigurationError
from authz_local.interpreters import new_folder, uv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from authz_local.interpreters import Interpreter

__all__ = ["FunctionPackages", "requirements_in"]

_LIBRARY = "authz-lib"
_OF_THE_RUNTIME = ["boto3"]  # AWS has it in each Python runtime
_MAX_CHARACTERS = 1_000_000
_NAME = re.compile(r"^[A-Za-z0-9._-]+")


def requirements_in(folder: Path) -> Path | None:
    """The file of a code folder that names its requirements, if there is one.

    ``requirements.txt`` comes first, then a ``pyproject.toml`` with dependencies.
    """
    named = folder / "requirements.txt"
    if named.is_file():
        return named
    project = folder / "pyproject.toml"
    return project if project.is_file() and _of_project(project) else None


def _of_project(path: Path) -> list[str]:
    try:
        document = tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError:
        raise ConfigurationError(f"`{path.name}` is not TOML") from None
    listed = document.get("project", {}).get("dependencies", [])
    return [line for line in listed if isinstance(line, str)]


def _text(path: Path) -> str:
    return read_bounded(path, path.name, max_characters=_MAX_CHARACTERS)


class FunctionPackages:
    """Installs requirements and says where they are.

    Args:
        cache: where installed packages are kept between runs.
        say: is told what is slow, a line each time.
    """

    def __init__(self, cache: Path, say: Callable[[str], None]) -> None:
        self._cache = cache / "packages"
        self._libraries = cache / "library"
        self._say = say

    def of_runtime(self, interpreter: Interpreter) -> list[Path]:
        """What AWS has in the runtime itself."""
        return [self._installed(_OF_THE_RUNTIME, interpreter, None, "the runtime")]

    def of_file(self, path: Path, interpreter: Interpreter) -> list[Path]:
        """The packages of a requirements file, in the order in which they are searched.

        Raises:
            ConfigurationError: the file cannot be read, or uv cannot install it.
        """
        lines = _of_project(path) if path.suffix == ".toml" else list(_lines(path, set()))
        return self.of_lines(lines, interpreter, path.parent, f"`{path.parent.name}/{path.name}`")

    def of_lines(
        self, lines: list[str], interpreter: Interpreter, folder: Path | None, what: str
    ) -> list[Path]:
        """The packages of the lines of a requirements file; relative paths are of `folder`."""
        wanted, has_library = _with_library(lines)
        found = [self._installed(wanted, interpreter, folder, what)] if wanted else []
        return [*found, self._own_library()] if has_library else found

    def _own_library(self) -> Path:
        """A folder with links to the library and its metadata.

        The same one in each run, since a template with its path is transformed once.
        """
        package = Path(authz_lib.__file__).parent
        metadata = Path(str(importlib.metadata.distribution(_LIBRARY)._path))  # type: ignore[attr-defined]  # noqa: SLF001
        linked = hashlib.sha256(f"{package}\n{metadata}".encode()).hexdigest()[:32]
        target = self._libraries / linked
        if not (target / "authz_lib").is_symlink():
            shutil.rmtree(target, ignore_errors=True)  # a cleaner of caches may leave it empty
            with new_folder(target) as made:
                made.mkdir()
                (made / "authz_lib").symlink_to(package)
                (made / metadata.name).symlink_to(metadata)
        return target

    def _installed(
        self, lines: list[str], interpreter: Interpreter, folder: Path | None, what: str
    ) -> Path:
        text = "".join(f"{line}\n" for line in lines)
        place = f"{interpreter.version} {platform.system()} {platform.machine()}\n"
        target = self._cache / hashlib.sha256((place + text).encode()).hexdigest()[:32]
        if target.is_dir():
            return target
        self._say(f"installing the requirements of {what} for python {interpreter.version}")
        with new_folder(target) as made:
            made.mkdir()
            requirements = made.parent / "requirements.txt"
            requirements.write_text(text)
            uv(
                *["pip", "install", "--quiet", "--compile-bytecode"],
                *["--python", str(interpreter.path), "--target", str(made)],
                *["-r", str(requirements)],
                what=f"the requirements of {what} cannot be installed",
                folder=folder,
            )
        return target


def _lines(path: Path, seen: set[Path]) -> Iterator[str]:
    """The lines of a requirements file and of those that it names, without comments."""
    if path.resolve() in seen:
        return
    seen.add(path.resolve())
    for raw in _text(path).replace("\\\n", " ").splitlines():
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        option, _, value = line.replace("=", " ", 1).partition(" ")
        if option in {"-r", "--requirement"}:
            yield from _lines(path.parent / value.strip(), seen)
        elif option in {"-c", "--constraint"}:
            yield f"-c {(path.parent / value.strip()).resolve()}"
        elif line:
            yield line


def _with_library(lines: list[str]) -> tuple[list[str], bool]:
    """The lines with what the library needs in its place, and whether it was among them."""
    wanted: list[str] = []
    has_library = False
    for line in lines:
        match = _NAME.match(line)
        if match is None or match[0].lower().replace("_", "-").replace(".", "-") != _LIBRARY:
            wanted.append(line)
            continue
        has_library = True
        wanted += _of_library(line)
    return list(dict.fromkeys(wanted)), has_library


def _of_library(line: str) -> list[str]:
    try:
        requirement = Requirement(line.partition(" --")[0])
    except InvalidRequirement:
        raise ConfigurationError(f"`{line}` is not a requirement") from None
    found: list[str] = []
    for text in importlib.metadata.requires(_LIBRARY) or []:
        needed = Requirement(text)
        if "extra ==" in str(needed.marker):
            marker, needed.marker = needed.marker, None
            if not any(marker.evaluate({"extra": extra}) for extra in requirement.extras):  # type: ignore[union-attr]
                continue
        found.append(str(needed))
    return found
