"""The public templates of `AUTHZ_VECTORS/sam/patterns`, with code that stands in for theirs.

python tests/stack/patterns.py             # deploys each; prints what came of it
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from authz_lib.errors import ConfigurationError
from authz_local.stack import LocalAWS
from authz_local.template import load_template

PYTHON = "def {name}(event, context):\n    return {{'statusCode': 200, 'body': '{{}}'}}\n"
NODE = "exports.{name} = async () => ({{ statusCode: 200, body: '{{}}' }});\n"
FLOW = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
API = {
    "openapi": "3.0.1",
    "info": {"title": "api"},
    "paths": {"/": {"get": {"x-amazon-apigateway-integration": {"type": "mock"}}}},
}
NESTED = "Resources: {B: {Type: AWS::S3::Bucket}}\n"
CODE = {"CodeUri", "Code"}
FILES = {
    "DefinitionUri": lambda kind: FLOW if "StateMachine" in kind else API,
    "BodyS3Location": lambda kind: API,
}


def vectors() -> Path | None:
    folder = os.environ.get("AUTHZ_VECTORS")
    return None if folder is None else Path(folder) / "sam" / "patterns"


def project(pattern: Path, folder: Path) -> Path:
    """A folder with the template, unchanged, and a file for each that it names."""
    folder.mkdir(parents=True, exist_ok=True)
    template = folder / "template.yaml"
    template.write_bytes(pattern.read_bytes())
    document = load_template(template)
    defaults = (document.get("Globals") or {}).get("Function") or {}
    for resource in document["Resources"].values():
        properties = resource.get("Properties") or {}
        _write_code(folder, {**defaults, **properties})
        _write_parts(folder, resource["Type"], properties)
    return template


def _write_code(folder: Path, properties: dict[str, object]) -> None:
    handler, location = properties.get("Handler"), properties.get("CodeUri")
    if not isinstance(location, str):
        return
    code = folder / location
    code.mkdir(parents=True, exist_ok=True)
    if not isinstance(handler, str) or "." not in handler:
        return
    module, name = handler.rsplit(".", 1)
    is_python = str(properties.get("Runtime")).startswith("python")
    file = code / f"{module}.{'py' if is_python else 'js'}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text((PYTHON if is_python else NODE).format(name=name))


def _write_parts(folder: Path, kind: str, properties: dict[str, object]) -> None:
    for name, value in properties.items():
        if not isinstance(value, str) or "://" in value:
            continue
        path = folder / value
        if name in FILES:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(FILES[name](kind)))
        elif name == "ContentUri":
            path.mkdir(parents=True, exist_ok=True)
        elif name in {"Location", "TemplateURL"} and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(NESTED)
    includes = json.dumps(properties)
    if "AWS::Include" in includes:
        for word in includes.split('"'):
            if word.endswith((".yaml", ".yml", ".json")):
                (folder / word).parent.mkdir(parents=True, exist_ok=True)
                (folder / word).write_text(json.dumps(API))


def outcome(aws: LocalAWS, pattern: Path, folder: Path) -> tuple[bool, str]:
    """Whether a template deploys, and a line about it."""
    said: list[str] = []
    name = "p" + str(abs(hash(pattern.name)))
    try:
        template = project(pattern, folder)
        parameters = {
            parameter: "local"
            for parameter, definition in (load_template(template).get("Parameters") or {}).items()
            if "Default" not in definition
        }
        stack = aws.deploy(template, parameters=parameters, stack_name=name, on_event=said.append)
    except ConfigurationError as refusal:
        return False, str(refusal)
    left_out = [line.removeprefix("not made: ") for line in said if line.startswith("not made")]
    return True, "; ".join([f"{len(stack.resources)} resources", *left_out])


def main() -> int:
    """Print a line per template."""
    folder = vectors()
    if folder is None:
        print("AUTHZ_VECTORS names no folder", file=sys.stderr)
        return 2
    deployed = 0
    with tempfile.TemporaryDirectory() as temporary, LocalAWS() as aws:
        for pattern in sorted(folder.iterdir()):
            started = time.monotonic()
            is_made, text = outcome(aws, pattern, Path(temporary) / pattern.name)
            deployed += is_made
            word = "deployed" if is_made else "refused "
            name = pattern.name.partition("__")[0]
            print(f"{word} {time.monotonic() - started:5.1f} s  {name}: {text}", flush=True)
    print(f"{deployed} deployed, {len(list(folder.iterdir())) - deployed} refused")
    return 0


if __name__ == "__main__":
    sys.exit(main())
