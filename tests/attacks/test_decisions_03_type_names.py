"""Decisions 3: two entity types of one name did not name the option that tells them apart."""

from __future__ import annotations

import json

from authz_lib.cli.main import main


def test_the_option_is_named(tmp_path, capsys):
    traits = {"smithy.api#http": {"method": "GET", "uri": "/apps/{id}"}}
    shapes = {
        "s#Shop": {"type": "service", "resources": [{"target": "s#Application"}]},
        "s#Application": {
            "type": "resource",
            "identifiers": {"id": {"target": "smithy.api#String"}},
            "read": {"target": "s#Get"},
        },
        "s#Get": {"type": "operation", "traits": traits},
    }
    model = tmp_path / "model.json"
    model.write_text(json.dumps({"smithy": "2.0", "shapes": shapes}))
    assert main(["smithy", "cedar-schema", str(model)]) == 2
    assert "`--application-type`" in capsys.readouterr().err
