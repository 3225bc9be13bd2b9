"""The model reader: what a service means, and one clear line for what is broken."""

from __future__ import annotations

import copy
import json
import subprocess
import sys

import pytest

from authz_lib.actions import ActionMap
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.model import Model


def operations(ast):
    return {operation.name: operation for operation in Model(ast).service("Shop").operations}


def test_operations_come_from_the_service_and_its_resources(ast):
    found = operations(ast)
    assert sorted(found) == [
        "CreateOrder",
        "GetLine",
        "GetOrder",
        "Health",
        "ListLines",
        "ListOrders",
    ]
    assert [found[name].errors for name in ("GetOrder", "Health")] == [
        ("shop#Throttled", "shop#NotFound"),
        ("shop#Throttled",),
    ]


def test_what_an_operation_is_about(ast):
    about = {
        name: (o.subject and o.subject.name, o.subject_label) for name, o in operations(ast).items()
    }
    assert about == {
        "CreateOrder": (None, None),
        "GetLine": ("Line", "order/lineId"),  # a line's id is only unique below its order
        "GetOrder": ("Order", "orderId"),
        "Health": (None, None),
        "ListLines": ("Order", "orderId"),
        "ListOrders": (None, None),
    }


@pytest.mark.parametrize(
    ("change", "auth", "public"),
    [
        ({}, ("smithy.api#httpApiKeyAuth", "smithy.api#httpBearerAuth"), False),
        ({"smithy.api#auth": ["smithy.api#httpBearerAuth"]}, ("smithy.api#httpBearerAuth",), False),
        ({"smithy.api#auth": []}, ("smithy.api#noAuth",), True),
        (
            {"smithy.api#optionalAuth": {}},
            ("smithy.api#httpApiKeyAuth", "smithy.api#httpBearerAuth", "smithy.api#noAuth"),
            True,
        ),
    ],
)
def test_effective_auth(ast, change, auth, public):
    ast["shapes"]["shop#CreateOrder"]["traits"] |= change
    found = operations(ast)["CreateOrder"]
    assert (found.auth, found.public, found.declares_public) == (auth, public, public)


def test_auth_of_the_service_is_what_its_operations_inherit(ast):
    ast["shapes"]["shop#Shop"]["traits"]["smithy.api#auth"] = ["smithy.api#httpBearerAuth"]
    assert operations(ast)["CreateOrder"].auth == ("smithy.api#httpBearerAuth",)
    ast["shapes"]["shop#Shop"]["traits"]["smithy.api#auth"] = []
    assert operations(ast)["CreateOrder"].declares_public


def test_public_by_silence_is_not_made(ast):
    ast["shapes"]["shop#Shop"]["traits"] = {}
    assert operations(ast)["CreateOrder"].public  # what Smithy says
    with pytest.raises(ConfigurationError, match="`CreateOrder` would be public"):
        ActionMap.from_smithy(ast)


def test_a_scheme_of_ones_own_counts(ast):
    ast["shapes"]["shop#ticket"] = {
        "type": "structure",
        "traits": {"smithy.api#authDefinition": {}},
    }
    ast["shapes"]["shop#Shop"]["traits"] = {"shop#ticket": {}}
    assert operations(ast)["CreateOrder"].auth == ("shop#ticket",)


def test_apply_and_mixins_are_worked_in(ast):
    shapes = ast["shapes"]
    shapes["shop#ReadOp"] = {
        "type": "operation",
        "errors": [{"target": "shop#NotFound"}],
        "traits": {
            "smithy.api#mixin": {"localTraits": ["smithy.api#documentation"]},
            "smithy.api#readonly": {},
            "smithy.api#documentation": "local",
        },
    }
    shapes["shop#CreateOrder"]["mixins"] = [{"target": "shop#ReadOp"}]
    shapes["shop#HasPing"] = {
        "type": "service",
        "operations": [{"target": "shop#Ping"}],
        "errors": [{"target": "shop#NotFound"}],
        "traits": {"smithy.api#mixin": {}},
    }
    shapes["shop#Ping"] = {
        "type": "operation",
        "traits": {"smithy.api#http": {"method": "GET", "uri": "/ping"}},
    }
    shapes["shop#Shop"]["mixins"] = [{"target": "shop#HasPing"}]
    applied = {
        "type": "apply",
        "traits": {"smithy.api#idempotent": {}, "aws.iam#iamAction": {"name": "Ping2"}},
    }
    shapes_with_apply = {**shapes, "smithy.api#String": applied}
    assert Model({"smithy": "2.0", "shapes": shapes_with_apply}).service_ids == ("shop#Shop",)
    found = operations(ast)
    assert found["CreateOrder"].readonly
    assert found["CreateOrder"].errors == ("shop#NotFound", "shop#Throttled")
    assert found["Ping"].auth == ("smithy.api#httpApiKeyAuth", "smithy.api#httpBearerAuth")
    with pytest.raises(ConfigurationError, match="must be a service, not a mixin"):
        ActionMap.from_smithy(ast, service="shop#HasPing")


def test_apply_reaches_shapes_and_members(ast):
    # A shape and a statement cannot share a key in one object: what `apply` names stands in another
    # file's part.
    ast["shapes"]["shop#LineInput$order"] = {"type": "apply", "traits": {"smithy.api#required": {}}}
    ast["shapes"]["shop#Nothing"] = {"type": "apply", "traits": {"smithy.api#readonly": {}}}
    del ast["shapes"]["shop#LineInput"]["members"]["order"]["traits"]
    ast["shapes"]["shop#LineInput$order"]["traits"]["smithy.api#resourceIdentifier"] = "orderId"
    assert operations(ast)["GetLine"].subject_label == "order/lineId"
    ast["shapes"]["shop#LineInput$order"]["traits"] = {"smithy.api#resourceIdentifier": "other"}
    assert operations(ast)["GetLine"].subject_label is None
    # The caller's document is left alone.
    assert "traits" not in ast["shapes"]["shop#LineInput"]["members"]["order"]


@pytest.mark.parametrize(
    ("traits", "name"),
    [
        ({}, "GetOrder"),
        ({"aws.iam#actionName": "Fetch"}, "Fetch"),
        ({"aws.iam#iamAction": {"name": "Read"}, "aws.iam#actionName": "Fetch"}, "Read"),
        ({"aws.iam#iamAction": {"documentation": "no name"}}, "GetOrder"),
    ],
)
def test_the_action_name(ast, traits, name):
    ast["shapes"]["shop#GetOrder"]["traits"] |= traits
    assert operations(ast)["GetOrder"].action_name == name
    assert f"shop:{name}" in {entry.action for entry in ActionMap.from_smithy(ast).entries}


def test_the_map_of_a_model(ast):
    ast["shapes"]["shop#GetOrder"]["traits"]["authz#requiredScopes"] = ["orders/read"]
    actions = ActionMap.from_smithy(ast, service="shop#Shop", prefix="commercial")
    assert [entry.to_document() for entry in actions.entries] == [
        {"method": "GET", "route": "/health", "action": "commercial:Health", "public": True},
        {"method": "GET", "route": "/orders", "action": "commercial:ListOrders", "readonly": True},
        {"method": "POST", "route": "/orders", "action": "commercial:CreateOrder"},
        {
            "method": "GET",
            "route": "/orders/{orderId}",
            "action": "commercial:GetOrder",
            "resource_type": "Order",
            "resource_id_label": "orderId",
            "scopes": ["orders/read"],
            "readonly": True,
        },
        {
            "method": "GET",
            "route": "/orders/{orderId}/lines",
            "action": "commercial:ListLines",
            "resource_type": "Order",
            "resource_id_label": "orderId",
            "readonly": True,
        },
        {
            "method": "GET",
            "route": "/orders/{order}/lines/{lineId}",
            "action": "commercial:GetLine",
            "resource_type": "Line",
            "resource_id_label": "order/lineId",
            "readonly": True,
        },
    ]
    assert ActionMap.from_document(actions.to_document()).to_document() == actions.to_document()
    assert actions.resolve("GET", None, "/orders/o-1/lines/7", {}).resource_id == "o-1/7"
    coarse = ActionMap.from_smithy(ast, resources="application")
    assert {entry.resource_type for entry in coarse.entries} == {None}
    with pytest.raises(ConfigurationError, match="`resources` must be"):
        ActionMap.from_smithy(ast, resources="some")


def test_errors_of_the_model_can_be_raised(ast):
    service = Model(ast).service()
    shape = service.error_shape("shop#Throttled")
    assert (shape.name, shape.status, shape.retryable, shape.throttling) == (
        "Throttled",
        429,
        True,
        True,
    )
    assert service.error_members("shop#Throttled") == ("message",)
    assert shape("slow down").to_response()["headers"]["Retry-After"] == "1"


def mixed_line_input(ast):
    """`LineInput` has its members from a mixin."""
    shapes = ast["shapes"]
    shapes["shop#Ids"] = {**shapes["shop#LineInput"], "traits": {"smithy.api#mixin": {}}}
    shapes["shop#LineInput"] = {"type": "structure", "mixins": [{"target": "shop#Ids"}]}
    return shapes


def test_apply_reaches_a_member_that_a_mixin_brings(ast):
    """Without it, the authorizer asks about the application instead of the instance."""
    shapes = mixed_line_input(ast)
    del shapes["shop#Ids"]["members"]["order"]["traits"]
    assert operations(ast)["GetLine"].subject_label is None
    shapes["shop#LineInput$order"] = {
        "type": "apply",
        "traits": {"smithy.api#resourceIdentifier": "orderId"},
    }
    assert operations(ast)["GetLine"].subject_label == "order/lineId"
    shapes["shop#LineInput$nothing"] = {"type": "apply", "traits": {"smithy.api#required": {}}}
    assert operations(ast)["GetLine"].subject_label == "order/lineId"


def test_a_member_that_is_written_again_keeps_the_traits_of_its_mixin(ast):
    shapes = mixed_line_input(ast)
    again = {"target": "smithy.api#String", "traits": {"smithy.api#required": {}}}
    shapes["shop#LineInput"]["members"] = {"order": again}
    assert operations(ast)["GetLine"].subject_label == "order/lineId"
    again["traits"]["smithy.api#resourceIdentifier"] = "other"  # what is local wins
    assert operations(ast)["GetLine"].subject_label is None


def test_what_is_bound_in_two_places_is_broken(ast):
    """Smithy refuses it; the entry would be about whichever resource came last."""
    shapes = ast["shapes"]
    shapes["shop#User"]["read"] = {"target": "shop#GetOrder"}
    shapes["shop#Shop"]["resources"].append({"target": "shop#User"})
    with pytest.raises(ConfigurationError, match="`shop#GetOrder` is bound more than once"):
        ActionMap.from_smithy(ast)
    del shapes["shop#User"]["read"]
    shapes["shop#User"]["resources"] = [{"target": "shop#Line"}]
    with pytest.raises(ConfigurationError, match="`shop#Line` is bound more than once"):
        ActionMap.from_smithy(ast)


def test_resources_that_share_their_children_are_refused_at_once(ast):
    """Forty levels with two ways into each: walking all ways would not end."""
    names = [[f"shop#{side}{level}" for side in "AB"] for level in range(40)]
    for level, pair in enumerate(names):
        below = [{"target": name} for name in names[level + 1]] if level + 1 < len(names) else []
        ast["shapes"] |= {name: {"type": "resource", "resources": below} for name in pair}
    ast["shapes"]["shop#Shop"]["resources"] = [{"target": name} for name in names[0]]
    with pytest.raises(ConfigurationError, match="is bound more than once"):
        ActionMap.from_smithy(ast)


def change(path, value):
    """Set (or with ... delete) what stands at a path of names."""

    def apply(ast):
        node = ast
        for name in path[:-1]:
            node = node[name]
        if value is ...:
            del node[path[-1]]
        else:
            node[path[-1]] = value

    return apply


BROKEN = [
    (["smithy"], ..., "no Smithy JSON AST"),
    (["smithy"], 2, "no Smithy JSON AST"),
    (["smithy"], "3.0", "no Smithy JSON AST"),
    (["shapes", "shop#A\nB"], {"type": "service"}, "is not a shape id"),
    (
        ["shapes", "shop#Shop", "operations"],
        [{"target": "shop#A\nB"}],
        "must have a `target`, a shape id",
    ),
    (
        ["shapes", "shop#LineInput", "members"],
        {"a\nb": {}},
        "`members` of `shop#LineInput` has a name that is not one",
    ),
    (
        ["shapes", "shop#GetOrder", "traits", "smithy.api#http", "uri"],
        "/a" * 65,
        "at most 64 segments",
    ),
    (["shapes"], [], "`shapes` must be an object"),
    (["shapes", "shop#Shop"], None, "`shop#Shop` must be an object"),
    (["shapes", "shop#Shop", "type"], 7, "must have a `type`"),
    (["shapes", "shop#Shop", "traits"], [], "`traits` of `shop#Shop` must be an object"),
    (["shapes", "shop#Shop", "operations"], {}, "`operations` of `shop#Shop` must be a list"),
    (["shapes", "shop#Shop", "operations"], ["Health"], "must be an object"),
    (["shapes", "shop#Shop", "operations"], [{"target": 1}], "must have a `target`"),
    (
        ["shapes", "shop#Shop", "operations"],
        [{"target": "shop#No"}],
        "`shop#Shop` refers to `shop#No`",
    ),
    (
        ["shapes", "shop#Shop", "operations"],
        [{"target": "shop#Order"}],
        "is of type `resource`, not `operation`",
    ),
    (
        ["shapes", "shop#Shop", "resources"],
        [{"target": "shop#No"}],
        "`shop#Shop` refers to `shop#No`",
    ),
    (["shapes", "shop#Line", "resources"], [{"target": "shop#Order"}], "lead back to it"),
    (
        ["shapes", "shop#Order", "identifiers"],
        [],
        "`identifiers` of `shop#Order` must be an object",
    ),
    (["shapes", "shop#Order", "read"], "shop#GetOrder", "must be an object"),
    (["shapes", "shop#GetOrder", "mixins"], [{"target": "shop#GetOrder"}], "are circular"),
    (
        ["shapes", "shop#GetOrder", "mixins"],
        [{"target": "shop#No"}],
        "`shop#GetOrder` refers to `shop#No`",
    ),
    (
        ["shapes", "shop#GetOrder", "traits", "smithy.api#http"],
        "GET /",
        "must have `method`, `uri` and `code`",
    ),
    (
        ["shapes", "shop#GetOrder", "traits", "smithy.api#http"],
        {"method": "GET"},
        "must have `method`, `uri`",
    ),
    (
        ["shapes", "shop#GetOrder", "traits", "smithy.api#http", "uri"],
        "/a//b",
        "`shop#GetOrder`.*no literal",
    ),
    (
        ["shapes", "shop#GetOrder", "traits", "smithy.api#http", "method"],
        "FETCH",
        "which API Gateway does not route",
    ),
    (["shapes", "shop#GetOrder", "traits", "smithy.api#http"], ..., "must have `@http`"),
    (["shapes", "shop#GetOrder", "traits", "smithy.api#auth"], "none", "must be a list of schemes"),
    (
        ["shapes", "shop#GetOrder", "traits", "smithy.api#auth"],
        ["aws.auth#sigv4"],
        "which is not on `shop#Shop`",
    ),
    (
        ["shapes", "shop#GetOrder", "traits", "aws.iam#actionName"],
        7,
        "the action name of `shop#GetOrder`",
    ),
    (
        ["shapes", "shop#GetOrder", "traits", "aws.iam#actionName"],
        "two\nlines",
        "characters on one line",
    ),
    (
        ["shapes", "shop#GetOrder", "traits", "authz#requiredScopes"],
        "orders/read",
        "must be a list of strings",
    ),
    (["shapes", "shop#Health", "traits", "smithy.api#http", "uri"], "/orders", "is there twice"),
    (
        ["shapes", "shop#LineInput", "members"],
        [],
        "`members` of `shop#LineInput` must be an object",
    ),
    (
        ["shapes", "shop#LineInput", "members", "order"],
        1,
        "`shop#LineInput\\$order` must be an object",
    ),
]


@pytest.mark.parametrize(("path", "value", "message"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_model_is_one_clear_line(ast, path, value, message):
    change(path, value)(ast)
    with pytest.raises(ConfigurationError, match=message) as caught:
        ActionMap.from_smithy(ast)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error", [{"smithy.api#error": "caller"}, {}, {"smithy.api#error": ["client"]}]
)
def test_an_error_without_fault_is_broken(ast, error):
    ast["shapes"]["shop#NotFound"]["traits"] = error
    with pytest.raises(ConfigurationError, match="must have `@error`"):
        Model(ast).service().error_shape("shop#NotFound")


def test_two_values_of_a_trait_are_broken(ast):
    ast["shapes"]["shop#LineInput$order"] = {
        "type": "apply",
        "traits": {"smithy.api#resourceIdentifier": "other"},
    }
    with pytest.raises(ConfigurationError, match="two values of the trait"):
        Model(ast)


def test_an_unknown_service_names_what_there_is(ast):
    for asked in ("shop#Nope", "Nope"):
        with pytest.raises(ConfigurationError, match=r"`(shop#)?Nope`; it has `shop#Shop`"):
            Model(ast).service(asked)
    with pytest.raises(ConfigurationError, match="is of type `operation`, not `service`"):
        Model(ast).service("shop#Health")
    ast["shapes"]["other#Shop"] = copy.deepcopy(ast["shapes"]["shop#Shop"])
    with pytest.raises(
        ConfigurationError, match="exactly one service; it has `other#Shop`, `shop#Shop`"
    ):
        Model(ast).service()
    with pytest.raises(ConfigurationError, match="exactly one service `Shop`"):
        Model(ast).service("Shop")
    with pytest.raises(ConfigurationError, match="it has none"):
        Model({"smithy": "2.0"}).service()


def test_a_file_is_read_strictly(ast, tmp_path, monkeypatch):
    path = tmp_path / "model.json"
    with pytest.raises(ConfigurationError, match=r"`model.json` cannot be read: No such file"):
        Model.load(path)
    path.write_text('$version: "2.0"\nnamespace shop\n')
    with pytest.raises(ConfigurationError, match="is Smithy IDL; give the JSON AST"):
        Model.load(path)
    path.write_text('{"smithy": "2.0", "shapes": {}, "shapes": {}}')
    with pytest.raises(ConfigurationError, match="duplicate member name"):
        Model.load(path)
    path.write_text(json.dumps(ast))
    assert repr(Model.load(path).service()) == "Service('shop#Shop')"
    monkeypatch.setattr("authz_lib.smithy.model._MAX_BYTES", 100)
    with pytest.raises(ConfigurationError, match="has more than 100 bytes"):
        Model.load(path)


def test_the_bytes_of_a_model_at_the_bound_and_one_past_it(tmp_path, ast):
    text = json.dumps(ast).encode()
    (tmp_path / "model.json").write_bytes(text.ljust(64_000_000))
    assert Model.load(tmp_path / "model.json").service_ids
    (tmp_path / "model.json").write_bytes(text.ljust(64_000_001))
    with pytest.raises(ConfigurationError, match="has more than 64000000 bytes"):
        Model.load(tmp_path / "model.json")


def nested(levels):
    """Resources in resources, mixins of mixins, and structures of structures."""
    shapes = {
        "n#S": {"type": "service", "resources": [{"target": "n#R0"}]},
        f"n#R{levels}": {"type": "resource"},
        f"n#M{levels}": {"type": "structure"},
    }
    for level in range(levels):
        below = {"target": f"n#R{level + 1}"}
        mixin = {"target": f"n#M{level + 1}"}
        shapes[f"n#R{level}"] = {"type": "resource", "resources": [below]}
        shapes[f"n#M{level}"] = {
            "type": "structure",
            "mixins": [mixin],
            "members": {"m": mixin},
        }
    shapes["n#R0"]["properties"] = {"p": {"target": "n#M0"}}
    return {"smithy": "2.0", "shapes": shapes}


SMALL_STACK = """
import json, sys, threading
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.cedar_schema import cedar_schema
from authz_lib.smithy.model import Model

fine, past = json.loads(sys.stdin.read())

def work():
    cedar_schema(Model(fine).service())
    for ast in past:
        try:
            cedar_schema(Model(ast).service())
        except ConfigurationError:
            pass
        else:
            raise AssertionError
    print("fine")

threading.stack_size(32768)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def test_the_smallest_stack():
    ended = subprocess.run(
        [sys.executable, "-c", SMALL_STACK],
        input=json.dumps([nested(50), [nested(51), nested(900)]]),
        check=False,
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout) == (0, "fine\n"), ended.stderr[-500:]
