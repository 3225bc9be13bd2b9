"""A small model with everything that the tests of this room change."""

from __future__ import annotations

import copy

import pytest


def operation(method, uri, *, operation_input=None, output=None, errors=(), **traits):
    shape = {
        "type": "operation",
        "traits": {"smithy.api#http": {"method": method, "uri": uri}}
        | {f"smithy.api#{k}": v for k, v in traits.items()},
        "errors": [{"target": f"shop#{error}"} for error in errors],
    }
    if operation_input:
        shape["input"] = {"target": f"shop#{operation_input}"}
    if output:
        shape["output"] = {"target": f"shop#{output}"}
    return shape


def targets(*names):
    return [{"target": f"shop#{name}"} for name in names]


MODEL = {
    "smithy": "2.0",
    "shapes": {
        "shop#Shop": {
            "type": "service",
            "operations": targets("Health"),
            "resources": targets("Order"),
            "errors": targets("Throttled"),
            "traits": {"smithy.api#httpBearerAuth": {}, "smithy.api#httpApiKeyAuth": {}},
        },
        "shop#Health": operation("GET", "/health", auth=[]),
        "shop#Order": {
            "type": "resource",
            "identifiers": {"orderId": {"target": "smithy.api#String"}},
            "properties": {
                "owner": {"target": "shop#UserId"},
                "amount": {"target": "smithy.api#Long"},
                "tags": {"target": "shop#Tags"},
                "address": {"target": "shop#Address"},
                "placed": {"target": "smithy.api#Timestamp"},
            },
            "create": {"target": "shop#CreateOrder"},
            "read": {"target": "shop#GetOrder"},
            "list": {"target": "shop#ListOrders"},
            "resources": targets("Line"),
        },
        "shop#Line": {
            "type": "resource",
            "identifiers": {
                "lineId": {"target": "smithy.api#String"},
                "orderId": {"target": "smithy.api#String"},
            },
            "read": {"target": "shop#GetLine"},
            "list": {"target": "shop#ListLines"},
        },
        "shop#CreateOrder": operation("POST", "/orders"),
        "shop#GetOrder": operation(
            "GET", "/orders/{orderId}", output="OrderView", errors=["NotFound"], readonly={}
        ),
        "shop#ListOrders": operation("GET", "/orders", readonly={}),
        "shop#GetLine": operation(
            "GET", "/orders/{order}/lines/{lineId}", operation_input="LineInput", readonly={}
        ),
        "shop#ListLines": operation("GET", "/orders/{orderId}/lines", readonly={}),
        "shop#LineInput": {
            "type": "structure",
            "members": {
                "order": {
                    "target": "smithy.api#String",
                    "traits": {"smithy.api#resourceIdentifier": "orderId"},
                },
                "lineId": {"target": "smithy.api#String"},
            },
        },
        "shop#OrderView": {
            "type": "structure",
            "members": {
                "owner": {"target": "shop#UserId", "traits": {"smithy.api#required": {}}},
                "amount": {"target": "smithy.api#Long"},
                "labels": {
                    "target": "shop#Tags",
                    "traits": {"smithy.api#required": {}, "smithy.api#property": {"name": "tags"}},
                },
            },
        },
        "shop#UserId": {
            "type": "string",
            "traits": {"smithy.api#references": [{"resource": "shop#User"}]},
        },
        "shop#User": {
            "type": "resource",
            "identifiers": {"userId": {"target": "smithy.api#String"}},
        },
        "shop#Tags": {"type": "list", "member": {"target": "smithy.api#String"}},
        "shop#Address": {
            "type": "structure",
            "members": {
                "street": {"target": "smithy.api#String", "traits": {"smithy.api#required": {}}},
                "in": {"target": "smithy.api#Boolean"},
                "since": {"target": "smithy.api#Timestamp"},
            },
        },
        "shop#NotFound": {
            "type": "structure",
            "traits": {"smithy.api#error": "client", "smithy.api#httpError": 404},
        },
        "shop#Throttled": {
            "type": "structure",
            "members": {"message": {"target": "smithy.api#String"}},
            "traits": {
                "smithy.api#error": "client",
                "smithy.api#httpError": 429,
                "smithy.api#retryable": {"throttling": True},
            },
        },
    },
}


@pytest.fixture
def ast():
    return copy.deepcopy(MODEL)
