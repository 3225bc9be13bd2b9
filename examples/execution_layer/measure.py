"""Compare the signed call with the direct invoke on the local AWS: the same payload, in turn."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

from authz_local.local_scenario import LocalScenario

ROUNDS = 100
WARM_UP = 10


def main() -> None:
    """Print milliseconds and the ratio of each pair."""
    with LocalScenario(Path(__file__).parent) as local:
        question = json.dumps(
            {"rounds": ROUNDS + WARM_UP, "work": {"account": "measure", "text": "x" * 1000}}
        )
        _, answer = local.aws.invoke(local.stack.functions["Measure"], question.encode())
    seen = json.loads(answer)
    signed, direct = (seen[name][WARM_UP:] for name in ("signed", "direct"))
    ratios = [one / other for one, other in zip(signed, direct, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    lines = [
        f"medians of {ROUNDS}:",
        f"signed {statistics.median(signed):.1f} ms, direct {statistics.median(direct):.1f} ms",
        f"ratio per pair: {middle:.2f}, quartiles {low:.2f} to {high:.2f},",
        f"all {min(ratios):.2f} to {max(ratios):.2f}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
