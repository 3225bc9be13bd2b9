"""The analysis of a policy change: 1,000 policies around it, and the orders policies whole.

``python benchmarks/bench_analysis.py`` prints seconds of CPU, which a busy machine does not change
much.  Wanted: at most 1 s for a kind of request, median; at most 2 s for the orders policies, start
included.
"""

from __future__ import annotations

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from authz_lib.analysis.diff import compare_policies
from authz_lib.decisions.policy_files import PolicySources, parse_policies, read_directory

ORDERS = Path(__file__).parents[1] / "examples" / "orders_router" / "policies"
GET = 'action == Action::"commercial:GetOrder"'
GET_OR_CANCEL = GET.replace("==", "in [") + ', Action::"commercial:CancelOrder"]'

READS = 'action in [Action::"commercial:ListOrders", Action::"commercial:GetOrder"]'


def policy(number: int) -> str:
    """One of five kinds of policies, each with names of its own."""
    group = f'principal in Group::"g{number}"'
    heads = [
        f"permit({group}, action, resource is Order)",
        f"permit({group}, action, resource)",
        f'permit(principal == User::"u{number}", {GET}, resource == Order::"o{number}")',
        f"permit({group}, {GET_OR_CANCEL}, resource is Order)",
        "forbid(principal, action, resource is Order)",
    ]
    conditions = [
        f'resource.tenant_id == "t{number}"',
        f'principal has tenant_id && principal.tenant_id == "t{number}"',
        "true",
        f'principal has tenant_id && principal.tenant_id like "a{number}*"',
        f'resource.tenant_id == "blocked{number}" && !({group})',
    ]
    return f"{heads[number % 5]} when {{ {conditions[number % 5]} }};"


def changed(folder: Path) -> Path:
    """The orders policies, in which support may also cancel, and use any action coarsely."""
    shutil.copytree(ORDERS, folder, dirs_exist_ok=True)
    file = folder / "orders.cedar"
    text = file.read_text(encoding="utf-8").replace(GET, GET_OR_CANCEL)
    file.write_text(text.replace(READS, "action"), encoding="utf-8")
    return folder


def grown(sources: PolicySources, text: str) -> PolicySources:
    """The same policies with others around them."""
    policies = (*sources.policies, *parse_policies("more", text))
    return replace(sources, policies=policies, texts={**sources.texts, "more": text})


def seconds_per_environment(old: PolicySources, new: PolicySources) -> list[float]:
    """CPU time of each verdict."""
    found, last = [], time.process_time()
    for _ in compare_policies(old, new):
        now = time.process_time()
        found.append(now - last)
        last = now
    return found


def main() -> None:
    """Print both figures."""
    more = "\n".join(map(policy, range(1000)))
    with tempfile.TemporaryDirectory() as folder:
        new = changed(Path(folder))
        old_sources, new_sources = (grown(read_directory(path), more) for path in (ORDERS, new))
        found = seconds_per_environment(old_sources, new_sources)
        print(
            f"1,000 policies, {len(found)} kinds of requests: median {statistics.median(found):.2f}"
            f" s, most {max(found):.2f} s (wanted: median 1)"
        )
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        subprocess.run(
            [sys.executable, "-m", "authz_lib.cli", "policies", "diff", str(ORDERS), str(new)],
            stdout=subprocess.DEVNULL,
            check=False,
        )
        whole = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        print(f"the orders policies whole, start included: {whole:.2f} s (wanted: 2)")


if __name__ == "__main__":
    main()
