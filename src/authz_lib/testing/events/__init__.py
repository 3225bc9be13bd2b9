"""Events for tests: what API Gateway, AppSync, load balancers and VPC Lattice send.

Each is complete: it has the members that public captures of its kind have, and no others.
Arguments replace its parts.
"""

from authz_lib.testing.events._parts import ACCOUNT_ID, API_ID, REGION
from authz_lib.testing.events.apis import (
    function_url_event,
    http_event,
    http_event_v1,
    rest_event,
    websocket_event,
)
from authz_lib.testing.events.authorizers import (
    appsync_authorizer_event,
    appsync_events_authorizer_event,
    http_authorizer_event,
    http_authorizer_event_v1,
    rest_request_authorizer_event,
    rest_token_authorizer_event,
    websocket_authorizer_event,
)
from authz_lib.testing.events.load_balancers import alb_event, lattice_event, lattice_event_v1

__all__ = [
    "ACCOUNT_ID",
    "API_ID",
    "REGION",
    "alb_event",
    "appsync_authorizer_event",
    "appsync_events_authorizer_event",
    "function_url_event",
    "http_authorizer_event",
    "http_authorizer_event_v1",
    "http_event",
    "http_event_v1",
    "lattice_event",
    "lattice_event_v1",
    "rest_event",
    "rest_request_authorizer_event",
    "rest_token_authorizer_event",
    "websocket_authorizer_event",
    "websocket_event",
]
