"""Sphinx extension: which names the reference describes, and under which paths they are found.

A page describes a name once, where the first of its modules is described. The other modules that
export it are known to links and to the inventory: `authz_lib.JWTVerifier`,
`authz_lib.tokens.JWTVerifier` and `authz_lib.tokens.verifier.JWTVerifier` are one class.
"""

from __future__ import annotations

import re
import sys
from enum import EnumType
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx
    from sphinx.domains.python import PythonDomain
    from sphinx.environment import BuildEnvironment

__all__ = ["DESCRIBED", "described_modules"]

_PACKAGE = "authz_lib"
_REFERENCE = Path(__file__).parents[1] / "reference"


def described_modules() -> dict[str, str]:
    """Each module that a page of the reference describes, and the page's name."""
    return {
        module: page.stem
        for page in sorted(_REFERENCE.rglob("*.md"))
        for module in re.findall(
            r"^\.\. automodule:: (\S+)$",
            page.read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    }


DESCRIBED = described_modules()


def setup(app: Sphinx) -> dict[str, bool]:
    """Skip what is described elsewhere; note the other paths before links are resolved."""
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-signature", _signature)
    app.connect("env-updated", _note_other_paths)
    return {"parallel_read_safe": True}


def _skip(
    app: Sphinx, what: str, name: str, value: Any, _skipped: bool, options: Any
) -> bool | None:
    """Of a module, describe what `__all__` names, unless another page describes its home."""
    if what != "module":
        return None
    here = app.env.current_document.autodoc_module
    home = getattr(value, "__module__", None)
    if home in DESCRIBED and home != here and hasattr(sys.modules[home], name):
        return True
    excluded = name in (options.get("exclude-members") or ())
    return excluded or name not in getattr(sys.modules[here], "__all__", (name,))


def _signature(
    _app: Sphinx,
    what: str,
    _name: str,
    value: Any,
    _options: Any,
    given: str,
    returns: str,
) -> tuple[str, str] | None:
    """No signature for what nobody calls; a readable default for one that is made anew."""
    if what == "class" and (isinstance(value, EnumType) or getattr(value, "_is_protocol", False)):
        return "", ""
    if given and "<factory>" in given:
        return given.replace("<factory>", "..."), returns
    return None


def _note_other_paths(_app: Sphinx, env: BuildEnvironment) -> list[str]:
    domain = cast("PythonDomain", env.domains["py"])
    for path in [*domain.objects]:
        _note_each(domain, path)
    return []


def _note_each(domain: PythonDomain, path: str) -> None:
    """Note one described name, such as a class, under the other modules that export it."""
    described = domain.objects[path]
    module, _, name = path.rpartition(".")
    if module not in sys.modules or described.aliased:
        return
    value = getattr(sys.modules[module], name, None)
    for other in _exporting(name, value):
        domain.objects.setdefault(f"{other}.{name}", described._replace(aliased=True))


def _exporting(name: str, value: object) -> Iterator[str]:
    """The modules of the package whose `__all__` has that name for that value."""
    for path, module in [*sys.modules.items()]:
        ours = path.partition(".")[0] == _PACKAGE
        exports = ours and name in getattr(module, "__all__", ())
        if exports and getattr(module, name, None) is value:
            yield path
