"""A target of the local endpoint's own."""

from __future__ import annotations

__all__ = ["PUT_SCHEMA_TEXT"]

PUT_SCHEMA_TEXT = "AuthzLocal.PutSchemaText"
"""Sets a schema in either form: CloudFormation takes both, the service's API takes JSON alone."""
