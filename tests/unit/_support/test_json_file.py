"""A JSON file that is wrong says where: by its text, or by what a message names."""

from __future__ import annotations

import pytest

from authz_lib._support.json_file import place_in_document, read_document
from authz_lib.errors import ConfigurationError

TEXT = """{
  "version": 1,
  "actions": [
    {"method": "GET", "route": "/a"},
    {"method": "PUT"}
  ],
  "shapes": {
    "a.b#O": {"members": {"x": {}}}
  }
}"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "a.json").write_text(TEXT)
    return tmp_path / "a.json"


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("`actions[0].route` must be a path", "4:23"),
        ("`actions[1].route` must be a path", "5:5"),  # absent: what would hold it
        ("`actions[1]` has the unknown member `x`", "5:5"),
        ("the map's `version` must be 1", "2:3"),
        ("`PUT /a` is twice, first in `actions[0]`", "4:5"),
        ("the operation `a.b#O` has no route", "8:5"),
        ("`a.b#O$x` has no target", "8:5"),
    ],
)
def test_the_place_is_that_of_what_the_message_names(path, message, place):
    assert place_in_document(path, message) == f"{path}:{place}"


@pytest.mark.parametrize("message", ["nothing is named", "`actions[7]` is", "`a.b#P` is", "`x y`"])
def test_what_is_not_in_the_file_has_no_place(path, message):
    """A place of another entry would mislead."""
    assert place_in_document(path, message) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"a": 1,\n "b"}', r"a\.json:2:5: the thing is not strict JSON: expecting ':' delimiter"),
        (b'{"a": 1, "a": 2}', r"a\.json:1:10: the thing is not strict JSON: duplicate member"),
        (b"[1]", r"a\.json: the thing is not strict JSON: not a JSON object"),
        (b"$version: 2", r"the thing `a\.json` is Smithy IDL"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(path, data, message):
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_document(path, "thing", max_bytes=1000)
    assert "\n" not in str(caught.value)
