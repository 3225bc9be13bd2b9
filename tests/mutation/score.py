"""How many faults, put into the code one at a time, the unit tests of its room find.

    uv run nox -s mutation                              every file below
    uv run nox -s mutation -- tokens/claims.py          one of them

mutmut makes the mutants, in the folder it is run in.  It fails when a file scores below the floor,
when a survivor has no reason in `survivors.toml`, and when an entry there matches no survivor.

Counted: every mutant of a function body or a plain default argument.  A survivor that means the
same as the code counts as one that was not found.

Not counted: the text of an error, which is its first argument.  Not made by mutmut: annotations,
docstrings, statements outside of functions, and functions below a decorator.
"""

from __future__ import annotations

import argparse
import ast
import json
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from difflib import ndiff
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FLOOR = 92.0
ROOMS = {
    "tests/unit/tokens": ("tokens/claims.py", "tokens/jws.py"),
    "tests/unit/authorizer": (
        "authorizer/gateway_cache.py",
        "authorizer/cache_key.py",
        "authorizer/callers.py",
    ),
    "tests/unit/decisions": ("decisions/cache.py",),
    "tests/unit/service": ("service/expected_gateway.py",),
}
PACKAGE = Path("src/authz_lib")
MUTANTS = Path("mutants")
FOUND = {1, 3, -11, -9, -24, 24, 36, 152, 255}  # a failed test, a crash, or out of time
UNFOUND = {0, 5, 33}  # every test passed, or no test calls the function
CONFIGURATION = """\
[mutmut]
source_paths=
    src
only_mutate=
    {files}
pytest_add_cli_args_test_selection=
    {tests}
process_isolation=forkserver
use_git_change_detection=false
"""


class Mutant(NamedTuple):
    """One fault: the lines that it changes, as `ast.unparse` writes them."""

    file: str
    function: str
    was: str
    becomes: str


@dataclass
class Count:
    """What became of the mutants of one file."""

    mutants: int = 0
    found: int = 0

    @property
    def score(self) -> float:
        """How many of a hundred were found."""
        return 100 * self.found / self.mutants if self.mutants else 0.0


class Survivors:
    """The mutants that are known to survive, each with the reason."""

    def __init__(self, path: Path) -> None:
        entries = tomllib.loads(path.read_text("utf-8")).get("survivor", [])
        self._reasons = {
            Mutant(entry["file"], entry["function"], entry["was"], entry["becomes"]): entry[
                "reason"
            ]
            for entry in entries
        }

    def reason(self, mutant: Mutant) -> str | None:
        """Why a mutant survives; ``None`` where nobody has said it."""
        return self._reasons.get(mutant)

    def without_match(self, survived: Iterable[Mutant], files: Iterable[str]) -> set[Mutant]:
        """The entries of these files that no survivor matches."""
        wanted = set(files)
        return {known for known in self._reasons if known.file in wanted} - set(survived)


def run(tests: str, files: Iterable[str], jobs: int) -> None:
    """Have mutmut try every mutant of the files of one room."""
    shutil.rmtree(MUTANTS, ignore_errors=True)
    paths = "\n    ".join(str(PACKAGE / name) for name in files)
    Path("setup.cfg").write_text(CONFIGURATION.format(files=paths, tests=tests), "utf-8")
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(jobs)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        sys.exit(f"mutmut failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")


def results(file: str) -> Iterator[tuple[Mutant, bool]]:
    """Every mutant of a file that counts, and whether a test found it."""
    path = MUTANTS / PACKAGE / file
    codes = json.loads(Path(f"{path}.meta").read_text("utf-8"))["exit_code_by_key"]
    functions = {
        node.name: node
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for key, code in codes.items():
        name = key.rpartition(".")[2]
        base, _, _ = name.rpartition("__mutmut_")
        original, mutated = functions[f"{base}__mutmut_orig"], functions[name]
        if ast.dump(without_texts(original)) == ast.dump(without_texts(mutated)):
            continue
        if code is None and "--partial" in sys.argv:
            continue
        if code not in FOUND | UNFOUND:
            sys.exit(f"mutmut could not judge {key}: code {code}")
        function = base.removeprefix("x").strip("ǁ").removeprefix("_").replace("ǁ", ".")
        yield Mutant(file, function, *difference(original, mutated)), code in FOUND


class _WithoutTexts(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id.endswith("Error") and node.args:
            node.args[0] = ast.Constant("text")
        return node


def without_texts(function: ast.stmt) -> ast.AST:
    """A function whose errors all have the same text, and that has no name of its own."""
    copy = ast.parse(ast.unparse(function)).body[0]
    copy.name = "function"  # type: ignore[attr-defined]
    return _WithoutTexts().visit(copy)  # type: ignore[no-any-return]


def difference(original: ast.stmt, mutated: ast.stmt) -> tuple[str, str]:
    """The lines below the signature's name that are only in the first, and only in the second."""
    before, after = (
        ast.unparse(node).replace(f"def {node.name}(", "def (").splitlines()  # type: ignore[attr-defined]
        for node in (original, mutated)
    )
    lines = list(ndiff(before, after))
    return (
        "\n".join(line[2:].strip() for line in lines if line.startswith("- ")),
        "\n".join(line[2:].strip() for line in lines if line.startswith("+ ")),
    )


def main() -> int:
    """Run the rooms of the named files, print the scores and survivors; 1 where it fails."""
    parser = argparse.ArgumentParser()
    every = [name for names in ROOMS.values() for name in names]
    parser.add_argument("files", nargs="*", choices=[*every, []], metavar="FILE")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    wanted = options.files or every
    known = Survivors(Path(__file__).with_name("survivors.toml"))
    counts: dict[str, Count] = defaultdict(Count)
    survived: list[Mutant] = []
    for tests, names in ROOMS.items():
        files = [name for name in names if name in wanted]
        if files:
            run(tests, files, options.jobs)
        for file in files:
            for mutant, found in results(file):
                counts[file].mutants += 1
                counts[file].found += found
                if not found:
                    survived.append(mutant)
    return report(counts, survived, known)


def report(counts: dict[str, Count], survived: list[Mutant], known: Survivors) -> int:
    """Print all, and say what is wrong."""
    faults = [f"{file} is below {FLOOR:g} %" for file, c in counts.items() if c.score < FLOOR]
    for mutant in survived:
        reason = known.reason(mutant)
        if reason is None:
            faults.append(f"a survivor of {mutant.file} has no reason")
        print(f"\n{mutant.file}: {mutant.function}: {reason or 'NO REASON GIVEN'}")
        print("\n".join(f"  - {line}" for line in mutant.was.splitlines()))
        print("\n".join(f"  + {line}" for line in mutant.becomes.splitlines()))
    stale = sorted(known.without_match(survived, counts))
    faults += [f"this entry matches no survivor: {mutant}" for mutant in stale]
    whole = Count(sum(c.mutants for c in counts.values()), sum(c.found for c in counts.values()))
    print(f"\n{'file':<32}{'mutants':>8}{'found':>8}{'survived':>10}{'score':>9}")
    for file, c in [*counts.items(), ("all", whole)]:
        print(f"{file:<32}{c.mutants:>8}{c.found:>8}{c.mutants - c.found:>10}{c.score:>8.1f}%")
    print("\n".join(["", *faults]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
