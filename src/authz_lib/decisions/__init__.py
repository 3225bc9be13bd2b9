"""May they do it: Amazon Verified Permissions or the embedded Cedar engine behind one `DecisionPoint`.

Lazy (PEP 562): importing it loads neither botocore nor urllib3, cachetools or cedarpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authz_lib.decisions.cache import CachedDecisions
    from authz_lib.decisions.cedar import CedarEngine
    from authz_lib.decisions.log import DecisionLog
    from authz_lib.decisions.point import DecisionPoint
    from authz_lib.decisions.policy_files import TemplateLink
    from authz_lib.decisions.request import AuthorizationRequest, Decision
    from authz_lib.decisions.verified_permissions import VerifiedPermissions

__all__ = [
    "AuthorizationRequest",
    "CachedDecisions",
    "CedarEngine",
    "Decision",
    "DecisionLog",
    "DecisionPoint",
    "TemplateLink",
    "VerifiedPermissions",
]

_HOME = {
    "AuthorizationRequest": "request",
    "CachedDecisions": "cache",
    "CedarEngine": "cedar",
    "Decision": "request",
    "DecisionLog": "log",
    "DecisionPoint": "point",
    "TemplateLink": "policy_files",
    "VerifiedPermissions": "verified_permissions",
}


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module `authz_lib.decisions` has no attribute `{name}`")
    value = getattr(import_module(f"authz_lib.decisions.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
