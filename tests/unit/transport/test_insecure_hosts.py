"""Plain http to named hosts: exact names, decided by the one URL parser."""

from __future__ import annotations

import pytest

from authz_lib.errors import ConfigurationError
from authz_lib.transport.fetch import FetchError, HTTPFetcher
from authz_lib.transport.insecure_hosts import InsecureHosts
from authz_lib.transport.url import parse_url


@pytest.mark.parametrize(
    "hosts",
    [
        "cognito", ["*"], ["*.internal"], [".internal"], ["cognito:9229"], ["http://cognito"],
        ["cognito/"], ["a b"], ["cognito,other"], [""], [None], 7, ["127.1"], ["cögnito"],
        ["user@cognito"], ["cognito", "x" * 64],
    ],
    ids=repr,
)  # fmt: skip
def test_only_exact_names_are_names(hosts):
    with pytest.raises(ConfigurationError, match="`insecure_http_hosts`"):
        InsecureHosts.of(hosts)


def test_the_longest_name():
    assert "x" * 63 in InsecureHosts.of(["x" * 63])


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://cognito:9229/pool", "cognito"),
        ("http://COGNITO", "Cognito"),
        ("http://0.0.0.0:4566", "0.0.0.0"),
        ("http://[fd00::1]:80/", "[fd00::1]"),
        ("http://localhost.localstack.cloud:4566/", "localhost.localstack.cloud"),
    ],
)
def test_a_named_host_passes(url, host):
    assert parse_url(url, argument="url", insecure_http_hosts=InsecureHosts.of([host]))


@pytest.mark.parametrize(
    "url",
    [
        "http://a.cognito", "http://cognito.example", "http://xcognito", "http://cognit0",
        "http://cognito@evil.example", "http://evil.example\\@cognito", "http://evil.example#cognito",
        "http://evil.example?cognito", "http://cognito%00", "ftp://cognito", "http://cognito.",
    ],
)  # fmt: skip
def test_no_other_host_does(url):
    with pytest.raises(ConfigurationError, match="`url`"):
        parse_url(url, argument="url", insecure_http_hosts=InsecureHosts.of(["cognito"]))


def test_it_is_loud_once(caplog):
    hosts = InsecureHosts.of(["b", "a"])
    assert InsecureHosts.of(hosts) is hosts
    HTTPFetcher(insecure_http_hosts=hosts)
    assert InsecureHosts.of(()) == InsecureHosts.of(None) == frozenset()
    (line,) = caplog.records
    assert (line.name, line.levelname) == ("authz_lib.transport", "WARNING")
    assert line.getMessage().startswith("plain http is allowed to a, b: ")


def test_a_fetcher_asks_named_hosts_only(serve, resolve, monkeypatch):
    server = serve()
    resolve(("127.0.0.1", server.port))
    fetch = HTTPFetcher(insecure_http_hosts=["cognito"])
    assert fetch(f"http://cognito:{server.port}/")
    with pytest.raises(FetchError, match="`insecure_http_hosts`"):
        fetch(f"http://other:{server.port}/")
    assert len(server.received) == 1
