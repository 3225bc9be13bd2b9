"""What the README says is so: its table has every request, its line counts are the code's."""

from __future__ import annotations

from authz_lib.testing.scenario import Scenario


def test_the_table_has_every_request(folder):
    readme = (folder / "README.md").read_text().splitlines()
    rows = Scenario.load(folder / "requests.yaml").requests
    assert not [row.name for row in rows if not any(s.startswith(f"{row.name} ") and s.endswith(" ok") for s in readme)]
    assert f"{len(rows)} passed, 0 failed" in readme


def test_the_line_counts_are_the_codes(folder):
    readme = (folder / "README.md").read_text()

    def count(*patterns):
        return sum(len(path.read_text().splitlines()) for pattern in patterns for path in folder.glob(pattern))

    assert f"{count('service/*.py')} lines of Python in the Lambda" in readme
    assert f"{count('claims_trigger/*.py')} in the trigger" in readme
    assert f"{count('ui/*')} of HTML and" in readme
