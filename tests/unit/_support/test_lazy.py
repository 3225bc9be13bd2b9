from __future__ import annotations

import sys
import types
from importlib import import_module

import pytest

from authz_lib._support.lazy import lazy_names


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "lazy_room").mkdir()
    (tmp_path / "lazy_room" / "__init__.py").write_text(
        "from authz_lib._support.lazy import lazy_names\n"
        "_HOME = {'Thing': 'inner.things', 'inner': 'inner'}\n"
        "_HOME |= {'Gone': 'inner.things', 'Other': 'nowhere'}\n"
        "__getattr__, __dir__ = lazy_names(__name__, _HOME)\n"
    )
    (tmp_path / "lazy_room" / "inner").mkdir()
    (tmp_path / "lazy_room" / "inner" / "__init__.py").write_text("")
    (tmp_path / "lazy_room" / "inner" / "things.py").write_text("class Thing: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield import_module("lazy_room")
    for name in [name for name in sys.modules if name.partition(".")[0] == "lazy_room"]:
        del sys.modules[name]


def test_nothing_is_loaded_before_it_is_asked_for_and_then_once(package):
    assert "lazy_room.inner" not in sys.modules
    assert "Thing" not in vars(package)
    thing = package.Thing
    assert thing.__module__ == "lazy_room.inner.things"
    assert vars(package)["Thing"] is thing


def test_a_name_that_is_its_own_home_is_the_module(package):
    assert isinstance(package.inner, types.ModuleType)
    assert package.inner is sys.modules["lazy_room.inner"]


def test_every_name_is_listed_unasked(package):
    assert {"Thing", "inner", "__name__"} <= set(dir(package))
    assert dir(package) == sorted(dir(package))


@pytest.mark.parametrize("name", ["Verifier", "Gone", "__wrapped__"])
def test_a_name_that_is_not_there_is_an_attribute_error(package, name):
    assert not hasattr(package, name)
    assert name not in vars(package)


def test_a_home_that_is_not_there_is_an_import_error(package):
    with pytest.raises(ImportError):
        package.Other  # noqa: B018


@pytest.mark.parametrize(
    "room", ["authz_lib", "authz_lib.decisions", "authz_lib.gateway", "authz_lib.sigv4"]
)
def test_every_lazy_package_has_a_home_for_every_public_name(room):
    package = import_module(room)
    assert package.__all__ == sorted(package.__all__)
    assert set(package.__all__) == set(package._HOME) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="has no attribute `Verifier`"):
        package.Verifier  # noqa: B018


def test_find_and_names_need_no_package_of_ours():
    find, names = lazy_names(__name__, {})
    assert "lazy_names" in names()
    with pytest.raises(AttributeError):
        find("x")
