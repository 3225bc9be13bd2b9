"""What a check prints."""

from __future__ import annotations

import json

import pytest

from authz_local.report import as_json, log_lines, print_results
from authz_local.row_result import RowResult, compared
from authz_local.scenario import RequestRow
from authz_local.stack import Invocation

TRACEBACK = """\
starting
Traceback (most recent call last):
  File "a.py", line 1, in <module>
KeyError: 'old'
retrying
Traceback (most recent call last):
  File "b.py", line 7, in handler
ValueError: no"""
NAMES = {"local-Authorizer-1": "Authorizer", "local-Orders-2": "Orders"}


def row(**expect):
    return RequestRow.model_validate(
        {"name": "own order", "call": "GET ${Url}/x", "expect": {"status": 200, **expect}}
    )


def result(**more):
    given = {
        "row": row(),
        "status": 500,
        "decisions": ("ALLOW", "ALLOW", "DENY"),
        "policies": ("owners",),
        "reached": False,
        "milliseconds": 12.34,
        "differences": ("status 500, expected 200",),
        "invocations": (Invocation("local-Authorizer-1", True, TRACEBACK),),
        "content": b'{"message": "x"}',
    }
    return RowResult(**given | more)


def test_a_difference_has_the_last_traceback_below_it(capsys):
    fine = result(differences=(), status=200, invocations=(Invocation("f", False, "quiet"),))
    print_results([fine, result()], NAMES, ["boom"], all_logs=False)
    printed = capsys.readouterr().out.splitlines()
    assert "2 ALLOW, DENY" in printed[2]
    assert "owners" in printed[2]
    assert printed[4:] == [
        "DIFFERENT  own order: status 500, expected 200",
        "LOG        Authorizer | Traceback (most recent call last):",
        'LOG        Authorizer |   File "b.py", line 7, in handler',
        "LOG        Authorizer | ValueError: no",
        "LOGGED     boom",
        "1 passed, 1 failed",
    ]


def test_all_logs_are_those_of_every_row(capsys):
    fine = result(differences=(), invocations=(Invocation("local-Orders-2", False, "a\nb"),))
    print_results([fine], NAMES, ["boom"], all_logs=True)
    printed = capsys.readouterr().out.splitlines()
    assert printed[3:] == [
        "LOGS       own order",
        "LOG        Orders | a",
        "LOG        Orders | b",
        "1 passed, 0 failed",
    ]


def test_of_a_log_without_a_traceback_the_last_lines_are_shown():
    long = "\n".join(map(str, range(30)))
    lines = list(log_lines([Invocation("f", False, long)], {}, whole=False))
    assert (len(lines), lines[-1]) == (12, "f | 29")
    assert list(log_lines([Invocation("f", True, "")], {}, whole=False)) == [
        "f | it failed, and wrote nothing"
    ]


@pytest.mark.parametrize(("variable", "coloured"), [("FORCE_COLOR", True), ("NO_COLOR", False)])
def test_outcomes_are_coloured(monkeypatch, capsys, variable, coloured):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv(variable, "1")
    print_results([result(), result(differences=())], NAMES, [], all_logs=False)
    printed = capsys.readouterr().out
    assert ("\x1b[31mDIFFERENT\x1b[0m" in printed) is coloured
    assert ("\x1b[32mok\x1b[0m" in printed) is coloured
    assert ("\x1b" in printed) is coloured


def test_json_has_all_of_it():
    document = as_json([result(), result(differences=())], NAMES, ["boom"])
    assert json.loads(json.dumps(document)) == document
    first = document["requests"][0]
    assert (document["passed"], document["failed"], document["logged"]) == (1, 1, ["boom"])
    assert first["expected"] == {"status": 200}
    assert first["actual"] == {
        "status": 500,
        "decisions": ["ALLOW", "ALLOW", "DENY"],
        "policies": ["owners"],
        "reached": False,
        "body": {"message": "x"},
    }
    assert first["invocations"][0]["function"] == "Authorizer"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 2}', 'the JSON answer differs: {"a": 2}, expected {"a": 1}'),
        (b"text", 'the JSON answer differs: null, expected {"a": 1}'),
    ],
)
def test_a_difference_says_both(content, said):
    given = result(row=row(json={"a": 1}), status=200)
    assert compared(given, {}, (200, {}, content)).differences == (said,)
    long = compared(given, {}, (200, {}, b'{"a": "%s"}' % (b"x" * 900))).differences[0]
    assert len(long) < 700
