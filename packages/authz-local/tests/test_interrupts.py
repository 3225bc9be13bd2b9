"""Signals find one way out, and wait while something is started or stopped."""

from __future__ import annotations

import ctypes
import signal
import sys
import threading

import pytest

from authz_local._interrupts import (
    EndOfServing,
    interruptible,
    interrupts_held_back,
    serving,
)

NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def _as_from_a_terminal():
    """Handle signals as in a terminal: background jobs ignore Ctrl-C, and `nohup` SIGHUP."""
    handlers = [signal.default_int_handler, signal.SIG_DFL, signal.SIG_DFL]
    before = [
        signal.signal(number, handler) for number, handler in zip(NUMBERS, handlers, strict=True)
    ]
    yield
    for number, handler in zip(NUMBERS, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", NUMBERS)
def test_signals_within_a_second_are_one_interrupt(number):
    before = signal.getsignal(number)
    now = [100.0]
    steps = []
    with interruptible(clock=lambda: now[0]):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        now[0] += 0.9
        signal.raise_signal(number)
        steps.append("cleaned up")
        now[0] += 0.2
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert steps == ["cleaned up"]
    assert signal.getsignal(number) == before


class Finalized:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def in_a_finalizer():
    Finalized()


def in_a_callback_of_c():
    ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGINT))()


@pytest.mark.parametrize("drop", [in_a_finalizer, in_a_callback_of_c])
def test_an_interrupt_that_python_drops_comes_again(drop, capsys):
    before = sys.unraisablehook
    waited = threading.Event()
    timer = threading.Timer(30, waited.set)
    timer.start()
    with interruptible():
        drop()
        with pytest.raises(KeyboardInterrupt):
            waited.wait()
    assert not waited.is_set()  # what waits is ended, too
    timer.cancel()
    timer.join()
    assert sys.unraisablehook is before
    assert capsys.readouterr() == ("", "")


def test_what_is_dropped_comes_again_where_ctrl_c_is_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a background job of a script
    with interruptible():
        ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGTERM))()
        with pytest.raises(KeyboardInterrupt):
            threading.Event().wait(30)


def test_a_signal_after_one_that_was_dropped_is_the_same_one():
    now = [100.0]
    with interruptible(clock=lambda: now[0]):
        in_a_callback_of_c()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGALRM)


def test_a_dropped_interrupt_does_not_outlive_the_block():
    with interruptible():
        in_a_callback_of_c()
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_the_same_interrupt_is_not_another_one_after_a_long_stop():
    now = [100.0]
    with interruptible(clock=lambda: now[0]):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with interrupts_held_back():
            now[0] += 0.02
            signal.raise_signal(signal.SIGINT)
            now[0] += 1.5


def test_a_signal_soon_after_one_that_was_held_back_is_the_same_one():
    now = [100.0]

    def stop():
        with interrupts_held_back():
            signal.raise_signal(signal.SIGINT)
            now[0] += 3

    with interruptible(clock=lambda: now[0]):
        with pytest.raises(KeyboardInterrupt):
            stop()
        now[0] += 0.1
        signal.raise_signal(signal.SIGINT)


def test_an_alarm_of_somebody_else_is_no_interrupt():
    with interruptible():
        signal.raise_signal(signal.SIGALRM)


def test_what_was_raised_meanwhile_does_not_come_again():
    now = [100.0]
    with interruptible(clock=lambda: now[0]):
        in_a_callback_of_c()
        signal.setitimer(signal.ITIMER_REAL, 0)
        now[0] += 1.2
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGALRM)


def test_what_is_dropped_comes_again_where_alarms_are_ignored():
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    try:
        with interruptible():
            in_a_callback_of_c()
            with pytest.raises(KeyboardInterrupt):
                threading.Event().wait(30)
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGALRM, before)


def test_an_interrupt_in_the_former_hook_comes_again(monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda _: signal.raise_signal(signal.SIGINT))
    callback = ctypes.CFUNCTYPE(None)(lambda: 1 / 0)
    with interruptible():
        callback()
        with pytest.raises(KeyboardInterrupt):
            threading.Event().wait(30)


def test_what_was_dropped_waits_for_the_end_of_the_block_too():
    steps = []

    def stop():
        with interrupts_held_back():
            signal.raise_signal(signal.SIGALRM)
            steps.append("stopped")

    with interruptible():
        in_a_callback_of_c()
        signal.setitimer(signal.ITIMER_REAL, 0)
        with pytest.raises(KeyboardInterrupt):
            stop()
    assert steps == ["stopped"]


def test_what_else_python_drops_is_told_to_the_former_hook(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda seen: told.append(seen.exc_type))
    callback = ctypes.CFUNCTYPE(None)(lambda: 1 / 0)
    with interruptible():
        callback()
    assert told == [ZeroDivisionError]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_waits_for_the_end_of_the_block(number):
    steps = []

    def stop():
        with interrupts_held_back():
            signal.raise_signal(number)
            signal.raise_signal(number)
            steps.append("stopped")
        steps.append("went on")

    with interruptible(), pytest.raises(KeyboardInterrupt):
        stop()
    assert steps == ["stopped"]


def test_blocks_that_hold_back_can_be_nested():
    steps = []

    def stop():
        with interrupts_held_back():
            with interrupts_held_back():
                signal.raise_signal(signal.SIGINT)
            steps.append("outer")

    with interruptible(), pytest.raises(KeyboardInterrupt):
        stop()
    assert steps == ["outer"]


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_nothing_is_touched():
    handlers = {}

    def look():
        with interruptible(), interrupts_held_back():
            handlers["inside"] = signal.getsignal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert handlers == {"inside": before}


def test_an_interrupt_is_the_good_end_of_what_serves():
    with pytest.raises(EndOfServing), serving():
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match="a fault"), serving():
        raise ValueError("a fault")
