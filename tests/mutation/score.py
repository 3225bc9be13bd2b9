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
import os
import shutil
import subprocess
import sys
import tomllib
from difflib import ndiff
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mutmut.mutation.file_mutation import mutate_file_contents

if TYPE_CHECKING:
    from collections.abc import Iterable

FLOOR = 92.0
# Each file with the tests of its room that are tried first: they are quick, and find nearly all.
FILES = {
    "tokens/claims.py": ("test_claims.py", "test_issuers.py"),
    "tokens/jws.py": ("test_jws.py", "test_attacks.py", "test_claims.py"),
    "authorizer/gateway_cache.py": ("test_gateway_cache.py",),
    "authorizer/cache_key.py": ("test_gateway_cache.py",),
    "authorizer/callers.py": ("test_arguments.py",),
    "decisions/cache.py": ("test_cache.py",),
    "service/event_principal.py": ("test_expected_gateway.py",),
    "service/expected_gateway.py": ("test_expected_gateway.py",),
}
PACKAGE = Path("src/authz_lib")
FOUND = {1, 3, -11, -9, -24, 24, 36, 152, 255}  # a failed test, a crash, or out of time
UNFOUND = {0, 5, 33}  # every test passed, or no test calls the function
CONFIGURATION = """\
[mutmut]
source_paths=
    src
only_mutate=
    {file}
pytest_add_cli_args_test_selection=
    {tests}
also_copy=
    docs
    examples
    packages
    README.md
process_isolation=forkserver
use_git_change_detection=false
"""


class Mutant(NamedTuple):
    """One fault: the lines that it changes, as `ast.unparse` writes them."""

    file: str
    function: str
    was: str
    becomes: str


class Count(NamedTuple):
    """What became of the mutants of one file."""

    mutants: int
    found: int

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


def mutants_of(file: str) -> dict[str, Mutant]:
    """Every mutant of a file that counts, by mutmut's name for it."""
    path = PACKAGE / file
    code = mutate_file_contents(str(path), path.read_text("utf-8")).code
    functions = {
        node.name: node
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    found = {}
    for name, mutated in functions.items():
        base, is_mutant, number = name.rpartition("__mutmut_")
        if not is_mutant or number == "orig":
            continue
        original = functions[f"{base}__mutmut_orig"]
        if dumped_without_texts(original) != dumped_without_texts(mutated):
            function = base.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
            module = ".".join(path.relative_to("src").with_suffix("").parts)
            found[f"{module}.{name}"] = Mutant(file, function, *difference(original, mutated))
    return found


def survivors_of(file: str, tests: Iterable[Path], mutants: list[str], jobs: int) -> list[str]:
    """Have mutmut try the mutants, and tell which of them none of the tests finds."""
    if not mutants:
        return []
    shutil.rmtree("mutants", ignore_errors=True)
    configure(file, tests)
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(jobs), *mutants]
    done = subprocess.run(command, check=False, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        told = [line for line in done.stdout.splitlines() if "Running" not in line]  # a spinner
        sys.exit("\n".join(["mutmut failed, as do the tests in `mutants`:", *told, done.stderr]))
    told = Path("mutants", PACKAGE, f"{file}.meta").read_text("utf-8")
    codes = json.loads(told)["exit_code_by_key"]
    if unclear := [name for name in mutants if codes[name] not in FOUND | UNFOUND]:
        sys.exit(f"mutmut could not judge {', '.join(unclear)}")
    return [name for name in mutants if codes[name] in UNFOUND]


def configure(file: str, tests: Iterable[Path]) -> None:
    """Tell mutmut what to mutate and which tests to run."""
    paths = "\n    ".join(map(str, tests))
    Path("setup.cfg").write_text(
        CONFIGURATION.format(file=PACKAGE / file, tests=paths), encoding="utf-8"
    )


class _WithoutTexts(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id.endswith("Error") and node.args:
            node.args[0] = ast.Constant("text")
        return node


def dumped_without_texts(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """A function without its name and the texts of its errors."""
    copy = ast.parse(ast.unparse(function)).body[0]
    copy.name = "function"
    return ast.dump(_WithoutTexts().visit(copy))


def difference(
    original: ast.FunctionDef | ast.AsyncFunctionDef,
    mutated: ast.FunctionDef | ast.AsyncFunctionDef,
) -> tuple[str, str]:
    """The lines that are only in the first, and those only in the second; no names in both."""
    before, after = (
        ast.unparse(node).replace(f"def {node.name}(", "def (").splitlines()
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
    parser.add_argument("files", nargs="*", help=" ".join(FILES))
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at a time")
    options = parser.parse_args()
    if unknown := set(options.files) - set(FILES):
        parser.error(f"not one of the files: {', '.join(sorted(unknown))}")
    known = Survivors(Path(__file__).with_name("survivors.toml"))
    counts: dict[str, Count] = {}
    survived: list[Mutant] = []
    for file in options.files or FILES:
        room = Path("tests/unit", file).parent
        configure(file, [room])
        mutants = mutants_of(file)
        alive = list(mutants)
        for tests in ([room / name for name in FILES[file]], [room]):
            alive = survivors_of(file, tests, alive, options.jobs)
        survived += [mutants[name] for name in alive]
        counts[file] = Count(len(mutants), len(mutants) - len(alive))
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
