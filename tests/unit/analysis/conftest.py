"""Policies of a text, with a schema."""

from __future__ import annotations

import pytest

from authz_lib.analysis import finders
from authz_lib.decisions.policy_files import collect, parse_policies


def made(text, schema, **rest):
    return collect(parse_policies("policies", text, "p"), {"policies": text}, schema=schema, **rest)


@pytest.fixture
def make_sources():
    return made


@pytest.fixture(autouse=True)
def _few_trials(monkeypatch):
    monkeypatch.setattr(finders, "_TRIALS", 150)
