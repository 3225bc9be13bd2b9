from __future__ import annotations

import time

import pytest

from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.sigv4 import url as url_module
from authz_lib.sigv4.url import (
    base_of,
    canonical_url,
    join_path,
    quote_segment,
    without_doubling,
)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example.com", "https://a.example.com/"),
        ("HTTPS://A.Example.COM/Prod", "https://a.example.com/Prod"),
        ("https://a.example.com:443/x", "https://a.example.com/x"),
        ("http://a.example.com:80/x", "http://a.example.com/x"),
        ("https://a.example.com:8443/x", "https://a.example.com:8443/x"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("https://a.example.com/a b", "https://a.example.com/a%20b"),
        (
            "https://a.example.com/a+b:c*d@e,f;g=h$i!j'k(l)",
            "https://a.example.com/a%2Bb%3Ac%2Ad%40e%2Cf%3Bg%3Dh%24i%21j%27k%28l%29",
        ),
        ("https://a.example.com/%2f%2F", "https://a.example.com/%2F%2F"),
        ("https://a.example.com/%41%7e%2d", "https://a.example.com/A~-"),
        ("https://a.example.com/100%", "https://a.example.com/100%25"),
        ("https://a.example.com/%zz%4", "https://a.example.com/%25zz%254"),
        ("https://a.example.com/%ff", "https://a.example.com/%FF"),
        ("https://a.example.com/ሴ", "https://a.example.com/%E1%88%B4"),
        ("https://a.example.com//a//b/", "https://a.example.com//a//b/"),
        ("https://a.example.com/.a/b..", "https://a.example.com/.a/b.."),
        ("https://a.example.com?x", "https://a.example.com/?x="),
        ("https://a.example.com/?", "https://a.example.com/"),
        ("https://a.example.com/?x=&y=1&&x=2&", "https://a.example.com/?x=&y=1&x=2"),
        ("https://a.example.com/?q=a+b", "https://a.example.com/?q=a%20b"),
        ("https://a.example.com/?q=a%2Bb%2f", "https://a.example.com/?q=a%2Bb%2F"),
        ("https://a.example.com/?q=a=b?c/d:e*", "https://a.example.com/?q=a%3Db%3Fc%2Fd%3Ae%2A"),
        ("https://a.example.com/?=v", "https://a.example.com/?=v"),
    ],
)
def test_one_form(url, expected):
    assert str(canonical_url(url)) == expected
    assert str(canonical_url(expected)) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/x",
        "a.example.com/x",
        "ftp://a.example.com/",
        "https:///x",
        "https://user:password@a.example.com/",
        "https://user@a.example.com/",
        "https://bücher.example.com/",
        "https://a.example.com\\@b.example.com/",
        "https://a.example.com:/",
        "https://a.example.com:0/",
        "https://a.example.com:65536/",
        "https://a.example.com:080/",
        "https://[::1%25eth0]/",
        "https://a example.com/",
        "https://a.example.com/#f",
        "https://a.example.com/x?y#f",
        "https://a.example.com/x\r\nHost: b",
        "https://a.example.com/\x00",
        "https://a.example.com/\x7f",
        "https://a.example.com/a/../b",
        "https://a.example.com/..",
        "https://a.example.com/./a",
        "https://a.example.com/%2e%2E/b",
        "https://a.example.com/.%2e",
        "https://a.example.com/\ud800",
        "https://a.example.com/%20\ud800",
    ],
)
def test_refused_and_not_quoted(url):
    with pytest.raises(InvalidRequestError) as caught:
        canonical_url(url)
    assert caught.value.field == "url"
    assert "password" not in str(caught.value)


def test_query_argument_is_plain_text():
    url = canonical_url(
        "https://a.example.com/?first=1",
        query={"q": "a+b %2F", "many": ["2", "1"], "flag": "", "ü": "\n"},
    )
    assert url.query == "first=1&q=a%2Bb%20%252F&many=2&many=1&flag=&%C3%BC=%0A"
    assert (
        canonical_url("https://a.example.com/", query=[("b", "1"), ("a", "2"), ("b", "0")]).query
        == "b=1&a=2&b=0"
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"a": "x", "limit": 17}, "the value of `limit` in the query must be text, not `int`"),
        ({"open": True}, "the value of `open` in the query must be text, not `bool`"),
        ({"cursor": None}, "the value of `cursor` in the query must be text, not `NoneType`"),
        ({"price": ["1", 2.5]}, "the value of `price` in the query must be text, not `float`"),
        ([("name", b"x")], "the value of `name` in the query must be text, not `bytes`"),
        ({"a\nb": 1}, "the value of `a\\nb` in the query must be text, not `int`"),
        ({1: "a"}, "a name in the query must be text, not `int`"),
        ({"a": "\ud800"}, "the URL contains a lone surrogate"),
    ],
)
def test_query_argument_must_be_text_and_the_error_names_the_parameter(query, message):
    with pytest.raises(InvalidRequestError) as caught:
        canonical_url("https://a.example.com/", query=query)
    assert str(caught.value) == message
    assert caught.value.field == "query"


def test_what_is_remembered_is_bounded_in_bytes():
    known = url_module._known
    for length in (65_000, 50_000, 10, 100):
        for number in range(40):
            url = f"https://a.example.com/{number}/{'x' * length}"
            assert canonical_url(url) == canonical_url(url)
            assert known.weight <= 1_000_000
            assert len(known) <= 128
    assert sum(len(url) + len(str(known.get(url))) for url in known._entries) <= known.weight
    url = "https://a.example.com/orders"
    assert canonical_url(url) is canonical_url(url)


@pytest.mark.parametrize("host", ["127.1.2.3", "localhost", "a.localhost", "[::1]"])
def test_this_machine_may_be_called_without_tls(host):
    for port in ("", ":4566"):
        assert base_of(f"http://{host}{port}/prod", require_https=True).scheme == "http"


@pytest.mark.parametrize(
    "host", ["127.0.0.1.example.com", "localhost.example.com", "[::2]", "alocalhost"]
)
def test_another_machine_needs_tls(host):
    for port in ("", ":4566"):
        with pytest.raises(ConfigurationError, match="`base_url` must be `https`"):
            base_of(f"http://{host}{port}/prod", require_https=True)
        assert base_of(f"http://{host}{port}/prod", require_https=False).scheme == "http"


@pytest.mark.parametrize("end", ["", "/", "/execute", "/execute/"])
@pytest.mark.parametrize("path", ["execute", "/execute", "/execute/", "/execute?a=1"])
def test_a_configured_route_is_not_doubled(end, path):
    base = f"https://a.example.com/prod{end}"
    url = canonical_url(join_path(base, without_doubling(base, path)))
    assert url.path.rstrip("/") == "/prod/execute"
    assert url.query == ("a=1" if "?" in path else "")


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("https://a.example.com/reexecute", "/execute"),
        ("https://execute", "/execute"),
        ("https://a.example.com/execute", "/"),
        ("https://a.example.com/execute", ""),
    ],
)
def test_what_only_looks_doubled_is_kept(base, path):
    assert without_doubling(base, path) == path


def test_join_keeps_the_base_the_slash_and_the_query():
    assert join_path("https://a.example.com/prod/", "") == "https://a.example.com/prod"
    assert join_path("https://a.example.com/", "/") == "https://a.example.com"
    assert join_path("https://a.example.com", "/a/") == "https://a.example.com/a/"
    assert (
        join_path("https://a.example.com/prod", "/a?b=/c/") == "https://a.example.com/prod/a?b=/c/"
    )
    assert (
        join_path("https://a.example.com/reexecute", "/execute")
        == "https://a.example.com/reexecute/execute"
    )
    assert join_path("https://a.example.com/prod/a", "/a") == "https://a.example.com/prod/a/a"


@pytest.mark.parametrize(
    "name",
    ["X-Amz-Signature", "x-amz-date", "X-AMZ-CREDENTIAL", "X-Amz-Security-Token", "x-amz-expires"],
)
def test_a_second_signature_in_the_query_is_refused(name):
    escaped = name.replace("-", "%2d")
    for url, query in (
        (f"https://a.example.com/?a=1&{name}=x", None),
        (f"https://a.example.com/?{escaped}", None),
        ("https://a.example.com/", {name: "x"}),
    ):
        with pytest.raises(InvalidRequestError) as caught:
            canonical_url(url, query)
        assert caught.value.field == "query"


def test_a_segment_stays_in_its_place():
    assert quote_segment("../a/b?c#d%2F é") == "..%2Fa%2Fb%3Fc%23d%252F%20%C3%A9"
    for value in ("", ".", "..", "\ud800", 17, None):
        with pytest.raises(InvalidRequestError):
            quote_segment(value)


@pytest.mark.parametrize(
    ("head", "query"),
    [
        ("https://a.example.com/", None),
        ("https://a.example.com/?x=", None),
        ("https://a.example.com/", {"q": "1"}),
        ("https://a.example.com/" + "ü" * 5000, None),  # six characters each
    ],
)
def test_a_url_of_the_most_characters_is_taken_and_one_more_is_refused(head, query):
    room = 65_536 - len(str(canonical_url(head, query)))
    assert len(str(canonical_url(head + "x" * room, query))) == 65_536
    with pytest.raises(InvalidRequestError, match="more than 65536 characters"):
        canonical_url(head + "x" * (room + 1), query)


@pytest.mark.parametrize(
    "url",
    [
        "https://" + "a" * 65_000 + "#",
        "https://a/" + "/" * 65_000 + "#",
        "https://a/" + "?" * 65_000 + "#",
        "https://" + "a." * 32_000 + "!",
        "https://" + "a" * 65_000 + "\\",
        "https://a/" + "%" * 65_000 + "#",
    ],
)
def test_a_url_of_a_stranger_is_read_in_linear_time(url):
    began = time.thread_time()
    with pytest.raises(InvalidRequestError):
        canonical_url(url)
    assert time.thread_time() - began < 0.5  # quadratic: minutes


@pytest.mark.parametrize("query", ["a=1", b"a=1", ["a"], [("a", "1", "2")], [1]])
def test_what_is_no_query_says_what_one_is(query):
    with pytest.raises(InvalidRequestError, match="a mapping, or pairs of a name and a value"):
        canonical_url("https://api.example/orders", query=query)
