"""Times as ratios: every case is measured beside the reference, in the same rounds of the same run.

Absolute times differ between machines and, on a shared one, between seconds.  A round therefore
runs every case next to the reference; what is reported is the median over rounds of (case /
reference), and the lowest and highest beside it.
"""

from __future__ import annotations

import gc
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Ratio", "against", "measure", "print_table"]

# A round's time of a case is its fastest chunk: one in which another process had the CPU does not
# count.  Many short chunks rather than few long ones, for a busy machine leaves no long stretch in
# peace.
_CHUNKS = 20


class Ratio(NamedTuple):
    """How many times the reference's time a case took: median, lowest and highest round; and the
    reference itself.
    """

    median: float
    low: float
    high: float
    reference_us: float


def _loops(call: Callable[[], object], chunk_seconds: float) -> int:
    """How many calls fill a chunk: by the fastest of several tries, lest one interruption makes the
    chunks short.
    """
    loops = 1
    while True:
        taken = min(_seconds(call, loops) for _ in range(5))
        if taken >= chunk_seconds / 2:
            return max(1, round(loops * chunk_seconds / taken))
        loops *= 2


def _seconds(call: Callable[[], object], loops: int) -> float:
    start = time.perf_counter()
    for _ in range(loops):
        call()
    return time.perf_counter() - start


def measure(
    cases: dict[str, Callable[[], object]],
    *,
    reference: str,
    rounds: int = 15,
    min_round_seconds: float = 0.02,
) -> dict[str, Ratio]:
    """Measure every case in interleaved rounds, as ratios to the case named ``reference``."""
    chunk_seconds = min_round_seconds / _CHUNKS
    loops = {name: _loops(call, chunk_seconds) for name, call in cases.items()}
    ratios: dict[str, list[float]] = {name: [] for name in cases}
    references: list[float] = []
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            fastest = dict.fromkeys(cases, float("inf"))
            for _ in range(_CHUNKS):
                for name, call in cases.items():
                    fastest[name] = min(fastest[name], _seconds(call, loops[name]) / loops[name])
            references.append(fastest[reference])
            for name in cases:
                ratios[name].append(fastest[name] / fastest[reference])
    finally:
        if collecting:
            gc.enable()
    reference_us = statistics.median(references) * 1e6
    return {
        name: Ratio(statistics.median(r), min(r), max(r), reference_us)
        for name, r in ratios.items()
    }


def against(value: float, *, at_most: float | None = None, at_least: float | None = None) -> str:
    """The bar of a figure, and whether it is met."""
    if at_most is not None:
        return f"(bar: at most {at_most:g})  {'<=' if value <= at_most else 'MISSED'}"
    if at_least is not None:
        return f"(bar: at least {at_least:g})  {'>=' if value >= at_least else 'MISSED'}"
    return ""


def print_table(title: str, ratios: dict[str, Ratio], bars: dict[str, float] | None = None) -> None:
    """Print the ratios; ``bars`` says, per case, what the ratio should be at most."""
    bars = bars or {}
    width = max(map(len, ratios))
    microseconds = next(iter(ratios.values())).reference_us
    print(f"\n{title} (reference: {microseconds:.2f} us)")
    print(f"{'case':<{width}}  {'median':>8}  {'low':>8}  {'high':>8}  {'bar':>8}")
    for name, ratio in ratios.items():
        bar = bars.get(name)
        verdict = "" if bar is None else f"  {'<=' if bar >= ratio.median else 'MISSED'}"
        shown = "" if bar is None else f"{bar:.2f}"
        print(
            f"{name:<{width}}  {ratio.median:8.3f}  {ratio.low:8.3f}  {ratio.high:8.3f}  "
            f"{shown:>8}{verdict}"
        )
