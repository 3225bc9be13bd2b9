"""`authz local store POLICIES`."""

from __future__ import annotations

import json
import re
import socket
from types import SimpleNamespace

import pytest
import urllib3

from authz_lib.cli.main import main
from authz_lib.errors import ConfigurationError
from authz_local import store_command
from authz_local._interrupts import EndOfServing


@pytest.fixture
def policies(tmp_path):
    (tmp_path / "a.cedar").write_text('@id("all") permit(principal, action, resource);')
    return tmp_path


def test_it_serves_the_policies_and_prints_each_decision(policies, capsys, monkeypatch):
    printed = []

    def sleep(seconds):
        """Ask between the first two looks at what was asked; then press Ctrl-C."""
        printed.append(capsys.readouterr())
        if len(printed) == 2:
            raise KeyboardInterrupt
        url = re.search(r"^EndpointUrl = (http://\S+)$", printed[0].out, re.MULTILINE)[1]
        store = re.search(r"^PolicyStoreId = (PS\w+)$", printed[0].out, re.MULTILINE)[1]
        question = {
            "policyStoreId": store,
            "principal": {"entityType": "User", "entityId": "alice"},
            "action": {"actionType": "Action", "actionId": "View"},
            "resource": {"entityType": "Doc", "entityId": "1"},
        }
        headers = {"X-Amz-Target": "VerifiedPermissions.IsAuthorized"}
        answer = urllib3.request("POST", url, body=json.dumps(question), headers=headers)
        assert answer.json()["decision"] == "ALLOW"

    monkeypatch.setattr(store_command, "time", SimpleNamespace(sleep=sleep))
    with pytest.raises(EndOfServing):
        store_command.serve_store(policies, None)
    assert printed[1].err == 'ALLOW  User::"alice"  Action::"View"  Doc::"1"  (all)\n'
    assert "\nexport AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS=http://" in printed[0].out
    assert "list-policies --endpoint-url http://" in printed[0].out


def test_what_cannot_be_served_is_one_line(policies, capsys):
    with pytest.raises(ConfigurationError, match="is not a folder"):
        store_command.serve_store(policies / "none", None)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["local", "store", str(policies), "--port", str(port)]) == 2
    assert f"authz local: port `{port}` cannot be used" in capsys.readouterr().err
    (policies / "a.cedar").write_text("permit(")
    assert main(["local", "store", str(policies)]) == 2
    assert "a.cedar" in capsys.readouterr().err
    assert main(["local", "shop", str(policies)]) == 2
    assert "one folder is meant, or `store POLICIES`" in capsys.readouterr().err
