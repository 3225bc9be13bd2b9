"""What a type checker must see of decisions; checked by pyright strict, never run."""

from __future__ import annotations

from typing import assert_type

from authz_lib import (
    AuthorizationRequest,
    CedarEngine,
    Decision,
    DecisionPoint,
    Entity,
    EntityUid,
    Principal,
    VerifiedPermissions,
)
from authz_lib.decisions import CachedDecisions

caller = Principal("alice")
order = Entity(EntityUid("Order", "1"), attrs={"owner": EntityUid("User", "alice")})
request = AuthorizationRequest(caller, "ViewOrder", order, {"mfa": True})

engine = CedarEngine.from_text("permit(principal, action, resource);")
point: DecisionPoint = VerifiedPermissions("PSEXAMPLEabcdefg111111", region="eu-west-1")
assert_type(engine.is_authorized(request), Decision)
assert_type(point.batch_is_authorized([request]), list[Decision])
assert_type(point.filter(caller, "ViewOrder", [order]), list[Entity])
assert_type(point.filter(caller, "ViewOrder", [order.uid]), list[EntityUid])
assert_type(point.require(caller, "ViewOrder", order.uid, context={"mfa": True}), Decision)
assert_type(point.cached(ttl_seconds=30), CachedDecisions)

# A bare string is no principal, and `on_error` has two words.
point.require("alice", "ViewOrder", order)  # pyright: ignore[reportArgumentType]
point.filter(caller, "ViewOrder", [order], on_error="allow")  # pyright: ignore[reportArgumentType]

# A misspelt keyword, or one of the wrong type, is an error that the type checker sees.
engine.cached(ttl_second=60)  # pyright: ignore[reportCallIssue]
engine.cached(max_entries="10")  # pyright: ignore[reportArgumentType]
engine.cached(ttl={"ViewOrder": 5}, no_cache=["CancelOrder"])
CedarEngine.from_text("", validate=True)  # pyright: ignore[reportCallIssue]
CedarEngine.from_directory("policies", on_evaluation_error="allow")  # pyright: ignore[reportArgumentType]
CedarEngine.from_directory("policies", entities=[order], action_type="Shop::Action")
CedarEngine.from_policies({}, validate_policies=False)
