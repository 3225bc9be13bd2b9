"""The action map: what a request means, and what is refused."""

from __future__ import annotations

import functools
import json
import subprocess
import sys

import pytest

from authz_lib.actions import ActionEntry, ActionMap
from authz_lib.errors import ConfigurationError


def line(method, route, action, **more):
    return {"method": method, "route": route, "action": f"shop:{action}", **more}


ORDER = {"resource_type": "Order", "resource_id_label": "orderId"}
LINES = [
    line("GET", "/orders", "ListOrders", scopes=["orders/read"]),
    line("POST", "/orders", "CreateOrder"),
    line("GET", "/orders/{orderId}", "GetOrder", **ORDER),
    line("GET", "/orders/search", "SearchOrders"),
    line("GET", "/health", "Health", public=True),
    line("GET", "/files/{key+}", "GetFile", resource_type="File", resource_id_label="key"),
    line("POST", "/bulk", "Import", query={"mode": "import"}),
    line("POST", "/bulk", "Export", query={"mode": "export"}),
    line("POST", "/jobs", "StartJob"),
    line("POST", "/jobs", "StopJob", query={"stop": ""}),
    line("POST", "/jobs", "KillJob", query={"stop": "hard"}),
    line("POST", "/jobs", "PauseJob", query={"pause": ""}),
    line("POST", "/jobs", "ParkJob", query={"pause": "", "stop": ""}),
    line(
        "GET",
        "/orders/{orderId}/lines/{lineId}",
        "GetLine",
        resource_type="Line",
        resource_id_label="orderId/lineId",
    ),
    line("GET", "/orders/{orderId}/lines", "ListLines", **ORDER),
]


@pytest.fixture(scope="module")
def actions():
    return ActionMap.from_document({"version": 1, "prefix": "shop", "actions": LINES})


@pytest.mark.parametrize(
    ("method", "route", "path", "query", "action", "resource_id"),
    [
        ("GET", "GET /orders", "/orders", {}, "ListOrders", None),
        ("GET", "/orders/{orderId}", "/orders/o-1", {}, "GetOrder", "o-1"),
        ("GET", "GET /orders/{id}", "/orders/o-1", {}, "GetOrder", "o-1"),
        ("GET", "ANY /orders/{orderId}", "/orders/o-1", {}, "GetOrder", "o-1"),
        ("GET", "/orders/{orderId}", "/orders/o-1/", {}, "GetOrder", "o-1"),
        ("GET", "/orders/{orderId}", "/orders/a%20b", {}, "GetOrder", "a b"),
        ("GET", "/orders/{orderId}", "/orders/%E6%97%A5", {}, "GetOrder", "日"),
        ("GET", "/orders/{orderId}", "/orders/日", {}, "GetOrder", "日"),
        ("GET", "/orders/{orderId}", None, None, "GetOrder", None),
        ("GET", "GET /orders/{orderId}", "/orders/search", {}, "GetOrder", "search"),
        ("GET", "$default", "/orders/search", {}, "SearchOrders", None),
        ("GET", "ANY /{proxy+}", "/orders/o-1", {}, "GetOrder", "o-1"),
        ("GET", "/{proxy+}", "/orders/o-1", {}, "GetOrder", "o-1"),
        ("GET", None, "/orders/o-1", None, "GetOrder", "o-1"),
        ("GET", None, "/files/a/b.txt", {}, "GetFile", "a/b.txt"),
        ("GET", "/files/{key+}", "/files/a/b.txt", {}, "GetFile", "a/b.txt"),
        ("POST", "/bulk", "/bulk", {"mode": ["import"]}, "Import", None),
        ("POST", None, "/bulk", {"mode": ["export"], "x": ["1", "2"]}, "Export", None),
        ("POST", "/bulk", "/bulk", {"mode": "export"}, "Export", None),
        ("POST", "/jobs", "/jobs", {}, "StartJob", None),
        ("POST", "/jobs", "/jobs", {"stop": ["anything"]}, "StopJob", None),
        ("POST", "/jobs", "/jobs", {"stop": [""]}, "StopJob", None),
        ("POST", "/jobs", "/jobs", {"stop": []}, "StartJob", None),
        ("POST", "/jobs", "/jobs", {"stop": ["hard"]}, "KillJob", None),
        ("POST", "/jobs", "/jobs", {"stop": ["x"], "pause": ["x"]}, "ParkJob", None),
        ("GET", None, "/orders/o-1/lines/7", {}, "GetLine", "o-1/7"),
        (
            "GET",
            "/orders/{orderId}/lines/{lineId}",
            "/orders/o%201/lines/7",
            {},
            "GetLine",
            "o 1/7",
        ),
        ("GET", "/orders/{orderId}/lines/{lineId}", None, {}, "GetLine", None),
        ("GET", "GET /orders/{orderId}/lines", "/orders/o-1/lines", {}, "ListLines", "o-1"),
    ],
)
def test_a_request_means_one_action(actions, method, route, path, query, action, resource_id):
    resolved = actions.resolve(method, route, path, query)
    assert resolved.entry.action == f"shop:{action}"
    assert resolved.resource_id == resource_id


@pytest.mark.parametrize(
    ("method", "route", "path", "query"),
    [
        ("get", "/orders", "/orders", {}),
        ("HEAD", "/orders", "/orders", {}),
        ("PUT", None, "/orders", {}),
        ("GET", None, None, {}),
        ("GET", "$default", None, {}),
        ("GET", "/{proxy+}", None, {}),
        ("GET", "/unknown", "/orders", {}),
        ("GET", "POST /orders", "/orders", {}),
        ("GET", "/orders/{orderId}", "/health", {}),
        ("GET", "/orders/{orderId}", "/orders/a/b", {}),
        ("GET", "/orders/{orderId}", "/prod/orders/a", {}),
        ("GET", None, "/Orders", {}),
        ("GET", None, "/ordersx", {}),
        ("GET", None, "/files", {}),
        ("GET", None, "/files/", {}),
        ("GET", None, "", {}),
        ("POST", "/bulk", "/bulk", {}),
        ("POST", "/bulk", "/bulk", None),
        ("POST", "/bulk", "/bulk", {"mode": ["purge"]}),
        ("POST", "/bulk", "/bulk", {"mode": ["import", "export"]}),
        ("POST", "/bulk", "/bulk", {"mode": ["import", "import"]}),
        ("POST", "/jobs", "/jobs", {"stop": ["1", "1"]}),
        ("POST", "/jobs", "/jobs", {"stop": "1,1"}),
        ("POST", None, "/jobs", None),
    ],
)
def test_what_is_unknown_or_ambiguous_is_none(actions, method, route, path, query):
    assert actions.resolve(method, route, path, query) is None


@pytest.mark.parametrize(
    "segment",
    [
        "",
        ".",
        "..",
        "%2e",
        "%2E%2e",
        "a%2fb",
        "a%2Fb",
        "a%5Cb",
        "a\\b",
        "%41",
        "a%2541",
        "a%",
        "a%zz",
        "%ff",
        "a%00",
        "a\x00b",
        "a\nb",
        "a\n",
        "a%0A",
        "a%C2%85",
        "a?b",
        "a#b",
        "/a",
        "a//b",
        "a/../b",
    ],
)
@pytest.mark.parametrize("route", ["/orders/{orderId}", None, "$default"])
def test_a_path_that_can_be_read_in_two_ways_is_none(actions, route, segment):
    assert (
        actions.resolve("GET", route, f"/orders/{segment}" if segment else "/orders//", {}) is None
    )
    assert (
        actions.resolve("GET", "/files/{key+}" if route else None, f"/files/x/{segment}/y", {})
        is None
    )


@pytest.mark.parametrize("route", ["/files/{key+}", "GET /files/{key+}", None, "$default"])
def test_a_slash_behind_a_greedy_id_is_none(actions, route):
    """The service is given `a/`, which is another object than `a`: an Allow for one must not open
    the other.
    """
    assert actions.resolve("GET", route, "/files/x/a", {}).resource_id == "x/a"
    assert actions.resolve("GET", route, "/files/x/a/", {}) is None
    assert actions.resolve("GET", route, "/files/%20/", {}) is None
    no_id = ActionMap.from_document(
        {"version": 1, "actions": [line("GET", "/files/{key+}", "GetFile")]}
    )
    assert no_id.resolve("GET", route, "/files/x/a/", {}).entry.action == "shop:GetFile"


def test_an_encoded_spelling_of_a_literal_does_not_become_a_label():
    odd = [line("GET", "/x/{id}", "Label"), line("GET", "/x/a:b", "Literal")]
    actions = ActionMap.from_document({"version": 1, "actions": odd})
    assert actions.resolve("GET", None, "/x/a:b", {}).entry.action == "shop:Literal"
    assert actions.resolve("GET", None, "/x/a%3Ab", {}) is None
    assert actions.resolve("GET", None, "/x/a%3Ac", {}).labels == {"id": "a:c"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "`version` must be 1"),
        ({"version": True}, "`version` must be 1"),
        ({"extra": 1}, "unknown member `extra`"),
        ({"actions": {}}, "`actions` must be a list"),
        ({"prefix": 1}, "must be strings"),
        ({"actions": ["x"]}, r"`actions\[0\]` must be an object"),
        ({"actions": [{**LINES[0], "publik": True}]}, "unknown member `publik`"),
        (
            {"actions": [{**LINES[0], "method": "get"}]},
            r"`actions\[0\].method` must be an HTTP method",
        ),
        (
            {"actions": [{**LINES[0], "method": ["GET"]}]},
            r"`actions\[0\].method` must be an HTTP method",
        ),
        ({"actions": [{"method": "GET", "route": "/"}]}, r"`actions\[0\].action` must be"),
        ({"actions": [{**LINES[0], "action": "x" * 513}]}, r"`actions\[0\].action` must be"),
        ({"actions": [{**LINES[0], "public": 1}]}, r"`actions\[0\].public` must be true or false"),
        (
            {"actions": [{**LINES[0], "public": None}]},
            r"`actions\[0\].public` must be true or false",
        ),
        (
            {"actions": [{**LINES[0], "scopes": "orders/read"}]},
            r"`actions\[0\].scopes` must be a list",
        ),
        ({"actions": [{**LINES[0], "scopes": ["a b"]}]}, r"`actions\[0\].scopes` must be a list"),
        ({"actions": [{**LINES[0], "public": True}]}, "public and asks for scopes"),
        ({"actions": [{**LINES[0], "query": {"a": 1}}]}, "an object of strings"),
        # Not from JSON: from YAML.
        (
            {"actions": [{**LINES[0], "query": {1: "a"}}]},
            "an object of strings",
        ),
        ({"actions": [{**LINES[0], "query": {"": "a"}}]}, "an object of strings"),
        ({"actions": [{**LINES[0], 1: "a"}]}, "unknown member `1`"),
        ({1: "a", "b": 2}, "unknown member `1`"),
        ({"actions": [{**LINES[2], "resource_type": None}]}, "no `resource_type`"),
        ({"actions": [{**LINES[2], "resource_type": "a b"}]}, "a Cedar type name"),
        ({"actions": [{**LINES[2], "resource_id_label": "id"}]}, "has no label `id`"),
        (
            {"actions": [{**LINES[5], "route": "/f/{key+}/{id}", "resource_id_label": "key/id"}]},
            "not be unique",
        ),
        ({"actions": [{**LINES[2], "resource_id_label": "orderId/orderId"}]}, "not be unique"),
        ({"actions": [LINES[0], LINES[0]]}, "there twice"),
        ({"actions": [LINES[2], {**line("GET", "/orders/{other}", "Other")}]}, "there twice"),
        ({"actions": [line("GET", "/orders/", "A"), line("GET", "/orders", "B")]}, "there twice"),
        ({"actions": [line("GET", "/a?b=c", "A")]}, "in `query`"),
        ({"actions": [line("GET", "orders", "A")]}, "starts with `/`"),
        ({"actions": [line("GET", "/a//b", "A")]}, "no literal and no label"),
        ({"actions": [line("GET", "/a/..", "A")]}, "no literal and no label"),
        ({"actions": [line("GET", "/a-{b}", "A")]}, "no literal and no label"),
        ({"actions": [line("GET", "/{a}/{a}", "A")]}, "two labels of one name"),
        ({"actions": [line("GET", "/{a+}/{b+}", "A")]}, "two greedy labels"),
    ],
)
def test_a_wrong_document_is_one_clear_line(change, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        ActionMap.from_document({"version": 1, "actions": LINES, **change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("document", [None, [], "actions.json"])
def test_what_is_no_document_is_one_line(document):
    with pytest.raises(ConfigurationError, match="the action map must be an object"):
        ActionMap.from_document(document)
    with pytest.raises(ConfigurationError, match="its root must be an object"):
        ActionMap.from_smithy(document)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"public": True, "scopes": frozenset({"a"})},
            "`GET /a/{b}` is public and asks for scopes",
        ),
        ({"resource_id_label": "b"}, "no `resource_type`"),
        ({"method": "get"}, "in upper case"),
    ],
)
def test_an_entry_of_ones_own_is_held_to_the_same(more, message):
    with pytest.raises(ConfigurationError, match=message):
        ActionEntry(**{"method": "GET", "route": "/a/{b}", "query": {}, "action": "a", **more})


def test_a_file_is_read_strictly(tmp_path):
    path = tmp_path / "actions.json"
    with pytest.raises(ConfigurationError, match=r"`actions.json` cannot be read: No such file"):
        ActionMap.load(path)
    path.write_text('{"version": 1, "actions": [], "actions": []}')
    with pytest.raises(ConfigurationError, match="duplicate member name"):
        ActionMap.load(path)
    path.write_bytes(b" " * 5_000_001)
    with pytest.raises(ConfigurationError, match="has more than 5000000 bytes"):
        ActionMap.load(path)
    path.write_text(json.dumps({"version": 1, "prefix": "shop", "actions": LINES}))
    loaded = ActionMap.load(path)
    assert len(loaded.entries) == len(LINES)
    assert repr(loaded) == "ActionMap(15 entries, prefix='shop')"
    assert loaded.entries[0].scopes == {"orders/read"}


def test_loading_a_map_imports_no_third_party_package(tmp_path):
    path = tmp_path / "actions.json"
    path.write_text(json.dumps({"version": 1, "actions": LINES}))
    code = (
        "import sys; from authz_lib import ActionMap\n"
        "ActionMap.load(sys.argv[1]).resolve('GET', '/orders', '/orders', {})\n"
        "heavy = {'pydantic', 'boto3', 'botocore', 'jwt', 'cryptography', 'cachetools', "
        "'urllib3'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def calls_of(resolve):
    """How many calls a resolve makes: a clock would measure the machine."""
    count = 0

    def tick(_frame, event, _argument):
        nonlocal count
        count += event in {"call", "c_call"}

    resolve()  # what is made on first use
    sys.setprofile(tick)
    try:
        assert resolve() is not None
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    ("make", "path", "query"),
    [
        (lambda n: {"route": f"/things{n}/{{id}}"}, "/things{}/7", {}),
        (
            lambda n: {"route": "/", "query": {"Action": f"A{n}", "Version": "1"}},
            "/",
            {"Action": "A{}", "Version": "1"},
        ),
        (lambda n: {"route": "/", "query": {f"op{n}": ""}}, "/", {"op{}": "x"}),
        (lambda n: {"route": f"/{{key+}}/op{n}"}, "/a/b/op{}", {}),
    ],
    ids=["path", "query value", "query name", "greedy"],
)
def test_a_thousand_routes_take_the_steps_of_ten(make, path, query):
    calls = []
    for count in (10, 1000):
        lines = [
            {"method": "POST", "action": f"a:{number}", **make(number)} for number in range(count)
        ]
        actions = ActionMap.from_document({"version": 1, "actions": lines})
        last = str(count - 1)
        sent = {
            name.replace("{}", last): [value.replace("{}", last)] for name, value in query.items()
        }
        resolve = functools.partial(actions.resolve, "POST", None, path.replace("{}", last), sent)
        assert resolve().entry.action == f"a:{last}"
        calls.append(calls_of(resolve))
    assert calls[1] <= 2 * calls[0]


def test_two_operations_that_fit_equally_well_are_none():
    both = [
        line("GET", "/b", "Acl", query={"acl": ""}),
        line("GET", "/b", "Tags", query={"tagging": ""}),
    ]
    actions = ActionMap.from_document({"version": 1, "actions": both})
    assert actions.resolve("GET", "/b", "/b", {"acl": [""]}).entry.action == "shop:Acl"
    assert actions.resolve("GET", "/b", "/b", {"acl": [""], "tagging": [""]}) is None
    assert actions.resolve("GET", None, "/b", {"acl": [""], "tagging": [""]}) is None


def test_a_map_is_written_as_it_is_read(actions):
    again = ActionMap.from_document(json.loads(json.dumps(actions.to_document())))
    assert again.to_document() == actions.to_document()
    assert {entry.action for entry in again.entries} == {entry.action for entry in actions.entries}
    assert {
        "method": "POST",
        "route": "/bulk",
        "query": {"mode": "import"},
        "action": "shop:Import",
    } in (again.to_document()["actions"])


@pytest.mark.parametrize("path", [None, 5, b"actions.json"])
def test_a_path_that_is_none_is_one_clear_line(path):
    with pytest.raises(
        ConfigurationError, match=r"^the path of the action map must be a text or a path$"
    ):
        ActionMap.load(path)


def test_the_bytes_of_a_file_at_the_bound_and_one_past_it(tmp_path):
    text = b'{"version": 1, "actions": []}'
    (tmp_path / "actions.json").write_bytes(text.ljust(5_000_000))
    assert ActionMap.load(tmp_path / "actions.json").entries == ()
    (tmp_path / "actions.json").write_bytes(text.ljust(5_000_001))
    with pytest.raises(ConfigurationError, match="has more than 5000000 bytes"):
        ActionMap.load(tmp_path / "actions.json")


FORMS = "`DELETE`, `GET`, `HEAD`, `OPTIONS`, `PATCH`, `POST`, `PUT`"


@pytest.mark.parametrize(
    ("line_1", "message"),
    [
        (
            {"method": "ANY"},
            (
                f"`actions[1].method` must be an HTTP method in upper case, one of {FORMS}; "
                "for `ANY` write one line for each"
            ),
        ),
        ({"method": "any"}, f"one of {FORMS}; for `ANY` write one line for each"),
        ({"method": "*"}, f"one of {FORMS}; for `ANY` write one line for each"),
        ({"method": "get"}, f"one of {FORMS}"),
        (
            {"resourceType": "Order"},
            (
                "`actions[1]` has the unknown member `resourceType`; it may have `method`, "
                "`route`, `query`, `action`, `resource_type`, `resource_id_label`, `scopes`, "
                "`public`, `readonly`, `idempotent`"
            ),
        ),
        ({"action": ""}, "`actions[1].action` must be an action id"),
        ({"resource_type": "a" * 201}, "`actions[1].resource_type` must be a Cedar type name"),
        ({"resource_type": "Shop::if"}, "`actions[1].resource_type` must be a Cedar type name"),
        ({"resource_id_label": "id", "resource_type": "A"}, "`actions[1]`: the route `/x` has no"),
        ({"resource_id_label": "id"}, "`actions[1]`: `GET /x` has a `resource_id_label` and no"),
        ({"public": True, "scopes": ["a"]}, "`actions[1]`: `GET /x` is public and asks for"),
        ({"route": "/x//y"}, "`actions[1]`: the URI pattern"),
        ({"route": "/orders"}, "`actions[1]`: the route `/orders` is there twice"),
        ({"route": "/orders"}, "first in `actions[0]`"),
    ],
)
def test_what_is_wrong_with_a_line_has_its_number(line_1, message):
    lines = [LINES[0], {**line("GET", "/x", "X"), **line_1}]
    with pytest.raises(ConfigurationError) as caught:
        ActionMap.from_document({"version": 1, "actions": lines})
    assert message in str(caught.value)


def test_an_unknown_member_of_the_map_names_those_that_there_are():
    message = "it may have `version`, `prefix`, `service`, `actions`"
    with pytest.raises(ConfigurationError, match=message):
        ActionMap.from_document({"version": 1, "actions": [], "comment": ""})


@pytest.mark.parametrize(
    "action", ["get /pets/{petId}", "a", "é" * 512, "日本", 'say "hi"\t', " ", "a::b"]
)
def test_every_action_id_of_verified_permissions_is_taken(action):
    document = {"version": 1, "actions": [{**line("GET", "/pets/{petId}", ""), "action": action}]}
    actions = ActionMap.from_document(document)
    assert actions.resolve("GET", None, "/pets/1", {}).entry.action == action
    assert ActionMap.from_document(actions.to_document()).entries == actions.entries


@pytest.mark.parametrize("action", ["", "a" * 513, "a\nb", "a\r", "\u2028", "\ud800", None, 7])
def test_what_verified_permissions_does_not_take_is_refused(action):
    with pytest.raises(ConfigurationError, match=r"`actions\[0\].action` must be an action id"):
        ActionMap.from_document(
            {"version": 1, "actions": [{**line("GET", "/a", ""), "action": action}]}
        )


def test_a_type_name_at_the_bound():
    more = {"resource_type": "a" * 200, "resource_id_label": "id"}
    ActionMap.from_document({"version": 1, "actions": [line("GET", "/a/{id}", "A", **more)]})
