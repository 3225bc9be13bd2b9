"""Pre-token-generation trigger: the tenant, which only an administrator may write, as a claim."""

from authz_lib.tokens import cognito_claims_trigger

handler = cognito_claims_trigger({"tenant_id": "custom:tenant_id"})
