"""The service Lambda: read the caller that a gateway verified, and answer errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.lazy import lazy_names

if TYPE_CHECKING:
    from authz_lib.service.api_ids import api_id_from_parameter_store
    from authz_lib.service.event_principal import principal_from_event
    from authz_lib.service.expected_gateway import ExpectedGateway
    from authz_lib.service.handler import json_body, service_handler
    from authz_lib.service.iam_callers import IAMCallers
    from authz_lib.service.json_answers import json_answer
    from authz_lib.service.outages import outages_as_503, patient_client
    from authz_lib.service.principal_headers import principal_from_headers

__all__ = [
    "ExpectedGateway",
    "IAMCallers",
    "api_id_from_parameter_store",
    "json_answer",
    "json_body",
    "outages_as_503",
    "patient_client",
    "principal_from_event",
    "principal_from_headers",
    "service_handler",
]

# Public name -> the module that holds it.
_HOME = {
    "ExpectedGateway": "expected_gateway",
    "IAMCallers": "iam_callers",
    "api_id_from_parameter_store": "api_ids",
    "json_answer": "json_answers",
    "json_body": "handler",
    "outages_as_503": "outages",
    "patient_client": "outages",
    "principal_from_event": "event_principal",
    "principal_from_headers": "principal_headers",
    "service_handler": "handler",
}

if not TYPE_CHECKING:  # type checkers read the imports above: a misspelt name is an error for them
    __getattr__, __dir__ = lazy_names(__name__, _HOME)
