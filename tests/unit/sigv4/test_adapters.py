"""What httpx and requests send through the adapters, checked by an independent verifier."""

from __future__ import annotations

import asyncio
import io
import sys
from importlib import import_module

import httpx
import pytest
import requests

from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.sigv4 import Credentials, SigV4Signer
from authz_lib.sigv4.httpx_auth import AsyncSigV4Transport, SigV4Transport
from authz_lib.sigv4.requests_auth import SigV4Auth

SIGNER = SigV4Signer(
    service="execute-api",
    region="eu-west-1",
    credentials=Credentials("AKIDEXAMPLE", "secret-text", "token-text"),
)


def by_httpx(base, method, url, **options):
    options.setdefault("content", options.pop("data", None))
    with httpx.Client(
        transport=SigV4Transport(base, SIGNER), trust_env=False, **options.pop("client", {})
    ) as client:
        return client.request(method, url, **options)


def by_async_httpx(base, method, url, **options):
    options.setdefault("content", options.pop("data", None))

    async def call():
        transport = AsyncSigV4Transport(base, SIGNER)
        async with httpx.AsyncClient(
            transport=transport, trust_env=False, **options.pop("client", {})
        ) as client:
            return await client.request(method, url, **options)

    return asyncio.run(call())


def by_requests(base, method, url, **options):
    with requests.Session() as session:
        session.trust_env = False
        session.auth = SigV4Auth(base, SIGNER)
        options.setdefault(
            "allow_redirects", options.pop("client", {}).get("follow_redirects", False)
        )
        return session.request(method, url, **options)


clients = pytest.mark.parametrize("call", [by_httpx, by_async_httpx, by_requests])

URLS = [
    "",
    "/",
    "/a b",
    "/a+b",
    "/a%2Fb%2f",
    "/a:b*c@d,e;f=g$h!i'j(k)l&m",
    "/ü/ሴ/😀",
    "/%7Ea%41",
    "/100%25",
    "//a//b",
    "/a?flag",
    "/a?q=a+b&r=a%2Bb&s=%2F:*~",
    "/a?b=2&b=1&a=&A=0&a-b=1",
    "/a?=v&ü=ሴ",
    "/a?q='\"()!$,;@",
]


@clients
@pytest.mark.parametrize("url", URLS)
def test_awkward_urls_verify(serve, http, call, url):
    server = serve()
    assert call(server.url, "GET", server.url + url).status_code == 200
    assert http.Verifier().refuse(server.received[0]) is None


@clients
def test_params_arrive(serve, http, call):
    from urllib.parse import parse_qsl

    server = serve()
    params = [("q", "a+b %2F"), ("z", "1"), ("a", ""), ("z", "0"), ("ü", "😀*:")]
    call(server.url, "GET", server.url + "/a", params=params)
    assert http.Verifier().refuse(server.received[0]) is None
    arrived = parse_qsl(server.received[0].target.partition("?")[2], keep_blank_values=True)
    # Httpx groups by name.
    assert sorted(arrived, key=lambda pair: pair[0]) == sorted(params, key=lambda pair: pair[0])


@clients
@pytest.mark.parametrize(
    "options",
    [{"data": b"\0\xff" * 100}, {"json": {"ü": "😀"}}, {"data": b""}, {}, {"data": "text ü"}],
)
def test_bodies_verify(serve, http, call, options):
    server = serve()
    call(
        server.url,
        "POST",
        server.url + "/a",
        headers={"X-Amz-Meta": "a  b", "X-Other": "y"},
        **dict(options),
    )
    received = server.received[0]
    assert http.Verifier().refuse(received) is None
    assert received.header("x-other") == "y"
    assert "x-other" not in received.header("authorization")
    if "data" in options:
        data = options["data"]
        assert received.body == (data.encode() if isinstance(data, str) else data)


def test_a_streamed_body_is_read_and_framed_by_httpx(serve, http):
    server = serve()
    by_httpx(server.url, "POST", server.url, content=iter([b"one", b"two"]))
    assert server.received[0].body == b"onetwo"
    assert server.received[0].header("transfer-encoding") is None
    assert http.Verifier().refuse(server.received[0]) is None


def test_a_streamed_body_is_refused_with_requests(serve):
    server = serve()
    for body in (io.BytesIO(b"x"), iter([b"x"])):
        with pytest.raises(InvalidRequestError):
            by_requests(server.url, "POST", server.url, data=body)
    assert server.received == []


@clients
@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_never_carries_a_token_elsewhere(serve, http, call, status):
    elsewhere = serve()
    server = serve(http.reply(status, b"", [f"Location: {elsewhere.url}/x"]))
    try:
        call(server.url, "GET", server.url, client={"follow_redirects": True})
    except InvalidRequestError:
        assert elsewhere.received == []
    for received in elsewhere.received:
        text = str(received.headers).lower()
        assert "token-text" not in text
        assert "authorization" not in text
        assert "akidexample" not in text
    assert len(server.received) == 1


@clients
def test_another_host_is_refused(serve, call):
    server, other = serve(), serve()
    with pytest.raises(InvalidRequestError):
        call(other.url, "GET", server.url)
    with pytest.raises(ConfigurationError):
        call("not a URL", "GET", server.url)
    assert server.received == other.received == []


@clients
def test_an_inherited_authorization_is_replaced(serve, http, call):
    server = serve()
    call(
        server.url,
        "GET",
        server.url,
        headers={"Authorization": "Bearer x", "x-amz-security-token": "old"},
    )
    assert http.Verifier().refuse(server.received[0]) is None


@pytest.mark.parametrize("call", [by_httpx, by_async_httpx])
def test_a_duplicated_amz_header_is_refused(serve, call):
    server = serve()
    with pytest.raises(InvalidRequestError):
        call(server.url, "GET", server.url, headers=[("x-amz-meta", "1"), ("X-Amz-Meta", "2")])


@pytest.mark.parametrize("adapter", [SigV4Transport, AsyncSigV4Transport, SigV4Auth])
def test_a_session_token_does_not_travel_in_the_clear_by_a_typing_error(adapter):
    for url in (
        "http://api.example.com",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
    ):
        with pytest.raises(ConfigurationError):
            adapter(url, SIGNER)
        assert adapter(url, SIGNER, require_https=False)
    for url in (
        "https://api.example.com",
        "http://localhost:8080",
        "http://[::1]",
        "http://127.0.0.1:1",
    ):
        assert adapter(url, SIGNER)


@pytest.mark.parametrize("package", ["httpx", "requests"])
def test_without_its_package_an_adapter_names_the_extra(monkeypatch, package):
    module = f"authz_lib.sigv4.{package}_auth"
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"{package}.auth", raising=False)
    monkeypatch.delitem(sys.modules, module)
    with pytest.raises(ConfigurationError) as caught:
        import_module(module)
    assert str(caught.value) == f"`{module}` needs the extra `{package}` of authz-lib"


@clients
def test_dot_segments_are_resolved_before_an_adapter_sees_the_url(serve, call):
    server = serve()
    call(server.url, "GET", f"{server.url}/prod/orders/../admin")
    assert server.received[0].target == "/prod/admin"


@clients
@pytest.mark.parametrize(
    ("path", "fits"),
    [
        ("/prod/orders", True),
        ("/prod/orders/", True),
        ("/prod/orders/7", True),
        ("/prod/orders?q=1", True),
        ("/prod/orders/../admin", False),
        ("/prod/orders/7/../../admin", False),
        ("/prod/ordersx", False),
        ("/prod", False),
        ("/", False),
    ],
)
def test_a_base_url_with_a_path_is_a_fence(serve, call, path, fits):
    server = serve()
    base = f"{server.url}/prod/orders/"
    if fits:
        assert call(base, "GET", server.url + path).status_code == 200
        return
    with pytest.raises(InvalidRequestError, match="not below that of the signer's base URL"):
        call(base, "GET", server.url + path)
    assert server.received == []
