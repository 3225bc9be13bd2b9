"""The built pages: those of `AUTHZ_DOCS_HTML`, or built here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
sys.path.append(str(CHECKOUT / "docs" / "_extensions"))
sys.path.append(str(CHECKOUT / "packages" / "authz-local" / "src"))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the HTML."""
    built = os.environ.get("AUTHZ_DOCS_HTML")
    if built:
        return Path(built)
    pytest.importorskip("sphinx")
    folder = tmp_path_factory.mktemp("site") / "html"
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(CHECKOUT / "docs"), str(folder)],
        check=True,
        timeout=600,
    )
    return folder
