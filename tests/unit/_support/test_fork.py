"""A forked process waits for no lock that a thread of its parent holds."""

from __future__ import annotations

import ast
import datetime as dt
import gc
import os
import signal
import time
import warnings
import weakref
from pathlib import Path

import pytest
from botocore.credentials import RefreshableCredentials

import authz_lib
from authz_lib import AuthorizationRequest, CedarEngine, EntityUid
from authz_lib._support import fork
from authz_lib._support.memo import WeighedMemo
from authz_lib._support.single_flight import SingleFlight
from authz_lib.sigv4.credentials import DefaultCredentials

SOURCES = Path(authz_lib.__file__).parent
# What a thread may hold or share, by file.  How each survives a fork:
# docs/explanation/fork-freeze-snapshot.md.
HELD = {
    "_support/async_flight.py": {"Lock"},
    "_support/own_stack.py": {"Lock", "Thread"},
    "_support/workers.py": {"Lock", "ThreadPoolExecutor"},
    "transport/deadline.py": {"Thread"},
    "transport/resolve.py": {"Event", "Lock", "Thread"},
    "_support/memo.py": {"Lock"},
    "_support/single_flight.py": {"Event", "Lock"},
    "analysis/sides.py": {"cached_property"},
    "analysis/tries.py": {"Random"},
    "decisions/cache.py": {"LRUCache", "Lock"},
    "decisions/shadow.py": {"Lock", "SystemRandom"},
    "decisions/verified_permissions.py": {"ThreadPoolExecutor"},
    "smithy/model.py": {"cached_property"},  # it has a lock in Python 3.11
    "testing/issuer.py": {"Event", "Thread"},
    "testing/policy_store/server.py": {"Event", "RLock", "Thread"},
    "transport/exchange.py": {"HTTPConnection"},
    "transport/fetch.py": {"SystemRandom"},
}
HOLDERS = frozenset(
    {"Barrier", "Condition", "Event", "Lock", "RLock", "Semaphore", "Thread", "Timer", "local"}
    | {"ThreadPoolExecutor", "ProcessPoolExecutor", "Queue", "SimpleQueue"}
    | {"cached_property", "lru_cache", "cache", "LRUCache", "TTLCache", "Cache"}
    | {"HTTPConnection", "HTTPSConnection", "PoolManager", "Random", "SystemRandom"}
)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def exit_code_of_a_child(lock, work):
    """What a process that was forked while ``lock`` was held exits with; a hung one is killed."""
    with lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: threads and fork
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            os._exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_memo():
    memo = WeighedMemo[str, int](max_entries=2, max_weight=10)
    memo.put("a", 1, weight=1)

    def work():
        memo.put("b", 7, weight=1)
        return memo.get("b") if (memo.get("a"), memo.weight, len(memo)) == (None, 1, 1) else 1

    assert exit_code_of_a_child(memo._lock, work) == 7
    assert memo.get("a") == 1


def test_a_decision_cache():
    point = CedarEngine.from_text("permit(principal, action, resource);").cached()
    request = AuthorizationRequest(EntityUid("User", "a"), "View", EntityUid("Doc", "1"))
    assert point.is_authorized(request).allowed

    def work():
        is_right = [point.is_authorized(request).allowed for _ in range(2)] == [True, True]
        return 7 if is_right and point.statistics.size == 1 else 1

    assert exit_code_of_a_child(point._cache._lock, work) == 7
    assert point.statistics.size == 1


class Holder:
    def __init__(self):
        self.resets = 0
        fork.reset_in_child(self)

    def reset(self):
        self.resets += 1


def test_the_credentials_of_the_chain(monkeypatch):
    """botocore refreshes under a lock of its own."""

    def refresh():
        later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        keys = {"access_key": str(os.getpid()), "secret_key": "S", "token": "T"}
        return keys | {"expiry_time": later.isoformat()}

    def chain(_session):
        return RefreshableCredentials.create_from_metadata(refresh(), refresh, "test")

    monkeypatch.setattr("botocore.session.Session.get_credentials", chain)
    source = DefaultCredentials({})
    source.get_frozen_credentials()
    inherited = source._chain
    inherited._expiry_time = dt.datetime.now(dt.UTC)  # to be refreshed, under the lock

    def work():
        return 7 if source.get_frozen_credentials().access_key == str(os.getpid()) else 1

    assert exit_code_of_a_child(inherited._refresh_lock, work) == 7
    assert source._chain is inherited


def test_nothing_is_kept_alive():
    made = [Holder(), SingleFlight(), WeighedMemo(max_entries=1, max_weight=1)]
    made += [DefaultCredentials({}), CedarEngine.from_text("").cached()._cache]
    known = [weakref.ref(holder) for holder in made]
    assert all(holder in fork._EVERY for holder in made)
    made.clear()
    gc.collect()
    assert [holder() for holder in known] == [None] * len(known)


def test_the_parent_is_not_reset_and_a_child_once():
    holder = Holder()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(holder.resets)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert holder.resets == 0


def test_it_is_cheap():
    """The bound is for a machine that does other things."""
    started = time.process_time()
    holders = [Holder() for _ in range(1000)]
    fork._reset_all()
    assert time.process_time() - started < 0.5
    assert {holder.resets for holder in holders} == {1}


def test_every_lock_of_the_library_is_known():
    found: dict[str, set[str]] = {}
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                name = node.func.attr
            elif isinstance(node, ast.Call | ast.Name):
                name = getattr(getattr(node, "func", node), "id", None)
                name = None if name == "Event" else name  # that of a gateway
            else:
                continue
            if name in HOLDERS and (isinstance(node, ast.Call) or name == "cached_property"):
                found.setdefault(path.relative_to(SOURCES).as_posix(), set()).add(name)
    assert found == HELD
