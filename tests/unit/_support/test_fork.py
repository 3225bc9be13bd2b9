"""A forked process waits for no lock that a thread of its parent holds."""

from __future__ import annotations

import os
import signal
import warnings

import pytest

from authz_lib import AuthorizationRequest, CedarEngine, EntityUid
from authz_lib._support.memo import WeighedMemo

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def exit_code_of_a_child(lock, work):
    """What a process that was forked while ``lock`` was held exits with; a hung one is killed."""
    with lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: threads and fork
        child = os.fork()
        if child == 0:
            signal.alarm(5)
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
