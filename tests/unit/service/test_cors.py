"""CORS headers for one origin."""

from __future__ import annotations

import pytest

from authz_lib.errors import ConfigurationError
from authz_lib.service.cors import cors_headers


def test_an_origin_is_named_and_so_is_what_its_pages_may_read():
    assert cors_headers("http://localhost:5173", ["Location", "Retry-After"]) == {
        "Access-Control-Allow-Origin": "http://localhost:5173",
        "Access-Control-Expose-Headers": "Location,Retry-After",
        "Vary": "Origin",
    }


def test_without_an_origin_nothing_is_said():
    assert cors_headers(None, ["Location"]) == {}


@pytest.mark.parametrize(
    "origin",
    ["*", "", "app.example.com", "https://a.example/", "https://a.example\n", 1, "ftp://a"],
)
def test_what_is_no_origin_is_refused(origin):
    with pytest.raises(ConfigurationError, match="`cors_origin` must be one origin"):
        cors_headers(origin, [])
