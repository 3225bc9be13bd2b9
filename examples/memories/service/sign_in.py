"""The public routes, by which a caller gets a token.  What Cognito refuses is a 401."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3
from answers import PATIENCE, answer, outages_as_503
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

from authz_lib import service_handler
from authz_lib.service import json_body
from authz_lib.smithy import errors as smithy

JSON = dict[str, Any]


@service_handler(errors="standard", cors_origin=os.environ["ALLOWED_ORIGIN"])
def handler(event: JSON, context: object) -> JSON:
    """`/auth/start`, `/auth/verify`, `/auth/handoff`: Cognito's words, one step each."""
    step, names = STEPS[event["resource"]]
    given = json_body(event)
    values = [given.get(name) for name in names]
    if not all(isinstance(value, str) and value for value in values):
        raise smithy.validation(f"the body must be a JSON object with the texts {', '.join(names)}")
    with outages_as_503():
        try:
            return tokens_or_challenge(step(*values))
        except ParamValidationError:  # a session too short to be one, and the like
            raise smithy.validation("a text of the body is not what it is called") from None
        except ClientError as error:
            raise refused(error) from None


def refused(error: ClientError) -> Exception:
    """One answer for a wrong password, an unknown user and a stale session."""
    if error.response["Error"]["Code"] == "TooManyRequestsException":
        return smithy.throttling()
    if error.response["ResponseMetadata"]["HTTPStatusCode"] != 400:
        return error
    return smithy.unauthorized("sign-in failed", standard_code="SIGN_IN_FAILED")


def start(username: str, password: str) -> JSON:
    """A password; answered with tokens or a challenge."""
    return cognito().initiate_auth(
        ClientId=os.environ["CLIENT_ID"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": username, "PASSWORD": password},
    )


def verify(username: str, session: str, challenge: str, field: str, response: str) -> JSON:
    """The answer to a challenge."""
    return cognito().respond_to_auth_challenge(
        ClientId=os.environ["CLIENT_ID"],
        ChallengeName=challenge,
        Session=session,
        ChallengeResponses={"USERNAME": username, field: response},
    )


def handoff(refresh_token: str) -> JSON:
    """A session goes on in another part of the app."""
    return cognito().initiate_auth(
        ClientId=os.environ["CLIENT_ID"],
        AuthFlow="REFRESH_TOKEN_AUTH",
        AuthParameters={"REFRESH_TOKEN": refresh_token},
    )


STEPS = {
    "/auth/start": (start, ("username", "password")),
    "/auth/verify": (verify, ("username", "session", "challenge", "field", "response")),
    "/auth/handoff": (handoff, ("refresh_token",)),
}


@cache
def cognito() -> Any:
    """The client; these calls are not signed."""
    return boto3.client("cognito-idp", config=Config(**PATIENCE))


def tokens_or_challenge(said: JSON) -> JSON:
    """Tokens, or what is asked next."""
    result = said.get("AuthenticationResult", {})
    body = {
        "access_token": result.get("AccessToken"),
        "refresh_token": result.get("RefreshToken"),
        "expires_in": result.get("ExpiresIn"),
        "challenge": said.get("ChallengeName"),
        "session": said.get("Session"),
    }
    return answer(200, {name: value for name, value in body.items() if value is not None})
