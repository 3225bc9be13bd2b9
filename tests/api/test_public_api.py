"""The public names are those of `public_api.txt`."""

from __future__ import annotations

import difflib
import importlib.util
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "public_api", Path(__file__).with_name("public_api.py")
)
public_api = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(public_api)


def test_no_public_name_changes_unseen():
    before = public_api.SNAPSHOT.read_text(encoding="utf-8").splitlines()
    now = list(public_api.public_api())
    changes = "\n".join(
        difflib.unified_diff(before, now, "public_api.txt", "now", lineterm="", n=0)
    )
    assert not changes, f"run `python tests/api/public_api.py --renew` if it is wanted:\n{changes}"


_NO_WIDTH = object()


class Shape:
    sides: int = 4

    def area(self, width, /, *, height=2):
        """Not looked at."""

    @classmethod
    def square(cls, width):
        """Not looked at."""

    @property
    def name(self):
        """Not looked at."""

    def _hidden(self):
        """Not looked at."""


class Square(Shape):
    width: int

    def __init__(self, width=_NO_WIDTH):
        """Not looked at."""


@pytest.mark.parametrize(
    ("named", "lines"),
    [
        (
            Shape,
            [
                "a.B(): class",
                "a.B.area(self, width, /, *, height=2)",
                "a.B.name: attribute",
                "a.B.sides: attribute",
                "a.B.square(cls, width) classmethod",
            ],
        ),
        (Square, ["a.B(width=...): class", "a.B.width: attribute"]),
        (lambda one, *two, **three: None, ["a.B(one, *two, **three)"]),
        (5, ["a.B: int"]),
        (public_api, ["a.B: module"]),
    ],
)
def test_what_a_line_says(named, lines):
    """A parameter, a default, a method: each of them is seen where it changes."""
    assert list(public_api._lines("a.B", named)) == lines
