"""Questions are remembered in a bound of memory."""

from __future__ import annotations

from authz_lib import ActionMap, CedarEngine, EntityUid, Principal
from authz_lib.authorizer.callers import Caller
from authz_lib.authorizer.questions import Questions
from authz_lib.principal import caller_key

LINE = {"method": "GET", "route": "/orders", "action": "List"}
ENGINE = CedarEngine.from_text("permit(principal, action, resource);")


def test_callers_of_many_groups_leave_room_for_fewer_questions():
    actions = ActionMap.from_document({"version": 1, "actions": [LINE]})
    entry = actions.resolve("GET", "GET /orders", "/orders", {}).entry
    questions = Questions(ENGINE, EntityUid("Application", "shop"))
    for number in range(120):
        groups = tuple(f"group-{number}-{index}" for index in range(99))
        principal = Principal(f"user-{number}", groups=groups)
        caller = Caller(principal, {}, caller_key(principal))
        assert questions.decide(caller, entry, None).allowed
    assert 10 < len(questions._asked) < 60
    assert questions._asked.weight <= 4 * 1024 * 1024
    assert ENGINE.vocabulary._callers.weight <= 1024 * 1024
