"""What the README says is so: its table has every request, its line counts are the code's."""

from __future__ import annotations

import re

from authz_lib.testing.scenario import Scenario


def test_the_table_has_every_request(folder):
    readme = (folder / "README.md").read_text()
    rows = Scenario.load(folder / "requests.yaml").requests
    assert not [row.name for row in rows if not re.search(rf"^{re.escape(row.name)} .* ok$", readme, re.MULTILINE)]
    assert f"{len(rows)} passed, 0 failed" in readme


def test_the_line_counts_are_the_codes(folder):
    readme = (folder / "README.md").read_text()
    lines = {path.stem: len(path.read_text().splitlines()) for path in (folder / "functions").glob("*.py")}
    assert f"{sum(lines.values())} lines of Python in `functions/`" in readme
    assert f"the authorizer has {lines['lambda_authorizer']}, the invoker {lines['apigw_invoker']}" in readme
