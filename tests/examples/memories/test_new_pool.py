"""The pool's id changes in SSM: what the README says of it, on a local AWS of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.stack

EXAMPLE = Path(__file__).parents[3] / "examples" / "memories"


@pytest.fixture
def local():
    from authz_local.local_scenario import LocalScenario

    with LocalScenario(EXAMPLE) as running:
        yield running


def update(local, version):
    """Deploy the same template once more."""
    stacks, name = local.aws.client("cloudformation"), local.stack.name
    parameters = [
        {"ParameterKey": key, "UsePreviousValue": True}
        if key != "PoolIdVersion"
        else {"ParameterKey": key, "ParameterValue": version}
        for key in ("AllowedOrigin", "AppClientIdVersion", "DatabaseUrl", "PoolIdVersion")
    ]
    stacks.update_stack(
        StackName=name,
        UsePreviousTemplate=True,
        Parameters=parameters,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    stacks.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def trusted(local):
    """Whose tokens the function and the gateway take, and which deployment is served."""
    gateway, functions = local.aws.client("apigateway"), local.aws.client("lambda")
    (api,) = gateway.get_rest_apis()["items"]
    (authorizer,) = gateway.get_authorizers(restApiId=api["id"])["items"]
    (stage,) = gateway.get_stages(restApiId=api["id"])["item"]
    settings = functions.get_function_configuration(FunctionName=local.stack.functions["Memories"])
    issuer = settings["Environment"]["Variables"]["ISSUER"]
    return (
        issuer.rpartition("/")[2],
        authorizer["providerARNs"][0].rpartition("/")[2],
        stage["deploymentId"],
    )


def test_a_new_pool_is_taken_up_when_its_version_is_named_and_not_before(local):
    from botocore.exceptions import ClientError

    before = trusted(local)
    pool = local.variables["UserPoolId"]
    assert before[:2] == (pool, pool)
    parameters = local.aws.client("ssm")
    parameters.put_parameter(
        Name="/memories/user-pool-id", Value="us-east-1_Another", Overwrite=True
    )
    with pytest.raises(ClientError, match="No updates are to be performed"):
        update(local, "")
    assert trusted(local) == before
    update(local, ":2")
    *pools, deployment = trusted(local)
    assert pools == ["us-east-1_Another", "us-east-1_Another"]
    assert deployment != before[2]
