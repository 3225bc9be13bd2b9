"""What the README says is so: its table has every request, its line counts are the code's."""

from __future__ import annotations

import re
from pathlib import Path

from authz_lib.testing.scenario import Scenario

FOLDER = Path(__file__).parents[3] / "examples" / "execution_layer"
README = (FOLDER / "README.md").read_text()


def test_the_table_has_every_request():
    rows = Scenario.load(FOLDER / "requests.yaml").requests
    assert not [row.name for row in rows if not re.search(rf"^{re.escape(row.name)} .* ok$", README, re.MULTILINE)]
    assert f"{len(rows)} passed, 0 failed" in README


def test_the_line_counts_are_the_codes():
    for name, words in {
        "verification/verification.py": "{} lines of Python in `verification/verification.py`",
        "execution/execution.py": "{} in `execution/execution.py`",
    }.items():
        assert words.format(len((FOLDER / name).read_text().splitlines())) in README
