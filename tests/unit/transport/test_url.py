"""One parser decides and connects: what it takes, what it refuses, what is this machine."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import pytest

from authz_lib.errors import ConfigurationError
from authz_lib.transport.url import is_loopback, parse_url, require_url, split_authority


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("https://example.com", "example.com", 443, "/"),
        ("HTTPS://Example.COM:8443/a?b=c", "example.com", 8443, "/a?b=c"),
        ("https://a_b.example.com/", "a_b.example.com", 443, "/"),
        ("http://127.0.0.1:9/x", "127.0.0.1", 9, "/x"),
        ("http://[::1]/x", "::1", 80, "/x"),
        ("http://a.localhost", "a.localhost", 80, "/"),
        ("https://example.com?b=@c", "example.com", 443, "/?b=@c"),
        ("https://1.example.com/@/%40", "1.example.com", 443, "/@/%40"),
    ],
)
def test_what_is_taken_is_read_as_others_read_it(url, host, port, target):
    place = parse_url(url, argument="url")
    assert (place.host, place.port, place.target) == (host, port, target)
    theirs = urlsplit(url)
    assert theirs.hostname == host
    assert (theirs.port or place.port) == port
    assert require_url(url, argument="url") == url


@pytest.mark.parametrize(
    "url",
    [
        None, 5, b"https://example.com", "", "example.com", "ftp://example.com", "https://", "https:///x",
        "https://:443", "https://a:port", "https://a:0", "https://a:65536", "https://a:0443", "https://a:",
        "http://[::1", "https://[::1%25eth0]", "https://[example]", "https://[::1]x", "https://[1::2::3]",
        "https://user@example.com", "https://user:s3cret@example.com", "https://@example.com",
        "https://example.com#x", "https://example.com/#", "https://example.com\\@localhost",
        "https://example.com/a\\b", "https://exam ple.com", " https://example.com", "https://example.com\n",
        "https://example.com/a b", "https://example.com/\x00", "https://example.com/\x7f",
        "https://exämple.com", "https://example.com/ä", "https://%65xample.com",
        "https://example.com.", "https://-example.com", "https://example-.", "https://a..b", "https://.a",
        "http://evil.example\\.localhost", "http://evil.example\\@localhost", "http://a..localhost",
        "http://evil.example%5c.localhost", "http://localhost.", "http://localhost%00.evil.example",
        "http://evil.example\t.localhost", "http://evil.example;.localhost", "http://evil.example@localhost",
        "http://localhost@evil.example", "http://evil.example#.localhost", "http://evil.example\u3002localhost",
        "http://\u2460.localhost", "http://localhost:80:80", "http://localhost:+80", "http://localhost:8_0",
        "http://localhost: 80", "http://localhost:\u0661", "http://[::1%eth0]", "http://[::ffff:8.8.8.8]",
        "http://0x7f.1", "http://127.1", "http://0177.0.0.1", "http://0", "http://127.0.0.1.", "http://127.0.0.0x1",
        "https://" + "a" * 64 + ".example", "https://" + ".".join(["a" * 61] * 4 + ["aaaaaa"]),
        "https://example.com/" + "a" * (65_537 - 20),
        "https://127.1", "https://2130706433", "https://0x7f.0.0.1", "https://0x7f000001", "https://1.2.3.4.5",
        "https://127.0.0.01", "https://256.0.0.1", "https://a,b", "https://a;b",
        "http://example.com", "http://10.0.0.1", "http://127.0.0.1.example.com", "http://localhost.example.com",
    ],
    ids=repr,
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_refused(url):
    with pytest.raises(ConfigurationError, match="`keys_url`") as caught:
        parse_url(url, argument="keys_url")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://" + "a" * 63 + ".example",
        "https://" + ".".join(["a" * 61] * 4 + ["aaaaa"]),  # 253 characters
        "https://example.com/" + "a" * (65_536 - 20),
    ],
)
def test_the_longest_that_are_taken(url):
    assert require_url(url, argument="url") == url


@pytest.mark.parametrize(
    "url", ["https://" + "/" * 65_000 + " ", "https://" + "a." * 32_000, "https://[" + ":" * 65_000]
)
def test_a_url_is_read_in_linear_time(url):
    began = time.perf_counter()
    with pytest.raises(ConfigurationError):
        parse_url(url, argument="url")
    assert time.perf_counter() - began < 0.5  # quadratic: minutes


def test_http_to_another_host_has_to_be_asked_for():
    assert parse_url("http://example.com", argument="url", require_https=False).port == 80


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True), ("a.localhost", True), ("127.0.0.1", True), ("127.9.9.9", True),
        ("::1", True), ("", False), ("localhost.example.com", False), ("xlocalhost", False),
        ("126.0.0.1", False), ("::2", False), ("127.0.0.1.example.com", False), ("0.0.0.0", False),
    ],
)  # fmt: skip
def test_what_is_this_machine(host, expected):
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://Example.com:443", "example.com"),
        ("https://example.com:80", "example.com:80"),
        ("http://[::1]:80", "[::1]"),
        ("http://[::1]:4566", "[::1]:4566"),
    ],
)
def test_the_default_port_is_not_in_the_host_header(url, authority):
    assert parse_url(url, argument="url").authority == authority


def test_an_authority_without_a_port():
    assert split_authority("Example.com") == ("example.com", None)
    with pytest.raises(ValueError, match="host"):
        split_authority("example.com/")
