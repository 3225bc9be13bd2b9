"""The READMEs' way to AWS: the layer fits the functions, and each package answers with it alone.

`sam build` installs a function's `requirements.txt` beside its code; here uv does the same.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from authz_local.template import load_template

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ["execution_layer", "hello_invoker", "memories", "orders_router", "secure_by_default"]
PATIENCE = 180
MEGABYTE = 1024 * 1024
ARCH = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
ENVIRONMENT = {
    "ACCOUNT_ID": "123456789012",
    "ALLOWED_ORIGIN": "https://app.example.com",
    "API_ID": "a1b2c3",
    "API_ID_PARAMETER": "/encache/api/memories_api_id",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_SECRET_ACCESS_KEY": "test",
    "CLIENT_ID": "client",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere",
    "ENABLE_AUTH": "true",
    "GATEWAY_KIND": "http-lambda",
    "ISSUER": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Abc123",
    "JOB_DEFINITION": "definition",
    "JOB_QUEUE": "queue",
    "MEDIA_BUCKET": "media",
    "POLICY_STORE_ID": "PSEXAMPLEabcdefg111111",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/queue",
    "TABLE": "orders",
    "USER_POOL_ID": "us-east-1_Abc123",
}
# A folder of code, a handler in it, and what it says to an event that no gateway has sent.
ANSWERS = [
    ("execution_layer", "execution", "execution.api_handler", 400),
    ("hello_invoker", "functions", "hello_world.handler", 401),
    ("memories", "api", "memories.audio.app.handler", 401),
    ("orders_router", "services", "commercial.handler", 401),
    ("secure_by_default", "service", "orchestrate.handler", 401),
]
EVENT = {
    "version": "2.0",
    "body": "{}",
    "headers": {},
    "requestContext": {"requestId": "r-1"},
    "isBase64Encoded": False,
}
ASK = """
import importlib, json, sys
module, _, name = sys.argv[1].rpartition(".")
handler = getattr(importlib.import_module(module), name)
print(json.dumps([handler(json.loads(sys.argv[2]), None), sys.modules["authz_lib"].__file__]))
"""


@pytest.fixture(params=NAMES)
def folder(request):
    return EXAMPLES / request.param


def test_the_layer_that_the_readme_builds_is_the_one_of_the_template(folder):
    template = load_template(folder / "template.yaml")
    shared = template["Globals"]["Function"]
    layer = template["Resources"]["Library"]["Properties"]
    assert shared["Layers"] == [{"Ref": "Library"}]
    readme = (folder / "README.md").read_text()
    (line,) = re.findall(r"^authz layer (.*-o layer/)$", readme, re.MULTILINE)
    (runtime,), (arch,) = layer["CompatibleRuntimes"], layer["CompatibleArchitectures"]
    assert (
        line == f"--python {runtime.removeprefix('python')} --arch {arch} -o {layer['ContentUri']}"
    )
    assert (shared["Runtime"], shared["Architectures"]) == (runtime, [arch])
    for each in template["Resources"].values():
        if each["Type"] == "AWS::Serverless::Function":
            assert not {"Runtime", "Architectures", "Layers"} & each["Properties"].keys()


def test_then_sam_builds_and_deploys(folder):
    readme = (folder / "README.md").read_text()
    assert re.search(r"^sam build && sam deploy --guided", readme, re.MULTILINE)
    assert "](../../docs/how-to/deploy.md)" in readme


def run(*words, **options):
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, timeout=PATIENCE, **options
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    """The layer for this machine and this Python."""
    output = tmp_path_factory.mktemp("built") / "layer"
    words = ["--python", PYTHON, "--arch", ARCH, "-o", str(output)]
    assert f"{output}: " in run(sys.executable, "-m", "authz_lib.cli", "layer", *words)
    return output


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """A Python with what Lambda's runtime has, and nothing else."""
    folder = tmp_path_factory.mktemp("runtime")
    run("uv", "venv", "--quiet", "--python", sys.executable, str(folder))
    python = folder / "bin" / "python"
    run("uv", "pip", "install", "--quiet", "--python", str(python), "boto3")
    return python


@pytest.mark.stack
@pytest.mark.parametrize(("name", "code", "handler", "status"), ANSWERS, ids=str)
def test_a_function_answers_with_the_layer_and_the_runtime_alone(
    layer, runtime, tmp_path, name, code, handler, status
):
    package = tmp_path / "package"
    shutil.copytree(EXAMPLES / name / code, package)
    if (package / "requirements.txt").exists():
        words = ["uv", "pip", "install", "--quiet", "--target", str(package)]
        run(*words, "--python", str(runtime), "-r", str(package / "requirements.txt"))
    assert size_of(package) + size_of(layer) < 250 * MEGABYTE
    paths = os.pathsep.join([str(package), str(layer / "python")])
    answer, library = json.loads(
        run(
            *(str(runtime), "-c", ASK, handler, json.dumps(EVENT)),
            env={**ENVIRONMENT, "PYTHONPATH": paths, "PATH": os.environ["PATH"]},
            cwd=tmp_path,
        )
    )
    assert answer["statusCode"] == status
    assert library.startswith(str(layer))
