"""The signer beside awscrt, AWS's own C implementation, and properties of the canonical URL."""

from __future__ import annotations

import datetime as dt
import string
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

import awscrt.auth
import awscrt.http
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from authz_lib.errors import InvalidRequestError
from authz_lib.sigv4 import Credentials, SigV4Signer, canonical_url, quote_segment

NOW = dt.datetime(2026, 11, 20, 12, 0, 0, tzinfo=dt.UTC)
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
segments = st.one_of(
    text, st.text(string.punctuation + string.whitespace + "aé", max_size=8)
).filter(lambda value: value not in {"", ".", ".."})
paths = st.lists(segments.map(quote_segment), max_size=4).flatmap(
    lambda parts: st.sampled_from(
        ["/" + "/".join(parts), "/" + "/".join(parts) + "/", "//" + "//".join(parts)]
    )
)
queries = st.lists(st.tuples(text, text), max_size=5)
hosts = st.sampled_from(
    [
        "abc.execute-api.eu-west-1.amazonaws.com",
        "ABC.example.com:8443",
        "127.0.0.1:8080",
        "[::1]:99",
        "x.test:443",
    ]
)
values = st.text(string.ascii_letters + string.digits + string.punctuation + " \t", max_size=20)
headers = st.dictionaries(
    st.sampled_from(["x-amz-meta", "x-amz-target", "X-Amz-ZZ", "Content-Type", "x-amz-0"]),
    values,
    max_size=4,
)
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"])
tokens = st.one_of(
    st.none(), st.text(string.ascii_letters + string.digits + "+/=", min_size=1, max_size=40)
)


def by_awscrt(method, url, headers, body, token):
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    sent = awscrt.http.HttpHeaders([("host", parts.netloc), *headers.items()])
    request = awscrt.http.HttpRequest(method, target, sent)
    if body:
        import io

        request.body_stream = io.BytesIO(body)
    config = awscrt.auth.AwsSigningConfig(
        algorithm=awscrt.auth.AwsSigningAlgorithm.V4,
        signature_type=awscrt.auth.AwsSignatureType.HTTP_REQUEST_HEADERS,
        credentials_provider=awscrt.auth.AwsCredentialsProvider.new_static(KEY, SECRET, token),
        region="eu-west-1",
        service="execute-api",
        date=NOW,
        use_double_uri_encode=True,
        should_normalize_uri_path=True,
        signed_body_header_type=awscrt.auth.AwsSignedBodyHeaderType.NONE,
    )
    signed = awscrt.auth.aws_sign_request(request, config).result(10)
    return dict(signed.headers)["Authorization"]


@settings(deadline=None, max_examples=300)  # the first call loads awscrt
@given(
    methods, hosts, paths, queries, headers, st.one_of(st.none(), st.binary(max_size=200)), tokens
)
def test_awscrt_agrees(method, host, path, query, headers, body, token):
    try:
        url = canonical_url(f"https://{host}{path}", query)
    except InvalidRequestError:  # hypothesis finds even these; awscrt refuses them too
        assert any(name.lower().startswith("x-amz-") for name, _ in query)
        return
    signer = SigV4Signer(
        service="execute-api",
        region="eu-west-1",
        credentials=Credentials(KEY, SECRET, token),
        clock=NOW.timestamp,
    )
    signed = signer.sign(method, url, headers, body)
    assert signed.headers["authorization"] == by_awscrt(method, signed.url, headers, body, token)


@settings(deadline=None)
@given(hosts, st.text(max_size=30), st.text(max_size=30))
def test_canonical_is_a_fixed_point_or_refused(host, path, query):
    try:
        once = str(canonical_url(f"https://{host}/{path}?{query}"))
    except InvalidRequestError:
        return
    assert str(canonical_url(once)) == once
    assert once.isascii()
    assert " " not in once


@given(st.binary(max_size=20))
def test_escapes_keep_their_bytes(raw):
    escaped = "".join(f"%{byte:02x}" for byte in raw)
    try:
        path = canonical_url(f"https://a.example.com/x{escaped}").path
    except InvalidRequestError:
        assert b".." in raw or b"." in raw
        return
    assert unquote_to_bytes(path) == b"/x" + raw


@given(segments)
def test_a_segment_comes_back_and_adds_no_slash(value):
    path = canonical_url(f"https://a.example.com/{quote_segment(value)}/end").path
    assert path.count("/") == 2
    assert unquote_to_bytes(path.split("/")[1]).decode() == value


@given(queries)
def test_a_query_comes_back_in_its_order(query):
    assume(not any(name.lower().startswith("x-amz-") for name, _ in query))
    encoded = canonical_url("https://a.example.com/", query).query
    assert parse_qsl(encoded, keep_blank_values=True, max_num_fields=10) == query
