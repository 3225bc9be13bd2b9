"""A companions file is loaded by path, and a broken one is one clear line."""

from __future__ import annotations

import pytest

from authz_lib.errors import ConfigurationError
from authz_local.companions import Companions

GOOD = """
from contextlib import contextmanager
from pathlib import Path

events = []

@contextmanager
def companions(folder: Path):
    events.append("started")
    yield {"DatabaseUrl": folder.name}
    events.append("stopped")

def seed(local):
    local.append(list(events))
"""


def write(tmp_path, text):
    (tmp_path / "companions.py").write_text(text)
    return tmp_path / "companions.py"


def test_it_starts_seeds_and_stops(tmp_path):
    companions = Companions(write(tmp_path, GOOD))
    seen = []
    with companions.started() as parameters:
        assert parameters == {"DatabaseUrl": tmp_path.name}
        companions.seed(seen)
    companions.seed(seen)
    assert seen == [["started"], ["started", "stopped"]]


def test_each_of_the_two_may_be_missing(tmp_path):
    only_seed = Companions(write(tmp_path, "def seed(local): local.append(1)"))
    with only_seed.started() as parameters:
        assert parameters == {}
    only_start = Companions(
        write(
            tmp_path,
            "from contextlib import nullcontext\ndef companions(_): return nullcontext({})",
        )
    )
    only_start.seed(None)()


def test_what_seed_returns_waits_for_what_it_began(tmp_path):
    text = "def seed(local):\n    local.append(1)\n    return lambda: local.append(2)"
    seen = []
    wait = Companions(write(tmp_path, text)).seed(seen)
    assert seen == [1]
    wait()
    assert seen == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [("x = 1", "defines neither"), ("import no_such_package", "needs `no_such_package`")],
)
def test_a_broken_file_is_one_clear_line(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message):
        Companions(write(tmp_path, text))


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(ConfigurationError, match="does not exist"):
        Companions(tmp_path / "companions.py")
