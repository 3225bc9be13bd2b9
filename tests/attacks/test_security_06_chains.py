"""Security 6 and reliability 2: a chain of entities ends the process, or takes minutes."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import pairwise

import pytest

from authz_lib import AuthorizationRequest, CedarEngine, Entity, EntityUid, errors

ALICE = EntityUid("User", "alice")
FILE = EntityUid("Folder", "0")
ALL = "permit(principal, action, resource);"


def chain(length: int, name: str = "") -> list[Entity]:
    uids = [EntityUid("Folder", f"{name}{number}") for number in range(length)]
    return [*(Entity(uid, parents=[parent]) for uid, parent in pairwise(uids)), Entity(uids[-1])]


@pytest.mark.parametrize("held", [[], [Entity(ALICE)]], ids=["nothing held", "one held"])
def test_a_long_chain_is_refused_at_once(held):
    engine = CedarEngine.from_text(ALL, entities=held)
    with pytest.raises(errors.InvalidRequestError):
        engine.is_authorized(AuthorizationRequest(ALICE, "Read", FILE, entities=chain(400)))


def test_neither_a_request_nor_what_is_held_ends_the_process():
    """On a stack of 1 MiB, which 2,000 folders in one another were too many for."""
    script = """
import threading
from authz_lib import AuthorizationRequest, CedarEngine, Entity, EntityUid, errors

uids = [EntityUid("Folder", str(number)) for number in range(5000)]
folders = [Entity(uid, parents=[parent]) for uid, parent in zip(uids, uids[1:])]
circle = [*folders, Entity(uids[-1], parents=[uids[0]])]
ALL = "permit(principal, action, resource);"

def run():
    engine = CedarEngine.from_text(ALL)
    for entities in (folders, circle):
        try:
            engine.is_authorized(
                AuthorizationRequest(EntityUid("User", "a"), "Read", uids[0], entities=entities)
            )
        except errors.InvalidRequestError:
            print("request refused")
    try:
        CedarEngine.from_text(ALL, entities=folders)
    except errors.ConfigurationError:
        print("held refused")

threading.stack_size(1024 * 1024)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split("\n")[:3] == ["request refused", "request refused", "held refused"]
    assert done.returncode == 0


def test_below_the_bound_the_time_grows_with_the_entities():
    engine = CedarEngine.from_text(ALL)

    def seconds(chains: int) -> float:
        entities = [entity for number in range(chains) for entity in chain(50, f"{number}-")]
        request = AuthorizationRequest(ALICE, "Read", FILE, entities=entities)
        times = []
        for _ in range(3):
            started = time.thread_time()
            assert engine.is_authorized(request)
            times.append(time.thread_time() - started)
        return min(times)

    assert seconds(40) < 40 * seconds(4)


def layers(width: int, height: int) -> list[Entity]:
    """Folders of which each is in all of the layer above."""
    rows = [
        [EntityUid("Folder", f"{row}-{number}") for number in range(width)] for row in range(height)
    ]
    return [
        Entity(uid, parents=rows[row + 1] if row + 1 < height else ())
        for row, uids in enumerate(rows)
        for uid in uids
    ]


def star(files: int, groups: int) -> list[Entity]:
    """Files in one folder, which is in many groups that nobody brings."""
    folder = EntityUid("Folder", "top")
    others = [EntityUid("Group", str(number)) for number in range(groups)]
    names = [EntityUid("File", str(number)) for number in range(files)]
    return [Entity(folder, parents=others), *(Entity(name, parents=[folder]) for name in names)]


def tower(groups: int) -> list[Entity]:
    """A chain of as many folders as may be, of which the last is in many groups."""
    *folders, last = chain(64)
    others = [EntityUid("Group", str(number)) for number in range(groups)]
    return [*folders, Entity(last.uid, parents=others)]


@pytest.mark.parametrize(
    "entities",
    [layers(20, 32), star(1000, 1000), tower(10_000)],
    ids=["layers", "one folder in many", "a chain below many"],
)
def test_a_few_hundred_folders_in_many_others_are_refused(entities):
    engine = CedarEngine.from_text(ALL)
    with pytest.raises(errors.InvalidRequestError):
        engine.is_authorized(AuthorizationRequest(ALICE, "Read", FILE, entities=entities))
