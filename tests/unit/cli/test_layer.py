"""`authz layer`: what is asked of uv, what is kept of its work, and the limits."""

from __future__ import annotations

import json
import os
import stat
import sys
import zipfile
from pathlib import Path

import pytest

from authz_lib.cli import layer
from authz_lib.cli.main import main

# Stands for uv: notes what it was asked, and leaves what an installation leaves.
UV = """#!{python}
import json, os, pathlib, sys, time
words = sys.argv[1:]
pathlib.Path(os.environ["NOTES"]).write_text(json.dumps(words))
if os.environ.get("UV_FAILS"):
    sys.exit("\\x1b[31merror\\x1b[39m: No solution found\\n  because of it")
target = pathlib.Path(words[words.index("--target") + 1])
for name in ("jwt/__init__.py", "jwt/__pycache__/x.pyc", "bin/tool", "jwt/native.so", ".lock",
             "pyjwt-2.15.1.dist-info/METADATA", "pyjwt-2.15.1.dist-info/RECORD",
             "pyjwt-2.15.1.dist-info/INSTALLER", "pyjwt-2.15.1.dist-info/direct_url.json",
             "pyjwt-2.15.1.dist-info/licenses/LICENSE"):
    path = target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x" * int(os.environ.get("EACH", "1")))
    os.utime(path, (time.time(), time.time()))
"""


@pytest.fixture(autouse=True)
def uv(tmp_path, monkeypatch):
    """What uv was asked."""
    tool = tmp_path / "tools" / "uv"
    tool.parent.mkdir()
    tool.write_text(UV.format(python=sys.executable))
    tool.chmod(0o755)
    notes = tmp_path / "notes.json"
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("NOTES", str(notes))
    return lambda: json.loads(notes.read_text())


def after(words, option):
    return words[words.index(option) + 1]


@pytest.mark.parametrize(
    ("python", "arch", "platform"),
    [
        ("3.11", "arm64", "aarch64-manylinux2014"),
        ("3.11", "x86_64", "x86_64-manylinux2014"),
        ("3.12", "arm64", "aarch64-manylinux_2_28"),
        ("3.13", "x86_64", "x86_64-manylinux_2_28"),
        ("3.14", "arm64", "aarch64-manylinux_2_28"),
    ],
)
def test_uv_is_asked_for_wheels_of_the_functions_machine(uv, tmp_path, python, arch, platform):
    words = ["layer", "--python", python, "--arch", arch, "-o", str(tmp_path / "layer")]
    assert main(words) == 0
    assert after(uv(), "--python-version") == python
    assert after(uv(), "--python-platform") == platform
    assert after(uv(), "--only-binary") == ":all:"


def test_what_the_runtime_has_is_left_out_and_an_extra_comes_when_it_is_named(uv, tmp_path):
    def asked(*more):
        assert main(["layer", "-o", str(tmp_path / "layer"), *more]) == 0
        return {word.partition(">")[0].lower() for word in uv() if ">=" in word}

    bare = asked()
    assert bare == {"cachetools", "cryptography", "pydantic", "pyjwt"}
    assert asked("--cedar") == bare | {"cedarpy"}


def test_the_library_itself_is_in_it_and_traces_of_the_installation_are_not(tmp_path):
    assert main(["layer", "-o", str(tmp_path / "layer")]) == 0
    python = tmp_path / "layer" / "python"
    assert (python / "authz_lib" / "authorizer" / "authorizer.py").is_file()
    assert list(python.glob("authz_lib-*.dist-info/METADATA"))
    kept = {
        path.relative_to(python).as_posix()
        for path in (python / "pyjwt-2.15.1.dist-info").rglob("*")
    }
    assert kept == {
        "pyjwt-2.15.1.dist-info/METADATA",
        "pyjwt-2.15.1.dist-info/licenses",
        "pyjwt-2.15.1.dist-info/licenses/LICENSE",
    }
    names = {path.name for path in python.rglob("*")}
    assert not {"__pycache__", "bin", ".lock"} & names


def test_times_and_modes_are_the_same_each_time(tmp_path):
    assert main(["layer", "-o", str(tmp_path / "layer")]) == 0
    paths = [tmp_path / "layer", *(tmp_path / "layer").rglob("*")]
    assert {path.stat().st_mtime for path in paths} == {315_532_800}
    modes = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()}
    assert (modes[".so"], modes[".py"]) == (0o755, 0o644)


def test_two_archives_are_the_same_bytes_in_order(tmp_path):
    archives = [tmp_path / name for name in ("a.zip", "b.zip")]
    for archive in archives:
        assert main(["layer", "-o", str(archive)]) == 0
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with zipfile.ZipFile(archives[0]) as made:
        names = made.namelist()
        assert names == sorted(names)
        assert {entry.date_time for entry in made.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert "python/authz_lib/__init__.py" in names
        assert made.getinfo("python/jwt/native.so").external_attr >> 16 & 0o777 == 0o755


def test_its_size_is_printed(tmp_path, capsys):
    assert main(["layer", "-o", str(tmp_path / "layer")]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{tmp_path / 'layer'}: ")
    assert first.endswith(" MB of Lambda's 250 MB, unzipped")
    assert second.startswith("python 3.12, arm64: authz-lib ")
    assert "pyjwt 2.15.1" in second


def test_what_lambda_would_refuse_is_told_and_not_kept(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(layer, "_MOST_BYTES", 10_000)
    assert main(["layer", "-o", str(tmp_path / "layer")]) == 1
    assert "and Lambda takes 250 MB" in capsys.readouterr().out
    assert not (tmp_path / "layer").exists()


def test_a_layer_is_replaced_and_nothing_else(tmp_path, capsys):
    made, other = tmp_path / "layer", tmp_path / "other"
    assert main(["layer", "-o", str(made)]) == 0
    (made / "python" / "old.py").write_text("")
    assert main(["layer", "-o", str(made)]) == 0
    assert not (made / "python" / "old.py").exists()
    other.mkdir()
    assert main(["layer", "-o", str(other)]) == 0  # an empty folder
    (tmp_path / "file").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    (tmp_path / "mine.zip").mkdir()
    for name in ("file", "mine", "mine.zip"):
        assert main(["layer", "-o", str(tmp_path / name)]) == 2
    assert (tmp_path / "mine" / "file").read_text() == "mine"
    assert "is not empty, and not a layer" in capsys.readouterr().err


def test_what_uv_refuses_is_one_line_and_leaves_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("UV_FAILS", "1")
    assert main(["layer", "-o", str(tmp_path / "to" / "layer")]) == 2
    said = capsys.readouterr().err
    assert said == ("authz layer: uv could not install the packages: error: No solution found\n")
    assert list((tmp_path / "to").iterdir()) == []


def test_without_uv_it_says_how_to_get_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(layer.sys, "executable", str(tmp_path / "python"))
    assert main(["layer", "-o", str(tmp_path / "layer")]) == 2
    assert "`uv` is not installed: get it by `pip install uv`" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--arch", "riscv"], ["--python", "2.7"], []])
def test_a_wrong_word_is_refused(words, tmp_path):
    output = ["-o", str(tmp_path / "layer")] if words else []
    with pytest.raises(SystemExit) as ended:
        main(["layer", *words, *output])
    assert ended.value.code == 2


def test_it_is_this_library_that_is_copied(tmp_path):
    import authz_lib

    assert main(["layer", "-o", str(tmp_path / "layer")]) == 0
    own = Path(authz_lib.__file__).parent
    copied = tmp_path / "layer" / "python" / "authz_lib"
    files = {
        p.relative_to(own).as_posix() for p in own.rglob("*") if p.suffix != ".pyc" and p.is_file()
    }
    assert files == {p.relative_to(copied).as_posix() for p in copied.rglob("*") if p.is_file()}


def test_what_was_built_for_machines(tmp_path, capsys):
    out = tmp_path / "layer"
    assert main(["layer", "-o", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["output"] == str(out)
    assert found["bytes"] == sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    assert (found["python"], found["arch"]) == ("3.12", "arm64")
    assert found["packages"]["pyjwt"] == "2.15.1"
    assert "authz-lib" in found["packages"]
