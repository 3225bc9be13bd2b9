"""Reliability 9: a flat chain of some 60 operators was refused as "nested too deeply"."""

from __future__ import annotations

import pytest
from cedarpy import is_authorized

from authz_lib import AuthorizationRequest, CedarEngine, EntityUid

REQUEST = AuthorizationRequest(
    EntityUid("User", "alice"), "View", EntityUid("Doc", "1"), {"last": True, "no": False}
)


def by_cedar(policy: str) -> bool:
    """What the engine itself says, of the same text."""
    request = {
        "principal": 'User::"alice"',
        "action": 'Action::"View"',
        "resource": 'Doc::"1"',
        "context": {"last": True, "no": False},
    }
    return is_authorized(request, policy, []).allowed


def chain(sign: str, operators: int) -> tuple[str, str]:
    """A condition that is true and one that is false, each with so many operators."""
    if sign == "+":
        total = " + ".join(["1"] * (operators + 1))
        return f"{total} == {operators + 1}", f"{total} == {operators}"
    many = f" {sign} ".join(["context.no" if sign == "||" else "context.last"] * operators)
    return f"{many} {sign} context.last", f"{many} {sign} context.no"


@pytest.mark.parametrize("operators", [70, 150, 399])
@pytest.mark.parametrize("sign", ["||", "&&", "+"])
def test_a_flat_chain_is_decided_as_the_engine_decides_it(sign, operators):
    for condition, expected in zip(chain(sign, operators), (True, False), strict=True):
        policy = f"permit(principal, action, resource) when {{ {condition} }};"
        engine = CedarEngine.from_text(policy)
        assert bool(engine.is_authorized(REQUEST)) is expected is by_cedar(policy)
