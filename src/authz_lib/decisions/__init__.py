"""May they do it?  Verified Permissions or the embedded Cedar engine, as one `DecisionPoint`.

Lazy (PEP 562): importing it loads neither botocore nor urllib3, cachetools or cedarpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.lazy import lazy_names

if TYPE_CHECKING:
    from authz_lib.decisions.cedar import CedarEngine
    from authz_lib.decisions.log import DecisionLog
    from authz_lib.decisions.point import CachedDecisions, DecisionPoint
    from authz_lib.decisions.policy_files import TemplateLink
    from authz_lib.decisions.request import AuthorizationRequest, Decision
    from authz_lib.decisions.shadow import ShadowDecisions, ShadowResult, ShadowStatistics
    from authz_lib.decisions.verified_permissions import VerifiedPermissions

__all__ = [
    "AuthorizationRequest",
    "CachedDecisions",
    "CedarEngine",
    "Decision",
    "DecisionLog",
    "DecisionPoint",
    "ShadowDecisions",
    "ShadowResult",
    "ShadowStatistics",
    "TemplateLink",
    "VerifiedPermissions",
]

_HOME = {
    "AuthorizationRequest": "request",
    "CachedDecisions": "point",
    "CedarEngine": "cedar",
    "Decision": "request",
    "DecisionLog": "log",
    "DecisionPoint": "point",
    "ShadowDecisions": "shadow",
    "ShadowResult": "shadow",
    "ShadowStatistics": "shadow",
    "TemplateLink": "policy_files",
    "VerifiedPermissions": "verified_permissions",
}

if not TYPE_CHECKING:  # type checkers read the imports above: a misspelt name is an error for them
    __getattr__, __dir__ = lazy_names(__name__, _HOME)
