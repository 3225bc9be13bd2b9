"""`authz local` as a process: it serves, checks, fails in one line, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from authz_lib.cli.main import main
from authz_lib.errors import ConfigurationError
from authz_local import _process, stack
from authz_local.command import main as authz_local

EXAMPLE = Path(__file__).parents[2] / "examples" / "orders_router"
SMALL = Path(__file__).parents[1] / "stack" / "project"  # where any template will do
TAKES_LONGEST = True  # each test starts a local AWS of its own
PATIENCE = 90

EMPTY = """
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Parameter: {Type: AWS::SSM::Parameter, Properties: {Name: /x, Type: String, Value: x}}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "template.yaml").write_text(EMPTY)
    (tmp_path / "requests.yaml").write_text("requests: []\n")
    return tmp_path


@pytest.fixture
def started(tmp_path):
    """Starts `authz local WORDS` as a process, which is ended at the end of the test."""
    processes = []
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    # A job that a script put into the background ignores Ctrl-C, and so would its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def start(*words, stderr=subprocess.PIPE, **variables):
        process = subprocess.Popen(
            [sys.executable, "-m", "authz_lib.cli", "local", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**os.environ, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1", **variables},
            start_new_session=True,
        )
        processes.append(process)
        return process

    start.temporary = temporary
    yield start
    signal.signal(signal.SIGINT, before)
    for process in processes:
        if process.poll() is None:
            process.terminate()  # not a kill: the command stops what it started
        process.communicate(timeout=PATIENCE)


def descendants(pid):
    """The processes that a process has started, and their own."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found, queue = set(), [pid]
    while queue:
        children = {child for child, parent in parents.items() if parent == queue[0]} - found
        found |= children
        queue = [*queue[1:], *children]
    return found


def alive(pids):
    """Those that still run; a zombie (`Z`) does not."""
    found = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "ZX":
            found.add(pid)
    return found


def outlive(pids):
    """Those that still run a moment later: one that was just killed may take that long."""
    for _ in range(20):
        if not alive(pids):
            break
        time.sleep(0.1)
    return alive(pids)


def refuses(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def wait_for(stream, text):
    lines = []
    for line in stream:
        lines.append(line)
        if text in line:
            return lines
    pytest.fail(f"never said {text!r}: {''.join(lines)}")


@pytest.mark.stack
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 0)], ids=["Ctrl-C", "SIGTERM"]
)
def test_everything_it_started_is_gone_when_it_ends(started, number, code):
    process = started(SMALL)
    printed = "".join(wait_for(process.stdout, "serving"))
    below = descendants(process.pid)
    port = int(re.search(r"execute-api\.localhost:(\d+)", printed)[1])
    assert below
    assert not refuses(port)
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert not alive(below)
    assert refuses(port)
    assert list(started.temporary.iterdir()) == []


@pytest.mark.stack
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    "said",
    ["policy store endpoint", "local AWS at", "packaged", "deploying", "user pool", "sending"],
)
def test_an_impatient_ctrl_c_at_any_moment_leaves_nothing(started, said):
    process = started(SMALL, "--check")
    wait_for(process.stderr, said)
    seen = descendants(process.pid)
    for _ in range(5):
        process.send_signal(signal.SIGINT)
    seen |= descendants(process.pid)
    printed = process.communicate(timeout=PATIENCE)[1]
    # -SIGINT: it was interrupted again after all was done
    assert process.returncode in {130, -signal.SIGINT}
    assert "stopped" in printed
    assert "Traceback" not in printed
    assert not outlive(seen)
    assert list(started.temporary.iterdir()) == []


@pytest.mark.stack
def test_ctrl_c_before_it_serves_is_no_good_end(started):
    process = started(SMALL)
    wait_for(process.stderr, "policy store endpoint")
    process.send_signal(signal.SIGINT)
    printed = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 130
    assert "stopped" in printed
    assert "Traceback" not in printed


@pytest.mark.stack
def test_nothing_of_the_users_own_setup_gets_in(started, tmp_path):
    (tmp_path / "config").write_text("[profile broken")
    dead = "http://127.0.0.1:1"
    process = started(
        EXAMPLE,
        "--check",
        AWS_PROFILE="no-such-profile",
        AWS_CONFIG_FILE=str(tmp_path / "config"),
        AWS_ENDPOINT_URL=dead,
        AWS_REGION="mars-north-1",
        AUTHZ_ISSUER=dead,
        http_proxy=dead,
        HTTPS_PROXY=dead,
        no_proxy="internal.example",
        LAMBDA_STRICT="1",
        MINISTACK_HOST="example.invalid",
        LC_ALL="C",
        PYTHONIOENCODING="ascii",
        SERVICES="s3",
        USE_SSL="1",
    )
    printed, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, printed + errors
    assert re.search(r"^[1-9]\d+ passed, 0 failed$", printed, re.MULTILINE)
    listed = next(line for line in printed.splitlines() if line.startswith("own orders, listed"))
    # the authorizer's question, then the service's batch of three, in whatever order a scan gives
    decisions = re.findall(r"(?:(\d) )?(ALLOW|DENY)\b", listed)
    counted = [word for count, word in decisions for _ in range(int(count or 1))]
    assert counted[0] == "ALLOW"
    assert sorted(counted) == ["ALLOW", "ALLOW", "DENY", "DENY"]


@pytest.mark.stack
def test_another_local_aws_on_the_port_is_not_taken_for_ours(monkeypatch):
    monkeypatch.setattr(stack, "usable_port", lambda port: port)  # both looked while it was free
    with stack.LocalAWS() as first:
        second = stack.LocalAWS(port=first.port)
        with pytest.raises(
            ConfigurationError, match=r"the local AWS ended while starting: .* already in use"
        ):
            second.start()
        assert first.client("sts").get_caller_identity()["Account"]


@pytest.mark.stack
def test_it_prints_urls_and_curl_lines_that_work_as_pasted(started):
    process = started(EXAMPLE)
    printed = "".join(wait_for(process.stdout, "serving"))
    assert re.search(r"^HttpUrl = http://\w+\.execute-api\.localhost:\d+$", printed, re.MULTILINE)
    token = re.search(r"^ALICE='(ey[\w.-]+)'$", printed, re.MULTILINE)[1]
    line = re.search(
        r'^curl -i -X GET -H "Authorization: Bearer \$ALICE" (\S+/api/commercial/orders/1001)$',
        printed,
        re.MULTILINE,
    )
    answered = subprocess.run(
        ["bash", "-c", line[0]],
        check=True,
        env={**os.environ, "ALICE": token},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert '"item": "anvil"' in answered.stdout, answered


@pytest.mark.stack
def test_a_difference_is_exit_code_1(folder, capsys):
    port = _process.free_port()
    (folder / "requests.yaml").write_text(
        "requests:\n"
        "  - name: nobody home\n"
        f"    call: GET http://localhost:{port}/_ministack/health\n"
        "    expect: {status: 418}\n"
    )
    assert main(["local", str(folder), "--check", "--port", str(port)]) == 1
    printed = capsys.readouterr().out
    assert "DIFFERENT  nobody home: status 200, expected 418" in printed
    assert "0 passed, 1 failed" in printed


@pytest.mark.stack
def test_a_request_that_nobody_answers_is_a_difference(folder, capsys):
    url = f"http://localhost:{_process.free_port()}/"
    (folder / "requests.yaml").write_text(
        "requests:\n"
        f"  - {{name: silence, call: GET {url}, expect: {{status: 200}}}}\n"
        "  - {name: no port, call: 'GET http://localhost:port/', expect: {status: 200}}\n"
        f"  - {{name: no header, call: GET {url}, "
        'headers: {a: "b\\nc"}, expect: {status: 200}}\n'
    )
    assert main(["local", str(folder), "--check"]) == 1
    printed = capsys.readouterr().out
    assert "DIFFERENT  silence: no answer: NewConnectionError" in printed
    assert "DIFFERENT  no port: no answer: the URL or a header is malformed" in printed
    assert "DIFFERENT  no header: no answer: the URL or a header is malformed" in printed


@pytest.mark.stack
@pytest.mark.parametrize(
    ("requests", "line"),
    [
        ("services: [Nobody]", "`requests.yaml` names the unknown function `Nobody`"),
        (
            "user_pool: {output: Name, clients: {web: Name}, users: {alice: {groups: [g]}}}",
            "`template.yaml` and `requests.yaml`: `CreateGroup` was refused: ",
        ),
        (
            "tables: {Name: [{id: 1}]}",
            "`template.yaml` and `requests.yaml`: `PutItem` was refused: ",
        ),
    ],
    ids=["service", "pool", "table"],
)
def test_what_the_local_aws_cannot_do_is_one_clear_line(folder, capsys, requests, line):
    (folder / "template.yaml").write_text(EMPTY + "Outputs: {Name: {Value: no-such-thing}}\n")
    (folder / "requests.yaml").write_text(requests)
    assert main(["local", str(folder), "--check"]) == 2
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith(f"authz local: {line}")


BROKEN_LAMBDA = """
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Resources:
  Broken:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.12, Handler: broken.handler, CodeUri: code/}
Outputs: {Name: {Value: !Ref Broken}}
"""


@pytest.mark.stack
def test_a_lambda_that_does_not_import_is_told_while_it_serves(started, folder):
    (folder / "code").mkdir()
    (folder / "code" / "broken.py").write_text("import no_such_package\n")
    (folder / "template.yaml").write_text(BROKEN_LAMBDA)
    (folder / "companions.py").write_text(
        'def seed(local): local.aws.invoke(local.stack.outputs["Name"], b"{}")\n'
    )
    (folder / "requests.yaml").write_text("companions: companions.py\n")
    process = started(folder)
    assert "no_such_package" in wait_for(process.stderr, "LOGGED")[-1]


@pytest.mark.stack
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_it_does_not_serve_on_when_the_local_aws_is_gone(started, folder):
    process = started(folder)
    wait_for(process.stdout, "serving")
    for pid in descendants(process.pid):
        os.kill(pid, signal.SIGKILL)
    assert "authz local: the local AWS ended: " in process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 2
    assert list(started.temporary.iterdir()) == []


@pytest.mark.stack
def test_a_check_without_requests_is_not_a_pass(folder):
    assert main(["local", str(folder), "--check"]) == 1


@pytest.mark.stack
def test_a_template_that_does_not_deploy_is_one_clear_line(folder, capsys):
    broken = "{Type: AWS::SSM::Parameter, Properties: {Name: /x, Type: Nonsense, Value: x}}"
    (folder / "template.yaml").write_text(f"Resources: {{A: {broken}}}")
    assert main(["local", str(folder), "--check"]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("authz local: `template.yaml` does not deploy: ")


@pytest.mark.stack
def test_a_template_that_the_local_aws_stumbles_over_is_one_clear_line(folder, capsys):
    (folder / "template.yaml").write_text(EMPTY + "Parameters: []\n")
    assert main(["local", str(folder), "--check"]) == 2
    assert "the local AWS failed: " in capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.stack
def test_a_port_in_use_is_one_clear_line(folder, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["local", str(folder), "--port", str(port)]) == 2
    assert f"authz local: port `{port}` cannot be used" in capsys.readouterr().err


@pytest.mark.stack
@pytest.mark.parametrize("port", [-1, 0, 65536])
def test_a_port_that_is_none_is_one_clear_line(folder, capsys, port):
    assert main(["local", str(folder), f"--port={port}"]) == 2
    told = capsys.readouterr().err
    assert "authz local: `port` must be a whole number from 1 to 65535" in told


@pytest.mark.stack
def test_a_reader_that_has_read_enough_ends_it_quietly(started, folder):
    process = started(folder)  # no `--check`: it would serve for ever
    process.stdout.close()
    assert process.stderr.read().count("Traceback") == 0
    assert process.wait(PATIENCE) == 141
    assert list(started.temporary.iterdir()) == []


@pytest.mark.stack
def test_a_reader_of_both_outputs_that_has_read_enough_ends_it_too(started, folder):
    process = started(folder, stderr=subprocess.STDOUT)
    wait_for(process.stdout, "local AWS at")
    process.stdout.close()
    assert process.wait(PATIENCE) == 141
    assert list(started.temporary.iterdir()) == []


def test_the_command_has_a_name_of_its_own(folder, capsys):
    assert authz_local([str(folder / "nowhere")]) == 2
    assert capsys.readouterr().err == f"authz local: `{folder / 'nowhere'}` is not a folder\n"
    with pytest.raises(SystemExit) as ended:
        authz_local(["--version"])
    assert ended.value.code == 0
    assert "\nauthz-local " in capsys.readouterr().out


@pytest.mark.parametrize("words", ["nowhere", "template.yaml"])
def test_a_path_that_is_no_folder_is_named(folder, capsys, words):
    assert main(["local", str(folder / words)]) == 2
    assert f"authz local: `{folder / words}` is not a folder" in capsys.readouterr().err


def test_a_template_with_a_syntax_error_is_told_before_anything_is_started(folder, capsys):
    (folder / "template.yaml").write_text("Resources:\n  A: [\n")
    assert main(["local", str(folder), "--check"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(
        f"authz local: {folder / 'template.yaml'}:3:1: the document is not YAML: expected"
    )
    assert told.count("\n") == 1


@pytest.mark.parametrize("name", ["template.yaml", "requests.yaml"])
def test_a_missing_file_is_named(folder, capsys, name):
    (folder / name).unlink()
    assert main(["local", str(folder), "--check"]) == 2
    assert f"`{name}`" in capsys.readouterr().err
