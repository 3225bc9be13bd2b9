"""What a service reads from the body of a request: a JSON object, or a 400."""

from __future__ import annotations

import base64

import pytest

from authz_lib.service import json_body, service_handler
from authz_lib.smithy.errors import SmithyError


def test_an_object_as_text_and_in_base64():
    text = '{"item": "\u00e4nvil", "list": [1, {"a": null}]}'
    expected = {"item": "\u00e4nvil", "list": [1, {"a": None}]}
    assert json_body({"body": text}) == expected
    assert (
        json_body({"body": base64.b64encode(text.encode()).decode(), "isBase64Encoded": True})
        == expected
    )


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"body": None},
        {"body": {}},
        {"body": b"{}"},
        {"body": ""},
        {"body": "[]"},
        {"body": "null"},
        {"body": '{"a": NaN}'},
        {"body": '{"user_id": "me", "user_id": "another"}'},
        {"body": "[" * 100_000},
        {"body": '{"a":' * 100_000},
        {"body": '{"a": ' + "9" * 10_000 + "}"},
        {"body": '{"a": "\ud800"}'},
        {"body": "\ufeff{}"},
        {"body": "{}", "isBase64Encoded": True},
        {"body": base64.b64encode(b'{"a": "\xff"}').decode(), "isBase64Encoded": True},
    ],
)
def test_anything_else_is_a_400_that_quotes_nothing(event):
    with pytest.raises(SmithyError) as caught:
        json_body(event)
    assert (caught.value.status, caught.value.message) == (400, "the body must be a JSON object")
    assert caught.value.__cause__ is None


def test_in_a_handler_it_is_an_answer():
    handler = service_handler(errors="standard")(lambda event, _: json_body(event))
    assert handler({"body": "["}, None)["statusCode"] == 400


def body_of(size):
    return '{"a":"' + "x" * (size - 8) + '"}'


def test_a_body_has_at_most_6_mib():
    most = 6 * 1024 * 1024
    assert json_body({"body": body_of(most)})
    with pytest.raises(SmithyError):
        json_body({"body": body_of(most + 1)})


@pytest.mark.parametrize("form", [(b"[", b"]"), (b'{"a":', b"}")])
def test_a_body_has_at_most_64_levels(form):
    open_, close = form
    for levels in (63, 64):
        text = '{"a":' + (open_ * levels + b"1" + close * levels).decode() + "}"
        if levels == 63:
            assert json_body({"body": text})
        else:
            with pytest.raises(SmithyError):
                json_body({"body": text})
