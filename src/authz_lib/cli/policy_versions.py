"""The policies that a word of a command means: a file, a folder, or either in a git revision."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from authz_lib.decisions.policy_files import (
    collect,
    parse_policies,
    read_directory,
    read_text,
)
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.decisions.policy_files import PolicySources

__all__ = ["read_version", "with_schema"]

_GIT_SECONDS = 60
_MAX_FILES = 10_000


def read_version(word: str) -> PolicySources:
    """The policies of ``policies/``, ``orders.cedar`` or ``HEAD~1:policies/``.

    What is there as a path is no revision.

    Raises:
        ConfigurationError: there is no such thing, or it does not parse.
    """
    if _is_path(word):
        return _read_path(Path(word))
    revision, _, inside = word.partition(":")
    with tempfile.TemporaryDirectory() as folder:
        return _read_path(_checked_out(revision, inside, Path(folder)))


def with_schema(sources: PolicySources, schema: str | None) -> PolicySources:
    """The policies under the schema of a file, where one is named.

    Raises:
        ConfigurationError: it cannot be read.
    """
    if schema is None:
        return sources
    if _is_path(schema):
        return replace(sources, schema=read_text(Path(schema)), schema_file=schema)
    revision, _, inside = schema.partition(":")
    return replace(sources, schema=_text(revision, inside), schema_file=schema)


def _is_path(word: str) -> bool:
    try:
        return ":" not in word or Path(word).exists()
    except (OSError, ValueError):  # too long for a path, or with a null byte
        return False


def _read_path(path: Path) -> PolicySources:
    if not path.is_file():
        return read_directory(path)
    text = read_text(path)
    return collect(parse_policies(str(path), text, path.stem), {str(path): text})


def _checked_out(revision: str, inside: str, folder: Path) -> Path:
    """A copy of what a revision has at a path: a file, or the files of a folder."""
    name = inside.rstrip("/")
    if _git("cat-file", "-t", f"{revision}:{name}").strip() == b"blob":
        copy = folder / Path(name).name
        copy.write_bytes(_blob(revision, name))
        return copy
    for file in _files(revision, name):
        (folder / file).write_bytes(_blob(revision, f"{name}/{file}" if name else file))
    return folder


def _files(revision: str, folder: str) -> Iterator[str]:
    listed = _git("ls-tree", "-z", "--end-of-options", f"{revision}:{folder}").split(b"\0")
    for line in listed[:_MAX_FILES]:
        head, _, name = line.partition(b"\t")
        file = name.decode(errors="replace")
        if b" blob " in head and file.endswith((".cedar", ".cedarschema", ".json")):
            yield file


def _text(revision: str, path: str) -> str:
    try:
        return _blob(revision, path).decode()
    except UnicodeDecodeError:
        raise ConfigurationError(f"`{revision}:{path}` is not UTF-8") from None


def _blob(revision: str, path: str) -> bytes:
    return _git("cat-file", "blob", f"{revision}:{path}")


def _git(*words: str) -> bytes:
    if words[-1].startswith("-"):
        raise ConfigurationError("a revision must not start with `-`")
    try:
        run = subprocess.run(  # noqa: S603  the words are git's, or stand behind a colon
            ["git", *words],  # noqa: S607  the git of whoever calls
            capture_output=True,
            check=False,
            timeout=_GIT_SECONDS,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        raise ConfigurationError("`git` cannot be run") from None
    if run.returncode:
        raise ConfigurationError(f"git knows no `{words[-1]}`")
    return run.stdout
