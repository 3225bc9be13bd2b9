"""The public names with their signatures, as text: what a release must not change unseen.

``python tests/api/public_api.py`` prints it, and ``--renew`` writes it to `public_api.txt`.  A line
that goes, or changes, is a break: the changelog names it.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import authz_lib

if TYPE_CHECKING:
    from collections.abc import Iterator

SNAPSHOT = Path(__file__).with_name("public_api.txt")

# Public beside the root and the rooms that list their names in `__init__.py`.
MODULES = (
    "analysis.access_rows",
    "analysis.ask",
    "analysis.diff",
    "audit.audited",
    "decisions.avp_client",
    "decisions.residual",
    "errors",
    "integrations.*",
    "principal",
    "routes.*",
    "service.principal_headers",
    "sigv4.httpx_auth",
    "sigv4.requests_auth",
    "smithy.*",
    "testing.*",
    "tokens.assertion",
    "tokens.jws",
    "transport.fetch",
)
_ADDRESS = re.compile(r"<[^<>]* at 0x[0-9a-f]+>")


def public_api() -> Iterator[str]:
    """One line a name, and one a member of a class, sorted by module."""
    first: dict[int, str] = {}
    for module in sorted(_modules()):
        loaded = importlib.import_module(module)
        for name in sorted(getattr(loaded, "__all__", ())):
            path, value = f"{module}.{name}", getattr(loaded, name)
            is_own = inspect.isclass(value) or inspect.isfunction(value)
            if is_own and first.setdefault(id(value), path) != path:
                yield f"{path} is {first[id(value)]}"
            else:
                yield from _lines(path, value)


def _modules() -> Iterator[str]:
    yield "authz_lib"
    for room in pkgutil.iter_modules(authz_lib.__path__):
        path = f"authz_lib.{room.name}"
        is_room = room.ispkg and not room.name.startswith("_")
        if is_room and hasattr(importlib.import_module(path), "__all__"):
            yield path
    for name in MODULES:
        path = f"authz_lib.{name.removesuffix('.*')}"
        if not name.endswith(".*"):
            yield path
            continue
        for module in pkgutil.iter_modules(importlib.import_module(path).__path__):
            if not module.name.startswith("_"):
                yield f"{path}.{module.name}"


def _lines(path: str, value: Any) -> Iterator[str]:
    if inspect.ismodule(value):
        yield f"{path}: module"
    elif inspect.isclass(value):
        yield f"{path}{_signature(value)}: class{_bases(value)}"
        yield from sorted(_members(path, value))
    elif callable(value):
        yield f"{path}{_signature(value)}"
    else:
        yield f"{path}: {type(value).__name__}"


def _bases(named: type) -> str:
    bases = [base.__name__ for base in named.__bases__ if base.__module__.startswith("authz_lib")]
    return f" of {', '.join(bases)}" if bases else ""


def _members(path: str, named: type) -> Iterator[str]:
    """What the class itself defines; what it inherits stands at its base."""
    for name, value in vars(named).items():
        if name.startswith("_"):
            continue
        plain = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        if inspect.isfunction(plain):
            kind = f" {type(value).__name__}" if plain is not value else ""
            yield f"{path}.{name}{_signature(plain)}{kind}"
        else:
            yield f"{path}.{name}: attribute"
    for name in inspect.get_annotations(named):
        if not name.startswith("_") and name not in vars(named):
            yield f"{path}.{name}: attribute"


def _signature(value: Any) -> str:
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return "(...)"
    plain = [
        parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()
    ]
    text = str(signature.replace(parameters=plain, return_annotation=signature.empty))
    return _ADDRESS.sub("...", text)


def main(words: list[str]) -> int:
    """Print the names, or renew the snapshot."""
    text = "".join(f"{line}\n" for line in public_api())
    if words == ["--renew"]:
        SNAPSHOT.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
