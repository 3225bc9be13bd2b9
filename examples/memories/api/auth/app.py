"""`/auth/start`, `/auth/verify`, `/auth/handoff`: public, for who calls has no token yet."""

import os
from functools import partial

from botocore.exceptions import ClientError, ParamValidationError

from authz_lib import service_handler
from authz_lib.service import json_answer, json_body, outages_as_503, patient_client
from authz_lib.smithy import errors as smithy

ORIGIN = os.environ["ALLOWED_ORIGIN"]
CLIENT = os.environ["CLIENT_ID"]
cognito = patient_client("cognito-idp")
STEPS = {
    "/auth/start": partial(cognito.initiate_auth, ClientId=CLIENT, AuthFlow="USER_PASSWORD_AUTH"),
    "/auth/verify": partial(cognito.respond_to_auth_challenge, ClientId=CLIENT),
    "/auth/handoff": partial(cognito.initiate_auth, ClientId=CLIENT, AuthFlow="REFRESH_TOKEN_AUTH"),
}


@service_handler(errors="standard", cors_origin=ORIGIN)
def handler(event: dict[str, object], context: object) -> dict[str, object]:
    """One step of a sign-in; the body has the members of Cognito's own call."""
    words = {k: v for k, v in json_body(event).items() if k not in {"AuthFlow", "ClientId"}}
    if not {"AuthParameters", "ChallengeResponses"} & words.keys():
        raise smithy.validation("the body is not this step's")
    try:
        with outages_as_503():
            said = STEPS[event["resource"]](**words)
    except ParamValidationError:
        raise smithy.validation("the body is not this step's") from None
    except ClientError:  # a wrong password and an unknown user are one answer
        raise smithy.unauthorized("sign-in failed", standard_code="SIGN_IN_FAILED") from None
    del said["ResponseMetadata"]
    return json_answer(200, said, cors_origin=ORIGIN)
