"""Security 11: a hand-made request is answered from the memory, and refused without it."""

from __future__ import annotations

from authz_lib import (
    AuthorizationRequest,
    CedarEngine,
    Entity,
    EntityUid,
    Principal,
    errors,
)

DOC = EntityUid("Doc", "1")
STAFF = EntityUid("Group", "staff")
# The engine holds the group: a `Principal`'s own group gives way, a hand-made one is refused.
ENGINE = CedarEngine.from_text(
    "permit(principal, action, resource);", entities=[Entity(STAFF, attrs={"level": 1})]
)
CALLER = Principal("alice", groups=("staff",))
BY_HAND = AuthorizationRequest(
    EntityUid("User", "alice"), "Read", DOC, entities=[CALLER.entity(), Entity(STAFF)]
)


def outcome(point, request):
    try:
        return bool(point.is_authorized(request))
    except errors.InvalidRequestError:
        return "refused"


def test_a_remembered_answer_equals_a_fresh_one():
    fresh = outcome(ENGINE, BY_HAND)
    cached = ENGINE.cached()
    assert cached.is_authorized(AuthorizationRequest(CALLER, "Read", DOC))
    assert outcome(cached, BY_HAND) == fresh == "refused"
