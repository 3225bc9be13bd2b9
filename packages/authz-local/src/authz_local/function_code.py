"""What stands beside the code of a function or a layer, so that it runs here as on AWS."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from authz_lib.errors import ConfigurationError
from authz_local._ministack_functions import MARKER, marker
from authz_local.function_packages import FunctionPackages, requirements_in
from authz_local.interpreters import (
    IndexUnreachableError,
    cache_folder,
    find_interpreter,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from authz_local.interpreters import Interpreter

__all__ = ["Beside", "CodeBuilder"]

_LIBRARY = "authz_lib"
_LAYER_REQUIREMENTS = ["authz-lib[cedar]"]  # what `authz layer` puts into a layer


@dataclass(frozen=True, slots=True)
class Beside:
    """How a folder becomes an archive."""

    files: dict[str, str]
    """Path in the archive to text."""
    folder: Path | None = None
    """What is packed; ``None``: the files alone."""
    prefix: str = ""
    """Where it is put in the archive."""


class CodeBuilder:
    """Builds functions and layers for the interpreters of this machine.

    Args:
        template: the template's folder, whose ``requirements.txt`` counts for code without one.
        say: is told what is slow or differs from AWS, a line each time.
        cache: what is kept between runs; `cache_folder` by default.
    """

    def __init__(
        self, template: Path, say: Callable[[str], None], *, cache: Path | None = None
    ) -> None:
        self._template = template
        self._cache = cache or cache_folder()
        self._say = say
        self._said: set[str] = set()
        self._packages = FunctionPackages(self._cache, say)
        self._interpreters: dict[str, Interpreter] = {}
        self._is_offline = False

    def _once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)

    def _interpreter(self, runtime: str) -> Interpreter:
        if runtime not in self._interpreters:
            found = find_interpreter(runtime, cache=self._cache)
            self._interpreters[runtime] = found
            if not found.is_the_runtime_s:
                self._once(f"{runtime} is not installed here: its functions run on {found.version}")
        return self._interpreters[runtime]

    def require_runnable(self, runtime: object, what: str) -> None:
        """Refuse a runtime that cannot run here.

        Raises:
            ConfigurationError: it needs a container, or Node.js where there is none.
        """
        if not isinstance(runtime, str):  # a parameter: CloudFormation knows it, we do not
            return
        if runtime.startswith("nodejs") and shutil.which("node") is None:
            raise ConfigurationError(f"{what}: `{runtime}` needs `node` on the path")
        if not runtime.startswith(("python", "nodejs", "provided")):
            raise ConfigurationError(f"{what}: the runtime `{runtime}` is not supported here")

    def function(self, folder: Path | None, runtime: object) -> Beside:
        """The code of a function; without a folder, the files beside inline code."""
        if not isinstance(runtime, str) or not runtime.startswith("python"):
            return Beside({}, folder)
        interpreter = self._interpreter(runtime)
        packages: list[Path] = []
        named = None if folder is None else self._requirements(folder)
        if self._is_offline:
            return Beside({}, folder)
        try:
            if named is not None:
                packages = self._packages.of_file(named, interpreter)
            own = self._packages.of_runtime(interpreter)
        except IndexUnreachableError as error:
            self._offline(error)
            return Beside({}, folder)
        return Beside({MARKER: marker(packages, own, interpreter.path)}, folder)

    def _offline(self, error: IndexUnreachableError) -> None:
        """From now on functions run on this tool's Python and packages: no others are at hand."""
        self._is_offline = True
        self._say(str(error))
        self._say("no package index is reachable: functions run with the packages of this tool")

    def _requirements(self, folder: Path) -> Path | None:
        own = requirements_in(folder)
        if own is not None or folder == self._template:
            return own
        beside = self._template / "requirements.txt"
        if not beside.is_file():
            return None
        self._once(
            f"`{folder.name}/` has no requirements.txt: the one beside the template is used, "
            "which `sam build` would not do"
        )
        return beside

    def layer(self, folder: Path, runtime: str | None, what: str) -> Beside:
        """A layer: as it is, from its requirements, or built again as ``authz layer`` does."""
        try:
            return self._layer(folder, runtime, what)
        except IndexUnreachableError as error:
            if not self._is_offline:
                self._offline(error)
            return Beside({MARKER: marker([])})

    def _layer(self, folder: Path, runtime: str | None, what: str) -> Beside:
        if runtime is None or not runtime.startswith("python"):
            self._require_folder(folder, what)
            return Beside({}, folder)
        interpreter = self._interpreter(runtime)
        inside = _members(folder)
        if inside is None:
            self._once(f"{what} names `{folder.name}`, which is not there: the library is taken")
            packages = self._packages.of_lines(
                _LAYER_REQUIREMENTS, interpreter, None, f"`{folder.name}/`"
            )
            return Beside({MARKER: marker(packages)})
        if _LIBRARY in inside:
            self._once(f"{what} is built again for python {interpreter.version}")
            packages = self._packages.of_lines(
                _distributions(inside), interpreter, None, f"`{folder.name}/`"
            )
            return Beside({MARKER: marker(packages)})
        if folder.is_file():
            return Beside({}, folder)
        python = folder / "python"
        named = requirements_in(folder) or requirements_in(python)
        if named is None:
            return Beside({}, folder)
        packages = self._packages.of_file(named, interpreter)
        return Beside({MARKER: marker(packages)}, folder, "" if python.is_dir() else "python/")

    def _require_folder(self, folder: Path, what: str) -> None:
        if not folder.is_dir() and not zipfile.is_zipfile(folder):
            raise ConfigurationError(f"{what} names `{folder.name}`, which is not a folder")


def _members(layer: Path) -> set[str] | None:
    """What lies in ``python/`` of a layer, a folder or an archive; ``None`` where there is none."""
    if layer.is_dir():
        inside = layer / "python"
        return {path.name for path in inside.iterdir()} if inside.is_dir() else set()
    if not layer.is_file():
        return None
    try:
        with zipfile.ZipFile(layer) as archive:
            names = [name.split("/") for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile):
        raise ConfigurationError(f"`{layer.name}` is not a folder and not an archive") from None
    return {parts[1] for parts in names if len(parts) > 1 and parts[0] == "python"}


def _distributions(members: Iterable[str]) -> list[str]:
    """What is installed in a layer, as requirements."""
    found: dict[str, str] = {}
    for member in sorted(members):
        name, _, version = member.removesuffix(".dist-info").rpartition("-")
        if member.endswith(".dist-info"):
            found[name.lower().replace("_", "-")] = version
    found.pop("authz-lib", None)
    return ["authz-lib", *(f"{name}=={version}" for name, version in found.items())]
