"""Decisions 1: `ActionMap` refused the action ids that AWS's own wizard for Cognito creates."""

from __future__ import annotations

from authz_lib import ActionMap


def test_the_wizards_action_ids_are_taken():
    line = {"method": "GET", "route": "/pets/{petId}", "action": "get /pets/{petId}"}
    actions = ActionMap.from_document({"version": 1, "actions": [line]})
    assert actions.resolve("GET", None, "/pets/7", {}).entry.action == "get /pets/{petId}"
