"""The page `docs/how-to/test-your-service.md`: its tests pass, and it has all of the kit."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from authz_lib.testing import events, issuer, plugin, policy_store, tampering

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "test-your-service.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_tests_of_the_page_pass(tmp_path):
    code = "\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
    (tmp_path / "test_page.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if "PYTEST" not in name},
        timeout=120,
    )
    assert "4 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    "module", [events, issuer, plugin, policy_store, tampering], ids=lambda m: m.__name__
)
def test_each_name_of_the_kit_is_on_the_page(module):
    names = [name for name in module.__all__ if name not in {"FAULTS", "JWKSEndpoint"}]
    missing = [name for name in names if not re.search(rf"\b{name}\b", TEXT)]
    assert missing == []
    faults = [] if module is not issuer else [f"`{fault}`" for fault in issuer.FAULTS]
    assert [fault for fault in faults if fault not in TEXT] == []
