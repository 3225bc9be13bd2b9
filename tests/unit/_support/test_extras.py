"""A package of an extra that is missing is named with the extra."""

from __future__ import annotations

import sys

import pytest

from authz_lib._support.extras import load_extra
from authz_lib.errors import ConfigurationError


def test_what_is_installed_is_loaded():
    assert load_extra("json.decoder", extra="none", what="this") is sys.modules["json.decoder"]


def test_what_is_missing_names_the_extra():
    with pytest.raises(ConfigurationError, match=r"`X` needs the extra `cedar` of authz-lib"):
        load_extra("no_such_package.part", extra="cedar", what="`X`")


def test_a_package_that_is_broken_inside_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "broken_inside.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        load_extra("broken_inside", extra="cedar", what="`X`")
