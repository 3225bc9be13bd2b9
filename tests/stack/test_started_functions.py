"""Functions that start before their first event, as some do on AWS."""

from __future__ import annotations

import json
import time

import pytest

pytestmark = pytest.mark.stack

SAYS_WHO_IT_IS = """
import os, pathlib
pathlib.Path({path!r}).write_text(str(os.getpid()))
def handler(event, context):
    return os.getpid()
"""
DOES_NOT_START = """
import pathlib
pathlib.Path({path!r}).write_text("tried")
raise RuntimeError("no table")
"""


def wait_for(path):
    deadline = time.monotonic() + 30
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return path.read_text()


def test_the_first_event_finds_it_started(deployment, tmp_path):
    path, aws = tmp_path / "started", deployment.aws
    deployment.function("started", SAYS_WHO_IT_IS.format(path=str(path)))
    _, before = aws.invocations()
    aws.start_functions(["started"])
    process = wait_for(path)
    assert aws.invocations(before)[0] == []  # no event yet
    assert [aws.invoke("started", b"{}")[1].decode() for _ in range(2)] == [process, process]
    assert len(aws.invocations(before)[0]) == 2


def test_an_event_that_comes_while_it_starts_waits_for_it(deployment, tmp_path):
    path, aws = tmp_path / "slow", deployment.aws
    slow = "import time\ntime.sleep(1)\n" + SAYS_WHO_IT_IS.format(path=str(path))
    deployment.function("slow", slow)
    aws.start_functions(["slow"])
    time.sleep(0.3)
    assert aws.invoke("slow", b"{}")[1].decode() == wait_for(path)


def test_one_that_does_not_start_says_so_at_its_first_event(deployment, tmp_path):
    path, aws = tmp_path / "tried", deployment.aws
    deployment.function("broken", DOES_NOT_START.format(path=str(path)))
    aws.start_functions(["broken", "no-such-function"])
    wait_for(path)
    _, before = aws.invocations()
    assert "no table" in json.loads(aws.invoke("broken", b"{}")[1])["errorMessage"]
    ((_, failed, log),) = aws.invocations(before)[0]
    assert failed
    assert log.count("Traceback") == 1
