"""One memory: bounded, the oldest goes first, and threads cannot break it."""

from __future__ import annotations

import threading

import pytest

from authz_lib._support.memo import Memo, WeighedMemo


def test_what_is_there_is_not_made_again():
    made = []
    memo = Memo(lambda key: made.append(key) or key.upper(), max_entries=8)
    assert [memo["a"], memo["a"], memo["b"]] == ["A", "A", "B"]
    assert made == ["a", "b"]


def test_the_oldest_goes_first_and_a_hit_does_not_renew():
    memo = Memo(str, max_entries=2)
    for key in (1, 2, 1, 3):
        memo[key]
    assert list(memo) == [2, 3]


def test_putting_what_is_there_replaces_it_and_forgets_nothing():
    memo = Memo(max_entries=2)
    for key, value in (("a", 1), ("b", 2), ("a", 3)):
        memo.put(key, value)
    assert dict(memo) == {"a": 3, "b": 2}


def test_an_error_is_raised_and_not_remembered():
    answers = iter([ValueError("once"), 7])

    def make(_):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    memo = Memo(make, max_entries=1)
    with pytest.raises(ValueError, match="once"):
        memo["x"]
    assert memo["x"] == 7


def test_without_a_function_a_missing_key_is_missing():
    with pytest.raises(KeyError):
        Memo(max_entries=1)["x"]
    assert Memo(max_entries=1).get("x") is None


def test_threads_stay_near_the_bound_and_read_what_is_right():
    memo = Memo(lambda key: -key, max_entries=8)
    wrong = []

    def work(start):
        wrong.extend(key for key in range(start, start + 2000) if memo[key % 50] != -(key % 50))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(memo) <= 8 + len(threads)


def test_weights_are_bounded_and_what_is_too_heavy_is_not_kept():
    memo = WeighedMemo(max_entries=3, max_weight=100)
    for key, weight in (("a", 40), ("b", 40), ("c", 40), ("d", 101)):
        memo.put(key, key.upper(), weight=weight)
    assert [memo.get(key) for key in "abcd"] == [None, "B", "C", None]
    assert (len(memo), memo.weight) == (2, 80)


def test_a_new_weight_replaces_the_old_one():
    memo = WeighedMemo(max_entries=3, max_weight=100)
    memo.put("a", 1, weight=90)
    memo.put("a", 2, weight=10)
    memo.put("b", 3, weight=90)
    assert (memo.get("a"), memo.get("b"), memo.weight) == (2, 3, 100)


def test_an_entry_that_became_too_heavy_is_forgotten():
    memo = WeighedMemo(max_entries=3, max_weight=100)
    memo.put("a", 1, weight=10)
    memo.put("a", 2, weight=1000)
    assert (memo.get("a"), memo.weight, len(memo)) == (None, 0, 0)


def test_entries_are_bounded_too():
    memo = WeighedMemo(max_entries=2, max_weight=100)
    for key in "abc":
        memo.put(key, key, weight=1)
    assert (memo.get("a"), memo.weight, len(memo)) == (None, 2, 2)


@pytest.mark.parametrize(
    ("key", "is_kept"),
    [
        ("", True),
        ("a" * 1008, True),
        ("a" * 1009, False),
        (b"a" * 1024, True),
        (b"a" * 1025, False),
        ("a " * 56, True),
        ("a " * 57, False),
        ("a," * 57, False),
        ((), True),
        (("a",) * 60, True),
        (("a",) * 61, False),
        (("x", ("a" * 991,), 7, None), True),
        (("x", ("a" * 992,), 7, None), False),
        (frozenset({"a" * 1009}), False),
    ],
)
def test_a_key_of_much_text_is_answered_and_not_remembered(key, is_kept):
    made = []
    memo = Memo(lambda key: made.append(key) or 1, max_entries=8)
    assert [memo[key], memo[key]] == [1, 1]
    assert (len(memo), len(made)) == ((1, 1) if is_kept else (0, 2))
