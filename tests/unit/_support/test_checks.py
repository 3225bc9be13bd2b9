"""One wording for wrong arguments: what each check takes, refuses, and says."""

from __future__ import annotations

import re

import pytest

from authz_lib._support import checks
from authz_lib.errors import ConfigurationError, InvalidRequestError

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("check", "taken", "refused", "message"),
    [
        (checks.require_text, ["a"], ["", None, 1, b"a"], "`x` must be a non-empty string"),
        (
            checks.require_optional_text,
            ["a", None],
            ["", 1, b"a", False],
            "`x` must be a non-empty string or `None`",
        ),
        (checks.require_flag, [True, False], ["true", 1, 0, None], "`x` must be `True` or `False`"),
        (
            checks.require_count,
            [1, 10**9],
            [0, -1, True, 1.0, "1", None],
            "`x` must be a whole number, at least 1",
        ),
        (
            checks.require_seconds,
            [0, 0.5, 86_400],
            [-1, NAN, INF, "1", True, None, 86_401],
            "`x` must be a number of seconds from 0 to 86400",
        ),
        (
            checks.require_names,
            [["a"], ("a", "b"), {"a"}],
            ["a", [], None, [""], [1], 5],
            "`x` must be a list of non-empty strings",
        ),
    ],
)
def test_what_is_taken_and_what_is_refused(check, taken, refused, message):
    for value in taken:
        check(value, "x")
    for value in refused:
        with pytest.raises(ConfigurationError, match=re.escape(message)):
            check(value, "x")


def test_one_of_names_the_choices_and_takes_nothing_that_has_no_hash():
    checks.require_one_of("a", "x", ("a", "b", None))
    for value in ("c", [], {}, 0):
        with pytest.raises(ConfigurationError, match="`x` must be `a`, `b` or `None`"):
            checks.require_one_of(value, "x", ("a", "b", None))


def test_a_count_and_seconds_have_bounds_of_their_own():
    assert checks.require_count(0, "x", least=0) == 0
    with pytest.raises(ConfigurationError, match="whole number from 1 to 3600"):
        checks.require_count(3601, "x", most=3600)
    with pytest.raises(ConfigurationError, match="above 0, at most 60"):
        checks.require_seconds(0, "x", most=60, above_zero=True)


def test_a_mapping_and_a_method():
    assert checks.require_mapping({"a": 1}, "x", of="from a to b") == {"a": 1}
    with pytest.raises(ConfigurationError, match="`x` must be a mapping from a to b"):
        checks.require_mapping([], "x", of="from a to b")
    checks.require_method("text", "x", "upper", such_as="text")
    for value in (str, 5, None):  # a class has the method too, and is no object
        with pytest.raises(ConfigurationError, match="`x` must have a method `upper`"):
            checks.require_method(value, "x", "upper", such_as="text")


def test_a_misspelt_keyword_is_named():
    checks.require_known({}, {"a"})
    with pytest.raises(ConfigurationError, match="unknown argument: `b`, `c`"):
        checks.require_known({"c": 1, "b": 2}, {"a"})


def test_a_field_name_is_a_token_of_rfc_9110():
    every = "!#$%&'*+-.^_`|~" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert all(checks.FIELD_NAME.fullmatch(character) for character in every)
    others = [chr(code) for code in range(256) if chr(code) not in every]
    assert not [character for character in others if checks.FIELD_NAME.fullmatch(character)]


@pytest.mark.parametrize("seconds", [10, 0.5, 0, -3.0, 86_400])
def test_the_time_of_a_call_is_a_number_and_may_be_over(seconds):
    checks.check_timeout(seconds)


@pytest.mark.parametrize("seconds", [NAN, INF, -INF, True, "10", None, 86_401])
def test_the_time_of_a_call_bounds_a_wait(seconds):
    with pytest.raises(InvalidRequestError, match="number of seconds, at most 86400") as caught:
        checks.check_timeout(seconds)
    assert caught.value.field == "timeout_seconds"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("job-17", True),
        ("!" * 255, True),
        ("k" * 256, False),
        ("", False),
        ("a b", False),
        ("a\n", False),
        ("é", False),
        (None, False),
        (b"job", False),
    ],
)
def test_an_idempotency_key_is_visible_ascii(key, expected):
    assert checks.is_idempotency_key(key) is expected
