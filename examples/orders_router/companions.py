"""What the local AWS lacks: the container of the support service."""

from pathlib import Path
from typing import Any

from authz_local.containers import Container

HERE = Path(__file__).parent
support = Container(HERE / "services" / "support.py")
companions = support.named("SupportListenerArn")


def seed(local: Any) -> Any:
    """Start the service, and give the rows the partner's API key."""
    secret, table = local.variables["AssertionSecretArn"], local.variables["TicketsTableName"]
    partner, keys = local.variables["PartnerKeyId"], local.aws.client("apigateway")
    key = keys.get_api_key(apiKey=partner, includeValue=True)
    local.variables |= {"PartnerKey": key["value"], "SupportUrl": support.url}
    return support.launch(local.aws, SECRET_ID=secret, POLICIES=str(HERE / "policies"), TABLE=table)
