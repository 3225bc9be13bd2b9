"""Security 12: in a batch, one question sees the entities of another, which a condition names."""

from __future__ import annotations

from authz_lib import Entity, EntityUid, VerifiedPermissions
from authz_lib.testing.policy_store import PolicyStoreServer

ALICE = EntityUid("User", "alice")
POLICIES = """
permit(principal, action, resource) when { Doc::"switch".open };
permit(principal, action, resource) when { User::"root" in Group::"admins" };
"""
ROWS = [
    Entity(EntityUid("Doc", "1"), attrs={"open": False}),
    Entity(EntityUid("Doc", "switch"), attrs={"open": True}),
    Entity(EntityUid("Doc", "2"), attrs={"open": False}),
]


def test_filter_answers_as_single_questions_do(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with PolicyStoreServer() as server:
        point = VerifiedPermissions(
            server.create_store(POLICIES), region="eu-west-1", endpoint_url=server.url
        )
        alone = [row for row in ROWS if point.filter(ALICE, "Read", [row])]
        assert alone == [ROWS[1]]
        assert point.filter(ALICE, "Read", ROWS) == alone
