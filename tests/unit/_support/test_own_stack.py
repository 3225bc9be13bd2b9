from __future__ import annotations

import os
import threading
import warnings

import pytest

from authz_lib._support import own_stack
from authz_lib._support.own_stack import map_on_own_stack, run_on_own_stack
from authz_lib.errors import ConfigurationError


def test_the_error_is_the_calls_own():
    with pytest.raises(ZeroDivisionError):
        run_on_own_stack(lambda: 1 // 0)


def test_the_size_of_other_threads_stays_as_it_was():
    usual = threading.stack_size(256 * 1024)
    try:
        inside = run_on_own_stack(threading.stack_size)
        assert (inside, threading.stack_size()) in {
            (own_stack.STACK_BYTES, 256 * 1024),
            (256 * 1024, 256 * 1024),
        }
    finally:
        threading.stack_size(usual)


def test_a_call_inside_of_a_call():
    assert run_on_own_stack(lambda: run_on_own_stack(lambda: 1)) == 1


def test_a_thread_that_cannot_be_started(monkeypatch):
    def fail(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    usual = threading.stack_size()
    with pytest.raises(ConfigurationError, match="no thread could be started"):
        run_on_own_stack(lambda: 1)
    assert threading.stack_size() == usual


def test_many_items_share_a_thread_and_the_first_error_ends_it():
    seen = []

    def note(item):
        seen.append((item, threading.get_ident()))
        return 10 // item

    assert map_on_own_stack(note, iter([1, 2, 5])) == [10, 5, 2]
    assert [item for item, _ in seen] == [1, 2, 5]
    assert len({thread for _, thread in seen}) == 1
    with pytest.raises(ZeroDivisionError):
        map_on_own_stack(note, [1, 0, 2])
    assert seen[-1][0] == 0


@pytest.mark.parametrize("method", ["start", "join"])
def test_the_thread_of_a_caller_that_is_interrupted_ends_with_its_item(method, monkeypatch):
    start = threading.Thread.start
    begun, go_on, asked = threading.Event(), threading.Event(), []

    def call(item):
        asked.append(item)
        begun.set()
        go_on.wait(10)

    def interrupted(thread):
        if method == "start":
            start(thread)
        begun.wait(10)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, method, interrupted)
        with pytest.raises(KeyboardInterrupt):
            map_on_own_stack(call, range(1000))
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "authz-lib-own-stack":
            thread.join(10)
    assert asked == [0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_that_is_forked_while_a_thread_starts():
    with own_stack._STARTER._lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
        if child == 0:
            os._exit(run_on_own_stack(lambda: 7))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
