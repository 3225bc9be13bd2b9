"""The routes of public templates are those that an independent reader found after the transform."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from authz_lib.actions.template import template_routes
from authz_lib.cli.template_file import read_description
from authz_lib.errors import ConfigurationError

pytestmark = pytest.mark.conformance

VECTORS = os.environ.get("AUTHZ_VECTORS")
if not VECTORS:
    pytest.skip("AUTHZ_VECTORS names no folder", allow_module_level=True)

FOLDER = Path(VECTORS) / "sam"
POINTS = json.loads((FOLDER / "entry_points.json").read_text())
CASES = [
    pytest.param(FOLDER / kind / (name if "." in name else f"{name}.yaml"), rows, id=name)
    for kind, files in POINTS.items()
    for name, rows in files.items()
]
# What is no route of REST and HTTP APIs, and the preflights that SAM adds for `Cors`.
NO_ROUTE = {"GRAPHQL", "FUNCTION_URL", "*", None}
NOT_READ = ("Fn::If` is not read", "WebSocket", "in another file")


def routes_of(template, api):
    found = []
    try:
        return template_routes(template, found, api=api), found
    except ConfigurationError:  # it has no routes
        return [], found


@pytest.mark.parametrize(("path", "rows"), CASES)
def test_the_routes_are_those_that_are_deployed(path, rows):
    try:
        template = read_description(path, "template")
    except ConfigurationError as error:
        pytest.skip(str(error))  # a key is there twice
    wanted = {
        (row["method"], row["path"].replace("/$default", "$default"))
        for row in rows
        if row["path"] not in NO_ROUTE and row["method"] not in {None, "OPTIONS"}
    }
    mine, notes = set(), []
    for name in [*template["Resources"], "ServerlessRestApi", "ServerlessHttpApi"]:
        routes, found = routes_of(template, name)
        mine |= {(route.method, route.path) for route in routes if route.method != "OPTIONS"}
        notes += [str(finding) for finding in found]
        for route in routes:
            asked = {
                row["auth"]
                for row in rows
                if (row["api"], row["method"], row["path"]) == (name, route.method, route.path)
            }
            if route.is_open is True:
                assert asked <= {"NONE", "API_KEY"}
            elif route.is_open is False:
                assert "NONE" not in asked
    if not any(word in note for note in notes for word in NOT_READ):
        assert wanted <= mine
