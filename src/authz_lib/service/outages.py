"""AWS services behind a handler: how long they are waited for, and what their outage is called."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from authz_lib.errors import DependencyError
from authz_lib.transport.aws_codes import LATER_CODES
from authz_lib.transport.boto3_client import bounded_client

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["outages_as_503", "patient_client"]

_CONNECT_SECONDS: Final = 2
_READ_SECONDS: Final = 5
_OUTAGES: Final = frozenset({429, 500, 502, 503, 504})


def patient_client(service: str, **config: Any) -> Any:
    """A boto3 client that gives up long before API Gateway does after 29 seconds.

    | | |
    |---|---|
    | to connect | 2 s |
    | to read | 5 s |
    | attempts | 2 |

    So one call takes about 14 s at most, where boto3 itself waits for minutes.  Make it once, at
    the start of the Lambda.

    Args:
        service: what boto3 calls the service.
        config: more of `botocore.config.Config`; what is given here takes the place of the above.

    Raises:
        ConfigurationError: boto3 could make no client: no Region, a broken profile.

    See https://docs.aws.amazon.com/botocore/latest/reference/config.html

    >>> client = patient_client("sqs", region_name="us-east-1")
    >>> client.meta.config.read_timeout
    5
    """
    return bounded_client(
        service,
        f"no client for `{service}` could be made",
        connect_seconds=_CONNECT_SECONDS,
        read_seconds=_READ_SECONDS,
        config=config,
    )


@contextmanager
def outages_as_503(*others: type[Exception]) -> Iterator[None]:
    """Raise a `DependencyError` (503) where an AWS service cannot be reached, fails or throttles.

    What it refuses stays what it is: under `service_handler` a 500, for a missing permission or
    resource is a fault of this side.

    Args:
        others: what other clients raise when they cannot ask, such as
            ``psycopg.OperationalError``.

    Raises:
        DependencyError: boto3 had no answer, or one that says "later"; or one of ``others``.

    >>> from botocore.exceptions import EndpointConnectionError
    >>> try:
    ...     with outages_as_503():
    ...         raise EndpointConnectionError(endpoint_url="https://s3.example")
    ... except DependencyError as error:
    ...     print(error.status, error)
    503 a service could not be asked (EndpointConnectionError)
    """
    from botocore import exceptions

    # Neither a wrong parameter nor a missing setting is an outage, and both are `BotoCoreError`s.
    silent: tuple[type[Exception], ...] = (
        exceptions.HTTPClientError,
        exceptions.ConnectionError,
        exceptions.IncompleteReadError,
        exceptions.CredentialRetrievalError,
        *others,
    )
    try:
        yield
    except silent as error:
        raise DependencyError(f"a service could not be asked ({type(error).__name__})") from None
    except exceptions.ClientError as error:
        if not _is_outage(error.response):
            raise
        raise DependencyError(f"`{error.operation_name}` of an AWS service failed") from None


def _is_outage(answer: Any) -> bool:
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status in _OUTAGES or answer.get("Error", {}).get("Code") in LATER_CODES
