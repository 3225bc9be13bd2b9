"""Colours are for terminals; two variables decide otherwise."""

from __future__ import annotations

import pytest

from authz_lib.cli.terminal import is_coloured, painted


class Stream:
    def __init__(self, *, terminal):
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.mark.parametrize(
    ("variables", "terminal", "coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": ""}, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
    ],
)
def test_who_decides(monkeypatch, variables, terminal, coloured):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_coloured(Stream(terminal=terminal)) is coloured
    text = painted("ok", "green", Stream(terminal=terminal))
    assert text == ("\x1b[32mok\x1b[0m" if coloured else "ok")
    assert painted("ok", None, Stream(terminal=terminal)) == "ok"
