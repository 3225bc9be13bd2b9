"""The page `docs/tutorial/audit.md` shows what the command prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from authz_lib.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial" / "audit.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
TEMPLATES = [text for kind, text in BLOCKS if kind == "yaml"]
OUTPUTS = [text for kind, text in BLOCKS if kind == "text" and text.startswith("template.yaml")]


@pytest.mark.parametrize(
    ("template", "output", "code"), list(zip(TEMPLATES, OUTPUTS, [0, 1], strict=True))
)
def test_what_the_tutorial_shows_is_printed(tmp_path, monkeypatch, capsys, template, output, code):
    monkeypatch.chdir(tmp_path)
    Path("template.yaml").write_text(template)
    assert main(["audit", "template.yaml"]) == code
    assert capsys.readouterr().out.split() == output.split()  # the page wraps long lines


def test_the_fix_that_it_names_closes_the_route(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fixed = TEMPLATES[1].replace("CognitoAuth}", "CognitoAuth, OverrideApiAuth: true}")
    assert fixed != TEMPLATES[1]
    Path("template.yaml").write_text(fixed)
    assert main(["audit", "template.yaml"]) == 0
    assert "closed" in capsys.readouterr().out
