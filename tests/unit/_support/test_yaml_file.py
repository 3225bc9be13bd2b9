from __future__ import annotations

import subprocess
import sys
import time

import pytest

from authz_lib._support.yaml_file import (
    MAX_CHARACTERS,
    MAX_LEVELS,
    MAX_NODES,
    MAX_NUMBER,
    parse_yaml,
    read_yaml,
    yaml_places,
)
from authz_lib.errors import ConfigurationError


def refused(text, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        parse_yaml(text, "x.yaml")
    assert "\n" not in str(caught.value)


def chain(levels):
    """A list of `levels` levels in as many anchors."""
    lines = ["a0: &a0 x", *[f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, levels)]]
    return "\n".join(lines)


def doubling(levels):
    return "\n".join(
        ["a0: &a0 x", *[f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, levels)]]
    )


def test_an_alias_may_stand_for_what_it_names():
    text = "base: &base {Type: A, Tags: [1]}\none: *base\ntwo: {<<: *base, Type: B}"
    assert parse_yaml(text, "x.yaml") == {
        "base": {"Type": "A", "Tags": [1]},
        "one": {"Type": "A", "Tags": [1]},
        "two": {"Type": "B", "Tags": [1]},
    }


def test_the_levels_at_the_bound_and_one_past_it():
    parse_yaml("[" * MAX_LEVELS + "]" * MAX_LEVELS, "x.yaml")
    refused(
        "[" * (MAX_LEVELS + 1) + "]" * (MAX_LEVELS + 1),
        "^x.yaml:1:65: the document is nested too deeply, more than 64 levels, aliases written",
    )
    parse_yaml("- " * (MAX_LEVELS - 1) + "x", "x.yaml")
    refused("- " * MAX_LEVELS + "x", "nested too deeply")


def test_the_levels_of_aliases_count():
    parse_yaml(chain(MAX_LEVELS - 1), "x.yaml")
    refused(chain(MAX_LEVELS), "^x.yaml:64:12: .* nested too deeply")


def test_a_long_chain_of_merged_mappings():
    lines = ["a0: &a0 {k: 0}", *[f"a{n}: &a{n} {{<<: *a{n - 1}}}" for n in range(1, 62)]]
    assert parse_yaml("\n".join(lines), "x.yaml")["a61"] == {"k": 0}
    refused(
        "\n".join([*lines, *[f"a{n}: &a{n} {{<<: *a{n - 1}}}" for n in range(62, 2000)]]), "deep"
    )


def test_the_values_at_the_bound_and_one_past_it():
    thousand = f"- &thousand [{', '.join('x' * 999)}]\n"  # with the list itself
    text = thousand + "- *thousand\n" * 98 + "- x\n" * 999  # and the outer list
    assert len(parse_yaml(text, "x.yaml")) == 1098
    refused(text + "- x\n", "^x.yaml:1099:3: .* has more than 100000 values, aliases written out$")
    assert MAX_NODES == 100_000


def test_aliases_that_grow_without_end():
    refused(doubling(30), "^x.yaml:1[5-7]:.* has more than 100000 values, aliases written out$")


@pytest.mark.parametrize(
    "text", ["&a [*a]", "&a {b: *a}", "&a {*a : b}", "&a {<<: *a}", "&a [&b [*a]]"]
)
def test_an_alias_inside_of_what_it_stands_for(text):
    refused(text, "^x.yaml:1:.* has an alias inside of what it stands for$")


def test_the_characters_at_the_bound_and_one_past_it(tmp_path):
    text = "a: b #".ljust(MAX_CHARACTERS, ".")
    assert parse_yaml(text, "x.yaml") == {"a": "b"}
    refused(text + ".", "has more than 1000000 characters")
    (tmp_path / "x.yaml").write_text(text + ".")
    with pytest.raises(ConfigurationError, match=r"x.yaml` has more than 1000000 characters"):
        read_yaml(tmp_path / "x.yaml")


@pytest.mark.parametrize("tag", ["", "!!int ", "!!float "])
def test_the_digits_at_the_bound_and_one_past_it(tag):
    number = "1" + ":59" * ((MAX_NUMBER - 1) // 3)
    assert len(number) == MAX_NUMBER - 1
    parse_yaml("!!int " + number, "x.yaml")
    refused(tag + number + ":59", "has a number of more than 512 characters")


def test_two_merges_in_one_mapping_are_a_key_twice():
    refused("a: &a {x: 1}\nb: {<<: *a, <<: *a}", "the key `<<` is there twice")


SMALL_STACK = """
import threading
from authz_lib.errors import ConfigurationError
from authz_lib._support.yaml_file import MAX_LEVELS, parse_yaml

def chain(levels):
    links = [f"a{n}: &a{n} {{<<: *a{n - 1}}}" for n in range(1, levels)]
    return "\\n".join(["a0: &a0 {k: x}", *links])

def work():
    for depth in (MAX_LEVELS, MAX_LEVELS + 1, 9000):
        for text in (
            "[" * depth + "]" * depth,
            "{a: " * (depth - 1) + "x" + "}" * (depth - 1),
            "- " * (depth - 1) + "x",
            chain(depth - 2),
        ):
            try:
                parse_yaml(text, "x")
            except ConfigurationError as error:
                assert depth > MAX_LEVELS and "nested too deeply" in str(error), error
            else:
                assert depth == MAX_LEVELS
    print("fine")

threading.stack_size(32768)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def test_the_smallest_stack():
    ended = subprocess.run(
        [sys.executable, "-c", SMALL_STACK], check=False, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stdout) == (0, "fine\n"), ended.stderr[-500:]


@pytest.mark.parametrize("bracket", ["[", "{", "{a: ["])
def test_brackets_without_an_end_take_linear_time(bracket):
    started = time.process_time()
    refused(bracket * 5000, "nested too deeply")
    assert time.process_time() - started < 0.1  # PyYAML alone: 0.4 s


def test_each_key_and_item_has_its_place():
    text = "a: &x\n  - b: 1\n  - [c, {d: 2}]\ne: *x\n2: !Ref f\n"
    places = yaml_places(text, "x.yaml", levels=3)
    assert places["a",] == "x.yaml:1:1"
    assert places["a", 0] == places["a", 0, "b"] == "x.yaml:2:5"
    assert places["a", 1] == "x.yaml:3:5"
    assert places["a", 1, 0] == "x.yaml:3:6"
    assert places["e",] == "x.yaml:4:1"
    assert places["e", 0] == "x.yaml:2:5"  # an alias: where it is written
    assert places["2",] == "x.yaml:5:1"
    assert ("a", 1, 1, "d") not in places
    assert yaml_places("", "x.yaml") == {}
    assert yaml_places("a", "x.yaml") == {}
