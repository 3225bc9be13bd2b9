"""The objects of a memory in S3."""

import os

from authz_lib.service import patient_client

BUCKET = os.environ["MEDIA_BUCKET"]
# A presigned URL of the global host would be redirected, and its signature does not survive that.
S3 = patient_client("s3", signature_version="s3v4", s3={"addressing_style": "virtual"})


def exists(key: str) -> bool:
    """Whether there is such an object; a 403 is our own missing permission, and a 500."""
    try:
        S3.head_object(Bucket=BUCKET, Key=key)
    except S3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True


def presigned(key: str) -> str:
    """A URL that fetches this one object, for an hour at most."""
    parameters = {"Bucket": BUCKET, "Key": key}
    return S3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=3600)


def frames(folder: str) -> list[str]:
    """The keys of a segment's pictures, in their order."""
    pages = S3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{folder}/frame_")
    found = (item["Key"] for page in pages for item in page.get("Contents", []))
    return sorted(key for key in found if key.endswith(".jpg"))
