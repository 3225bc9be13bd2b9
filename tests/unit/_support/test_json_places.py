"""Where a JSON file is wrong, and where its members stand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz_lib._support.json_places import json_fault, json_offsets
from authz_lib._support.strict_json import StrictJSONError, loads_document

TEXT = '{"a": [{"b": 1, "c": {}}, [], "x"], "d\\"e": {"f": [true]}}'


def test_each_member_starts_with_its_name_and_each_item_with_itself():
    found = json_offsets(TEXT)
    assert {path: TEXT[offset : offset + 3] for path, offset in found.items()} == {
        ("a",): '"a"',
        ("a", 0): '{"b',
        ("a", 0, "b"): '"b"',
        ("a", 0, "c"): '"c"',
        ("a", 1): "[],",
        ("a", 2): '"x"',
        ('d"e',): '"d\\',
        ('d"e', "f"): '"f"',
        ('d"e', "f", 0): "tru",
    }


def test_only_so_many_levels_are_kept():
    assert json_offsets(TEXT, levels=1) == {("a",): 1, ('d"e',): TEXT.index('"d')}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


def paths(value, path=()):
    if path:
        yield path
    steps = value.items() if isinstance(value, dict) else ()
    steps = enumerate(value) if isinstance(value, list) else steps
    for step, inner in steps:
        yield from paths(inner, (*path, step))


@given(JSON, st.sampled_from([None, 1]))
def test_every_member_of_every_document_has_a_place(value, indent):
    text = json.dumps(value, indent=indent)
    found = json_offsets(text, levels=99)
    assert list(found) == list(paths(value))
    for path, offset in found.items():
        if isinstance(path[-1], str):
            assert text.startswith(json.dumps(path[-1]), offset)


@pytest.mark.parametrize(
    ("data", "offset", "problem"),
    [
        (b"", 0, "expecting value"),
        (b'{"a": }', 6, "expecting value"),
        (b"{} x", 3, "extra data"),
        (b"\xef\xbb\xbf{}", 0, "unexpected UTF-8 BOM"),
        (b'{"\xc3\xa4": "\xff"}', 7, "it is not UTF-8"),
        (b'[{"a": 1}, {"a": 1, "a": 2}]', 20, "duplicate member name"),
        (b"[1, NaN]", 4, "`NaN` is not JSON"),
        (b"[" + b"1" * 513 + b"]", 1, "a number is too large"),
        (b"[" * 65 + b"]" * 65, None, "nested deeper than 64 levels"),
        (b"[1]", None, "not a JSON object"),
        (b'{"a": "\\ud800"}', None, "half a character"),
        (b'{"a": 1e999}', None, "a number is too large"),
    ],
)
def test_the_first_fault_has_its_place(data, offset, problem):
    if problem != "not a JSON object":
        with pytest.raises(StrictJSONError):
            loads_document(data)
    assert json_fault(data) == (offset, problem)
