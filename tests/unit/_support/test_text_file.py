from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from authz_lib._support import text_file
from authz_lib._support.text_file import read_bounded, replace_text
from authz_lib.errors import ConfigurationError


def test_a_file_at_the_bound_and_one_past_it(tmp_path):
    (tmp_path / "a").write_text("é" * 10)
    assert read_bounded(tmp_path / "a", "a", max_characters=10) == "é" * 10
    with pytest.raises(ConfigurationError, match=r"^`a` has more than 9 characters$"):
        read_bounded(tmp_path / "a", "a", max_characters=9)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no such device")
def test_a_file_without_an_end_is_not_read_to_it():
    with pytest.raises(ConfigurationError, match="has more than 1000 characters"):
        read_bounded(Path("/dev/zero"), "zero", max_characters=1000)


@pytest.mark.parametrize("name", ["missing", ".", "latin", "null\0byte"])
def test_what_cannot_be_read(tmp_path, name):
    (tmp_path / "latin").write_bytes(b"\xe9")
    with pytest.raises(ConfigurationError, match=r"^`x` cannot be read"):
        read_bounded(tmp_path / name, "x", max_characters=10)


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path):
    old = os.umask(0o027)
    try:
        replace_text(tmp_path / "new", "text\n")
    finally:
        os.umask(old)
    assert (tmp_path / "new").read_text() == "text\n"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def test_an_old_file_keeps_its_mode(tmp_path):
    (tmp_path / "old").write_text("old")
    (tmp_path / "old").chmod(0o600)
    replace_text(tmp_path / "old", "new")
    assert (tmp_path / "old").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o600


def _link(path):
    path.with_name("victim").write_text("precious")
    path.symlink_to("victim")


def _dangling(path):
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    "make", [_link, _dangling, os.mkdir, os.mkfifo], ids=["link", "dangling", "folder", "pipe"]
)
def test_only_a_file_is_replaced(tmp_path, make):
    make(tmp_path / "out")
    before = {path.name: path.lstat() for path in tmp_path.iterdir()}
    with pytest.raises(
        ConfigurationError, match=r"`out` cannot be written: it is a link, a folder"
    ):
        replace_text(tmp_path / "out", "new")
    assert {path.name: path.lstat() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["missing/out", "null\0byte", "", "/"])
def test_what_is_no_place_for_a_file(tmp_path, name):
    with pytest.raises(ConfigurationError, match="cannot be written"):
        replace_text(tmp_path / name, "new")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_whatever_fails_the_old_file_stays_and_no_other_is_left(tmp_path, monkeypatch, failure):
    (tmp_path / "out").write_text("old")

    def fail(_):
        raise failure

    monkeypatch.setattr(text_file.os, "fsync", fail)
    expected = ConfigurationError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        replace_text(tmp_path / "out", "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out", "old")]
