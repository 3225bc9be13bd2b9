"""The policy of a route table, judged by an evaluator and a router of the tests' own."""

from __future__ import annotations

import re
from time import thread_time
from urllib.parse import unquote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from authz_lib.actions import ActionMap
from authz_lib.authorizer.route_policies import RoutePolicies
from authz_lib.errors import ConfigurationError
from authz_lib.gateway.arns import MethodArn
from authz_lib.gateway.responses import PolicyResponse

ARN = MethodArn.parse("arn:aws:execute-api:eu-west-1:123456789012:abc/prod/GET/")
METHODS = ["GET", "DELETE"]
LITERALS = ["a", "b", "new", "v1", "c-d"]

segments = st.one_of(st.sampled_from(LITERALS), st.just("{}"))
routes = st.tuples(
    st.sampled_from(METHODS),
    st.lists(segments, max_size=4),
    st.sampled_from([False, False, False, True]),
)


def spell(segs, greedy):
    names = iter(f"x{number}" for number in range(9))
    words = [f"{{{next(names)}}}" if seg == "{}" else seg for seg in segs]
    return "/" + "/".join([*words, "{rest+}"] if greedy else words)


@st.composite
def tables(draw):
    chosen = draw(
        st.lists(routes, min_size=1, max_size=7, unique_by=lambda r: (r[0], tuple(r[1]), r[2]))
    )
    same = draw(st.booleans())
    entries = [
        {"method": m, "route": spell(segs, greedy), "action": f"A{0 if same and n < 2 else n}"}
        for n, (m, segs, greedy) in enumerate(chosen)
    ]
    return ActionMap.from_document({"version": 1, "actions": entries})


# -- a router of its own
# ------------------------------------------------------------------------------------------


def fits(route, path):
    wanted = [word for word in route[1:].split("/") if word]
    if wanted and wanted[-1].endswith("+}"):
        return len(path) >= len(wanted) and all(map(same, wanted[:-1], path)) and path[-1] != ""
    return len(path) == len(wanted) and all(same(w, p) for w, p in zip(wanted, path, strict=True))


def same(wanted, given_):
    return given_ != "" if wanted.startswith("{") else wanted == given_


def rank(route):
    kinds = [
        2 if w.endswith("+}") else 1 if w.startswith("{") else 0 for w in route[1:].split("/") if w
    ]
    return [*kinds, 3]


def led_to(actions, method, path):
    """The position of the route that a gateway would choose for a path, or None."""
    segs = [] if path == "/" else path[1:].split("/")
    found = [n for n, e in enumerate(actions.entries) if e.method == method and fits(e.route, segs)]
    return min(found, key=lambda n: rank(actions.entries[n].route)) if found else None


def readings(path):
    """Every path that some reader might see in this one."""
    seen = set()
    overlong = re.sub("(?i)%C0%AF|%E0%80%AF", "/", re.sub("(?i)%C0%AE|%E0%80%AE", ".", path))
    for text in {path, unquote(path), unquote(unquote(path)), overlong}:
        collapsed = re.sub("/{2,}", "/", text)
        for form in {text, collapsed}:
            kept = []
            for seg in form[1:].split("/"):
                if seg == "..":
                    kept = kept[:-1]
                elif seg != ".":
                    kept.append(seg)
            seen |= {form, "/" + "/".join(kept)}
    return seen | {form.removesuffix("/") or "/" for form in seen}


# -- an evaluator of its own: IAM's wildcards, explicit Deny first
# ------------------------------------------------


def matches(pattern, text):
    expression = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def evaluate(policy, resource):
    verdicts = {
        statement["Effect"]
        for statement in policy["policyDocument"]["Statement"]
        if any(matches(pattern, resource) for pattern in statement["Resource"])
    }
    return "Allow" in verdicts and "Deny" not in verdicts


def policy_for(policies, allowed):
    resources = policies.resources(frozenset(allowed))
    prefix = ARN.stage_prefix
    return PolicyResponse(
        "alice",
        allow=[prefix + text for text in resources.allow],
        deny=[prefix + text for text in resources.deny],
    ).to_dict()


def build(actions):
    try:
        return RoutePolicies(actions, max_bytes=100_000)
    except ConfigurationError:
        return None


def consistent(actions, wished):
    """Lines with one action are decided alike, whoever asks."""
    granted = {actions.entries[n].action for n in wished if n < len(actions.entries)}
    return {n for n, entry in enumerate(actions.entries) if entry.action in granted}


escapes = st.sampled_from(
    ["", ".", "..", "*", "?", "%2F", "%2f", "a%2Fb", "%61", "%6Eew", "n%65w", "%2E%2E", "%2e",
     "v%31", "c%2Dd", "%5C", "%00", "%2561",
     "%252F", "a%252fb", "%252E%252e", "%255C", "..%C0%AFa", "%c0%ae%C0%AE", "%E0%80%AF", "\\",
     "x", "7", "new", "a", "b", "v1", "c-d", "..%2Fa", "x y", "NEW", "a;b", "${a}"]
)  # fmt: skip
wild_paths = st.lists(escapes, max_size=5).map(lambda parts: "/" + "/".join(parts))


@settings(max_examples=100, deadline=None)
@given(tables(), st.sets(st.integers(0, 6)), st.data())
def test_no_route_that_is_denied_is_ever_allowed(actions, wished, data):
    policies = build(actions)
    assume(policies is not None)
    allowed = consistent(actions, wished)
    policy = policy_for(policies, allowed)
    for _ in range(12):
        method = data.draw(st.sampled_from([*METHODS, "POST", "HEAD"]))
        path = data.draw(st.one_of(wild_paths, near(actions)))
        if evaluate(policy, f"{ARN.stage_prefix}{method}{path}"):
            led = {led_to(actions, method, reading) for reading in readings(path)} - {None}
            assert led <= allowed, (path, [actions.entries[n].route for n in led - allowed])


def near(actions):
    """Paths of the table itself, with one segment replaced by something odd."""
    texts = [entry.route for entry in actions.entries]
    return st.builds(
        lambda text, odd, at: "/" + "/".join(
            odd if n == at else (w if not w.startswith("{") else "x")
            for n, w in enumerate(text[1:].split("/"))
        ),
        st.sampled_from(texts), escapes, st.integers(0, 4),
    )  # fmt: skip


clean_values = st.sampled_from(
    [
        "x",
        "7",
        "a%20b",
        "alice%40example.com",
        "a:b@c",
        "new2",
        "C3",
        "a..b",
        "%C3%A9",
        "o-17",
        "~t",
    ]
)


@settings(max_examples=100, deadline=None)
@given(tables(), st.sets(st.integers(0, 6)), st.data())
def test_every_route_that_is_allowed_is_allowed(actions, wished, data):
    policies = build(actions)
    assume(policies is not None)
    allowed = consistent(actions, wished)
    assume(allowed)
    policy = policy_for(policies, allowed)
    for _ in range(8):
        entry = actions.entries[data.draw(st.sampled_from(sorted(allowed)))]
        words = [
            "/".join(data.draw(st.lists(clean_values, min_size=1, max_size=3))) if w.endswith("+}")
            else data.draw(clean_values) if w.startswith("{") else w
            for w in entry.route[1:].split("/")
        ]  # fmt: skip
        path = "/" + "/".join(words) + data.draw(st.sampled_from(["", "/"]))
        resolved = actions.resolve(entry.method, None, path, {})
        if resolved is not None and any(resolved.entry is actions.entries[n] for n in allowed):
            assert evaluate(policy, f"{ARN.stage_prefix}{entry.method}{path}"), (entry.route, path)


def test_common_tables_are_accepted():
    lines = [
        ("GET", "/orders"), ("POST", "/orders"), ("GET", "/orders/{id}"),
        ("DELETE", "/orders/{id}"), ("GET", "/orders/{id}/lines"), ("GET", "/orders/new"),
        ("POST", "/orders/{id}/lines/{line}"),
        ("GET", "/customers/{id}"), ("GET", "/"),
    ]  # fmt: skip
    document = {
        "version": 1,
        "actions": [{"method": m, "route": r, "action": f"{m}{r}"} for m, r in lines],
    }
    assert build(ActionMap.from_document(document)) is not None


def table(*routes_):
    return ActionMap.from_document(
        {"version": 1, "actions": [{"method": "GET", "route": r, "action": r} for r in routes_]}
    )


@pytest.mark.parametrize(
    "routes_",
    [
        ("/{x}/b", "/a/{y}", "/{x}/{y}/b"),
        # `orders/*/lines` also names the line whose id is `lines`.
        ("/orders/{id}", "/orders/{id}/lines", "/orders/{id}/lines/{line}"),
    ],
)
def test_routes_that_no_wildcards_separate_are_refused(routes_):
    with pytest.raises(ConfigurationError, match=r"no policy can allow .* and deny"):
        RoutePolicies(table(*routes_), max_bytes=100_000)


def test_a_policy_that_would_be_too_large_is_refused_with_its_size():
    with pytest.raises(
        ConfigurationError, match=r"may need .* bytes, more than `max_policy_bytes`"
    ):
        RoutePolicies(table(*[f"/r{n}" for n in range(60)]), max_bytes=8192)


def test_nothing_allowed_is_one_deny_of_everything():
    assert RoutePolicies(table("/a", "/b"), max_bytes=8192).resources(frozenset()) == ((), ("*",))


# -- linear matching, whatever the table and the path


def spent(call):
    """The shortest of several runs, in seconds."""
    times = []
    for _ in range(5):
        started = thread_time()
        call()
        times.append(thread_time() - started)
    return min(times)


@settings(max_examples=60, deadline=None)
@given(tables(), st.sets(st.integers(0, 6)), st.data())
def test_a_path_of_1600_bytes_is_matched_in_linear_steps(actions, wished, data):
    """Under 1 ms on a quiet machine; ten times that here, where others run beside it."""
    policies = build(actions)
    assume(policies is not None)
    resources = policies.resources(consistent(actions, wished))
    method = data.draw(st.sampled_from(METHODS))
    unit = data.draw(
        st.sampled_from(["/", "a", "/a", "/new/", "%", "/%2", "?", "*", "a/b/", "%E0%8"])
    )
    tail = data.draw(st.sampled_from(["", "*", "x", "/new", "\n"]))
    path = f"/{unit * 1600}"[: 1600 - len(tail)] + tail
    assert spent(lambda: resources.allows(method + path)) < 0.01
    assert resources.allows(method + path) == evaluated(resources, method + path)


def evaluated(resources, resource):
    """As `evaluate`, by an evaluator that remembers positions: a chain of `.*` would not end."""

    def fits_(pattern):
        ends = {0}
        for character in pattern:
            if character == "*":
                ends = set(range(min(ends), len(resource) + 1)) if ends else ends
            else:
                ends = {
                    at + 1 for at in ends if at < len(resource) and character in {"?", resource[at]}
                }
        return len(resource) in ends

    return any(map(fits_, resources.allow)) and not any(map(fits_, resources.deny))
