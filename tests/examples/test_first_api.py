"""The tutorial `docs/tutorial/first-api.md`, as it stands, in an empty folder with a new home."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PAGE = CHECKOUT / "docs" / "tutorial" / "first-api.md"
FILE = re.compile(r"`([\w./-]+\.\w+)`[^`]*\Z")
MINUTES = 15


def steps(text):
    """Each block of the page: `bash` is run, `text` after it is printed, others are files.

    A file's path is the last that the paragraph above its block names.
    """
    before = ""
    for paragraph, kind, block in re.findall(r"(.*?)```(\w*)\n(.*?)```", text, re.DOTALL):
        named = FILE.search(paragraph.strip())
        if kind == "bash":
            yield "run", None, block
        elif before == "run" and not paragraph.strip():
            yield "printed", None, block
        else:
            assert named, f"no file is named above {block!r}"
            yield "file", named[1], block
        before = "run" if kind == "bash" else ""


STEPS = [*steps(PAGE.read_text(encoding="utf-8"))]


def script():
    """The page as one shell script, which says where each of its commands begins."""
    parts = ["set -e"]
    for number, (what, path, block) in enumerate(STEPS):
        if what == "file":
            folder = Path(path).parent
            parts.append(f"mkdir -p {folder}\ncat > {path} <<'END_OF_FILE'\n{block}END_OF_FILE")
        elif what == "run":
            parts.append(f"echo '@@ {number}'\n{block}")
    return "\n".join(parts)


def printed_by(output):
    """What each command printed, by the number of its step."""
    pieces = re.split(r"^@@ (\d+)\n", output, flags=re.MULTILINE)[1:]
    return dict(zip(map(int, pieces[::2]), pieces[1::2], strict=True))


def test_the_page_is_read_whole():
    kinds = [what for what, _, _ in STEPS]
    assert kinds.count("file") == 10
    assert kinds.count("run") == 7
    assert kinds[:2] == ["run", "printed"]


def commands():
    """Each command that a reader types; a continued line is one."""
    text = "".join(block for what, _, block in STEPS if what == "run")
    return text.replace("\\\n", "").splitlines()


def test_it_has_few_commands():
    assert len(commands()) <= 25


# What belongs to the run of these tests, and not to a reader's machine.
OURS = re.compile(
    r"AWS_|AUTHZ_|PYTHON|PYTEST|VIRTUAL_ENV|XDG_|NOX|COVERAGE|UV_(PROJECT|PYTHON|SYSTEM)"
)


def environment_of(home, uv):
    """A new home on this machine; packages come from the cache that is there.

    ``AUTHZ_TUTORIAL_PYTHON`` is the folder of the interpreter to use.
    """
    kept = {name: value for name, value in os.environ.items() if not OURS.match(name)}
    cache = subprocess.run([uv, "cache", "dir"], capture_output=True, text=True, check=True)
    folders = [str(Path(uv).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    path = os.pathsep.join([*filter(None, [os.environ.get("AUTHZ_TUTORIAL_PYTHON")]), *folders])
    return kept | {"HOME": str(home), "PATH": path, "UV_CACHE_DIR": cache.stdout.strip()}


@pytest.mark.stack
def test_every_step_of_the_page_works_as_it_stands(tmp_path):
    uv = shutil.which("uv")
    assert uv, "the tutorial needs uv"
    home, folder = tmp_path / "home", tmp_path / "empty"
    home.mkdir()
    folder.mkdir()
    (home / "authz-lib").symlink_to(CHECKOUT)
    began = time.monotonic()
    done = subprocess.run(
        ["bash", "-c", script()],
        cwd=folder,
        env=environment_of(home, uv),
        capture_output=True,
        text=True,
        check=False,
        timeout=MINUTES * 60,
    )
    took = time.monotonic() - began
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    outputs = printed_by(done.stdout)
    for number, (what, _, block) in enumerate(STEPS):
        if what == "printed":
            lines = iter([line.split() for line in outputs[number - 1].splitlines()])
            missing = [line for line in block.splitlines() if not shown(line.split(), lines)]
            assert missing == [], outputs[number - 1]
    print(f"{len(commands())} commands, {took:.0f} s")  # noqa: T201 - how long it took


def shown(words, lines):
    """Whether one of the lines that are left begins with these words."""
    return any(line[: len(words)] == words for line in lines)
