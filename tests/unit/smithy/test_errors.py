"""The errors of a service: what is refused, what is sent, and one for every error of ours."""

from __future__ import annotations

import ast
import json
import pickle
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from authz_lib import errors
from authz_lib.smithy import errors as smithy

HOSTILE = [
    '"',
    'a "quoted" \\ thing',
    "line\nbreak\r\n\x00\x1f",
    "grüße 日本 \U0001f512",
    "x" * 100_000,
    "\ud800 lone",
    "",
]


def all_errors() -> list[type[errors.AuthzError]]:
    found, todo = [], [errors.AuthzError]
    while todo:
        children = todo.pop().__subclasses__()
        found += children
        todo += children
    return [cls for cls in found if cls.__module__ == "authz_lib.errors"]


def make(cls: type[errors.AuthzError]) -> errors.AuthzError:
    more = {
        "InvalidClaimError": {"claim": "iss"},
        "BatchIncompleteError": {"results": ()},
        "DeliveryError": {"outcome": "x"},
    }
    return cls("secret detail", **more.get(cls.__name__, {}))


@pytest.mark.parametrize("cls", all_errors(), ids=lambda cls: cls.__name__)
def test_every_error_maps_to_one_of_the_catalogue_with_its_status_and_no_detail(cls):
    error = smithy.from_authz_error(make(cls))
    assert error.shape in smithy.CATALOGUE.values()
    assert error.status == cls.status
    for error_format in ("smithy", "standard"):
        assert "secret" not in json.dumps(error.to_response(error_format=error_format))


@pytest.mark.parametrize("shape", smithy.CATALOGUE.values(), ids=lambda shape: shape.name)
def test_every_shape_renders_header_type_and_json(shape):
    answer = smithy.SmithyError(shape, "m").to_response(request_id="r-1")
    assert answer["statusCode"] == shape.status
    assert answer["headers"]["X-Amzn-Errortype"] == shape.name
    assert answer["headers"]["Content-Type"] == "application/json"
    assert answer["headers"]["x-amzn-requestid"] == "r-1"
    assert json.loads(answer["body"]) == {"__type": shape.name, "message": "m", "requestId": "r-1"}
    assert ("WWW-Authenticate" in answer["headers"]) == (shape.status == 401)
    assert (
        ("x-amz-retry-after" in answer["headers"])
        == ("Retry-After" in answer["headers"])
        == (shape.status == 429)
    )


@pytest.mark.parametrize("message", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("error_format", ["smithy", "standard"])
def test_a_hostile_message_keeps_the_json_valid(message, error_format):
    body = smithy.not_found(message).to_response(error_format=error_format, request_id=message)[
        "body"
    ]
    assert body.isascii()
    assert json.loads(body)["message"] == message.replace("\ud800", "\ufffd")


def test_a_request_id_that_is_no_header_stays_out_of_the_headers():
    assert (
        "x-amzn-requestid"
        not in smithy.conflict().to_response(request_id="a\r\nSet-Cookie: b")["headers"]
    )


@pytest.mark.parametrize("name", ["code", "Code", "__type", "CODE", "requestId"])
def test_members_that_would_choose_the_clients_class_are_refused(name):
    with pytest.raises(errors.ConfigurationError, match=f"may not be called `{name}`"):
        smithy.conflict("m", **{name: "x"})


@pytest.mark.parametrize("value", [object(), float("nan"), float("inf"), {1, 2}, b"bytes"])
def test_members_that_are_not_json_are_refused_where_the_error_is_made(value):
    with pytest.raises(errors.ConfigurationError, match="must be JSON values"):
        smithy.conflict("m", detail=value)


def test_members_do_not_change_after_the_error_was_made():
    detail = {"items": [1]}
    error = smithy.conflict("m", detail=detail)
    detail["items"].append(2)
    assert json.loads(error.to_response()["body"])["detail"] == {"items": [1]}
    with pytest.raises(TypeError):
        error.members["detail"] = 1


@pytest.mark.parametrize("delay", [-1, float("nan"), float("inf"), 1e308, 31_536_001, "5"])
def test_a_delay_must_be_a_number_of_seconds(delay):
    with pytest.raises(errors.ConfigurationError, match="retry_after_seconds"):
        smithy.throttling(retry_after_seconds=delay)


def test_half_a_character_is_replaced_wherever_it_stands():
    """`\\ud800` alone is JSON to Python only: strict readers refuse the whole body."""
    error = smithy.conflict("m", name="\ud800", deep=[{"\udfff": "\udc00a"}], fine="\U0001f512")
    body = error.to_response(request_id="r\ud800")["body"]
    assert "\\ud800" not in body
    assert json.loads(body) == {
        "__type": "ConflictException",
        "message": "m",
        "name": "\ufffd",
        "deep": [{"\ufffd": "\ufffda"}],
        "fine": "\U0001f512",
        "requestId": "r\ufffd",
    }


class NotTheOwnerError(errors.AccessDeniedError):
    code = "not-the-owner"


def test_a_code_that_cannot_be_sent_does_not_break_the_answer():
    """A service's own subclass: an exception here would replace its 403 with a 500."""
    error = smithy.from_authz_error(NotTheOwnerError("no"))
    assert (error.status, error.standard_code) == (403, "ACCESS_DENIED")


@pytest.mark.parametrize("code", ["lower", "", 5])
def test_a_standard_code_that_is_none_is_refused(code):
    with pytest.raises(errors.ConfigurationError, match="`standard_code` must be upper case"):
        smithy.conflict("m", standard_code=code)


def test_throttles_say_when_to_try_again_in_seconds_and_milliseconds():
    headers = smithy.throttling(retry_after_seconds=1.25).to_response()["headers"]
    assert (headers["Retry-After"], headers["x-amz-retry-after"]) == ("2", "1250")
    headers = smithy.throttling().to_response()["headers"]
    assert (headers["Retry-After"], headers["x-amz-retry-after"]) == ("1", "1000")
    assert (
        smithy.service_unavailable(retry_after_seconds=3).to_response()["headers"]["Retry-After"]
        == "3"
    )


@pytest.mark.parametrize(
    ("error", "challenge"),
    [
        (errors.MissingTokenError("m"), "Bearer"),
        (errors.TokenExpiredError("m"), 'Bearer error="invalid_token"'),
        (errors.InsufficientScopeError("m"), 'Bearer error="insufficient_scope"'),
    ],
)
def test_the_challenge_follows_rfc_6750(error, challenge):
    assert smithy.from_authz_error(error).to_response()["headers"]["WWW-Authenticate"] == challenge


def test_a_plain_deny_has_no_challenge():
    assert (
        "WWW-Authenticate"
        not in smithy.from_authz_error(errors.AccessDeniedError("m")).to_response()["headers"]
    )


def test_the_403_profile_is_a_choice_of_two():
    denied = errors.AccessDeniedError("m")
    assert smithy.from_authz_error(denied).name == "AccessDeniedException"
    assert smithy.from_authz_error(denied, denied="ForbiddenException").name == "ForbiddenException"
    with pytest.raises(errors.ConfigurationError):
        smithy.from_authz_error(denied, denied="Nope")


def test_the_standard_format_has_a_machine_code():
    body = smithy.not_found("no memory", standard_code="MEMORY_NOT_FOUND").to_response(
        error_format="standard"
    )["body"]
    assert json.loads(body) == {"status": 404, "code": "MEMORY_NOT_FOUND", "message": "no memory"}
    expired = smithy.from_authz_error(errors.TokenExpiredError("m")).to_response(
        error_format="standard"
    )
    assert json.loads(expired["body"])["code"] == "TOKEN_EXPIRED"
    assert expired["headers"]["X-Amzn-Errortype"] == "UnauthorizedException"
    with pytest.raises(errors.ConfigurationError, match="upper case"):
        smithy.not_found(standard_code="memory not found")


def test_further_headers_come_along_and_cannot_replace_the_errors_own():
    headers = smithy.unauthorized().to_response(
        headers={
            "Access-Control-Allow-Origin": "*",
            "x-amzn-errortype": "Fake",
            "content-type": "text/html",
        }
    )["headers"]
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert {name: value for name, value in headers.items() if value in {"Fake", "text/html"}} == {}
    with pytest.raises(errors.ConfigurationError):
        smithy.unauthorized().to_response(headers={"X-A": "a\r\nX-B: b"})
    with pytest.raises(errors.ConfigurationError):
        smithy.unauthorized(challenge="Bearer\r\nX-B: b")
    with pytest.raises(errors.ConfigurationError):
        smithy.unauthorized().to_response(error_format="xml")


@pytest.mark.parametrize(
    ("name", "status", "fault"),
    [
        ("Order Locked", 409, "client"),
        ("", 409, "client"),
        ("ns#Name", 409, "client"),
        ("Name", 500, "client"),
        ("Name", 404, "server"),
        ("Name", 200, "client"),
        ("Name", True, "client"),
        ("Name", 404, "caller"),
    ],
)
def test_define_refuses_what_no_client_could_know(name, status, fault):
    with pytest.raises(errors.ConfigurationError):
        smithy.define(name, status, fault)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (errors.KeySetUnavailableError("m"), "1"),
        (errors.PolicyStoreUnavailableError("m"), "1"),
        (errors.PolicyStoreThrottledError("m"), "1"),
        (errors.DeliveryError("m", outcome="not_sent"), "1"),
        (errors.DeliveryError("m", outcome="ambiguous"), None),
        (errors.ConfigurationError("m"), None),
    ],
)
def test_a_client_is_told_when_to_ask_again_who_nobody_could_answer(error, seconds):
    headers = smithy.from_authz_error(error).to_response()["headers"]
    assert headers.get("Retry-After") == seconds
    assert headers.get("x-amz-retry-after") == (seconds and f"{seconds}000")


def test_an_outage_of_ones_own_keeps_its_status():
    class UpstreamError(errors.DependencyError):
        status = 502

    assert smithy.from_authz_error(UpstreamError("m")).status == 502


def test_an_error_survives_pickling():
    error = smithy.throttling("m", retry_after_seconds=2, detail=[1])
    again = pickle.loads(pickle.dumps(error))
    assert again.to_response() == error.to_response()
    assert repr(again) == "SmithyError('ThrottlingException', status=429)"
    assert (again.fault, again.retryable) == ("client", True)


def test_validation_lists_the_fields():
    body = json.loads(smithy.validation("bad", fields={"/a": "too long"}).to_response()["body"])
    assert body == {
        "__type": "ValidationException",
        "message": "bad",
        "fieldList": [{"path": "/a", "message": "too long"}],
    }


def test_the_modules_of_this_room_import_one_way():
    """Imports for type checkers count too."""
    room = Path(smithy.__file__).parent
    imports = {
        path.stem: {
            node.module.removeprefix("authz_lib.smithy.")
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("authz_lib.sm")
        }
        for path in room.glob("*.py")
    }
    order = list(TopologicalSorter(imports).static_order())  # raises `CycleError`
    assert order.index("error_answers") < order.index("error_shapes") < order.index("errors")
