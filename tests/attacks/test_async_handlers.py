"""An `async def` handler was handed back unrun: Lambda awaits nothing."""

from __future__ import annotations

from authz_lib import service_handler
from authz_lib.errors import AccessDeniedError


def test_an_async_handler_is_answered():
    @service_handler
    async def handler(event, context):
        raise AccessDeniedError("not yours")

    assert handler({}, None)["statusCode"] == 403
