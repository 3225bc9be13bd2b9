"""The objects of a memory in S3: is it there, where can it be fetched, for how long."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3
from answers import PATIENCE
from botocore.config import Config
from botocore.exceptions import ClientError

URL_SECONDS = 3600  # at most: a URL ends with the role's own session, too


@cache
def s3() -> Any:
    """The S3 client.

    Virtual addressing makes its URLs name the bucket's Region: the global host, boto3's choice for
    a presigned URL, answers with a redirect that the signature does not survive, or not at all in a
    Region younger than 2019.
    """
    return boto3.client(
        "s3",
        config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}, **PATIENCE),
    )


def bucket() -> str:
    """The bucket that the template made."""
    return os.environ["MEDIA_BUCKET"]


def size(key: str) -> int | None:
    """How many bytes an object has; None where there is none.

    A 403 is neither: without `s3:ListBucket` S3 answers 403 for what is not there, and that is our
    fault, a 500.
    """
    try:
        return int(s3().head_object(Bucket=bucket(), Key=key)["ContentLength"])
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise


def presigned(key: str) -> str:
    """A URL that fetches this one object, for an hour."""
    return str(
        s3().generate_presigned_url(
            "get_object", Params={"Bucket": bucket(), "Key": key}, ExpiresIn=URL_SECONDS
        )
    )


def frames(key: str) -> list[str]:
    """The keys of a segment's pictures, in their order."""
    pages = s3().get_paginator("list_objects_v2").paginate(Bucket=bucket(), Prefix=f"{key}/frames/")
    found = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return sorted(name for name in found if name.endswith(".jpg"))
