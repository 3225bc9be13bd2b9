"""Every regular expression of the packages takes linear time, whatever text it sees."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path
from re import _constants as constants  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from time import thread_time

import pytest

import authz_lib

SOURCES = [Path(authz_lib.__file__).parent]
LOCAL = Path(__file__).parents[2] / "packages" / "authz-local" / "src" / "authz_local"
LONGEST = 65_536
BOUNDS = ((256, 0.01), (2_048, 0.01), (LONGEST, 0.5))  # characters, seconds
SEARCHES = {"search", "sub", "subn", "finditer", "findall", "split"}
REPEATS = {constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT}
MANY = 1_000
TAILS = ["\x00", "", "!", "\n", " ", "\u20ac"]


def patterns_of(module):
    """Each compiled pattern of a module, in a name, a bound method or a table."""
    for name, value in vars(module).items():
        for held in value.values() if isinstance(value, dict) else [value]:
            owner = getattr(held, "__self__", held)
            if isinstance(owner, re.Pattern):
                yield name, owner


def searched(folder):
    """The names on which a method that searches is called, anywhere in a package."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in SEARCHES:
                holder = node.value
                yield getattr(holder, "id", getattr(holder, "attr", ""))


def found():
    """Name → pattern and whether it is searched for; and the modules that could not be imported."""
    patterns, left = {}, []
    names = set(searched(SOURCES[0]))
    for info in pkgutil.walk_packages(authz_lib.__path__, "authz_lib."):
        if info.name.endswith("__main__"):
            continue
        try:
            module = importlib.import_module(info.name)
        except ImportError:  # an extra that is not installed
            left.append(info.name)
            continue
        for name, pattern in patterns_of(module):
            patterns[f"{info.name}.{name}", pattern] = name in names
    return patterns, left


FOUND, LEFT = found()


# -- texts that a pattern is slow on, made from the pattern itself


def alphabet(tree):
    """One character for each place of a pattern: its literals and the ends of its ranges."""
    seen = {"a", "0", " ", "/", "_"}
    for operation, value in tree:
        if operation in {constants.LITERAL, constants.NOT_LITERAL}:
            seen.add(chr(value))
        elif operation is constants.RANGE:
            seen |= {chr(value[0]), chr(value[1])}
        for inner in branches(operation, value):
            seen |= alphabet(inner)
    return seen


def branches(operation, value):
    """The trees inside a node."""
    if operation is constants.IN:
        return [value]
    if operation in REPEATS:
        return [value[2]]
    if operation is constants.SUBPATTERN:
        return [value[3]]
    if operation is constants.BRANCH:
        return value[1]
    if operation in {constants.ASSERT, constants.ASSERT_NOT}:
        return [value[1]]
    return [value] if operation is constants.ATOMIC_GROUP else []


def example(tree, letters):
    """A text that the tree matches."""
    text = ""
    for operation, value in tree:
        if operation is constants.LITERAL:
            text += chr(value)
        elif operation in {constants.ANY, constants.NOT_LITERAL, constants.IN}:
            text += next(iter(one_of(operation, value, letters)), "")
        elif operation in REPEATS:
            text += example(value[2], letters) * value[0]
        elif operation is constants.GROUPREF:
            continue
        elif operation not in {constants.ASSERT, constants.ASSERT_NOT, constants.AT}:
            inner = branches(operation, value)
            text += example(inner[0], letters) if inner else ""
    return text


def one_of(operation, value, letters):
    """The letters that a single place takes."""
    if operation is constants.ANY:
        return letters
    members = value if operation is constants.IN else [(constants.NOT_LITERAL, value)]
    return [letter for letter in letters if takes(members, letter)]


CATEGORIES = {
    constants.CATEGORY_DIGIT: str.isdigit,
    constants.CATEGORY_SPACE: str.isspace,
    constants.CATEGORY_WORD: lambda letter: letter.isalnum() or letter == "_",
    constants.CATEGORY_NOT_SPACE: lambda letter: not letter.isspace(),
    constants.CATEGORY_NOT_WORD: lambda letter: not (letter.isalnum() or letter == "_"),
}


def takes(members, letter):
    code, negated, hit = ord(letter), False, False
    for operation, value in members:
        negated |= operation is constants.NEGATE
        hit |= operation is constants.LITERAL and value == code
        hit |= operation is constants.NOT_LITERAL and value != code
        hit |= operation is constants.RANGE and value[0] <= code <= value[1]
        hit |= operation is constants.CATEGORY and CATEGORIES[value](letter)
    return hit != negated


def attacks(tree, letters, before=""):
    """A beginning that leads to a repeat, and what is repeated there, for each repeat."""
    for operation, value in tree:
        if operation in REPEATS and value[1] > MANY:
            body = value[2]
            single = len(body) == 1 and body[0][0] in {
                constants.IN, constants.ANY, constants.NOT_LITERAL
            }  # fmt: skip
            for unit in one_of(*body[0], letters) if single else [example(body, letters)]:
                yield before, unit
        for inner in branches(operation, value) if operation is not constants.IN else []:
            yield from attacks(inner, letters, before)
        before += example([(operation, value)], letters)


def texts(pattern, size):
    source = pattern.pattern
    source = source.decode("latin-1") if isinstance(source, bytes) else source
    tree = parser.parse(source, pattern.flags & ~re.UNICODE)
    letters = sorted(alphabet(tree))
    units = {("", letter) for letter in letters} | set(attacks(tree, letters))
    for before, unit in sorted(units):
        for tail in TAILS if size < LONGEST else TAILS[:1]:
            text = before + unit * (size // max(1, len(unit))) + tail
            yield text.encode("latin-1", "ignore") if isinstance(pattern.pattern, bytes) else text


def spent(pattern, text, *, search):
    started = thread_time()  # of this thread, whatever else the machine is doing
    pattern.fullmatch(text)
    if search:
        sum(1 for _ in pattern.finditer(text))
    return thread_time() - started


def exceeds(pattern, size, bound, *, search):
    """Whether a text of this size takes longer, each of three times."""
    return any(
        all(spent(pattern, text, search=search) > bound for _ in range(3))
        for text in texts(pattern, size)
    )


@pytest.mark.parametrize(("name", "search"), FOUND.items(), ids=[key[0] for key in FOUND])
def test_a_pattern_takes_linear_time(name, search):
    """At 64 KiB a square takes seconds; at 2 KiB it shows already, and there it ends soon."""
    _, pattern = name
    for size, bound in BOUNDS:
        assert not exceeds(pattern, size, bound, search=search), size


def test_no_pattern_is_left_out():
    assert len(FOUND) > 60
    assert all(name.startswith("authz_lib.integrations") for name in LEFT), LEFT


@pytest.mark.parametrize(
    ("source", "size", "search"), [(r"a+a+!", 16_384, False), (r"([\w:]+)::x", 2_048, True)]
)
def test_a_square_is_seen(source, size, search):
    assert exceeds(re.compile(source), size, 0.01, search=search)


def test_a_pattern_that_is_written_in_place_is_a_plain_one():
    """`re.sub(...)` with a pattern of its own is not in a name, so it is looked at here."""
    names = {f"re.{method}" for method in {*SEARCHES, "match", "fullmatch"}}
    for source in (literal for folder in (*SOURCES, LOCAL) for literal in called(folder, names)):
        assert not exceeds(re.compile(source), LONGEST, 0.5, search=True), source


def test_a_pattern_of_the_local_stack_takes_linear_time():
    for source in called(LOCAL, {"re.compile"}):
        for size, bound in BOUNDS:
            assert not exceeds(re.compile(source), size, bound, search=True), (source, size)


def called(folder, names):
    """The first argument of each call of one of these names."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in names:
                yield ast.literal_eval(node.args[0])
