"""The service: it says which packages it finds."""

from __future__ import annotations

import importlib.util
import json

import idna


def handler(event, context):
    """Answer every route."""
    found = {
        name: importlib.util.find_spec(name) is not None for name in ("authz_lib", "ministack")
    }
    print("answering", event["rawPath"])  # noqa: T201  # a Lambda's log
    return {"statusCode": 200, "body": json.dumps({"idna": idna.__version__, **found})}
