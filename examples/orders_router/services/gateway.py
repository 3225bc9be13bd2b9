"""The gateway in front of a Lambda: claims count only from our own API, pool and client."""

import os

import boto3

from authz_lib import ExpectedGateway, VerifiedPermissions
from authz_lib.service import api_id_from_parameter_store

API_ID = os.environ["API_ID"]  # or a parameter's name: a REST API names this function itself
GATEWAY = ExpectedGateway(
    kind=os.environ["GATEWAY_KIND"],
    api_id=api_id_from_parameter_store(API_ID) if API_ID.startswith("/") else API_ID,
    account_id=os.environ["ACCOUNT_ID"],
    issuer=os.environ["ISSUER"],
    client_ids=[os.environ["CLIENT_ID"]],
    token_use="access",
)
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
policies = VerifiedPermissions(os.environ["POLICY_STORE_ID"])
