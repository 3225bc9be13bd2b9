"""`authz audit` beside checkov, cfn-lint and cdk-nag on the public templates of the vectors.

    AUTHZ_VECTORS=... python benchmarks/bench_audit.py

The peers live in environments of their own, and one that is not named is left out:

    AUTHZ_CHECKOV=.../bin/checkov              pip install checkov
    AUTHZ_CDK_NAG_PYTHON=.../bin/python        pip install "cdk-nag<3" aws-cdk-lib; needs Node.js

cdk-nag gets the templates after the transform of SAM, since it reads no other.  A template is
*open* where the independent reader found an entry point that asks nobody who they are: neither a
preflight, nor a WebSocket route behind an authorized `$connect`.  A tool has *found* it where one
of its rules about authorization fails there, and is *wrong* where one fails on any other template.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from authz_lib.audit.audited import audit_files
from authz_lib.audit.sam import is_sam, transformed
from authz_lib.audit.source import read_source

OPEN_RULES = {
    "api-key-only",
    "appsync-api-key",
    "event-auth-ignored",
    "open-function-url",
    "open-options",
    "open-route",
    "open-websocket",
}
CHECKOV_CHECKS = "CKV_AWS_59,CKV_AWS_258,CKV_AWS_309"
CDK_NAG_RULES = ("AwsSolutions-APIG4", "AwsSolutions-ASC", "AwsSolutions-COG")
CDK_NAG = """
import json, sys
from pathlib import Path
import aws_cdk, cdk_nag
from aws_cdk.cloudformation_include import CfnInclude
folder, out = map(Path, sys.argv[1:])
app, names = aws_cdk.App(outdir=str(out)), {}
for number, path in enumerate(sorted(folder.glob("*.json"))):
    stack = aws_cdk.Stack(app, f"S{number}")
    try:
        CfnInclude(stack, "Template", template_file=str(path))
        names[f"S{number}"] = path.name.removesuffix(".json")
    except Exception:
        continue  # the CDK cannot read it
formats = [cdk_nag.NagReportFormat.JSON]
aws_cdk.Aspects.of(app).add(cdk_nag.AwsSolutionsChecks(reports=True, report_formats=formats))
try:
    app.synth()
finally:
    (out / "names.json").write_text(json.dumps(names))
"""


def files_of(vectors):
    points = json.loads((vectors / "entry_points.json").read_text())
    return {
        vectors / kind / (name if "." in name else f"{name}.yaml"): rows
        for kind, files in points.items()
        for name, rows in files.items()
    }


def is_open(rows):
    connects = [row["auth"] for row in rows if row["path"] == "$connect"]
    is_closed_socket = bool(connects) and "NONE" not in connects
    for row in rows:
        is_message = row["method"] is None and " " not in str(row["path"])
        if row["method"] == "OPTIONS" or (is_message and is_closed_socket):
            continue
        if row["auth"] in {"NONE", "API_KEY"} or "API_KEY" in row["names"][:1]:
            return True
    return False


def authz(files):
    found = set()
    for path in files:
        for file in audit_files([path]).files:
            said = any(one.is_open and one.on_purpose for one in file.inventory.entry_points)
            if said or any(
                one.rule in OPEN_RULES and one.severity != "info" for one in file.findings
            ):
                found.add(path.name)
    return found


def checkov(files):
    command = [os.environ["AUTHZ_CHECKOV"], "--framework", "cloudformation", "--compact", "--quiet"]
    command += ["-o", "json", "--check", CHECKOV_CHECKS]
    command += [word for path in files for word in ("-f", str(path))]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(run.stdout)
    report = report[0] if isinstance(report, list) else report
    return {Path(one["file_path"]).name for one in report["results"]["failed_checks"]}


def cfn_lint(files):
    command = [sys.executable, "-m", "cfnlint", "--format", "json", *map(str, files)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    words = ("authoriz", "authentic", "unauthenticated", "publicly")
    return {
        Path(one["Filename"]).name
        for one in json.loads(run.stdout or "[]")
        if one["Level"] != "Informational"
        and any(word in one["Rule"]["ShortDescription"].lower() for word in words)
    }


def cdk_nag(files):
    found = set()
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name, "templates"), Path(name, "out")
        folder.mkdir()
        out.mkdir()
        for path in files:
            document = read_source(path).document
            if is_sam(document):
                document = transformed(document, {}, path.name)
            (folder / f"{path.name}.json").write_text(json.dumps(document))
        command = [os.environ["AUTHZ_CDK_NAG_PYTHON"], "-c", CDK_NAG, str(folder), str(out)]
        subprocess.run(command, capture_output=True, check=False)
        names = json.loads((out / "names.json").read_text())
        for report in out.glob("AwsSolutions-*-NagReport.json"):
            lines = json.loads(report.read_text())["lines"]
            stack = report.name.removesuffix("-NagReport.json").rpartition("-")[2]
            fails = any(
                line["ruleId"].startswith(CDK_NAG_RULES) and line["compliance"] == "Non-Compliant"
                for line in lines
            )
            if fails and stack in names:
                found.add(names[stack])
    return found


def main():
    if "AUTHZ_VECTORS" not in os.environ:
        print("bench_audit: AUTHZ_VECTORS names no folder: nothing to audit")
        return
    files = files_of(Path(os.environ["AUTHZ_VECTORS"]) / "sam")
    opened = {path.name for path, rows in files.items() if is_open(rows)}
    tools = {"authz audit": authz, "cfn-lint": cfn_lint}
    if "AUTHZ_CHECKOV" in os.environ:
        tools["checkov"] = checkov
    if "AUTHZ_CDK_NAG_PYTHON" in os.environ:
        tools["cdk-nag, after the transform"] = cdk_nag
    print(f"{len(files)} templates, {len(opened)} of them open")
    print(f"{'tool':30}{'found':>8}{'missed':>8}{'wrong':>8}{'seconds':>10}")
    for name, run in tools.items():
        started = time.perf_counter()
        found = None
        with contextlib.suppress(ModuleNotFoundError, FileNotFoundError, json.JSONDecodeError):
            found = run(sorted(files))
        seconds = time.perf_counter() - started
        if found is None:
            print(f"{name:30}{'could not be run':>24}{seconds:>10.1f}")
            continue
        right, wrong = len(found & opened), len(found - opened)
        print(f"{name:30}{right:>8}{len(opened) - right:>8}{wrong:>8}{seconds:>10.1f}")


if __name__ == "__main__":
    main()
