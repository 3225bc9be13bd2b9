"""Whether a tag may be released: it agrees with both versions, the changelog and the URLs.

``python .github/check_release.py v0.1.0 example/authz-lib``, the tag and the repository's own
name.  The exit code is 1 where something does not agree.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[1]
PROJECTS = ("pyproject.toml", "packages/authz-local/pyproject.toml")


def problems(checkout: Path, tag: str, repository: str) -> Iterator[str]:
    """What does not agree, one line each."""
    version = tag.removeprefix("v")
    if not re.fullmatch(r"v\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?", tag):
        yield f"the tag `{tag}` is not `v` and a version such as `1.2.3` or `1.2.3rc1`"
    for path in PROJECTS:
        project = tomllib.loads((checkout / path).read_text(encoding="utf-8"))["project"]
        if project["version"] != version:
            yield f"{path}: the version is {project['version']}, and the tag says {version}"
        home = f"https://github.com/{repository}"
        for name, url in project["urls"].items():
            if url != home and not url.startswith(f"{home}/"):
                yield f"{path}: the URL `{name}` is not below {home}"
    changes = (checkout / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changes, re.MULTILINE):
        yield f"CHANGELOG.md: there is no heading `## [{version}] - DATE`"
    if not re.search(rf"^\[{re.escape(version)}\]: https://", changes, re.MULTILINE):
        yield f"CHANGELOG.md: there is no link `[{version}]: https://...`"


def main(words: list[str]) -> int:
    """Print what does not agree."""
    if len(words) != 2:
        print("usage: check_release.py TAG OWNER/REPOSITORY", file=sys.stderr)
        return 2
    found = list(problems(CHECKOUT, *words))
    for problem in found:
        print(problem, file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
