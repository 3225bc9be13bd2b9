"""Many threads, and everything that goes wrong behind them: a table, with peers beside it.

`uv run nox -s soak`, or in an environment with the dependency group `bench`:

    python tests/soak/soak.py --seconds 2.5 --seed 1

64 threads verify tokens while the key set goes wrong in 22 ways, and 32 threads ask for decisions
while the policy store goes wrong in 28 ways.  Real HTTP servers on 127.0.0.1 go wrong by the byte.
For authz-lib the last four columns must be 0, and it must recover in its stated time; otherwise the
exit code is 1.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
import warnings
from typing import TYPE_CHECKING

import key_set
import store
from tally import Row, table, totals

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS_AT_MOST = 600


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.5, help="of each fault and subject")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--fault", action="append", help="only this one; may be repeated")
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)  # the peers log each failure
    started = time.monotonic()
    rows = []
    for half in (key_set, store):
        names = [name for name in half.FAULTS if name in (given.fault or half.FAULTS)]
        found = half.main(names, given.seconds, given.seed, _progress) if names else []
        if found:
            print(f"\n{half.__doc__}\n\n{table(found + totals('ALL', found))}\n", flush=True)
        rows += found
    taken = time.monotonic() - started
    wrong = [row for row in rows if row.subject.is_ours and row.is_wrong]
    print(f"seed {given.seed}, {given.seconds:g} s a fault, {taken:.0f} s in all")
    for row in wrong:
        print(f"WRONG: {row.subject.name} under `{row.fault}`")
    if taken > SECONDS_AT_MOST:
        print(f"TOO LONG: more than {SECONDS_AT_MOST} s")
    return int(not rows or bool(wrong) or taken > SECONDS_AT_MOST)


def _progress(_: Row) -> None:
    print(".", end="", flush=True, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
