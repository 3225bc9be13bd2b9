"""How many entities may stand in one another."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from authz_lib import AuthorizationRequest, CedarEngine, Entity, EntityUid
from authz_lib.decisions.vocabulary import Vocabulary
from authz_lib.entities.hierarchy import MAX_HIERARCHY_DEPTH, is_too_deep
from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.testing.policy_store import PolicyStores

ALL = "permit(principal, action, resource);"
ALICE = EntityUid("User", "alice")
FILE = EntityUid("Folder", "0")


def chain(length):
    uids = [EntityUid("Folder", str(number)) for number in range(length)]
    return [*(Entity(uid, parents=[above]) for uid, above in pairwise(uids)), Entity(uids[-1])]


def request_of(length):
    return AuthorizationRequest(ALICE, "Read", FILE, entities=chain(length))


@pytest.mark.parametrize("held", [(), [Entity(ALICE)]], ids=["nothing held", "one held"])
def test_the_engine_takes_a_chain_of_64_and_no_longer(held):
    engine = CedarEngine.from_text(
        'permit(principal, action, resource in Folder::"63");', entities=held
    )
    assert engine.is_authorized(request_of(MAX_HIERARCHY_DEPTH))
    with pytest.raises(InvalidRequestError) as raised:
        engine.is_authorized(request_of(MAX_HIERARCHY_DEPTH + 1))
    assert raised.value.field == "entities"


def test_so_does_every_decision_point():
    vocabulary = Vocabulary(
        action_type="Action", principal_type="User", group_type="Group", principal_id="sub"
    )
    assert len(vocabulary.question(request_of(MAX_HIERARCHY_DEPTH)).entities) == MAX_HIERARCHY_DEPTH
    with pytest.raises(InvalidRequestError):
        vocabulary.question(request_of(MAX_HIERARCHY_DEPTH + 1))


def test_an_engine_holds_a_chain_of_64_and_no_longer():
    for as_text in (False, True):
        for length in (MAX_HIERARCHY_DEPTH, MAX_HIERARCHY_DEPTH + 1):
            held = chain(length)
            if as_text:
                held = f"[{','.join(entity.canonical_text for entity in held)}]"
            if length > MAX_HIERARCHY_DEPTH:
                with pytest.raises(ConfigurationError, match="64 entities"):
                    CedarEngine.from_text(ALL, entities=held)
            else:
                assert CedarEngine.from_text(ALL, entities=held)


@pytest.mark.parametrize(
    "text",
    [
        '[{"uid": 7}]',
        '[{"uid": {"type": [], "id": {}}, "parents": [{"type": [], "id": "a"}]}]',
        "[7]",
        "{}",
        "[" * 5000,
    ],
)
def test_text_that_is_no_entities_is_refused_as_before(text):
    with pytest.raises(ConfigurationError):
        CedarEngine.from_text(ALL, entities=text)


def test_the_local_policy_store_refuses_it_too():
    stores = PolicyStores()
    document = {
        "policyStoreId": stores.create_store(ALL),
        "principal": {"entityType": "User", "entityId": "alice"},
        "action": {"actionType": "Action", "actionId": "Read"},
        "resource": {"entityType": "Folder", "entityId": "0"},
    }
    for length, is_refused in ((MAX_HIERARCHY_DEPTH, False), (MAX_HIERARCHY_DEPTH + 1, True)):
        entities = {"entityList": [entity.to_avp() for entity in chain(length)]}
        if is_refused:
            with pytest.raises(Exception, match="ValidationException"):
                stores.call("IsAuthorized", document | {"entities": entities})
        else:
            answer = stores.call("IsAuthorized", document | {"entities": entities})
            assert answer["decision"] == "ALLOW"


def test_the_check_itself_needs_no_stack():
    found = []
    size = threading.stack_size(32 * 1024)
    try:
        parents = {number: [number + 1] for number in range(100_000)}
        thread = threading.Thread(target=lambda: found.append(is_too_deep(parents)))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
    assert found == [True]


def test_wide_is_not_deep_and_a_diamond_is_as_deep_as_its_longest_side():
    wide = {number: ["top"] for number in range(10_000)} | {"top": []}
    assert not is_too_deep(wide)
    layers = {
        (level, side): [(level + 1, 0), (level + 1, 1)] for level in range(64) for side in (0, 1)
    }
    assert not is_too_deep(layers)
    assert is_too_deep(layers | {"below": [(0, 1)]})
