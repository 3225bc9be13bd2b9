"""One process of the fuzzer: it runs cases, and says which one it is at."""

from __future__ import annotations

import json
import logging
import mmap
import struct
import sys
import time
import traceback
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from mutations import mutated
from parsers import PARSERS, Parser

MAX_SECONDS = 0.1


class Case(NamedTuple):
    """A parser and a number: with the seed, the whole input."""

    parser: int
    number: int


def input_of(seed: int, case: Case) -> Any:
    """The input of a case: the same for the same seed."""
    random = Random(f"{seed}/{PARSERS[case.parser].name}/{case.number}")
    return mutated(random.choice(PARSERS[case.parser].seeds), random)


def fault_of(parser: Parser, value: Any) -> str | None:
    """What is wrong with how a parser takes an input; nothing if all is well."""
    value = parser.prepare(value)
    started = time.process_time()
    fault = _outcome(parser, value)
    seconds = time.process_time() - started
    if fault is None and seconds > MAX_SECONDS:
        # Not the garbage collector, what is loaded once, or a neighbour of this processor: it has
        # to be slow again and again.
        for _ in range(10):
            time.sleep(0.1)
            started = time.process_time()
            _outcome(parser, value)
            seconds = min(seconds, time.process_time() - started)
        if seconds > MAX_SECONDS:
            return f"{seconds * 1000:.0f} ms"
    return fault


def _outcome(parser: Parser, value: Any) -> str | None:
    try:
        parser.call(value)
    except parser.refusals as error:
        return "an error of several lines" if "\n" in str(error) else None
    except BaseException:  # noqa: BLE001  (that is what is looked for)
        return traceback.format_exc(limit=-4)
    return None


def work(seed: int, counts: list[int], part: int, parts: int, place: mmap.mmap) -> dict[str, Any]:
    done, faults, slowest = [0] * len(PARSERS), [], [0.0] * len(PARSERS)
    for number, parser in enumerate(PARSERS):
        for position in range(part, counts[number], parts):
            case = Case(number, position)
            struct.pack_into("qq", place, 0, *case)
            value = input_of(seed, case)
            started = time.process_time()
            fault = fault_of(parser, value)
            slowest[number] = max(slowest[number], time.process_time() - started)
            done[number] += 1
            if fault is not None:
                faults.append([number, position, fault])
                if sum(one[0] == number for one in faults) >= 5:
                    break  # enough of this parser
    return {"done": done, "faults": faults, "slowest": slowest}


def main() -> None:
    logging.getLogger("authz_lib").addHandler(logging.NullHandler())  # a line for each refusal
    seed, part, parts, folder, counts = json.loads(sys.argv[1])
    with (Path(folder) / f"at-{part}").open("r+b") as file, mmap.mmap(file.fileno(), 16) as place:
        result = work(seed, counts, part, parts, place)
    (Path(folder) / f"result-{part}").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
