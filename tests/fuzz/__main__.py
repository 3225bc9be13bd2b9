"""`python tests/fuzz`: mutated inputs for every public parser, until something is wrong.

A fault is an error outside of the documented ones, more than 100 ms of processor time for one
input, or the end of the process.  Each is printed with what reproduces it.

    python tests/fuzz --rounds 10                       # 200,000 cases each
    python tests/fuzz --seed 7 --show "Cedar policies:1234"
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from random import SystemRandom
from typing import Any

CASES = 200_000
PROCESSES = 2


def main() -> int:
    arguments = _arguments()
    from parsers import PARSERS

    if arguments.show:
        return _show(arguments.seed or 0, arguments.show)
    seed = SystemRandom().randrange(2**32) if arguments.seed is None else arguments.seed
    shares = [parser.share if arguments.parser in {None, parser.name} else 0 for parser in PARSERS]
    total = dict.fromkeys(range(len(PARSERS)), 0)
    slowest = dict.fromkeys(range(len(PARSERS)), 0.0)
    for round_number in range(arguments.rounds):
        print(f"round {round_number + 1} of {arguments.rounds}: seed {seed}", flush=True)
        counts = [-(-arguments.cases * share // sum(shares)) for share in shares]
        results, deaths = _round(seed, counts)
        for result in results:
            for number, done in enumerate(result["done"]):
                total[number] += done
                slowest[number] = max(slowest[number], result["slowest"][number])
        faults = [fault for result in results for fault in result["faults"]] + deaths
        if faults:
            for number, position, fault in faults:
                name = PARSERS[number].name
                print(f'\n--seed {seed} --show "{name}:{position}"\n{fault}')
            print(f"\n{len(faults)} faults")
            return 1
        seed += 1
    print(f"{'parser':<34} {'cases':>10} {'slowest, ms':>12}")
    for number, parser in enumerate(PARSERS):
        if total[number]:
            print(f"{parser.name:<34} {total[number]:>10,} {slowest[number] * 1000:>12.1f}")
    print(f"{'total':<34} {sum(total.values()):>10,}  without a fault")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/fuzz")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, help="default: a new one, which is printed")
    parser.add_argument("--cases", type=int, default=CASES, help="of a round")
    parser.add_argument("--parser", help="only this one")
    parser.add_argument("--show", metavar="PARSER:NUMBER", help="one input, and what it does")
    return parser.parse_args()


def _round(seed: int, counts: list[int]) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    """What the processes report, and the cases that ended one."""
    with tempfile.TemporaryDirectory(prefix="authz-fuzz-") as name:
        folder = Path(name)
        running = []
        for part in range(PROCESSES):
            (folder / f"at-{part}").write_bytes(bytes(16))
            task = json.dumps([seed, part, PROCESSES, name, counts])
            command = [sys.executable, str(Path(__file__).with_name("worker.py")), task]
            environment = {**os.environ, "PYTHONFAULTHANDLER": "1", "PYTHONHASHSEED": "0"}
            running.append(subprocess.Popen(command, env=environment))
        results, deaths = [], []
        for part, process in enumerate(running):
            code = process.wait()
            if code == 0:
                results.append(json.loads((folder / f"result-{part}").read_text()))
            else:
                at = struct.unpack("qq", (folder / f"at-{part}").read_bytes())
                deaths.append([*at, f"the process ended with {code}"])
    return results, deaths


def _show(seed: int, case: str) -> int:
    from parsers import PARSERS
    from worker import Case, fault_of, input_of

    name, _, position = case.rpartition(":")
    number = next(number for number, parser in enumerate(PARSERS) if parser.name == name)
    value = input_of(seed, Case(number, int(position)))
    print(repr(value), flush=True)
    fault = fault_of(PARSERS[number], value)
    print(fault or "no fault")
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main())
