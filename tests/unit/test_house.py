"""The drawing in CONTRIBUTING.md, the import contract and the package agree."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import pytest

import authz_lib

CHECKOUT = Path(__file__).parents[2]
PACKAGE = Path(authz_lib.__file__).parent
MODULES = {
    ".".join(("authz_lib", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
# Names that two modules define on purpose, because they stand for one thing.
SHARED_NAMES = {
    "public": "everybody may ask: the word of each web framework",
    "add_arguments": "each command of `authz` describes its arguments in one",
    "where": "the rows that a caller may see, one in each file of a database",
    "main": "each command of a terminal begins in one",
    "run": "each command of `authz` begins in one",
}
# Tests of `tests/unit` that fit no single module.
WITHOUT_A_MODULE = {
    "authorizer/test_fail_closed.py": "what breaks anywhere on the way is a denial",
    "authorizer/test_status_table.py": "each failure of a module and the status it becomes",
    "gateway/test_one_reader.py": "authorizer and service read an event alike",
    "integrations/test_fastapi_served.py": "one application under uvicorn and under Mangum",
    "service/test_json_body.py": "one function of `handler.py`, with a table of bodies of its own",
    "sigv4/test_adapters.py": "`httpx_auth.py` and `requests_auth.py` pass the same tests",
    "sigv4/test_arequest.py": "one method of `client.py`, from an event loop",
    "sigv4/test_exports.py": "the names of the whole room",
    "test_docs_name_tests.py": "every test that a page names exists",
    "test_async_hooks.py": "every hook of every room, as an `async def`",
    "test_docs_reference.py": "the tables of the reference",
    "test_docs_width.py": "the width of code in the pages",
    "test_freeze_and_snapshot.py": "time jumps and copies, through all rooms",
    "test_house.py": "the whole package",
    "test_root.py": "`authz_lib/__init__.py`",
    "test_soak.py": "`tests/soak`, on one fault of each kind",
    "tokens/test_attacks.py": "known attacks against verifiers, through the whole room",
    "tokens/test_local_pools.py": "tokens of moto's Cognito, through the whole room",
    "transport/test_three_ways.py": "key sets, Verified Permissions and signed calls in one table",
}


def drawn_floors(text):
    """The rooms of each floor in the drawing, top to bottom; one in parentheses is to come."""
    section = text.partition("## The house")[2]
    block = section.partition("```text\n")[2].partition("```")[0]
    lines = re.findall(r"^ *(\d+) {2}(\S+(?: \| \S+)*)  ", block, re.MULTILINE)
    assert [int(number) for number, _ in lines] == list(reversed(range(len(lines))))
    return [rooms.split(" | ") for _, rooms in lines]


def contract_floors(text):
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    (floors,) = (one for one in contracts if one["id"] == "floors")
    assert floors["exhaustive"] is True
    assert floors["containers"] == ["authz_lib"]
    return [layer.split(" | ") for layer in floors["layers"]]


def without_suffix(room):
    return re.sub(r"/|\.py", "", room)


def in_the_root():
    """Every room as the drawing writes it."""
    for path in PACKAGE.iterdir():
        if path.is_dir() and path.name != "__pycache__":
            yield f"{path.name}/"
        elif path.suffix == ".py" and path.name != "__init__.py":
            yield path.name


DRAWN = drawn_floors((CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8"))


def test_the_contract_has_the_drawn_floors():
    contract = contract_floors((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    assert contract == [[without_suffix(room) for room in floor] for floor in DRAWN]


def test_every_room_is_drawn_and_every_drawn_room_is_there_or_to_come():
    rooms = [room for floor in DRAWN for room in floor]
    there = set(in_the_root())
    assert len(rooms) == len(set(rooms))
    assert {room for room in rooms if not room.startswith("(")} == there
    assert not {room.strip("()") for room in rooms if room.startswith("(")} & there


def test_no_private_file_stands_alone_in_the_root():
    assert [name for name in in_the_root() if re.match(r"_.*\.py", name)] == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (" 9  cli/", " 9  cli.py"),
        ("decisions/ | gateway/", "gateway/ | decisions/"),
        (" | transport/", ""),
    ],
)
def test_another_drawing_would_be_seen(before, after):
    text = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert before in text
    assert drawn_floors(text.replace(before, after)) != DRAWN


def is_type_variable(value):
    return isinstance(value, ast.Call) and ast.unparse(value.func) == "TypeVar"


def defined_names(tree):
    """The classes, functions and constants of a module that no underscore marks as private."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names = [node.name]
        elif isinstance(node, ast.Assign) and not is_type_variable(node.value):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        else:
            continue
        yield from (name for name in names if not name.startswith("_"))


def test_no_name_is_defined_in_two_modules():
    homes = defaultdict(set)
    local = (CHECKOUT / "packages/authz-local/src").rglob("*.py")
    for module, path in [*MODULES.items(), *((str(path), path) for path in local)]:
        for name in defined_names(ast.parse(path.read_text(encoding="utf-8"))):
            homes[name].add(module)
    twice = {name: sorted(where) for name, where in homes.items() if len(where) > 1}
    assert {name: where for name, where in twice.items() if name not in SHARED_NAMES} == {}


def unused_private_names(tree):
    """What an underscore marks as private to a module that reads it nowhere."""
    defined, read = set(), set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if not any(ast.unparse(one).startswith("compiles(") for one in node.decorator_list):
                defined.add(node.name)  # that decorator registers it
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            stored = [name for target in targets for name in ast.walk(target)]
            defined |= {name.id for name in stored if isinstance(name, ast.Name)}
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            read.add(node.id)
        elif isinstance(node, ast.Constant) and id(node) not in docstrings:
            read |= set(re.findall(r"\w+", str(node.value)))  # a type in quotes
    return {name for name in defined - read if re.match(r"_[^_]", name)}


def test_each_private_name_is_used():
    local = (CHECKOUT / "packages/authz-local/src").rglob("*.py")
    unused = {
        str(path): names
        for path in [*MODULES.values(), *local]
        if (names := unused_private_names(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert unused == {}


def test_an_unused_private_name_would_be_seen():
    text = """
_used, _other = 1, 2
_LIMIT: int = 3
'The _LIMIT is told.'
def _idle(): return _used
@dataclass
class _Idle: ...
x: "_Type"
class _Type: ...
"""
    assert unused_private_names(ast.parse(text)) == {"_LIMIT", "_other", "_idle", "_Idle"}


def imported_modules(tree):
    """The modules of the package that a module imports, wherever in its text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield module if module in MODULES else node.module


def first_circle(imports):
    """Modules that import each other in a ring, or an empty list."""
    done = set()

    def visit(module, path):
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        circles = (visit(other, [*path, module]) for other in sorted(imports[module]))
        circle = next(filter(None, circles), [])
        done.add(module)
        return circle

    return next(filter(None, (visit(module, []) for module in sorted(imports))), [])


def test_no_modules_import_each_other():
    """Imports inside functions and under `TYPE_CHECKING` count."""
    imports = {
        module: set(imported_modules(ast.parse(path.read_text(encoding="utf-8")))) - {module}
        for module, path in MODULES.items()
    }
    assert first_circle(imports) == []


def test_a_circle_would_be_seen():
    assert first_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert first_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_each_unit_test_is_named_after_its_module():
    here = Path(__file__).parent
    modules = {
        path.relative_to(PACKAGE).with_name(path.name.lstrip("_")) for path in MODULES.values()
    }
    strangers = [
        path.relative_to(here).as_posix()
        for path in sorted(here.rglob("test_*.py"))
        if path.relative_to(here).with_name(path.name.removeprefix("test_")) not in modules
    ]
    assert [name for name in strangers if name not in WITHOUT_A_MODULE] == []


def moved_paths():
    """The new paths of the changelog's table."""
    text = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")
    table = text.partition("### Moved")[2].partition("###")[0]
    rows = re.findall(r"^\| `.+? \| (.+) \|$", table, re.MULTILINE)
    return re.findall(r"`(authz_lib(?:\.\w+)*)`", "\n".join(rows))


def found(path):
    try:
        return import_module(path)
    except ModuleNotFoundError:  # then it is a name in a module
        parent, _, name = path.rpartition(".")
        return getattr(found(parent), name)


@pytest.mark.parametrize("path", moved_paths())
def test_a_path_that_the_changelog_names_is_there(path):
    assert found(path)
