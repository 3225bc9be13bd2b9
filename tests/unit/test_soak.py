"""The soak itself runs, on one fault of each kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).parents[1] / "soak" / "soak.py"


def soak(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SOAK), "--seconds", "0.3", *arguments],
        timeout=90,
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_table_has_every_subject_and_nothing_wrong():
    found = soak("--fault", "garbage", "--fault", "duplicate member")
    assert found.returncode == 0, found.stdout + found.stderr
    for subject in ("authz-lib", "authz-lib, cold", "PyJWKClient", "boto3 client"):
        assert f"  {subject}  " in found.stdout
    assert "WRONG" not in found.stdout


def test_a_fault_that_is_not_there_is_no_success():
    assert soak("--fault", "another").returncode == 1
