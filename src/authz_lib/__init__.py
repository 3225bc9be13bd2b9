"""authz-lib: who is calling, and may they do this?  For Python services behind Amazon API Gateway.

The root is lazy (PEP 562): importing it loads no third-party package; each public name loads its own room on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authz_lib import errors
    from authz_lib.sigv4 import SigV4Signer

__all__ = [
    "SigV4Signer",
    "errors",
]

# Public name -> the module that holds it.
_HOME = {
    "SigV4Signer": "authz_lib.sigv4",
    "errors": "authz_lib",
}


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module `authz_lib` has no attribute `{name}`")
    value = import_module(f"{home}.{name}") if home == "authz_lib" else getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
