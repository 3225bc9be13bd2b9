"""A tag is released only where versions, changelog and URLs agree with it."""

from __future__ import annotations

import importlib.util
import re
import shutil
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location(
    "check_release", CHECKOUT / ".github" / "check_release.py"
)
check_release = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(check_release)


@pytest.fixture
def checkout(tmp_path):
    """This checkout as it would be on the day of a release."""
    for path in ("CHANGELOG.md", *check_release.PROJECTS):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        text = (CHECKOUT / path).read_text(encoding="utf-8")
        text = text.replace("OWNER/", "example/").replace(
            'version = "0.1.0.dev0"', 'version = "0.1.0"'
        )
        text = re.sub(r"^## \[0\.1\.0\] - .*", "## [0.1.0] - 2026-12-01", text, flags=re.MULTILINE)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


def found(checkout, tag="v0.1.0", repository="example/authz-lib"):
    return list(check_release.problems(checkout, tag, repository))


def test_on_the_day_of_a_release_nothing_is_wrong(checkout):
    assert found(checkout) == []


def test_this_checkout_is_before_its_release_or_may_be_released():
    version = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
    seen = list(check_release.problems(CHECKOUT, f"v{version}", "example/authz-lib"))
    placeholder = [problem for problem in seen if "the URL" in problem]
    assert bool(placeholder) == ("OWNER/" in (CHECKOUT / "pyproject.toml").read_text())


@pytest.mark.parametrize(
    ("tag", "problem"),
    [
        ("v0.1.1", "pyproject.toml: the version is 0.1.0, and the tag says 0.1.1"),
        ("0.1.0", "the tag `0.1.0` is not `v` and a version"),
        ("v0.1.0.dev0", "the tag `v0.1.0.dev0` is not `v` and a version"),
        ("v0.1.1", "CHANGELOG.md: there is no heading `## [0.1.1] - DATE`"),
        ("v0.1.1", "CHANGELOG.md: there is no link `[0.1.1]: https://...`"),
    ],
)
def test_another_tag(checkout, tag, problem):
    assert any(one.startswith(problem) for one in found(checkout, tag))


def test_another_repository(checkout):
    seen = found(checkout, repository="example/authz")
    assert len(seen) == 10
    assert all("is not below https://github.com/example/authz" in problem for problem in seen)


@pytest.mark.parametrize("path", check_release.PROJECTS)
def test_one_version_of_two(checkout, path):
    text = (checkout / path).read_text()
    (checkout / path).write_text(text.replace('version = "0.1.0"', 'version = "0.2.0"'))
    assert found(checkout) == [f"{path}: the version is 0.2.0, and the tag says 0.1.0"]


def test_a_changelog_without_a_date(checkout):
    path = checkout / "CHANGELOG.md"
    path.write_text(path.read_text().replace("[0.1.0] - 2026-12-01", "[0.1.0] - soon"))
    assert found(checkout) == ["CHANGELOG.md: there is no heading `## [0.1.0] - DATE`"]


def test_the_exit_code(checkout, monkeypatch, capsys):
    monkeypatch.setattr(check_release, "CHECKOUT", checkout)
    assert check_release.main(["v0.1.0", "example/authz-lib"]) == 0
    assert check_release.main(["v9.9.9", "example/authz-lib"]) == 1
    assert capsys.readouterr().err.count("\n") == 4
    assert check_release.main([]) == 2
    assert capsys.readouterr().err.startswith("usage: ")
    shutil.rmtree(checkout)
