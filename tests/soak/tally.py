"""Many threads ask; each answer is compared with the right one and counted."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

Outcome = Literal["yes", "no", "unavailable", "crashed"]
COLUMNS = (
    "calls",
    "right answers",
    "unavailable (503)",
    "wrong allows",
    "wrong denies",
    "remembered wrongly",
    "crashed",
)
NEVER = COLUMNS[3:]


class Subject(NamedTuple):
    """Who is asked."""

    name: str
    ask: Callable[[Any], Outcome]
    is_ours: bool = False


class Call(NamedTuple):
    """A question, and the right answer."""

    question: Any
    expected: Literal["yes", "no", "not yes"]


def column_of(call: Call, outcome: Outcome) -> str:
    """Where an answer is counted."""
    if call.expected == "not yes" and outcome in {"no", "unavailable"}:
        return "right answers"
    if outcome == "unavailable":
        return "unavailable (503)"
    if outcome == "crashed":
        return "crashed"
    if outcome == call.expected:
        return "right answers"
    return "wrong allows" if outcome == "yes" else "wrong denies"


def run(
    subject: Subject,
    draw: Callable[[random.Random], Call],
    *,
    threads: int,
    seconds: float,
    seed: str,
) -> Counter[str]:
    """Ask from so many threads for so long."""
    counts = [Counter[str]() for _ in range(threads)]
    end = time.monotonic() + seconds

    def ask(number: int) -> None:
        chance = random.Random(f"{seed}/{subject.name}/{number}")
        while time.monotonic() < end:
            call = draw(chance)
            counts[number][column_of(call, subject.ask(call.question))] += 1
            counts[number]["calls"] += 1
            time.sleep(chance.uniform(0, 0.04))

    workers = [threading.Thread(target=ask, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts, Counter())


class Row(NamedTuple):
    """One line of the table."""

    fault: str
    subject: Subject
    counts: Counter[str]
    recovered_seconds: float | None

    @property
    def is_wrong(self) -> bool:
        """Whether it has something that must never be."""
        return self.recovered_seconds is None or any(self.counts[column] for column in NEVER)


def table(rows: list[Row]) -> str:
    """The rows as text."""
    heads = ["fault", "asked", *COLUMNS, "recovered after"]
    lines = [heads] + [
        [
            row.fault,
            row.subject.name,
            *(f"{row.counts[column]:,}" for column in COLUMNS),
            "never" if row.recovered_seconds is None else f"{row.recovered_seconds:.1f} s",
        ]
        for row in rows
    ]
    widths = [max(len(line[number]) for line in lines) for number in range(len(heads))]
    text = [
        "  ".join(
            cell.ljust(width) if number < 2 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:]])


def totals(title: str, rows: list[Row]) -> list[Row]:
    """A row for each subject: all its faults together, and its slowest recovery."""
    found = []
    for name in dict.fromkeys(row.subject.name for row in rows):
        own = [row for row in rows if row.subject.name == name]
        times = [row.recovered_seconds for row in own]
        slowest = None if None in times else max(filter(None, times), default=0.0)
        counts = sum((row.counts for row in own), Counter())
        found.append(Row(title, own[0].subject, counts, slowest))
    return found
