"""A cached answer equals a fresh one, whatever the policies read, and however time goes on."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from authz_lib import AuthorizationRequest, CedarEngine, Entity, EntityUid, Principal

POLICIES = """
permit(principal in Group::"staff", action, resource) when { resource.level <= 2 };
permit(principal, action == Action::"View", resource) when { resource.owner == principal };
permit(principal, action, resource in Folder::"public") when { context has mfa && context.mfa };
forbid(principal, action == Action::"Edit", resource) when { context.risk > 3 };
forbid(principal, action, resource) when { resource.hasTag("locked") };
"""
users = st.sampled_from(["alice", "bob"])


class Question(RuleBasedStateMachine):
    """Two points over the same policies, one with a memory: asked the same, at the same moments."""

    @initialize()
    def build(self):
        self.now = 1_000_000.0
        self.fresh = CedarEngine.from_text(POLICIES)
        self.cached = CedarEngine.from_text(POLICIES).cached(
            ttl_seconds=60,
            deny_ttl_seconds=5,
            max_entries=6,
            clock=lambda: self.now,
            no_cache=["Pay"],
        )

    @rule(seconds=st.floats(-10, 100))
    def time_passes(self, seconds):
        self.now += seconds

    @rule(which=st.none() | users)
    def something_is_forgotten(self, which):
        if which is None:
            self.cached.clear()
        else:
            self.cached.invalidate(principal=EntityUid("User", which))

    @rule(
        user=users,
        groups=st.sampled_from([(), ("staff",), ("staff", "other")]),
        as_principal=st.booleans(),
        lifetime=st.none() | st.floats(-5, 50),
        action=st.sampled_from(["View", "Edit", "Pay"]),
        level=st.integers(1, 4),
        owner=users,
        public=st.booleans(),
        locked=st.booleans(),
        context=st.fixed_dictionaries(
            {}, optional={"mfa": st.booleans(), "risk": st.integers(0, 5)}
        ),
        batch=st.booleans(),
    )
    def ask(
        self,
        user,
        groups,
        as_principal,
        lifetime,
        action,
        level,
        owner,
        public,
        locked,
        context,
        batch,
    ):
        folder = [EntityUid("Folder", "public")] if public else []
        resource = Entity(
            EntityUid("Doc", "1"),
            attrs={"level": level, "owner": EntityUid("User", owner)},
            parents=folder,
            tags={"locked": "yes"} if locked else {},
        )
        expires_at = None if lifetime is None else self.now + lifetime
        uid = EntityUid("User", user)
        member = Entity(uid, parents=[EntityUid("Group", name) for name in groups])
        request = (
            AuthorizationRequest(
                Principal(user, groups=groups, expires_at=expires_at), action, resource, context
            )
            if as_principal
            else AuthorizationRequest(uid, action, resource, context, [member], expires_at)
        )
        fresh = self.fresh.is_authorized(request)
        got = (
            self.cached.batch_is_authorized([request])[0]
            if batch
            else self.cached.is_authorized(request)
        )
        assert (got.allowed, got.determining_policies, got.errors, got.overruled) == (
            fresh.allowed,
            fresh.determining_policies,
            fresh.errors,
            fresh.overruled,
        )


TestCachedEqualsFresh = Question.TestCase
TestCachedEqualsFresh.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
