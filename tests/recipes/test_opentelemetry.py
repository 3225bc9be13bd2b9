"""The recipe for OpenTelemetry, run as its README says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

RECIPE = Path(__file__).parents[2] / "examples" / "recipes" / "opentelemetry"


def test_the_spans():
    run = subprocess.run(
        [sys.executable, str(RECIPE / "observed.py")],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    spans = [json.loads(line) for line in run.stdout.splitlines()]
    told = [(name, said["authz.result"], said["authz.reason"]) for name, said in spans]
    assert told == [
        ("authz.fetch_keys", "fetched", "ok"),
        ("authz.verify", "verified", "ok"),
        ("authz.decide", "allow", "ok"),
        ("authz.verify", "verified", "ok"),
        ("authz.decide", "allow", "ok"),
        ("authz.verify", "verified", "ok"),
        ("authz.decide", "deny", "access_denied"),
        ("authz.verify", "refused", "invalid_token"),
    ]
    hits = [said["authz.cache_hit"] for name, said in spans if name == "authz.decide"]
    assert hits == [False, True, False]
    assert "alice" not in run.stdout
    assert "eyJ" not in run.stdout


def test_three_calls_make_it_observed():
    text = (RECIPE / "authorizer.py").read_text(encoding="utf-8")
    assert text.count("telemetry.") == 3
