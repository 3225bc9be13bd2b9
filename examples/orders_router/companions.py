"""What the local AWS lacks: the container of the support service."""

from pathlib import Path
from typing import Any

from authz_local.containers import Container

HERE = Path(__file__).parent
support = Container(HERE / "services" / "support.py")
companions = support.named("SupportListenerArn")


def seed(local: Any) -> None:
    """Start the service with its secret, and give the rows the partner's API key."""
    secrets, keys = local.aws.client("secretsmanager"), local.aws.client("apigateway")
    proof = secrets.get_secret_value(SecretId=local.variables["GatewayProofArn"])["SecretString"]
    names = {"POLICIES": str(HERE / "policies"), "TABLE": local.variables["TicketsTableName"]}
    support.start(local.aws, GATEWAY_PROOF=proof, **names)
    key = keys.get_api_key(apiKey=local.variables["PartnerKeyId"], includeValue=True)
    local.variables |= {"PartnerKey": key["value"], "SupportUrl": support.url}
