"""The page of a rule, made from the rule.

``python -m authz_lib.audit.rule_page docs/reference/audit-rules`` writes them all.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from authz_lib._support.text_file import replace_text
from authz_lib.audit.rules import AUDIT_RULES

if TYPE_CHECKING:
    from authz_lib.audit.rule import AuditRule

__all__ = ["rule_index", "rule_page", "write_rule_pages"]

_IGNORE = """\
```yaml
Metadata:
  authz-audit:
    ignore:
      - {{rule: {id}, reason: WHY THAT IS RIGHT}}
```
"""


def rule_page(rule: AuditRule) -> str:
    """The page in Markdown."""
    parts = [
        f"# `{rule.id}`: {rule.title}\n",
        f"| severity | confidence |\n|---|---|\n| {rule.severity} | {rule.confidence} |\n",
        f"## Why\n\n{rule.why.strip()}\n",
    ]
    if rule.actions:
        lines = ",\n".join(_line(line) for line in rule.actions)
        parts.append(f"## With this action map (`--actions`)\n\n```json\n{lines}\n```\n")
    parts += [
        f"## Before\n\n```yaml\n{rule.before.strip()}\n```\n",
        f"## After\n\n```yaml\n{rule.after.strip()}\n```\n",
        f"## Where it is right\n\nSay so beside the resource:\n\n{_IGNORE.format(id=rule.id)}",
    ]
    return "\n".join(parts)


def _line(line: dict[str, object]) -> str:
    """One line of an action map; a long one as an object of several lines."""
    text = json.dumps(line)
    return text if len(text) < 80 else json.dumps(line, indent=2)


def rule_index() -> str:
    """The page that lists them."""
    rows = "\n".join(
        f"| [`{rule.id}`]({rule.id}.md) | {rule.severity} | {rule.title} |" for rule in AUDIT_RULES
    )
    names = "\n".join(rule.id for rule in AUDIT_RULES)
    return (
        "# The rules of the audit\n\n"
        "Those that open something come first. A finding can have a lower severity than its rule:\n"
        "`info` where the template says that it is meant.\n\n"
        f"| rule | severity | what |\n|---|---|---|\n{rows}\n\n"
        f"```{{toctree}}\n:hidden:\n:maxdepth: 1\n\n{names}\n```\n"
    )


def write_rule_pages(folder: Path) -> None:
    """Write the page of each rule, and the one that lists them.

    Raises:
        ConfigurationError: one cannot be written.
    """
    replace_text(folder / "index.md", rule_index())
    for rule in AUDIT_RULES:
        replace_text(folder / f"{rule.id}.md", rule_page(rule))


if __name__ == "__main__":
    write_rule_pages(Path(sys.argv[1]))
