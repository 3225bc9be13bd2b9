"""Which variables are read, in which order, and what NO_PROXY means."""

from __future__ import annotations

import pytest

from authz_lib.errors import ConfigurationError
from authz_lib.transport.environment import Proxy, ca_bundle, is_exempt, proxy_for
from authz_lib.transport.url import parse_url

P = ("p.test", 80)


def place(url):
    return parse_url(url, argument="url", require_https=False)


@pytest.mark.parametrize(
    ("url", "environment", "expected"),
    [
        ("https://a.test", {}, None),
        ("https://a.test", {"HTTPS_PROXY": "http://p.test:3128"}, ("p.test", 3128)),
        ("https://a.test", {"HTTPS_PROXY": "p.test:3128/"}, ("p.test", 3128)),
        ("https://a.test", {"https_proxy": "HTTP://p.test"}, ("p.test", 80)),
        ("https://a.test", {"https_proxy": "one.test", "HTTPS_PROXY": "2.test"}, ("one.test", 80)),
        ("https://a.test", {"https_proxy": "", "HTTPS_PROXY": "two.test"}, None),
        ("https://a.test", {"HTTP_PROXY": "p.test"}, None),
        ("https://a.test", {"ALL_PROXY": "p.test"}, None),
        ("http://a.test", {"HTTP_PROXY": "p.test"}, ("p.test", 80)),
        ("http://a.test", {"HTTP_PROXY": "p.test", "REQUEST_METHOD": "GET"}, None),
        ("http://a.test", {"http_proxy": "p.test", "REQUEST_METHOD": "GET"}, ("p.test", 80)),
        ("https://localhost", {"HTTPS_PROXY": "p.test"}, None),
        ("https://a.test", {"HTTPS_PROXY": "p.test", "NO_PROXY": "a.test"}, None),
        ("https://a.test", {"HTTPS_PROXY": "p.test", "no_proxy": "", "NO_PROXY": "*"}, P),
        ("https://a.test", {"HTTPS_PROXY": "http://[::1]:3128"}, ("::1", 3128)),
    ],
)  # fmt: skip
def test_the_proxy_for_a_url(url, environment, expected):
    found = proxy_for(place(url), environment)
    assert (found and (found.host, found.port)) == expected


@pytest.mark.parametrize(
    ("url", "no_proxy", "expected"),
    [
        ("https://a.test", "", False),
        ("https://a.test", " , ,", False),
        ("https://a.test", "*", True),
        ("https://a.test", "b.test, a.test", True),
        ("https://a.test", "A.TEST", True),
        ("https://x.a.test", "a.test", True),
        ("https://x.a.test", ".a.test", True),
        ("https://a.test", ".a.test", True),
        ("https://xa.test", "a.test", False),
        ("https://a.test", "a.test:443", True),
        ("https://a.test", "a.test:8443", False),
        ("https://a.test", ".", False),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://11.1.2.3", "10.0.0.0/8", False),
        ("https://10.1.2.3", "10.1.2.3", True),
        ("https://10.1.2.3", "10.1.2.3:443", True),
        ("https://10.1.2.3", "2.3", False),
        ("https://[fd00::1]", "fd00::/8", True),
        ("https://[fd00::1]", "[fd00::1]", True),
        ("https://[fd00::1]", "10.0.0.0/8", False),
        ("https://a.test", "10.0.0.0/8", False),
    ],
)
def test_what_no_proxy_means(url, no_proxy, expected):
    assert is_exempt(place(url), no_proxy) is expected


@pytest.mark.parametrize(
    "text", ["https://p.test", "socks5://p.test", "http://p.test/x", "http://p.test:99999", "p\r"]
)  # fmt: skip
def test_a_proxy_that_is_none(text):
    with pytest.raises(ConfigurationError, match="`HTTPS_PROXY`"):
        proxy_for(place("https://a.test"), {"HTTPS_PROXY": text})


def test_a_password_is_sent_and_not_shown():
    found = proxy_for(place("https://a.test"), {"https_proxy": "http://me:pass%40word@p.test:1"})
    assert found == Proxy("p.test", 1, "Basic bWU6cGFzc0B3b3Jk")
    assert repr(found) == "<Proxy at p.test:1>"
    with pytest.raises(ConfigurationError) as caught:
        proxy_for(place("https://a.test"), {"https_proxy": "http://me:secret@p.test:99999"})
    assert "secret" not in str(caught.value)


def test_the_first_bundle_that_is_named_counts(tmp_path):
    names = ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"]
    environment = {}
    for name in reversed(names):
        path = tmp_path / name
        path.touch()
        environment[name] = str(path)
        assert ca_bundle(environment) == str(path)
    assert ca_bundle({"AWS_CA_BUNDLE": "", "SSL_CERT_FILE": str(tmp_path)}) == str(tmp_path)
    with pytest.raises(ConfigurationError, match="`AWS_CA_BUNDLE`"):
        ca_bundle({"AWS_CA_BUNDLE": str(tmp_path / "none")})
