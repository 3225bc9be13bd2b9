"""URI patterns: what is one, and which of two is meant."""

from __future__ import annotations

import pytest

from authz_lib.errors import ConfigurationError
from authz_lib.routes.uri import UriPattern


@pytest.mark.parametrize(
    ("uri", "path", "shape", "query"),
    [
        ("/", "/", "/", {}),
        ("/a/{b}/{c+}", "/a/{b}/{c+}", "/a/{}/{+}", {}),
        ("/a/?x&y=", "/a", "/a", {"x": "", "y": ""}),
        ("/?x=1", "/", "/", {"x": "1"}),
        ("/a?", "/a", "/a", {}),
        ("/{a.b-c:d}", "/{a.b-c:d}", "/{}", {}),
    ],
)
def test_a_pattern(uri, path, shape, query):
    pattern = UriPattern.parse(uri)
    assert (pattern.path, pattern.shape, dict(pattern.query)) == (path, shape, query)


NONE = [
    "a",
    "//",
    "/a//b",
    "/.",
    "/..",
    "/é",
    "/a%20b",
    "/{a}{b}",
    "/x{a}",
    "/{}",
    "/{a+}/{b+}",
    "/{a}/{a}",
    "/a?=1",
    "/a?x&x",
    "/a?x=%20",
    "/a?x=1&",
    "/a\\b",
    "/{a+",
    "/a#b",
]


@pytest.mark.parametrize("uri", [*NONE, "", "/a b", "/a\n", "/" + "a" * 2048, "/a" * 65])
def test_what_is_none(uri):
    with pytest.raises(ConfigurationError) as caught:
        UriPattern.parse(uri)
    assert "\n" not in str(caught.value)


def test_the_order_of_specificity():
    in_order = [
        "/a/b/c",
        "/a/b/{x}",
        "/a/b",
        "/a/{x}/c",
        "/a/{x}",
        "/a/{x+}/c",
        "/a/{x+}",
        "/{x}/b",
        "/{x+}",
    ]
    shuffled = in_order[1::2] + in_order[::2]
    assert sorted(shuffled, key=lambda uri: UriPattern.parse(uri).order) == in_order
    more, fewer = UriPattern.parse("/a?b&c"), UriPattern.parse("/a?b")
    assert more.order < fewer.order
