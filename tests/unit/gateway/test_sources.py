"""Where tokens are read from, on every kind of event."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import pytest

from authz_lib import BearerToken, Cookie, Header, QueryParameter, errors
from authz_lib.gateway.sources import read_token

TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"
BEARER = f"Bearer {TOKEN}"

EVENTS = {
    "REST TOKEN": {"type": "TOKEN", "authorizationToken": BEARER, "methodArn": "arn"},
    "REST REQUEST": {
        "type": "REQUEST",
        "headers": {"Authorization": BEARER},
        "multiValueHeaders": {"Authorization": [BEARER]},
    },
    "HTTP API 1.0": {
        "version": "1.0",
        "type": "REQUEST",
        "authorizationToken": BEARER,
        "headers": {"authorization": BEARER},
    },
    "HTTP API 2.0": {
        "version": "2.0",
        "type": "REQUEST",
        "headers": {"authorization": BEARER},
        "cookies": [],
    },
    "WebSocket": {
        "type": "REQUEST",
        "headers": {"AUTHORIZATION": BEARER},
        "requestContext": {"eventType": "CONNECT"},
    },
    "AppSync": {
        "authorizationToken": BEARER,
        "requestContext": {"apiId": "a"},
        "requestHeaders": {"authorization": BEARER},
    },
    "AppSync without headers": {"authorizationToken": BEARER, "requestContext": {"apiId": "a"}},
    "REST proxy": {
        "headers": None,
        "multiValueHeaders": {"authorization": [BEARER]},
        "httpMethod": "GET",
    },
    "load balancer, multi-value": {
        "requestContext": {"elb": {}},
        "multiValueHeaders": {"authorization": [BEARER]},
    },
    "load balancer": {"requestContext": {"elb": {}}, "headers": {"authorization": BEARER}},
    "VPC Lattice": {"version": "2.0", "headers": {"authorization": [BEARER]}},
    "function URL": {
        "version": "2.0",
        "headers": {"authorization": BEARER},
        "requestContext": {"http": {}},
    },
}


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS.keys())
class TestEveryEvent:
    def test_bearer_token(self, event):
        assert BearerToken().read(event) == TOKEN
        assert read_token(event, [Cookie("session"), BearerToken(), Header("x-token")]) == TOKEN

    def test_a_typed_event(self, event):
        assert BearerToken().read(SimpleNamespace(raw=event)) == TOKEN

    def test_the_whole_header(self, event):
        assert Header("Authorization").read(event) == BEARER

    def test_what_is_not_there(self, event):
        one_header = event.get("type") == "TOKEN"  # whatever its name
        read = Header("x-amzn-oidc-accesstoken").read(event)
        assert read == (BEARER if one_header else None)
        assert Cookie("session").read(event) is None
        assert QueryParameter("token").read(event) is None


EVERYWHERE = [BearerToken(), Header("authorization"), Cookie("c"), QueryParameter("q")]


@pytest.mark.parametrize(
    "event", [None, {}, [], "event", 1, {"headers": None}, {"cookies": None}, SimpleNamespace()]
)
def test_an_event_without_these_parts_holds_no_token(event):
    with pytest.raises(errors.MissingTokenError):
        read_token(event, EVERYWHERE)


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({"headers": []}, "headers"),
        ({"headers": {"Authorization": 7}}, "headers"),
        ({"headers": {"Authorization": [BEARER, None]}}, "headers"),
        ({"headers": {1: 2}}, "headers"),
        ({"multiValueHeaders": {"authorization": None}}, "headers"),
        ({"multiValueHeaders": BEARER}, "multiValueHeaders"),
        ({"cookies": "a=b"}, "cookies"),
        ({"cookies": [1]}, "cookies"),
        ({"queryStringParameters": []}, "queryStringParameters"),
        ({"multiValueQueryStringParameters": {"q": [1]}}, "QueryStringParameters"),
        ({"rawQueryString": 7}, "rawQueryString"),
    ],
)
def test_a_part_of_another_type_is_refused_by_name(event, named):
    """No gateway sends it, and to take it for absent would be to guess."""
    with pytest.raises(errors.UntrustedEventError, match=named):
        read_token(event, EVERYWHERE)


def test_without_sources_there_is_no_token():
    with pytest.raises(errors.MissingTokenError):
        read_token(EVENTS["REST TOKEN"], [])


class TestBearer:
    def read(self, value):
        return BearerToken().read({"headers": {"authorization": value}})

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
    def test_the_scheme_is_case_insensitive(self, scheme):
        assert self.read(f"{scheme} {TOKEN}") == TOKEN

    @pytest.mark.parametrize(
        "value",
        ["Basic YTpi", "AWS4-HMAC-SHA256 Credential=a, Signature=b", TOKEN, "", "  ", "Digest a"],
    )
    def test_another_scheme_is_no_token(self, value):
        assert self.read(value) is None

    @pytest.mark.parametrize(
        "value",
        [
            "Bearer",
            "Bearer  x",
            f"Bearer {TOKEN} {TOKEN}",
            "bearer:x",
            f"Bearer\t{TOKEN}",
            f"Bearer{TOKEN}",
            "Bearer é",
            f"Bearer {TOKEN}\n{TOKEN}",
            f"Bearer {TOKEN}\u212a",
            "Bearer \u017f\u0131\u0130",
            'Bearer "x"',
            "Bearer x;y",
            "Bearer a=b",
        ],
    )
    def test_bearer_and_anything_but_one_token_is_invalid(self, value):
        with pytest.raises(errors.InvalidTokenError):
            self.read(value)

    @pytest.mark.parametrize("value", [f"{BEARER},{BEARER}", f"{BEARER}, Bearer x", "Bearer a,b"])
    def test_joined_headers_are_ambiguous(self, value):
        """HTTP APIs 2.0 join what was sent twice by a comma."""
        with pytest.raises(errors.AmbiguousTokenError):
            self.read(value)

    @pytest.mark.parametrize(
        "event",
        [
            {
                "multiValueHeaders": {"Authorization": [BEARER, "Bearer x"]},
                "headers": {"Authorization": "Bearer x"},
            },
            {
                "multiValueHeaders": {"Authorization": [BEARER, BEARER]},
                "headers": {"Authorization": BEARER},
            },
            {"headers": {"Authorization": BEARER, "authorization": "Bearer other"}},
            {"headers": {"Authorization": BEARER, "authorization": BEARER}},
            {"headers": {"authorization": [BEARER, BEARER]}},
            {
                "version": "2.0",
                "headers": {"authorization": BEARER, "AUTHORIZATION": "Bearer other"},
            },
            {"version": "2.0", "multiValueHeaders": {"authorization": ["a", "b"]}, "headers": {}},
        ],
    )
    def test_a_duplicated_header_is_ambiguous(self, event):
        with pytest.raises(errors.AmbiguousTokenError):
            BearerToken().read(event)


class TestHeader:
    def test_the_name_is_case_insensitive_on_both_sides(self):
        for sent in (
            "X-Amzn-Oidc-AccessToken",
            "x-amzn-oidc-accesstoken",
            "X-AMZN-OIDC-ACCESSTOKEN",
        ):
            for asked in ("x-amzn-oidc-accesstoken", "X-Amzn-Oidc-Accesstoken"):
                assert Header(asked).read({"headers": {sent: TOKEN}}) == TOKEN

    def test_a_token_event_holds_one_header_of_any_name(self):
        assert Header("x-token").read(EVENTS["REST TOKEN"]) == BEARER

    @pytest.mark.parametrize("values", [[TOKEN, "other"], [TOKEN, TOKEN], [f"{TOKEN},other"]])
    def test_more_than_one_is_ambiguous(self, values):
        with pytest.raises(errors.AmbiguousTokenError):
            Header("x-token").read({"multiValueHeaders": {"x-token": values}})

    @pytest.mark.parametrize("name", ["", "a b", "a:b", "é", None, 7, "a\n"])
    def test_the_name_must_be_one(self, name):
        with pytest.raises(errors.ConfigurationError):
            Header(name)


class TestCookie:
    @pytest.mark.parametrize(
        "event",
        [
            {"version": "2.0", "cookies": ["theme=dark", f"session={TOKEN}"], "headers": {}},
            {"headers": {"Cookie": f"theme=dark; session={TOKEN}; a"}},
            {"multiValueHeaders": {"cookie": ["theme=dark", f"session={TOKEN}"]}},
            {"headers": {"cookie": f"session={TOKEN}"}},
        ],
    )
    def test_is_found_wherever_cookies_are(self, event):
        assert Cookie("session").read(event) == TOKEN

    def test_the_name_is_exact(self):
        event = {"cookies": [f"Session={TOKEN}", f"xsession={TOKEN}", "session"]}
        assert Cookie("session").read(event) is None

    def test_two_of_one_name_are_ambiguous(self):
        """A sibling domain can add a cookie of that name, and who comes first is not defined."""
        for event in (
            {"cookies": [f"session={TOKEN}", "session=evil"]},
            {"headers": {"cookie": "session=a; session=b"}},
        ):
            with pytest.raises(errors.AmbiguousTokenError):
                Cookie("session").read(event)

    def test_an_empty_one_is_none(self):
        assert Cookie("session").read({"cookies": ["session="]}) is None

    def test_a_value_may_hold_equals_signs(self):
        assert Cookie("session").read({"cookies": ["session=YQ=="]}) == "YQ=="


class TestQueryParameter:
    @pytest.mark.parametrize(
        "event",
        [
            {"queryStringParameters": {"token": TOKEN}},
            {
                "queryStringParameters": {"token": TOKEN},
                "multiValueQueryStringParameters": {"token": [TOKEN]},
            },
            {
                "version": "2.0",
                "rawQueryString": f"a=b&token={TOKEN}",
                "queryStringParameters": {"token": TOKEN},
            },
            {"multiValueQueryStringParameters": {"token": [TOKEN]}},
            {"raw_path": "/", "query_string_parameters": {"token": TOKEN}},
            {"version": "2.0", "path": "/", "queryStringParameters": {"token": [TOKEN]}},
        ],
    )
    def test_is_found_wherever_parameters_are(self, event):
        assert QueryParameter("token").read(event) == TOKEN

    @pytest.mark.parametrize(
        "event",
        [
            {
                "multiValueQueryStringParameters": {"token": [TOKEN, "b"]},
                "queryStringParameters": {"token": "b"},
            },
            {
                "version": "2.0",
                "rawQueryString": "token=a&token=b",
                "queryStringParameters": {"token": "a,b"},
            },
            {"queryStringParameters": {"token": "a,b"}},
        ],
    )
    def test_more_than_one_is_ambiguous(self, event):
        with pytest.raises(errors.AmbiguousTokenError):
            QueryParameter("token").read(event)

    def test_the_name_must_be_one(self):
        with pytest.raises(errors.ConfigurationError):
            QueryParameter("")


class TestSeveralSources:
    EVENT = MappingProxyType(
        {
            "headers": {"authorization": BEARER, "x-amzn-oidc-accesstoken": TOKEN},
            "cookies": ["session=other"],
        }
    )

    def test_the_same_token_twice_is_one(self):
        assert read_token(self.EVENT, [BearerToken(), Header("x-amzn-oidc-accesstoken")]) == TOKEN

    def test_different_tokens_are_ambiguous_in_any_order(self):
        for sources in ([BearerToken(), Cookie("session")], [Cookie("session"), BearerToken()]):
            with pytest.raises(errors.AmbiguousTokenError):
                read_token(self.EVENT, sources)

    def test_only_configured_places_count(self):
        assert read_token(self.EVENT, [Cookie("session")]) == "other"

    def test_no_error_quotes_a_token(self):
        for event in (self.EVENT, {"headers": {"authorization": f"{BEARER} {TOKEN}"}}):
            with pytest.raises(errors.AuthenticationError) as caught:
                read_token(event, [BearerToken(), Cookie("session")])
            assert "eyJ" not in str(caught.value)
            assert "other" not in str(caught.value)


def test_what_a_source_says_of_itself():
    sources = [BearerToken(), Header("X-Token"), Cookie("session"), QueryParameter("token")]
    assert [(source.kind, source.name) for source in sources] == [
        ("header", "authorization"),
        ("header", "x-token"),
        ("cookie", "session"),
        ("querystring", "token"),
    ]
    assert [repr(source) for source in sources] == [
        "BearerToken()",
        "Header('x-token')",
        "Cookie('session')",
        "QueryParameter('token')",
    ]


@pytest.mark.conformance
def test_the_public_events_are_read_without_surprise():
    folder = os.environ.get("AUTHZ_VECTORS")
    if folder is None:
        pytest.skip("AUTHZ_VECTORS is not set")
    found = {}
    for path in sorted((Path(folder) / "gateway/events/aws-lambda-go").glob("*.json")):
        event = json.loads(path.read_text())
        try:
            found[path.stem] = read_token(
                event, [Header("authorization"), Cookie("cookie1"), QueryParameter("token")]
            )
        except errors.AuthenticationError as error:
            found[path.stem] = error.code
    assert found["appsync-lambda-auth-request"] not in {"missing_token", "ambiguous_token"}
    assert found["apigw-custom-auth-request"] not in {"missing_token", "ambiguous_token"}
    assert found["apigw-v2-custom-authorizer-v2-request"] == "missing_token"


@pytest.mark.parametrize(
    ("event", "sources", "said"),
    [
        ({"headers": {"Authorization": "abc"}}, [BearerToken()], "; `authorization` is there, in"),
        ({"headers": {"X-T": "Basic x"}}, [BearerToken(header="x-t")], "; `x-t` is there, in"),
        (
            {"headers": {"authorization": "x", "x-t": "y"}},
            [BearerToken(), Header("x-t", prefix="my-"), Cookie("c")],
            "; `authorization`, `x-t` is there, in another form",
        ),
        (
            {"type": "TOKEN", "authorizationToken": "abc"},
            [BearerToken(header="x-t")],
            "; `x-t` is there",
        ),
        ({"headers": {"other": "abc"}}, [BearerToken(), Cookie("c")], "holds a token"),
        ({"headers": {"authorization": ""}}, [BearerToken()], "holds a token"),
        ({"type": "TOKEN", "authorizationToken": ""}, [BearerToken()], "holds a token"),
    ],
)
def test_a_header_that_is_there_in_another_form_is_named(event, sources, said):
    with pytest.raises(errors.MissingTokenError) as caught:
        read_token(event, sources)
    assert said in str(caught.value)
    assert ("is there" in str(caught.value)) == ("is there" in said)


def test_a_source_of_ones_own_has_neither_name_nor_kind():
    class Own:
        def read(self, event):
            return None

    with pytest.raises(errors.MissingTokenError, match=r"holds a token$"):
        read_token({"headers": {"authorization": "x"}}, [Own()])
