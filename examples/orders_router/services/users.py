"""User management: profiles, behind the REST API, for partners with an API key."""

from typing import Any

from gateway import GATEWAY, policies, table
from rows import Rows

from authz_lib import principal_from_event, service_handler
from authz_lib.service import json_answer

profiles = Rows("Profile", shown="name", policies=policies, table=table)


@service_handler
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """``/api/users/profiles`` and ``/api/users/profiles/{id}``."""
    caller = principal_from_event(event, gateway=GATEWAY)
    wanted = (event["pathParameters"] or {}).get("id")
    if wanted is None:
        return json_answer(200, {"profiles": profiles.visible(caller)})
    return json_answer(200, profiles.require(caller, "Get", wanted))
