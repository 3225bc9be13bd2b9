"""Security 9: YAML whose aliases grow without end, and a link in the way of `authz smithy -o`."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

from authz_lib.cli.main import main

MODEL = {
    "smithy": "2.0",
    "shapes": {
        "shop#Shop": {
            "type": "service",
            "operations": [{"target": "shop#Health"}],
            "traits": {"smithy.api#httpBearerAuth": {}},
        },
        "shop#Health": {
            "type": "operation",
            "traits": {"smithy.api#http": {"method": "GET", "uri": "/health"}},
        },
    },
}


def bomb(levels: int) -> str:
    """A context of `9 ** levels` texts, in as many lines."""
    lines = ["x0: &x0 [a, a, a, a, a, a, a, a, a]"]
    lines += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]" for n in range(1, levels)]
    context = "".join(f"      {line}\n" for line in lines)
    row = 'principal: User::"a"\n    action: View\n    resource: Doc::"1"\n    expect: ALLOW'
    return f"requests:\n  - {row}\n    context:\n{context}"


def test_thirteen_lines_of_yaml_do_not_take_a_minute(tmp_path):
    (tmp_path / "shop.cedar").write_text("permit(principal, action, resource);")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "rows.yaml").write_text(bomb(7))
    assert len(bomb(7).splitlines()) == 13

    def little_time_and_memory():  # so that a failure is quick
        resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))

    ended = subprocess.run(
        [sys.executable, "-m", "authz_lib.cli", "policies", "test", str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=little_time_and_memory,
    )
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr[-300:]
    assert ended.stderr.startswith("authz policies: ")
    assert len(ended.stderr.splitlines()) == 1


def test_a_link_at_a_name_that_can_be_foreseen_is_not_written_through(tmp_path, capsys):
    model, output, victim = (tmp_path / name for name in ("model.json", "actions.json", "victim"))
    model.write_text(json.dumps(MODEL))
    victim.write_text("precious")
    (tmp_path / ".actions.json.new").symlink_to(victim)
    assert main(["smithy", "actions", str(model), "-o", str(output)]) == 0, capsys.readouterr()
    assert victim.read_text() == "precious"
    assert json.loads(output.read_text())["version"] == 1
    assert not output.is_symlink()
