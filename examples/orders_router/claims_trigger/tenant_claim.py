"""Pre-token-generation trigger (V2_0): adds the tenant to the access token."""

from __future__ import annotations

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Copy the attribute that only an administrator may write into the claim ``tenant_id``."""
    tenant = event["request"]["userAttributes"].get("custom:tenant_id")
    claims = {"tenant_id": tenant} if tenant else {}
    event["response"]["claimsAndScopeOverrideDetails"] = {
        "accessTokenGeneration": {"claimsToAddOrOverride": claims}
    }
    return event
