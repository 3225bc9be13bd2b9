"""JSON as a verifier must read it."""

from __future__ import annotations

import contextlib
import gc
import json
import subprocess
import sys
import time
import tracemalloc
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz_lib import ActionMap
from authz_lib._support.strict_json import (
    MAX_JSON_DEPTH,
    MAX_NUMBER_LENGTH,
    StrictJSONError,
    loads_document,
    loads_frozen_object,
    loads_object,
    memory_of,
    require_shallow,
)
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.model import Model

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


def nested(depth, form="list"):
    """An object of that many levels."""
    if form == "object":
        return b'{"a":' * depth + b"1" + b"}" * depth
    return b'{"a":' + b"[" * (depth - 1) + b"1" + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize("form", ["list", "object"])
@pytest.mark.parametrize("load", [loads_object, loads_frozen_object])
def test_the_depth_is_bounded(load, form):
    assert load(nested(MAX_JSON_DEPTH, form))
    with pytest.raises(StrictJSONError, match="deeper than 64"):
        load(nested(MAX_JSON_DEPTH + 1, form))


@pytest.mark.parametrize(
    "data",
    [
        b"[" + b"[]," * 1000 + b"{}]",
        b'{"a": "' + b"[{" * 1000 + b'"}',
        b'["\\"' + b"[" * 1000 + b'"]',
        b'["' + b"\\\\" * 1000 + b'", "' + b"[" * 1000 + b'"]',
        '["é[", "]"]'.encode() + b" " * 100,
    ],
)
def test_only_brackets_outside_of_texts_nest(data):
    require_shallow(data)
    assert loads_document(data) is not None


@pytest.mark.parametrize(
    "before", [b'"]]]]]]"', b'"\\\\"', b'"\\""', b'"\\\\\\"]"', '"é]"'.encode(), b"{}"]
)
def test_no_text_hides_what_nests(before):
    deep = b"[" + b",".join([before] * 100) + b"," + b"[" * 64 + b"]" * 64 + b"]"
    assert json.loads(deep)
    with pytest.raises(StrictJSONError, match="deeper"):
        loads_document(deep)


def depth_of(document):
    """The levels of lists and objects, by recursion."""
    if not isinstance(document, list | dict):
        return 0
    inner = document.values() if isinstance(document, dict) else document
    return 1 + max(map(depth_of, inner), default=0)


noise = st.text(alphabet='[]{}"\\ab\u00e9', max_size=12)


@given(
    st.lists(noise, max_size=20),
    st.integers(0, 2 * MAX_JSON_DEPTH),
    st.integers(0, MAX_JSON_DEPTH),
    st.booleans(),
)
def test_the_depth_is_that_of_the_document(texts, depth, side, ascii_only):
    document = texts
    for _ in range(depth):
        document = [*texts[:3], {"".join(texts[:2]): document}] if side % 2 else [document]
    document = [document, *[[]] * side]
    data = json.dumps(document, ensure_ascii=ascii_only).encode()
    try:
        require_shallow(data)
    except StrictJSONError:
        assert depth_of(document) > MAX_JSON_DEPTH
    else:
        assert depth_of(document) <= MAX_JSON_DEPTH


@pytest.mark.parametrize("load", [loads_object, loads_frozen_object])
@pytest.mark.parametrize("number", ["9" * MAX_NUMBER_LENGTH, "0." + "9" * (MAX_NUMBER_LENGTH - 2)])
def test_the_length_of_a_number_is_bounded(load, number):
    assert load(f'{{"a":{number}}}'.encode())["a"]
    with pytest.raises(StrictJSONError, match="too large"):
        load(f'{{"a":{number}9}}'.encode())


LENGTHS = [0, 1, 2, 9, 100, 480, 500, 511, 512, 513, 514, 600, 1100]


@pytest.mark.parametrize("number", ["9" * 512, "-" + "9" * 511, "9" * 513, "-" + "9" * 512])
@pytest.mark.parametrize("before", LENGTHS)
def test_a_number_that_is_too_long_is_found_wherever_it_stands(number, before):
    for end in ("", *(f',"c":"{"c" * after}"' for after in LENGTHS)):
        data = f'{{"{"a" * before}":{number}{end}}}'.encode()
        if len(number) > MAX_NUMBER_LENGTH:
            with pytest.raises(StrictJSONError, match="too large"):
                loads_frozen_object(data)
        else:
            assert loads_frozen_object(data)["a" * before] == int(number)


@pytest.mark.parametrize("lists", range(MAX_JSON_DEPTH - 3, MAX_JSON_DEPTH + 2))
@pytest.mark.parametrize("objects", [0, 1, 2])
@pytest.mark.parametrize("more", ["", ',"b":[1],"c":[2]'])
def test_lists_of_a_frozen_object_may_be_nested_as_deeply_as_elsewhere(lists, objects, more):
    inner = '{"a":' * objects + "1" + "}" * objects
    data = f'{{"a":{"[" * lists}{inner}{"]" * lists}{more}}}'.encode()
    if 1 + lists + objects > MAX_JSON_DEPTH:
        with pytest.raises(StrictJSONError, match="nested deeper"):
            loads_frozen_object(data)
    else:
        assert loads_frozen_object(data)["a"]


halves = st.sampled_from(["\\ud83d", "\\uDE00", "\\\\", "\\u00e9", "\\n", "ud83d", "\\uD7ff", "x"])


@given(st.lists(halves, max_size=8).map("".join))
def test_half_a_character_is_refused_and_a_whole_one_is_not(text):
    data = f'["{text}"]'.encode()
    try:
        expected = json.loads(data)
        json.dumps(expected, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        with pytest.raises(StrictJSONError):
            loads_document(data)
    else:
        assert loads_document(data) == expected


LONG = {
    "open brackets": b"[" * 65_536,
    "brackets of two kinds": b'[{"":' * 13_000,
    "an unterminated text": b'["' + b'\\"' * 32_768,
    "backslashes": b'["' + b"\\" * 65_536,
    "empty lists": b"[" + b"[]," * 21_000 + b"[]]",
    "texts": b"[" + b'"[",' * 16_000 + b'""]',
    "one number": b"[" + b"9" * 65_536 + b"]",
    "numbers": b"[" + b"9" * 511 + b"]",
    "escaped halves": b'["' + b"\\ud83d" * 10_000 + b'"]',
    "escaped characters": b'["' + b"\\ud83d\\ude00" * 5_000 + b'"]',
    "minus signs": b"-" * 65_536,
    "exponents": b"[1e" + b"9" * 65_000 + b"]",
    "white space": b" " * 65_536,
}


@pytest.mark.parametrize("data", LONG.values(), ids=LONG)
def test_64_kb_of_anything_take_a_moment(data):
    times = []
    for _ in range(3):
        started = time.thread_time()
        with contextlib.suppress(StrictJSONError):
            loads_document(data)
        times.append(time.thread_time() - started)
    assert min(times) < 0.05


SMALLEST_STACK = """
import threading
from authz_lib import JWTVerifier
from authz_lib._support.strict_json import loads_frozen_object, loads_object
from authz_lib.testing.issuer import TestIssuer

escaped = b'"' + chr(92).encode() + b'u00e9"'
documents = [
    b'{"a":' * 64 + escaped + b"}" * 64,
    b'{"a":' + b"[" * 63 + escaped + b"]" * 63 + b"}",
]
pairs = []
for algorithm in ("RS256", "ES256", "EdDSA"):
    issuer = TestIssuer("https://issuer.example", algorithm=algorithm)
    verifier = JWTVerifier(
        issuer=issuer.issuer, audience=None, algorithms=[algorithm], keys=issuer.key_set()
    )
    pairs.append((verifier, issuer.token({"sub": "alice"})))

def run():
    for document in documents:
        assert loads_object(document) and loads_frozen_object(document)
    for verifier, token in pairs:
        assert verifier.verify(token).claims["sub"] == "alice"
    print("read", flush=True)

threading.stack_size(32 * 1024)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


def test_the_smallest_stack_holds_the_deepest_document_and_a_verification():
    done = subprocess.run(
        [sys.executable, "-c", SMALLEST_STACK], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "read\n", "")


@pytest.mark.parametrize("load", [ActionMap.load, Model.load])
def test_files_are_read_by_the_same_reader(tmp_path, load):
    file = tmp_path / "document.json"
    for levels in (64, 65):
        file.write_bytes(nested(levels))
        with pytest.raises(ConfigurationError) as caught:  # it is neither a map nor a model
            load(file)
        assert ("deeper than 64" in str(caught.value)) is (levels == 65)


SHAPES = {
    "an ordinary token": {"sub": "a" * 36, "groups": ["a", "b"], "scope": "a b", "exp": 1700000000},
    "a long text": {"p": "x" * 11_000},
    "small objects": [{"a": 1000 + i} for i in range(1000)],
    "objects with names of their own": [{f"k{i}": 1} for i in range(800)],
    "empty objects": [{} for _ in range(3500)],
    "members": {f"k{i}": i for i in range(1000)},
    "lists": [[i] for i in range(1500)],
    "lists in lists": [[[i]] for i in range(1500)],
    "texts": [f"{i:02x}" for i in range(2000)],
    "integers": [1000 + i for i in range(2000)],
    "numbers": [i + 0.5 for i in range(1500)],
    "one wide character": {"p": "x" * 10_000 + "\U0001f600"},
    "wide characters": ["\U0001f600" for _ in range(900)],
}


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_memory_of_a_document_is_not_underestimated(shape, ascii_only):
    data = json.dumps({"p": shape}, separators=(",", ":"), ensure_ascii=ascii_only).encode()
    loads_frozen_object(data)
    gc.collect()
    tracemalloc.start()
    try:
        held = [loads_frozen_object(data) for _ in range(5)]
        taken = tracemalloc.get_traced_memory()[0] / len(held)
    finally:
        tracemalloc.stop()
    assert taken <= memory_of(data) + 2000  # what `JWTVerifier` adds for each token
    assert memory_of(data) <= 6 * taken
