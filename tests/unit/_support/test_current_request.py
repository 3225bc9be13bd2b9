"""How a log names a request."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from authz_lib._support.current_request import CURRENT_REQUEST, names_of


def test_outside_of_a_request_nothing_is_named():
    assert CURRENT_REQUEST.get() is None
    assert names_of(None) == {}


@pytest.mark.parametrize(
    "route", ["GET /orders/{id+}", "ANY /", "$default", "$connect", "/", "GET /a?b=\\d"]
)
def test_routes(route):
    assert names_of(SimpleNamespace(route_name=route, request_id=None)) == {"route": route}


@pytest.mark.parametrize(("length", "there"), [(256, True), (257, False)])
def test_a_route_has_at_most_256_characters_after_its_method(length, there):
    request = SimpleNamespace(route_name="GET " + "x" * length, request_id="r")
    assert ("route" in names_of(request)) is there
