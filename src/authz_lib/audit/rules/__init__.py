"""The rules of the audit, one file a rule; those that open something come first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from authz_lib.audit.rules.api_key_only import API_KEY_ONLY
from authz_lib.audit.rules.appsync_api_key import APPSYNC_API_KEY
from authz_lib.audit.rules.authz_settings import AUTHZ_SETTINGS
from authz_lib.audit.rules.cache_key_too_narrow import CACHE_KEY_TOO_NARROW
from authz_lib.audit.rules.cache_unproven import CACHE_UNPROVEN
from authz_lib.audit.rules.cognito_without_scopes import COGNITO_WITHOUT_SCOPES
from authz_lib.audit.rules.conditional_event_auth import CONDITIONAL_EVENT_AUTH
from authz_lib.audit.rules.cors_any_origin import CORS_ANY_ORIGIN
from authz_lib.audit.rules.default_endpoint import DEFAULT_ENDPOINT
from authz_lib.audit.rules.event_auth_ignored import EVENT_AUTH_IGNORED
from authz_lib.audit.rules.fail_on_warnings import FAIL_ON_WARNINGS
from authz_lib.audit.rules.ignore_without_effect import IGNORE_WITHOUT_EFFECT
from authz_lib.audit.rules.jwt_without_audience import JWT_WITHOUT_AUDIENCE
from authz_lib.audit.rules.jwt_without_scopes import JWT_WITHOUT_SCOPES
from authz_lib.audit.rules.key_twice import KEY_TWICE
from authz_lib.audit.rules.map_line_not_deployed import MAP_LINE_NOT_DEPLOYED
from authz_lib.audit.rules.not_seen import NOT_SEEN_RULE
from authz_lib.audit.rules.open_function_url import OPEN_FUNCTION_URL
from authz_lib.audit.rules.open_options import OPEN_OPTIONS
from authz_lib.audit.rules.open_route import OPEN_ROUTE
from authz_lib.audit.rules.open_websocket import OPEN_WEBSOCKET
from authz_lib.audit.rules.permission_without_source import PERMISSION_WITHOUT_SOURCE
from authz_lib.audit.rules.protected_line_open import PROTECTED_LINE_OPEN
from authz_lib.audit.rules.public_line_closed import PUBLIC_LINE_CLOSED
from authz_lib.audit.rules.public_permission import PUBLIC_PERMISSION
from authz_lib.audit.rules.quick_create import QUICK_CREATE
from authz_lib.audit.rules.resource_policy_allow_only import RESOURCE_POLICY_ALLOW_ONLY
from authz_lib.audit.rules.route_not_in_map import ROUTE_NOT_IN_MAP
from authz_lib.audit.rules.scopes_differ import SCOPES_DIFFER
from authz_lib.audit.rules.unused_authorizer import UNUSED_AUTHORIZER
from authz_lib.audit.rules.wide_open_route import WIDE_OPEN_ROUTE

if TYPE_CHECKING:
    from authz_lib.audit.rule import AuditRule

__all__ = ["AUDIT_RULES"]

AUDIT_RULES: Final[tuple[AuditRule, ...]] = (
    # something is open
    OPEN_ROUTE,
    EVENT_AUTH_IGNORED,
    CONDITIONAL_EVENT_AUTH,
    OPEN_OPTIONS,
    OPEN_FUNCTION_URL,
    OPEN_WEBSOCKET,
    QUICK_CREATE,
    PUBLIC_PERMISSION,
    PERMISSION_WITHOUT_SOURCE,
    API_KEY_ONLY,
    APPSYNC_API_KEY,
    RESOURCE_POLICY_ALLOW_ONLY,
    WIDE_OPEN_ROUTE,
    DEFAULT_ENDPOINT,
    # something is closed less than it looks
    CACHE_KEY_TOO_NARROW,
    UNUSED_AUTHORIZER,
    JWT_WITHOUT_AUDIENCE,
    JWT_WITHOUT_SCOPES,
    COGNITO_WITHOUT_SCOPES,
    CORS_ANY_ORIGIN,
    FAIL_ON_WARNINGS,
    KEY_TWICE,
    # the application says something else (`--actions`)
    PROTECTED_LINE_OPEN,
    ROUTE_NOT_IN_MAP,
    MAP_LINE_NOT_DEPLOYED,
    PUBLIC_LINE_CLOSED,
    SCOPES_DIFFER,
    CACHE_UNPROVEN,
    AUTHZ_SETTINGS,
    # the audit itself
    NOT_SEEN_RULE,
    IGNORE_WITHOUT_EFFECT,
)
