"""The examples in docstrings are executed."""

from __future__ import annotations

import doctest

from authz_local import _isolation


def test_the_examples_of_the_isolation():
    assert doctest.testmod(_isolation) == (0, 1)
