"""One reader of an event: sources, identity sources and typed events see the same request."""

from __future__ import annotations

import pytest

from authz_lib.authorizer.identity_source import IdentitySource
from authz_lib.errors import AmbiguousTokenError, UntrustedEventError
from authz_lib.gateway.events import (
    MAX_HEADER_CHARACTERS,
    MAX_LINE_CHARACTERS,
    Event,
    parse_authorizer_event,
)
from authz_lib.gateway.sources import Cookie, Header, QueryParameter
from authz_lib.testing import events

REST = events.rest_request_authorizer_event("abc")
HTTP = events.http_authorizer_event("abc")

# What an event holds -> the values that every reader sees of the header, cookie or parameter `x`.
HEADERS = {
    "one map null, the other has it": ({"headers": None, "multiValueHeaders": {"X": ["1"]}}, ["1"]),
    "the other null": ({"headers": {"X": "1"}, "multiValueHeaders": None}, ["1"]),
    "one spelling in each map": (
        {"headers": {"x": "1"}, "multiValueHeaders": {"X": ["2"]}},
        ["2", "1"],
    ),
    "the same in both maps": ({"headers": {"x": "1"}, "multiValueHeaders": {"X": ["1"]}}, ["1"]),
    "only in the single map": ({"headers": {"x": "1"}, "multiValueHeaders": {"y": ["2"]}}, ["1"]),
    "the last of a repeated one": (
        {"headers": {"x": "2"}, "multiValueHeaders": {"x": ["1", "2"]}},
        ["1", "2"],
    ),
    "white space around it": ({"headers": {"x": " \t1 "}, "multiValueHeaders": None}, ["1"]),
    "white space in one map": (
        {"headers": {"x": " 1"}, "multiValueHeaders": {"x": ["1 "]}},
        ["1"],
    ),
    "two spellings in one map": ({"headers": {"x": "1", "X": "1"}}, ["1", "1"]),
    "a list in the single map": ({"headers": {"x": ["1", "2"]}}, ["1", "2"]),
    "white space in a list": ({"headers": {"x": [" 1", "2\t"]}}, ["1", "2"]),
    "one in a list, beside a null map": (
        {"headers": {"x": [" 1 "]}, "multiValueHeaders": None},
        ["1"],
    ),
    "nowhere": ({"headers": {"y": "1"}, "multiValueHeaders": {}}, []),
}


@pytest.mark.parametrize("base", [REST, HTTP], ids=["REST", "HTTP"])
@pytest.mark.parametrize(("parts", "values"), HEADERS.values(), ids=HEADERS.keys())
def test_a_header_has_the_same_values_for_every_reader(base, parts, values):
    raw = {**base, "headers": {}, **parts}
    event = parse_authorizer_event(raw)
    assert list(event.header("x")) == values
    assert list(event.headers.get("x", ())) == values
    assert list(IdentitySource.parse("$request.header.X").read(event)) == values
    for source_event in (raw, event, Event(raw)):
        if len(values) > 1:
            with pytest.raises(AmbiguousTokenError):
                Header("X").read(source_event)
        else:
            assert Header("X").read(source_event) == (values[0] if values else None)


PARAMETERS = {
    "one map null": (
        {"queryStringParameters": None, "multiValueQueryStringParameters": {"x": ["1"]}},
        ["1"],
    ),
    "only in the single map": (
        {"queryStringParameters": {"x": "1"}, "multiValueQueryStringParameters": {"y": ["2"]}},
        ["1"],
    ),
    "another value in each map": (
        {"queryStringParameters": {"x": "1"}, "multiValueQueryStringParameters": {"x": ["2"]}},
        ["2", "1"],
    ),
    "white space is a part of it": ({"queryStringParameters": {"x": " 1 "}}, [" 1 "]),
    "the raw text decides": (
        {"rawQueryString": "x=1&x=2", "queryStringParameters": {"x": "1,2"}},
        ["1", "2"],
    ),
    "an empty raw text": ({"rawQueryString": ""}, []),
}


@pytest.mark.parametrize(("parts", "values"), PARAMETERS.values(), ids=PARAMETERS.keys())
def test_a_parameter_has_the_same_values_for_every_reader(parts, values):
    raw = {**REST, "queryStringParameters": None, "multiValueQueryStringParameters": None, **parts}
    event = parse_authorizer_event(raw)
    assert list((event.query or {}).get("x", ())) == values
    assert list(IdentitySource.parse("$request.querystring.x").read(event)) == values
    if len(values) > 1:
        with pytest.raises(AmbiguousTokenError):
            QueryParameter("x").read(raw)
    else:
        assert QueryParameter("x").read(raw) == (values[0] if values else None)


@pytest.mark.parametrize(
    "parts",
    [
        {"cookies": ["a=1", "x=2"]},
        {"headers": {"Cookie": "a=1; x=2"}},
        {"cookies": None, "headers": {"cookie": "a=1;x=2"}},
        {"cookies": [], "multiValueHeaders": {"COOKIE": ["a=1", "x=2"]}, "headers": {}},
    ],
)
def test_a_cookie_is_the_same_wherever_it_stands(parts):
    raw = {**HTTP, "cookies": None, **parts}
    assert Event(raw).cookies == (("a", "1"), ("x", "2"))
    assert Cookie("x").read(raw) == Cookie("x").read(parse_authorizer_event(raw)) == "2"


def test_a_query_of_many_parts_is_read_in_linear_steps():
    """Each value is put behind those of its name once; copying the list each time was quadratic."""
    count = MAX_LINE_CHARACTERS // 3
    values = Event({"rawQueryString": "a=&" * count}).parameters()["a"]
    assert len(values) == count


class Counting(dict):
    """A part of an event that counts how often it is read."""

    reads = 0

    def items(self):
        self.reads += 1
        return super().items()


def test_headers_are_read_once():
    sent = Counting({"X": "1", "y": "2", "Cookie": "a=1"})
    event = parse_authorizer_event({**HTTP, "headers": sent, "cookies": None})
    assert [event.header("x"), event.header("y"), event.header("z")] == [("1",), ("2",), ()]
    assert Header("x").read(event) == "1"
    assert Cookie("a").read(event) == Cookie("a").read(event) == "1"
    assert sent.reads == 1


def test_cookies_and_query_are_read_once():
    event = Event({"cookies": ["a=1"], "rawQueryString": "a=1"})
    assert event.cookies is event.cookies
    assert event.parameters() is event.parameters()


@pytest.mark.parametrize(
    ("token", "values"),
    [
        (None, ("b",)),
        ("b", ("b",)),
        (" b ", ("b",)),
        ("a", ("a", "b")),
        (" ", ("", "b")),
        ("", ("", "b")),
    ],
)
def test_the_token_that_appsync_keys_on_is_a_second_value_where_it_differs(token, values):
    event = Event({"authorizationToken": token, "requestHeaders": {"Authorization": "b"}})
    assert event.token_header("authorization") == values


@pytest.mark.parametrize("token", [["a"], 1, {"a": "b"}, True])
@pytest.mark.parametrize("headers", [{"authorization": "b"}, {}])
def test_a_token_of_another_type_is_refused(token, headers):
    event = Event({"authorizationToken": token, "requestHeaders": headers})
    with pytest.raises(UntrustedEventError, match="`authorizationToken` of the event is not a"):
        event.token_header("authorization")


# Bounds: at each of them, and one past it.

BIG, LINE = MAX_HEADER_CHARACTERS, MAX_LINE_CHARACTERS
FITS = {
    "a header": ({"headers": {"x": "a" * BIG}}, lambda e: e.header("x")),
    "a header in a list": ({"headers": {"x": ["a" * BIG]}}, lambda e: e.header("x")),
    "a repeated header": (
        {"multiValueHeaders": {"x": ["a" * (BIG - 2), "a"]}},
        lambda e: e.header("x"),
    ),
    "the names of headers": ({"headers": {"a" * BIG: ""}}, lambda e: e.header("x")),
    "the names of headers, with a second map": (
        {"multiValueHeaders": {"a" * BIG: []}},
        lambda e: e.header("x"),
    ),
    "cookies": ({"cookies": ["a" * BIG]}, lambda e: e.cookies),
    "the token": (
        {"authorizationToken": "a" * BIG},
        lambda e: e.token_header("authorization"),
    ),
    "the raw query": ({"rawQueryString": "a" * LINE}, lambda e: e.parameters()),
    "the query": (
        {"queryStringParameters": {"q": "a" * (LINE - 2)}},
        lambda e: e.parameters(),
    ),
    "a repeated parameter": (
        {"multiValueQueryStringParameters": {"q": ["", "a" * (LINE - 5)]}},
        lambda e: e.parameters(),
    ),
    "the names of parameters": (
        {"queryStringParameters": {"a" * (LINE - 1): ""}},
        lambda e: e.parameters(),
    ),
    "labels": ({"pathParameters": {"id": "a" * LINE}}, lambda e: e.path_parameters),
    "names of labels": ({"pathParameters": {"a" * LINE: ""}}, lambda e: e.path_parameters),
    "stage variables": ({"stageVariables": {"x": "a" * LINE}}, lambda e: e.stage_variables),
    "the identity": ({"identitySource": ["a" * BIG]}, lambda e: e.identity),
    "the identity as one text": ({"identitySource": "a" * BIG}, lambda e: e.identity),
    "the path": (
        HTTP | {"rawPath": "/" + "a" * (LINE - len("GET" + HTTP["routeKey"]) - 1)},
        lambda e: parse_authorizer_event(e.raw),
    ),
}


def longer(part):
    """The same with one more character in its longest text."""
    if isinstance(part, str):
        return f"{part}a" if len(part) > 10_000 else part
    if isinstance(part, list):
        return [longer(value) for value in part]
    if isinstance(part, dict):
        return {longer(name): longer(value) for name, value in part.items()}
    return part


@pytest.mark.parametrize(("event", "read"), FITS.values(), ids=FITS.keys())
def test_the_most_that_a_part_may_hold_is_read_and_one_more_character_is_refused(event, read):
    read(Event(event))
    one = longer(event)
    assert one != event
    with pytest.raises(UntrustedEventError, match="is too large"):
        read(Event(one))


def test_two_maps_that_tell_the_same_are_merged_in_linear_steps():
    values = [str(number) for number in range(10_000)]
    event = Event({"multiValueHeaders": {"x": values}, "headers": {"x": values}})
    assert event.header("x") == tuple(values)
