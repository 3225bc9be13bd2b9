"""Requirements, and what stands beside the code of a function or a layer."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from authz_lib.errors import ConfigurationError
from authz_local import function_code, function_packages, interpreters
from authz_local._ministack_functions import MARKER, marker
from authz_local.function_code import CodeBuilder
from authz_local.function_packages import FunctionPackages, requirements_in
from authz_local.interpreters import find_interpreter

OWN = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def said():
    return []


@pytest.fixture
def builder(tmp_path, cache, said):
    (tmp_path / "project").mkdir()
    return CodeBuilder(tmp_path / "project", said.append, cache=cache)


@pytest.fixture
def installed(monkeypatch):
    """The lines that uv is asked to install; it installs nothing."""
    asked = []

    def uv(*arguments, what, folder=None):
        if arguments[0] == "pip":
            asked.append(Path(arguments[arguments.index("-r") + 1]).read_text().splitlines())

    monkeypatch.setattr(function_packages, "uv", uv)
    return asked


def test_an_interpreter_has_no_packages(cache):
    found = find_interpreter(OWN, cache=cache)
    assert found.is_the_runtime_s
    done = subprocess.run([found.path, "-c", "import authz_lib"], capture_output=True, check=False)
    assert b"ModuleNotFoundError" in done.stderr
    assert find_interpreter(OWN, cache=cache) == found


def test_a_shim_of_pyenv_is_not_asked(cache, monkeypatch, tmp_path):
    """It stands on the path for each Python that pyenv has, and runs the chosen one alone."""
    shim = tmp_path / "shims" / "python3.99"
    real = tmp_path / "versions" / "3.99.1" / "bin" / "python3.99"
    for path, script in ((shim, "touch $0.asked"), (real, "touch $0.asked; exit 1")):
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
    assert not find_interpreter("python3.99", cache=cache).is_the_runtime_s
    behind = tmp_path / "bin" / "python3.99"
    behind.parent.mkdir()
    behind.symlink_to(sys.executable)
    monkeypatch.setenv("PATH", os.pathsep.join([str(shim.parent), str(behind.parent), os.defpath]))
    assert interpreters._installed("3.99") == behind
    assert real.with_name("python3.99.asked").exists()
    assert not shim.with_name("python3.99.asked").exists()


def test_a_runtime_that_is_not_installed_runs_on_the_tool_s_python(builder, said):
    assert not find_interpreter("python3.99", cache=builder._cache).is_the_runtime_s
    builder._packages.of_runtime = lambda _: []
    builder.function(None, "python3.99")
    builder.function(None, "python3.99")
    version = OWN.removeprefix("python")
    assert said == [f"python3.99 is not installed here: its functions run on {version}"]


@pytest.mark.parametrize("runtime", ["java25", "dotnet8", "ruby3.4"])
def test_a_runtime_that_cannot_run_here_is_refused(builder, runtime):
    with pytest.raises(ConfigurationError, match=f"`F`: the runtime `{runtime}` is not supported"):
        builder.require_runnable(runtime, "`F`")


def test_node_is_needed_for_its_runtimes(builder, monkeypatch):
    monkeypatch.setattr(function_code.shutil, "which", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"`F`: `nodejs22\.x` needs `node`"):
        builder.require_runnable("nodejs22.x", "`F`")
    builder.require_runnable({"Ref": "Runtime"}, "`F`")


def test_requirements_files(tmp_path, cache, said, installed):
    (tmp_path / "more.txt").write_text("urllib3>=2  # why\n-r requirements.txt\n")
    (tmp_path / "requirements.txt").write_text(
        "-r more.txt\n# nothing\n-c bounds.txt\nAuthz_Lib[cedar]>=0.1\nrequests \\\n  >=2\n"
    )
    packages = FunctionPackages(cache, said.append)
    interpreter = find_interpreter(OWN, cache=cache)
    first, library = packages.of_file(tmp_path / "requirements.txt", interpreter)
    (lines,) = installed
    assert lines[0] == "urllib3>=2"
    assert f"-c {tmp_path / 'bounds.txt'}" in lines
    assert {"requests    >=2"} <= set(lines)
    assert any(line.startswith("cedarpy") for line in lines)
    assert any(line.lower().startswith("pyjwt") for line in lines)
    assert not any(line.lower().startswith(("httpx", "authz")) for line in lines)
    assert (library / "authz_lib" / "errors.py").is_file()
    assert packages.of_file(tmp_path / "requirements.txt", interpreter) == [first, library]
    assert len(installed) == 1  # the second time it was there
    assert said == [
        (
            f"installing the requirements of `{tmp_path.name}/requirements.txt` for "
            f"python {interpreter.version}"
        )
    ]


def test_each_run_finds_the_library_in_the_same_place(cache, installed):
    """So a template with its path is transformed once."""
    interpreter = find_interpreter(OWN, cache=cache)
    first, second = (
        FunctionPackages(cache, lambda _: None).of_lines(["authz-lib"], interpreter, None, "x")[-1]
        for _ in range(2)
    )
    assert first == second
    for path in first.iterdir():  # as a cleaner of caches does
        path.unlink()
    packages = FunctionPackages(cache, lambda _: None)
    assert packages.of_lines(["authz-lib"], interpreter, None, "x")[-1] == first
    assert (second / "authz_lib" / "py.typed").is_file()
    assert [path.suffix for path in second.iterdir() if path.name != "authz_lib"] == [".dist-info"]


def test_other_requirements_are_another_place(tmp_path, cache, installed):
    packages = FunctionPackages(cache, lambda _: None)
    interpreter = find_interpreter(OWN, cache=cache)
    one = packages.of_lines(["a==1"], interpreter, None, "x")
    other = packages.of_lines(["a==2"], interpreter, None, "x")
    assert one != other
    assert len(installed) == 2


def test_dependencies_of_a_project_file(tmp_path, cache, installed):
    (tmp_path / "pyproject.toml").write_text('[project]\nname="x"\ndependencies=["urllib3>=2"]')
    assert requirements_in(tmp_path) == tmp_path / "pyproject.toml"
    packages = FunctionPackages(cache, lambda _: None)
    packages.of_file(tmp_path / "pyproject.toml", find_interpreter(OWN, cache=cache))
    assert installed[-1:] == [["urllib3>=2"]] or installed == []
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]")
    assert requirements_in(tmp_path) is None


def test_what_uv_refuses_is_one_line(tmp_path, cache):
    packages = FunctionPackages(cache, lambda _: None)
    interpreter = find_interpreter(OWN, cache=cache)
    with pytest.raises(ConfigurationError, match="the requirements of `x` cannot") as caught:
        packages.of_lines(["not a requirement at all"], interpreter, None, "`x`")
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="is not a requirement"):
        packages.of_lines(["authz-lib[cedar"], interpreter, None, "`x`")


def test_offline_functions_run_with_what_is_at_hand_and_it_is_said(builder, said, monkeypatch):
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(builder._template / "nothing"))
    code = builder._template / "code"
    code.mkdir()
    (code / "requirements.txt").write_text("urllib3==1.26.20\n")
    assert builder.function(code, OWN) == function_code.Beside({}, code)
    assert builder.function(code, OWN) == function_code.Beside({}, code)
    assert builder.layer(code, OWN, "x").files == {MARKER: ""}
    told = [line for line in said if not line.startswith("installing")]
    assert len(told) == 2
    assert "the requirements of `code/requirements.txt` cannot be installed" in told[0]
    assert told[1].startswith("no package index is reachable")


def test_two_runs_that_make_the_same_folder_share_it(tmp_path):
    target = tmp_path / "cache" / "x"
    with interpreters.new_folder(target) as slow:
        slow.mkdir()
        (slow / "who").write_text("slow")
        with interpreters.new_folder(target) as quick:
            quick.mkdir()
            (quick / "who").write_text("quick")
    assert (target / "who").read_text() == "quick"
    assert [path.name for path in target.parent.iterdir()] == ["x"]
    with suppress(KeyError), interpreters.new_folder(tmp_path / "cache" / "y") as made:
        made.mkdir()
        raise KeyError
    assert [path.name for path in target.parent.iterdir()] == ["x"]
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigurationError, match="`XDG_CACHE_HOME` names another"),
        interpreters.new_folder(tmp_path / "file" / "z"),
    ):
        pass


def test_without_uv_it_is_said(monkeypatch):
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setattr(interpreters.shutil, "which", lambda _: None)
    with pytest.raises(ConfigurationError, match="needs uv on the path"):
        interpreters.uv("venv", what="x")


def test_code_without_requirements_takes_those_beside_the_template(builder, said, installed):
    code = builder._template / "code"
    code.mkdir()
    assert builder.function(code, "nodejs22.x").files == {}
    alone = builder.function(code, OWN).files[MARKER]
    assert alone.startswith("=")
    (builder._template / "requirements.txt").write_text("authz-lib\n")
    assert "library" in builder.function(code, OWN).files[MARKER]
    assert any("which `sam build` would not do" in line for line in said)
    (code / "requirements.txt").write_text("urllib3==2.5.0\n")
    assert "library" not in builder.function(code, OWN).files[MARKER]
    assert ["urllib3==2.5.0"] in installed


def test_layers(builder, said, installed):
    folder = builder._template / "layer"
    gone = builder.layer(folder, OWN, "`Lib.ContentUri`")
    assert gone.folder is None
    assert "library" in gone.files[MARKER]
    assert any("which is not there" in line for line in said)
    python = folder / "python"
    python.mkdir(parents=True)
    (python / "mine.py").write_text("")
    assert builder.layer(folder, OWN, "x") == function_code.Beside({}, folder)
    (python / "authz_lib").mkdir()
    for name in ("authz_lib-0.1.0.dev0", "pyjwt-2.10.1", "typing_extensions-4.15.0"):
        (python / f"{name}.dist-info").mkdir()
    again = builder.layer(folder, OWN, "`Lib.ContentUri`")
    assert again.folder is None
    assert {"pyjwt==2.10.1", "typing-extensions==4.15.0"} <= set(installed[-1])
    assert any("built again" in line for line in said)
    packed = builder._template / "layer.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("python/authz_lib/__init__.py", "")
        archive.writestr("python/cedarpy-4.12.0.dist-info/METADATA", "")
    assert builder.layer(packed, OWN, "x").folder is None
    assert "cedarpy==4.12.0" in installed[-1]
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("python/mine.py", "")
    assert builder.layer(packed, OWN, "x") == function_code.Beside({}, packed)
    packed.write_text("no archive")
    with pytest.raises(ConfigurationError, match=r"`layer\.zip` is not a folder"):
        builder.layer(packed, OWN, "x")
    plain = builder._template / "plain"
    plain.mkdir()
    (plain / "requirements.txt").write_text("urllib3==2.5.0\n")
    made = builder.layer(plain, OWN, "x")
    assert (made.folder, made.prefix) == (plain, "python/")
    with pytest.raises(ConfigurationError, match=r"`Lib\.ContentUri` names `none`"):
        builder.layer(builder._template / "none", None, "`Lib.ContentUri`")


def test_the_marker_names_python_and_folders(tmp_path):
    text = marker(["/a", "/b"], ["/r"], "/bin/python")
    assert text.splitlines() == ["=/bin/python", "/a", "/b", "-/r"]
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MARKER, text)
    from authz_local._ministack_functions import _named_python

    assert _named_python(path.read_bytes()) == "/bin/python"
    assert _named_python(b"no archive") is None
