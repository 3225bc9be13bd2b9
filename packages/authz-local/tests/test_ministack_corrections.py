"""Mappings, principals, paths and the policy store's resources, on ministack's own modules."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from authz_lib.testing.policy_store import PolicyStoreServer
from authz_local import _ministack_corrections as corrections
from authz_local import _ministack_functions as functions


def test_a_mapping_reads_the_authorizer_s_answer(ministack):
    values = {
        "request_headers": {},
        "request_query": {},
        "path_params": {},
        "stage_vars": {},
        "context_vars": {"authorizer.lambda": {"sub": "alice", "n": 1}, "requestId": "r"},
    }
    resolve = ministack.http._resolve_mapping_atom
    assert resolve("$context.authorizer.sub", **values) == "alice"
    assert resolve("$context.authorizer.lambda.sub", **values) == "alice"
    assert resolve("$context.authorizer.none", **values) is None
    assert resolve("$context.requestId", **values) == "r"
    assert resolve("literal", **values) == "literal"


def test_the_principal_of_a_session_is_its_role(monkeypatch):
    evaluator = pytest.importorskip("ministack.core.iam_evaluator")
    monkeypatch.setattr(evaluator, "_resolve_condition_key", evaluator._resolve_condition_key)
    corrections.correct_principals(evaluator)
    session = "arn:aws:sts::123456789012:assumed-role/Caller/session"

    def principal(arn, key="aws:PrincipalArn"):
        context = evaluator.EvalContext(arn, "x", "", "a:B", "*", "us-east-1")
        return evaluator._resolve_condition_key(key, context)

    assert principal(session) == "arn:aws:iam::123456789012:role/Caller"
    user = "arn:aws:iam::123456789012:user/alice"
    assert principal(user) == user


def test_an_api_may_have_a_route_named_health():
    app = SimpleNamespace(_HEALTH_PATHS=("/_ministack/health", "/health"))
    corrections.correct_paths(app)
    assert app._HEALTH_PATHS == ("/_ministack/health",)
    with pytest.raises(RuntimeError):
        corrections.correct_paths(SimpleNamespace(_HEALTH_PATHS=("/up",)))


@pytest.fixture
def make(monkeypatch):
    """Makes a resource as CloudFormation does, at a running policy store."""
    module = SimpleNamespace(_RESOURCE_HANDLERS={})
    corrections.make_policy_store_types(module)
    with PolicyStoreServer() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS", server.url)

        def create(kind, **properties):
            handler = module._RESOURCE_HANDLERS[f"AWS::VerifiedPermissions::{kind}"]
            physical, attributes = handler["create"]("Logical", properties, "stack")
            return physical, attributes, lambda: handler["delete"](physical, properties)

        create.server = server
        yield create


def test_a_policy_store_of_a_template(make):
    schema = 'entity User; entity Doc; action "View" appliesTo {principal: User, resource: Doc};'
    store, attributes, delete = make(
        "PolicyStore",
        ValidationSettings={"Mode": "STRICT"},
        Schema={"CedarFormat": schema},
        Tags=[{"Key": "team", "Value": "a"}],
        DeletionProtection={"Mode": "DISABLED"},
    )
    assert attributes["PolicyStoreId"] == store
    statement = "permit(principal == ?principal, action, resource);"
    template, _, _ = make("PolicyTemplate", PolicyStoreId=store, Statement=statement)
    alice = {"EntityType": "User", "EntityId": "alice"}
    linked = {"PolicyTemplateId": template, "Principal": alice}
    _, of_policy, delete_policy = make(
        "Policy", PolicyStoreId=store, Definition={"TemplateLinked": linked}
    )
    assert of_policy["PolicyType"] == "TEMPLATE_LINKED"
    make("PolicyStoreAlias", AliasName="policy-store-alias/x", PolicyStoreId=store)
    pool = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_A1"
    configuration = {"CognitoUserPoolConfiguration": {"UserPoolArn": pool, "ClientIds": ["web"]}}
    make("IdentitySource", PolicyStoreId=store, Configuration=configuration)
    question = {
        "principal": {"entityType": "User", "entityId": "alice"},
        "action": {"actionType": "Action", "actionId": "View"},
        "resource": {"entityType": "Doc", "entityId": "1"},
    }
    named = {"policyStoreId": "policy-store-alias/x"}
    assert make.server.call("IsAuthorized", named | question)["decision"] == "ALLOW"
    delete_policy()
    assert make.server.call("IsAuthorized", named | question)["decision"] == "DENY"
    delete()
    assert make.server.call("ListPolicyStores", {})["policyStores"] == []


def test_what_the_store_refuses_is_why_the_resource_failed(make, monkeypatch):
    with pytest.raises(ValueError, match="CreatePolicy was refused: no such policy store"):
        make("Policy", PolicyStoreId="none", Definition={"Static": {"Statement": "permit(x);"}})
    with pytest.raises(ValueError, match="CreatePolicyStore was refused"):
        make("PolicyStore", ValidationSettings={"Mode": "LOOSE"})
    monkeypatch.delenv("AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS")
    with pytest.raises(ValueError, match="there is no local policy store"):
        make("PolicyStore", ValidationSettings={"Mode": "OFF"})


def test_the_journal_has_a_line_per_invocation(tmp_path, monkeypatch):
    path = tmp_path / "journal"
    monkeypatch.setenv(functions.INVOCATIONS, str(path))
    seen = []
    emit = functions._noting(lambda *given, **more: seen.append(given))
    emit({"config": {"FunctionName": "orders"}}, "r-1", "a\nb", False, 7, log_source=None)
    emit({"FunctionName": "orders"}, "r-2", None, True, 7)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [
        {"function": "orders", "failed": False, "log": "a\nb"},
        {"function": "orders", "failed": True, "log": ""},
    ]
    assert len(seen) == 2


def test_a_function_that_does_not_start_has_a_log():
    answer = {"body": {"errorMessage": "first\nTraceback"}, "error": True, "log": ""}
    result = functions._with_its_log(lambda: answer)()
    assert (result["body"]["errorMessage"], result["log"]) == ("first", "first\nTraceback")
    fine = {"body": {"statusCode": 200}, "log": "x"}
    assert functions._with_its_log(lambda: fine)() == fine


def test_another_script_of_ministack_ends_the_process():
    with pytest.raises(RuntimeError, match="another one"):
        functions._corrected("def run(): pass")
