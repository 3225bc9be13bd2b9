"""The clients for Verified Permissions: a thin one, and one of boto3 behind the same call.

The thin one speaks awsJson1_0 over this library's signer and HTTP layer, and knows the wire of the
four ``IsAuthorized`` operations only.  It saves boto3's share of a cold start.
"""

from __future__ import annotations

import os
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from authz_lib._support.checks import (
    is_answering,
    require_count,
    require_flag,
    require_optional_text,
    require_seconds,
)
from authz_lib._support.strict_json import JSONObject, StrictJSONError, loads_object
from authz_lib.decisions.avp_errors import error_for, malformed, unreachable
from authz_lib.errors import (
    AuthzError,
    ConfigurationError,
    DeliveryError,
    InvalidRequestError,
    PolicyStoreMisconfiguredError,
    PolicyStoreThrottledError,
    PolicyStoreUnavailableError,
)
from authz_lib.transport.boto3_client import ForkSafeClient
from authz_lib.transport.endpoints import configured_endpoint
from authz_lib.transport.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authz_lib.sigv4.credentials import CredentialsSource, FrozenCredentials
    from authz_lib.transport.exchange import HTTPResponse

__all__ = [
    "ENDPOINT_SERVICE",
    "AVPClient",
    "AVPResponse",
    "Boto3Client",
    "ThinClient",
    "default_endpoint",
]

_SERVICE = "verifiedpermissions"
ENDPOINT_SERVICE: Final = "VERIFIEDPERMISSIONS"
"""The end of the variable that names this service's endpoint."""
_MAX_BACKOFF_SECONDS: Final = 0.1
# A batch answer repeats the questions, of which there may be 1 MB.
_MAX_RESPONSE_BYTES: Final = 5_000_000
_SUFFIXES = (
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
)


class AVPResponse(NamedTuple):
    """The document of a successful call, and the id that AWS gave the call."""

    document: Mapping[str, Any]
    request_id: str | None


class AVPClient(Protocol):
    """What `VerifiedPermissions` needs of a client."""

    @property
    def endpoint(self) -> str:
        """Where it asks."""
        ...

    def call(self, operation: str, parameters: Mapping[str, Any], body: bytes) -> AVPResponse:
        """Call one operation; ``body`` is ``parameters`` as JSON.  Raises as `error_for` says."""
        ...


def default_endpoint(region: str, environment: Mapping[str, str]) -> str:
    """The endpoint of the environment, else the Region's.

    As the AWS SDKs have it, but for ``AWS_ENDPOINT_URL``: by ``https`` it is another service's
    (``authz_lib.transport.endpoints``).  ``AWS_USE_FIPS_ENDPOINT`` asks for the Region's FIPS
    endpoint.  See "Service-specific endpoints"
    and "FIPS endpoints" in the AWS SDKs and Tools Reference Guide.

    >>> default_endpoint("us-gov-west-1", {"AWS_USE_FIPS_ENDPOINT": "true"})
    'https://verifiedpermissions-fips.us-gov-west-1.amazonaws.com'
    """
    configured = configured_endpoint(ENDPOINT_SERVICE, environment)
    if configured is not None:
        return configured.url
    host = (
        f"{_SERVICE}-fips"
        if environment.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true"
        else _SERVICE
    )
    suffix = next(
        (suffix for prefix, suffix in _SUFFIXES if region.startswith(prefix)), "amazonaws.com"
    )
    return f"https://{host}.{region}.{suffix}"


class ThinClient:
    """Signs, sends and repeats calls to Verified Permissions.

    Safe to share between threads, and across a fork.  Throttling, server faults and network errors
    are tried again, after a random wait of at most 0.1 s; nothing else is.  After a network error
    or a server fault the next attempt takes a new connection.  The environment is read when the
    client is built; the page "The network" has a table of what is read.

    Args:
        region: by default ``AWS_REGION``, then ``AWS_DEFAULT_REGION``.  Profiles in ``~/.aws`` are
            not read for it.
        endpoint_url: by default as `default_endpoint` says.  ``https`` (``http`` for loopback
            only).
        credentials: see `SigV4Signer`.
        connect_timeout_seconds: of one attempt, for all addresses of the host together, and once
            more for the TLS handshake.
        read_timeout_seconds: of one attempt, from the connection to the whole answer.
        total_timeout_seconds: of one call, all attempts and waits included.  By default what the
            attempts may take: ``max_attempts`` times the sum of the two others, so 6 s.
        max_attempts: of one call, the first included.
        max_connections: kept alive, each for at most 20 s without a call.
        require_https: ``False`` allows ``http`` to any host, and everybody on the way to read
            questions and to write answers.
        sleep: waits between attempts.

    Raises:
        ConfigurationError: an argument is wrong, there is no Region, the endpoint is not an
            ``https`` URL, or the environment's proxy or CA bundle cannot be used.
    """

    __slots__ = (
        "_attempts",
        "_pool",
        "_signer",
        "_sleep",
        "_target",
        "_total_seconds",
        "_url",
        "endpoint",
    )

    def __init__(
        self,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        credentials: CredentialsSource | FrozenCredentials | None = None,
        connect_timeout_seconds: float = 1.0,
        read_timeout_seconds: float = 2.0,
        total_timeout_seconds: float | None = None,
        max_attempts: int = 2,
        max_connections: int = 64,
        require_https: bool = True,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        from authz_lib.sigv4 import SigV4Signer
        from authz_lib.transport.pool import ConnectionPool

        region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not region:
            raise ConfigurationError(
                "`region` is not given, and neither `AWS_REGION` nor `AWS_DEFAULT_REGION` is set"
            )
        require_optional_text(region, "region")
        require_optional_text(endpoint_url or None, "endpoint_url")
        connect = require_seconds(
            connect_timeout_seconds, "connect_timeout_seconds", above_zero=True
        )
        read = require_seconds(read_timeout_seconds, "read_timeout_seconds", above_zero=True)
        self._attempts = require_count(max_attempts, "max_attempts")
        require_count(max_connections, "max_connections")
        require_flag(require_https, "require_https")
        self._total_seconds = (
            self._attempts * (connect + read)
            if total_timeout_seconds is None
            else require_seconds(total_timeout_seconds, "total_timeout_seconds", above_zero=True)
        )
        self.endpoint = (endpoint_url or default_endpoint(region, os.environ)).rstrip("/")
        self._url = self.endpoint + "/"
        place = parse_url(self._url, argument="endpoint_url", require_https=require_https)
        if "?" in place.target:
            raise ConfigurationError("`endpoint_url` must not hold a query")
        self._target = place.target
        self._signer = SigV4Signer(service=_SERVICE, region=region, credentials=credentials)
        self._pool = ConnectionPool(
            place,
            connect_seconds=connect,
            read_seconds=read,
            max_bytes=_MAX_RESPONSE_BYTES,
            max_idle=max_connections,
            until_close=True,  # a part of a JSON object is none
        )
        self._sleep = sleep

    def close(self) -> None:
        """Close the idle connections.  The client can be used again."""
        self._pool.close()

    def call(self, operation: str, parameters: Mapping[str, Any], body: bytes) -> AVPResponse:  # noqa: ARG002
        """Call one operation.

        Raises:
            PolicyStoreThrottledError: throttled, on every attempt.
            PolicyStoreUnavailableError: no answer in time, a server fault on every attempt, or an
                answer that is not understood.
            PolicyStoreMisconfiguredError: no credentials, no permission, no such store.
            InvalidRequestError: the service refused the request.
        """
        deadline = time.monotonic() + self._total_seconds
        fresh = False
        for left in reversed(range(self._attempts)):
            try:
                answer = self._attempt(operation, body, deadline, fresh=fresh)
                if answer.status != 200:
                    raise _error_of(answer)
            except (PolicyStoreThrottledError, PolicyStoreUnavailableError) as error:
                if not left or not self._waited(deadline):
                    raise
                fresh = not isinstance(error, PolicyStoreThrottledError)
            else:
                return _read(answer)  # asking again would not make it better
        raise unreachable()  # not reached: the last attempt returns or raises

    def _waited(self, deadline: float) -> bool:
        """Wait a little; says whether there is time for another attempt."""
        import random  # loaded by the first failure

        seconds = random.uniform(0, _MAX_BACKOFF_SECONDS)  # noqa: S311  (jitter)
        if time.monotonic() + seconds >= deadline:
            return False
        self._sleep(seconds)
        return True

    def _attempt(
        self, operation: str, body: bytes, deadline: float, *, fresh: bool
    ) -> HTTPResponse:
        from authz_lib.transport.exchange import (
            ExchangeError,
            HTTPResponse,
            UnusableResponseError,
        )

        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"VerifiedPermissions.{operation}",
        }
        try:
            signed = self._signer.sign("POST", self._url, headers, body)
            return self._pool.exchange(signed, self._target, deadline=deadline, fresh=fresh)
        except DeliveryError as error:  # of the signer: there are no credentials, or no new ones
            raise (
                unreachable() if error.retryable else PolicyStoreMisconfiguredError(str(error))
            ) from None
        except UnusableResponseError as error:
            return HTTPResponse(error.status, {}, b"")
        except ExchangeError:
            raise unreachable() from None


def _read(answer: HTTPResponse) -> AVPResponse:
    """What an answer with status 200 says, whichever client received it."""
    document = _document(answer.body)
    if document is None:
        raise malformed()
    return AVPResponse(document, answer.headers.get("x-amzn-requestid"))


def _error_of(answer: HTTPResponse) -> AuthzError:
    """What an answer with another status means."""
    document = _document(answer.body) or {}
    code = answer.headers.get("x-amzn-errortype") or document.get("__type") or ""
    return error_for(_bare_code(code), answer.status, document)


def _document(body: bytes) -> JSONObject | None:
    try:
        return loads_object(body) if len(body) <= _MAX_RESPONSE_BYTES else None
    except StrictJSONError:
        return None


def _bare_code(code: object) -> str:
    """``ThrottlingException`` of ``com.amazonaws...#ThrottlingException:http://...``."""
    return code.rpartition("#")[2].partition(":")[0] if isinstance(code, str) else ""


_METHODS = {
    "IsAuthorized": "is_authorized",
    "IsAuthorizedWithToken": "is_authorized_with_token",
    "BatchIsAuthorized": "batch_is_authorized",
    "BatchIsAuthorizedWithToken": "batch_is_authorized_with_token",
}


# Where the answer to the call under way is kept, as it came.
_kept: ContextVar[list[HTTPResponse] | None] = ContextVar("authz_lib_avp_answer", default=None)


def _keep_answer(response_dict: dict[str, Any], **_: Any) -> None:
    """Keep the last answer.  What is not strict JSON does not reach botocore's parser."""
    kept = _kept.get()
    if kept is None:  # a call of somebody else with the same client
        return
    from authz_lib.transport.exchange import HTTPResponse

    answer = HTTPResponse(
        response_dict["status_code"], response_dict["headers"], response_dict["body"]
    )
    kept[:] = [answer]
    if answer.status == 200:
        _read(answer)
    elif _document(answer.body) is None:
        response_dict["body"] = b""  # botocore decides by the status whether to try again


class Boto3Client:
    """A boto3 client for ``verifiedpermissions``; timeouts and retries are the client's own.

    Its answers are read from their bytes as `ThinClient` reads them: botocore's parser takes
    duplicate members.  A forked process closes the connections of its parent.

    Raises:
        ConfigurationError: it is no such client.
    """

    __slots__ = ("_client", "endpoint")

    def __init__(self, client: Any) -> None:
        # The methods of an asynchronous client, such as aioboto3's, give coroutines.
        methods = (*_METHODS.values(), "close")
        if not hasattr(client, "meta") or not all(
            is_answering(getattr(client, method, None)) for method in methods
        ):
            raise ConfigurationError("`client` must be a boto3 client for `verifiedpermissions`")
        client.meta.events.register(
            f"before-parse.{_SERVICE}", _keep_answer, unique_id="authz-lib-avp"
        )
        self._client = ForkSafeClient(client)
        self.endpoint = str(client.meta.endpoint_url).rstrip("/")

    def call(self, operation: str, parameters: Mapping[str, Any], body: bytes) -> AVPResponse:  # noqa: ARG002
        """Call one operation.  Raises as `ThinClient.call` does."""
        kept: list[HTTPResponse] = []
        token = _kept.set(kept)
        try:
            document = self._ask(_METHODS[operation], parameters, kept)
        finally:
            _kept.reset(token)
        if kept:
            if kept[0].status != 200:
                raise _error_of(kept[0])
            return _read(kept[0])
        # Nothing came over HTTP: a hook of the client answered, such as botocore's `Stubber`.
        if not isinstance(document, dict):
            raise malformed()
        return AVPResponse(document, document.get("ResponseMetadata", {}).get("RequestId"))

    def _ask(self, method: str, parameters: Mapping[str, Any], kept: list[HTTPResponse]) -> object:
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            HTTPClientError,
            NoCredentialsError,
            ParamValidationError,
            PartialCredentialsError,
        )

        try:
            return getattr(self._client.get(), method)(**parameters)
        except AuthzError:
            raise
        except ClientError as error:
            if kept and kept[0].status != 200:
                raise _error_of(kept[0]) from None
            answer = error.response
            code = answer.get("Error", {}).get("Code", "")
            status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            raise error_for(_bare_code(code), status, answer) from None
        except ParamValidationError:
            raise InvalidRequestError("boto3 refused the request as invalid") from None
        except (NoCredentialsError, PartialCredentialsError):
            raise PolicyStoreMisconfiguredError("no AWS credentials were found") from None
        except (BotoCoreError, HTTPClientError):
            raise unreachable() from None
        except Exception:  # noqa: BLE001  # botocore's parser fails in many ways on a strange body
            raise malformed() from None
