"""A call in a thread of its own: what it returns, what it raises, and when it is given up."""

from __future__ import annotations

import contextvars
import threading

import pytest

from authz_lib.transport.deadline import within


def test_what_it_returns_and_raises_is_the_callers():
    place = contextvars.ContextVar("place", default="nowhere")
    place.set("here")
    assert within(5, place.get) == "here"
    assert within(5, lambda: None) is None
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0)


def test_a_call_that_takes_longer_is_given_up():
    go_on = threading.Event()
    with pytest.raises(TimeoutError):
        within(0.05, lambda: go_on.wait(10))
    go_on.set()
