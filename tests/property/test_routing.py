"""The index matches as a matcher does that tries a regular expression for each pattern."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from hypothesis import event, given, settings
from hypothesis import strategies as st

from authz_lib.actions import ActionMap

LITERALS = ["a", "b", "c.d"]
PATTERN_SEGMENTS = st.sampled_from([*LITERALS, "{}", "{}"])
VALUES = ["a", "b", "c.d", "z", "0", "x y", "日", "%", "+", ":"]


@st.composite
def patterns(draw):
    segments = draw(st.lists(PATTERN_SEGMENTS, max_size=4))
    if draw(st.integers(0, 3)) == 0:
        segments.insert(draw(st.integers(0, len(segments))), "{+}")
    names = iter("pqrstu")
    return "/" + "/".join(
        {"{}": "{%s}", "{+}": "{%s+}"}[segment] % next(names) if "{" in segment else segment
        for segment in segments
    )


QUERIES = st.dictionaries(st.sampled_from(["k", "m"]), st.sampled_from(["", "1", "2"]), max_size=2)


@st.composite
def tables(draw):
    rows = draw(
        st.lists(
            st.tuples(st.sampled_from(["GET", "POST"]), patterns(), QUERIES),
            min_size=1,
            max_size=14,
        )
    )
    unique = {}
    for method, route, query in rows:
        unique.setdefault(
            (method, re.sub(r"\{\w", "{", route), tuple(sorted(query.items()))),
            (method, route, query),
        )
    return list(unique.values())


def regex(route):
    """A greedy label takes all but one segment for each of the others."""
    parts = []
    for segment in route.strip("/").split("/"):
        if segment.endswith("+}"):
            parts.append(f"(?P<{segment[1:-2]}>.+)")
        elif segment.startswith("{"):
            parts.append(f"(?P<{segment[1:-1]}>[^/]+)")
        else:
            parts.append(re.escape(segment))
    return re.compile("/" + "/".join(parts))


def rank(route, query):
    ranks = [
        2 if s.endswith("+}") else 1 if s.startswith("{") else 0
        for s in route.strip("/").split("/")
        if s
    ]
    return [*ranks, 3], -len(query)


def satisfied(wanted, given_query):
    return all(
        name in given_query and value in ("", given_query[name][0])
        for name, value in wanted.items()
    )


def strength(query):
    return len(query), len([value for value in query.values() if value != ""])


def brute_force(rows, method, path, given_query):
    """(index of the row, labels), or None."""
    bare = path[:-1] if path.endswith("/") and path != "/" else path
    fitting = []
    for number, (row_method, route, query) in enumerate(rows):
        found = regex(route).fullmatch(bare) if row_method == method else None
        if found:
            fitting.append((rank(route, query), number, query, found.groupdict()))
    fitting.sort(key=lambda item: item[0])
    by_shape = {}
    for (ranks, _), number, query, labels in fitting:
        by_shape.setdefault(tuple(ranks), []).append((number, query, labels))
    for _, choices in sorted(by_shape.items()):
        asked = {name for _, query, _ in choices for name in query}
        if asked and (
            given_query is None or any(len(given_query.get(name, ())) > 1 for name in asked)
        ):
            return None
        fits = [choice for choice in choices if satisfied(choice[1], given_query or {})]
        if fits:
            top = max(strength(query) for _, query, _ in fits)
            winners = [choice for choice in fits if strength(choice[1]) == top]
            if len(winners) > 1:
                return None
            number, _, labels = winners[0]
            return number, {name: unquote(value) for name, value in labels.items()}
    return None


def make(rows):
    return ActionMap.from_document(
        {
            "version": 1,
            "actions": [
                {"method": method, "route": route, "query": query, "action": f"t:{number}"}
                for number, (method, route, query) in enumerate(rows)
            ],
        }
    )


PATHS = st.lists(st.sampled_from(VALUES).map(lambda text: quote(text, safe="+:")), max_size=5).map(
    lambda segments: "/" + "/".join(segments)
)
GIVEN = st.none() | st.dictionaries(
    st.sampled_from(["k", "m", "n"]),
    st.lists(st.sampled_from(["", "1", "2"]), min_size=1, max_size=2),
)


REQUESTS = st.lists(
    st.tuples(st.sampled_from(["GET", "POST"]), PATHS, GIVEN, st.booleans()),
    min_size=5,
    max_size=12,
)


@settings(max_examples=120, deadline=None)
@given(tables(), REQUESTS)
def test_by_path_the_index_agrees_with_brute_force(rows, requests):
    actions = make(rows)
    for method, path, query, slash in requests:
        sent = path + "/" if slash and path != "/" else path
        expected = brute_force(rows, method, path, query)
        for route in (None, "$default", "ANY /{proxy+}"):
            resolved = actions.resolve(method, route, sent, query)
            seen = (
                None
                if resolved is None
                else (int(resolved.entry.action[2:]), dict(resolved.labels))
            )
            assert seen == expected


@settings(max_examples=120, deadline=None)
@given(tables(), st.data())
def test_by_route_only_that_route_is_meant(rows, data):
    actions = make(rows)
    method, route, _ = data.draw(st.sampled_from(rows))
    values = data.draw(st.lists(st.sampled_from(VALUES), min_size=8, max_size=8))
    encoded = iter([quote(value, safe="+:") for value in values])
    path = re.sub(r"\{\w\+?\}", lambda _: next(encoded), route)
    query = data.draw(GIVEN)
    same = [
        row if re.sub(r"\{\w", "{", row[1]) == re.sub(r"\{\w", "{", route) else ("-", *row[1:])
        for row in rows
    ]
    if "+}" in route:
        same = rows  # a greedy route says nothing: the path decides
    expected = brute_force(same, method, path, query)
    for spelled in (route, f"{method} {route}", f"ANY {route}", re.sub(r"\{\w", "{other", route)):
        if spelled.count("{other") > 1:
            continue
        resolved = actions.resolve(method, spelled, path, query)
        seen = None if resolved is None else (int(resolved.entry.action[2:]), dict(resolved.labels))
        assert seen == expected


@settings(max_examples=120, deadline=None)
@given(tables(), st.data())
def test_a_path_and_its_route_are_one_where_brute_force_finds_the_same_line_by_path(rows, data):
    """Labels that spell literals, and a second route that has literals in their place."""
    method, route, query = data.draw(st.sampled_from(rows))
    words = st.lists(st.sampled_from([*LITERALS, "z"]), min_size=8, max_size=8)
    instead = iter(data.draw(words))
    rival = re.sub(r"\{\w\}", lambda label: next(instead).replace("z", label[0]), route)
    if rival != route and not any(
        rank(rival, {}) == rank(row[1], {}) and row[0] == method for row in rows
    ):
        rows = [*rows, (method, rival, query)]
    actions = make(rows)
    values = iter(data.draw(words))
    path = re.sub(r"\{\w\+?\}", lambda _: next(values), route)
    sent = {name: [value or "1"] for name, value in query.items()}
    resolved = actions.resolve(method, route, path, sent)
    if resolved is not None:
        by_path = brute_force(rows, method, path, sent)
        is_one = by_path is not None and by_path[0] == int(resolved.entry.action[2:])
        event("one" if is_one else "two")
        assert actions.is_one_route(resolved, method, path, sent) is is_one


@settings(max_examples=120, deadline=None)
@given(tables(), st.text(alphabet="/abz.%2eEfF5c\\?#\x00 +~é", max_size=14))
def test_no_path_is_read_in_two_ways(rows, path):
    """A resolved path has one reading: no empty segment, no dot, no encoded slash."""
    actions = make(rows)
    resolved = actions.resolve("GET", None, path, {})
    if resolved is not None:
        bare = path[1:-1] if len(path) > 1 and path.endswith("/") else path[1:]
        segments = bare.split("/") if bare else []
        assert all(segments)
        assert not {unquote(unquote(segment)) for segment in segments} & {".", ".."}
        assert all(unquote(unquote(segment)).count("/") == 0 for segment in segments)
        assert not set(path) & set("\\?#\x00")
