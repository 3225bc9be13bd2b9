"""Signals find one way out, and wait while something is started or stopped."""

from __future__ import annotations

import signal
import threading

import pytest

from authz_lib.testing._interrupts import interruptible_once, interrupts_held_back

NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def _as_from_a_terminal():
    """A job that a script put into the background ignores Ctrl-C; these tests are about one that does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_signal_interrupts_and_the_second_does_nothing(number):
    before = signal.getsignal(number)
    steps = []
    with interruptible_once():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)
        steps.append("cleaned up")
    assert steps == ["cleaned up"]
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_waits_for_the_end_of_the_block(number):
    steps = []

    def stop():
        with interrupts_held_back():
            signal.raise_signal(number)
            signal.raise_signal(number)
            steps.append("stopped")
        steps.append("went on")

    with interruptible_once(), pytest.raises(KeyboardInterrupt):
        stop()
    assert steps == ["stopped"]


def test_blocks_that_hold_back_can_be_nested():
    steps = []

    def stop():
        with interrupts_held_back():
            with interrupts_held_back():
                signal.raise_signal(signal.SIGINT)
            steps.append("outer")

    with interruptible_once(), pytest.raises(KeyboardInterrupt):
        stop()
    assert steps == ["outer"]


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible_once():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_nothing_is_touched():
    handlers = {}

    def look():
        with interruptible_once(), interrupts_held_back():
            handlers["inside"] = signal.getsignal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert handlers == {"inside": before}
