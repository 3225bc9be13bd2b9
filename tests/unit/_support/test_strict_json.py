"""JSON as a verifier must read it."""

from __future__ import annotations

import contextlib
import json
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz_lib._support.strict_json import (
    StrictJSONError,
    loads_document,
    loads_frozen_object,
    loads_object,
)

REFUSED = {
    "duplicate member": b'{"a": 1, "a": 1}',
    "duplicate member, nested": b'{"a": {"b": 1, "b": 2}}',
    "duplicate member, by escape": b'{"a": 1, "\\u0061": 2}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "BOM": b'\xef\xbb\xbf{"a": 1}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "bad UTF-8": b'{"a": "\xff"}',
    "overlong UTF-8": b'{"a": "\xc0\x80"}',
    "an array": b"[]",
    "a string": b'"a"',
    "null": b"null",
    "nothing": b"",
    "two documents": b"{}{}",
    "trailing comma": b'{"a": 1,}',
    "single quotes": b"{'a': 1}",
    "a raw control character": b'{"a": "\n"}',
    "deep nesting": b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "half a character": b'{"a": "\\ud800"}',
    "the other half": b'{"a": "\\udc00"}',
    "two halves in the wrong order": b'{"a": "\\udc00\\uD800"}',
    "half a character in a name": b'{"a": [{"x\\uDBFFx": 1}]}',
    "half a character behind a backslash": b'{"a": "\\\\\\ud800"}',
    "a number that becomes infinite": b'{"a": 1e999}',
    "a number that becomes infinite, negative": b'{"a": -1E400}',
    "an integer of 10,000 digits": b'{"a": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("load", [loads_object, loads_frozen_object])
def test_refuses(load, data):
    with pytest.raises(StrictJSONError):
        load(data)


@pytest.mark.parametrize("load", [loads_object, loads_frozen_object])
def test_accepts_escaped_characters(load):
    data = rb'{"\u0061":"\ud83d\ude00 \\ud800 \u00e9","b":-1.5e300}'
    assert load(data) == {"a": "\U0001f600 \\ud800 \u00e9", "b": -1.5e300}


@pytest.mark.parametrize("load", [loads_object, loads_frozen_object])
@pytest.mark.parametrize("data", [b'{"a":1}', b' {"a":1}', b'{"a":1}\n', b'\r\n\t{ "a" : 1 } '])
def test_accepts_white_space_around(load, data):
    assert load(data) == {"a": 1}


def test_the_frozen_form_is_read_only_all_the_way_down():
    document = loads_frozen_object(b'{"a":[[{"b":[1,{}]}]],"c":{"d":[2]}}')
    assert document == {"a": (({"b": (1, {})},),), "c": {"d": (2,)}}
    assert type(document) is MappingProxyType
    assert type(document["a"][0][0]) is MappingProxyType
    assert type(document["c"]["d"]) is tuple


def test_the_message_never_quotes_the_input():
    with pytest.raises(StrictJSONError) as caught:
        loads_object(b'{"secret": hunter2}')
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_reads_what_json_writes(document):
    data = json.dumps(document).encode()
    assert loads_object(data) == document
    assert json.loads(json.dumps(loads_frozen_object(data), default=dict)) == document


@given(st.binary(max_size=200))
def test_anything_else_is_one_error(data):
    with contextlib.suppress(StrictJSONError):
        assert type(loads_object(data)) is dict
    with contextlib.suppress(StrictJSONError):
        assert type(loads_frozen_object(data)) is MappingProxyType


def test_a_document_of_any_kind_is_read_as_strictly():
    assert loads_document(b'[{"a": 1}]') == [{"a": 1}]
    assert loads_document(b"null") is None
    for data in (b'[{"a": 1, "a": 2}]', b"[NaN]", b"[1e999]", b"", b"[" * 200_000 + b"]" * 200_000):
        with pytest.raises(StrictJSONError):
            loads_document(data)
