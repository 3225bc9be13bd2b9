"""`authz layer`: this library and what it needs, as a Lambda layer for another machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final

import authz_lib
from authz_lib.cli.command_help import add_json_option, give_help
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

__all__ = ["add_arguments", "run"]

_MOST_BYTES: Final = 250 * 1024 * 1024  # a function with all its layers, unzipped
_1980: Final = 315_532_800  # the first time that a zip can hold
_IN_THE_RUNTIME: Final = {"boto3"}  # and what boto3 brings
# The wheels that run on the runtime's own glibc: 2.34 of Amazon Linux 2023, 2.26 of Amazon Linux 2.
_PLATFORMS: Final = {
    ("3.11", "arm64"): "aarch64-manylinux2014",
    ("3.11", "x86_64"): "x86_64-manylinux2014",
}
_NEWER: Final = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
# Of an installation: paths of this machine, and lists of what is no longer there.
_NOT_KEPT: Final = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json"}
_PACKAGES: Final = Path("python")  # where Lambda looks, below /opt


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``authz layer``."""
    give_help(
        parser,
        "Build a Lambda layer of this library and what it needs, for the functions' runtime and "
        "architecture.  The same versions make the same bytes.",
        examples=[
            "authz layer -o layer # a folder, for `ContentUri` of a template",
            "authz layer --python 3.13 --arch x86_64 --cedar -o layer.zip",
        ],
        exit_codes={"1": "it is larger than Lambda takes"},
    )
    parser.add_argument(
        "--python",
        default="3.12",
        choices=["3.11", "3.12", "3.13", "3.14"],
        help="the version of the functions' runtime (3.12)",
    )
    parser.add_argument(
        "--arch", default="arm64", choices=["arm64", "x86_64"], help="of the functions (arm64)"
    )
    parser.add_argument("--cedar", action="store_true", help="add the embedded Cedar engine")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FOLDER|FILE.zip",
        help="a folder for `ContentUri`, or an archive; a layer that is there is replaced",
    )
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build the layer, print its size, and answer 1 where Lambda would refuse it."""
    output: Path = arguments.output
    _check_replaceable(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".authz-layer-", dir=output.parent) as name:
        made = Path(name, "layer")
        packages = made / _PACKAGES
        packages.mkdir(parents=True)
        _install(packages, python=arguments.python, arch=arguments.arch, cedar=arguments.cedar)
        _copy_library(packages)
        _settle(made)
        size = sum(path.stat().st_size for path in _files(made))
        found = sorted(_distributions(packages))
        names = ", ".join(found)
        if size > _MOST_BYTES:
            print(f"{_megabytes(size)}, and Lambda takes 250 MB: {names}")
            return 1
        _put(made, output)
    if arguments.json:
        print(json.dumps(_as_json(arguments, size, found), indent=2))
        return 0
    print(f"{output}: {_megabytes(size)} of Lambda's 250 MB, unzipped")
    print(f"python {arguments.python}, {arguments.arch}: {names}")
    return 0


def _as_json(arguments: argparse.Namespace, size: int, packages: list[str]) -> dict[str, object]:
    return {
        "output": str(arguments.output),
        "bytes": size,
        "python": arguments.python,
        "arch": arguments.arch,
        "packages": dict(package.rsplit(" ", 1) for package in packages),
    }


def _check_replaceable(output: Path) -> None:
    """Refuse to replace anything but a layer."""
    if output.suffix == ".zip":
        if output.is_dir():
            raise ConfigurationError(f"`{output}` is a folder")
        return
    if output.exists() and not output.is_dir():
        raise ConfigurationError(f"`{output}` is a file: name a folder, or a `.zip`")
    is_layer = (output / _PACKAGES / "authz_lib").is_dir()
    if output.is_dir() and any(output.iterdir()) and not is_layer:
        raise ConfigurationError(f"`{output}` is not empty, and not a layer")


def _install(packages: Path, *, python: str, arch: str, cedar: bool) -> None:
    platform = _PLATFORMS.get((python, arch), _NEWER[arch])
    command = [
        *(_uv(), "pip", "install", "--quiet", "--target", str(packages)),
        *("--python-version", python, "--python-platform", platform),
        # A source package would be built for this machine.
        *("--only-binary", ":all:", "--no-compile-bytecode", "--link-mode", "copy"),
        *_requirements(cedar=cedar),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode != 0:
        said = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr)
        reason = next(
            (line.strip() for line in said.splitlines() if line.strip()), "no reason given"
        )
        raise ConfigurationError(f"uv could not install the packages: {reason}")


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = shutil.which("uv") or (str(beside) if beside.is_file() else None)
    if found is None:
        raise ConfigurationError("`uv` is not installed: get it by `pip install uv`")
    return found


def _requirements(*, cedar: bool) -> list[str]:
    """What the installed library needs, without what Lambda's runtime has."""
    kept = []
    for requirement in distribution("authz-lib").requires or []:
        needed, _, marker = requirement.partition(";")
        name = re.split(r"[^A-Za-z0-9._-]", needed, maxsplit=1)[0].lower()
        wanted = 'extra == "cedar"' if cedar else None
        if marker.strip().replace("'", '"') in {"", wanted} and name not in _IN_THE_RUNTIME:
            kept.append(needed.strip())
    return kept


def _copy_library(packages: Path) -> None:
    """This library itself: it is on no package index."""
    library = Path(authz_lib.__file__).parent
    shutil.copytree(
        library, packages / "authz_lib", ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
    )
    known = distribution("authz-lib")
    metadata = packages / f"authz_lib-{known.version}.dist-info"
    metadata.mkdir()
    text = known.read_text("METADATA") or f"Name: authz-lib\nVersion: {known.version}\n"
    (metadata / "METADATA").write_text(text, encoding="utf-8")


def _settle(layer: Path) -> None:
    """The same bytes for the same versions: no traces of the installation, fixed times and modes.

    Scripts and caches go too: a function runs none of them.
    """
    packages = layer / _PACKAGES
    shutil.rmtree(packages / "bin", ignore_errors=True)
    for path in list(packages.rglob("*")):
        if path.name == "__pycache__":
            shutil.rmtree(path)
        elif path.name == ".lock" or (
            path.parent.name.endswith(".dist-info") and path.name in _NOT_KEPT
        ):
            path.unlink()
    for path in [layer, *layer.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)
        os.utime(path, (_1980, _1980))


def _files(layer: Path) -> Iterator[Path]:
    found = sorted(layer.rglob("*"), key=lambda path: path.relative_to(layer).as_posix())
    return (path for path in found if path.is_file())


def _distributions(packages: Path) -> Iterator[str]:
    for metadata in packages.glob("*.dist-info"):
        name, _, version = metadata.name.removesuffix(".dist-info").rpartition("-")
        yield f"{name.replace('_', '-')} {version}"


def _put(layer: Path, output: Path) -> None:
    if output.suffix == ".zip":
        archive = layer.with_name("layer.zip")
        _zip(layer, archive)
        archive.replace(output)
        return
    if output.exists():
        shutil.rmtree(output)
    layer.rename(output)


def _zip(layer: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for path in _files(layer):
            entry = zipfile.ZipInfo(path.relative_to(layer).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = path.stat().st_mode << 16
            made.writestr(entry, path.read_bytes())


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MB"
