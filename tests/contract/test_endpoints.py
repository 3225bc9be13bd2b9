"""The thin client's endpoints are botocore's own, in every Region and partition."""

from __future__ import annotations

import boto3
import pytest
from botocore.config import Config

from authz_lib.decisions.avp_client import default_endpoint

SESSION = boto3.Session()
REGIONS = [
    region
    for partition in SESSION.get_available_partitions()
    for region in SESSION.get_available_regions("ec2", partition_name=partition)
]


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("fips", [False, True])
def test_an_endpoint_is_botocore_s(region, fips):
    client = boto3.client(
        "verifiedpermissions",
        region_name=region,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(use_fips_endpoint=fips),
    )
    environment = {"AWS_USE_FIPS_ENDPOINT": "true"} if fips else {}
    assert default_endpoint(region, environment) == client.meta.endpoint_url
