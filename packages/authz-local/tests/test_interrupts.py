"""Signals find one way out, and wait while something is started or stopped."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress

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


def test_an_interrupt_that_got_lost_is_raised_again():
    with interruptible() as check:
        check()
        with suppress(KeyboardInterrupt):  # as Python does in a finalizer
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            check()


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
