"""Functions that start before their first event, as some do on AWS."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from authz_local.stack import LocalAWS

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


def test_an_event_that_waits_for_a_start_that_fails_says_why(deployment, tmp_path):
    aws = deployment.aws
    for number in range(5):
        path, name = tmp_path / str(number), f"fails-slowly-{number}"
        slow = "import time\ntime.sleep(0.3)\n" + DOES_NOT_START.format(path=str(path))
        deployment.function(name, slow)
        aws.start_functions([name])
        time.sleep(0.1)
        assert "no table" in json.loads(aws.invoke(name, b"{}")[1])["errorMessage"]


def test_the_version_that_an_alias_names_is_started(deployment, tmp_path):
    path, aws = tmp_path / "alias", deployment.aws
    code = """
import os, pathlib
with pathlib.Path({path!r}).open("a") as file:
    file.write(os.environ["AWS_LAMBDA_FUNCTION_VERSION"] + ",")
def handler(event, context):
    return 1
"""
    deployment.function("aliased", code.format(path=str(path)))
    functions = aws.client("lambda")
    version = functions.publish_version(FunctionName="aliased")["Version"]
    functions.create_alias(FunctionName="aliased", Name="live", FunctionVersion=version)
    aws.start_functions(["aliased"])
    assert wait_for(path) == f"{version},"
    functions.invoke(FunctionName="aliased", Qualifier="live", Payload=b"{}")
    assert path.read_text() == f"{version},"


def test_it_ends_at_once_while_functions_start(tmp_path):
    function = {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "Handler": "index.handler",
            "Runtime": "python3.12",
            "InlineCode": "import time\ntime.sleep(60)",
        },
    }
    resources = {f"Slow{number}": function for number in range(6)}
    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}
    (tmp_path / "template.yaml").write_text(json.dumps(template))
    with LocalAWS() as aws:
        stack = aws.deploy(tmp_path / "template.yaml")
        aws.start_functions(stack.functions.values())
        time.sleep(0.3)
        started = started_by(aws)
        assert len(started) > 1
    assert not [process for process in started if Path(f"/proc/{process}").exists()]


def started_by(aws):
    """The processes of the group that the local AWS leads."""
    group = os.getpgid(aws._process.pid)
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError):
            if os.getpgid(int(folder.name)) == group:
                found.append(folder.name)
    return found
