"""A way over an API needs a client."""

from __future__ import annotations

import pytest

from authz_lib.delivery import ApiCall
from authz_lib.errors import ConfigurationError


@pytest.mark.parametrize("client", [None, "https://abc.example.com"])
def test_a_call_needs_a_client(client):
    with pytest.raises(ConfigurationError):
        ApiCall(client, "/execute")
