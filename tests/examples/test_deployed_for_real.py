"""The READMEs' way to AWS: the packages fit the functions, and no index is asked for ours.

The network is not for tests: that pip resolves these commands, and that SAM packages what they
leave, was tried out.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from authz_local.scenario import Scenario
from authz_local.template import load_template

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE = 180
# pip takes `--platform` word for word, and wheels for arm64 are published under either name.
PLATFORMS = {"manylinux_2_28_aarch64", "manylinux2014_aarch64"}


@pytest.fixture(params=["orders_router"])
def folder(request):
    return EXAMPLES / request.param


def deployment(folder):
    readme = (folder / "README.md").read_text()
    return re.search(r"^## Deploy it for real\n(.*?)^## ", readme, re.MULTILINE | re.DOTALL)[1]


def installs(folder):
    """Every `pip install` of the deployment; a line in a loop once for each round."""
    text = deployment(folder).replace("\\\n", " ")
    loop = re.search(r"for (\w+) in ([\w ]+); do", text)
    for line in re.findall(r"^ *(pip install .*)$", text, re.MULTILINE):
        for value in loop[2].split() if loop and f"${loop[1]}" in line else [""]:
            yield shlex.split(line.replace(f"${loop[1]}", value) if value else line)


def values(command, option):
    return {after for word, after in pairwise(command) if word == option}


def functions(folder):
    template = load_template(folder / "template.yaml")
    shared = template.get("Globals", {}).get("Function", {})
    of_sam = [
        each
        for each in template["Resources"].values()
        if each["Type"] == "AWS::Serverless::Function"
    ]
    return [{**shared, **each["Properties"]} for each in of_sam]


def test_the_packages_fit_the_functions(folder):
    (architecture,) = {name for function in functions(folder) for name in function["Architectures"]}
    (runtime,) = {function["Runtime"] for function in functions(folder)}
    assert architecture == "arm64"
    commands = list(installs(folder))
    assert commands
    for command in commands:
        assert values(command, "--platform") == PLATFORMS
        assert values(command, "--python-version") == {runtime.removeprefix("python")}
        # A source package would be built for this machine.
        assert values(command, "--only-binary") == {":all:"}


def test_every_folder_of_code_is_filled_where_the_function_looks(folder):
    code = {function["CodeUri"].rstrip("/") for function in functions(folder)}
    needy = {name for name in code if (folder / name / "requirements.txt").exists()}
    asked = [(values(command, "-r"), values(command, "--target")) for command in installs(folder)]
    assert sorted(asked, key=str) == sorted(
        (({f"{name}/requirements.txt"}, {name}) for name in needy), key=str
    )


def test_the_library_comes_from_a_wheel_of_a_checkout_and_no_index_is_asked_for_it(folder):
    text = deployment(folder)
    assert "pip wheel --no-deps --wheel-dir . PATH/TO/CHECKOUT\n" in text
    assert all("./authz_lib-*.whl" in command for command in installs(folder))
    # It reads requirements.txt, which only names the library.
    assert text.count("sam build") == text.count("No `sam build`")


def test_the_readme_says_how_a_copied_folder_runs(folder):
    readme = (folder / "README.md").read_text().replace("\\\n", " ")
    block = readme.partition("A copy of this folder runs by itself:\n")[2].split("```")[1]
    install, run = [line.split() for line in block.splitlines()[1:]]
    assert install == [
        *("pip", "install", "PATH/TO/CHECKOUT", "PATH/TO/CHECKOUT/packages/authz-local"),
        *("-r", "requirements.txt"),
    ]
    assert run == ["authz", "local", ".", "--check"]


@pytest.mark.stack
def test_and_so_it_does(folder, tmp_path):
    pytest.importorskip("ministack")
    copy = tmp_path / "copied"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-m", "authz_lib.cli", "local", ".", "--check"],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith(
        f"{len(Scenario.load(copy / 'requests.yaml').requests)} passed, 0 failed\n"
    )
