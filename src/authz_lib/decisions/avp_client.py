"""The thin client for Verified Permissions: this library's signer and urllib3.  It saves boto3's
share of a cold start.

It speaks awsJson1_0 and knows the four ``IsAuthorized`` operations' wire, nothing else.
`Boto3Client` puts a boto3 client behind the same two-argument call.
"""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from authz_lib._support.checks import is_count, is_seconds
from authz_lib._support.strict_json import StrictJSONError, loads_object
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

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authz_lib.sigv4.credentials import CredentialsSource, FrozenCredentials

__all__ = ["AVPClient", "Answer", "Boto3Client", "ThinClient", "default_endpoint"]

_SERVICE = "verifiedpermissions"
_TRUE = frozenset({"true", "1"})
_MAX_BACKOFF_SECONDS = 0.1
_SUFFIXES = (
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
)


class Answer(NamedTuple):
    """A successful answer's document, and the id that AWS gave the call."""

    document: Mapping[str, Any]
    request_id: str | None


class AVPClient(Protocol):
    """What `VerifiedPermissions` needs of a client."""

    @property
    def endpoint(self) -> str:
        """Where it asks."""
        ...

    def call(self, operation: str, parameters: Mapping[str, Any], body: bytes) -> Answer:
        """Call one operation; ``body`` is ``parameters`` as JSON.  Raises an `AuthzError`, see
        `error_for`.
        """
        ...


def default_endpoint(region: str, environment: Mapping[str, str]) -> str:
    """The endpoint that the AWS SDKs would use: from the environment, else the Region's, FIPS where
    asked for.

    See "Service-specific endpoints" and "FIPS endpoints" in the AWS SDKs and Tools Reference Guide.

    >>> default_endpoint("us-gov-west-1", {"AWS_USE_FIPS_ENDPOINT": "true"})
    'https://verifiedpermissions-fips.us-gov-west-1.amazonaws.com'
    """
    if environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        configured = environment.get("AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS") or environment.get(
            "AWS_ENDPOINT_URL"
        )
        if configured:
            return configured
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
    """Signs, sends and retries calls to Verified Permissions.  Safe to share between threads, and
    across a fork.

    Throttling, server faults and network errors are tried again, after a random wait of at most 0.1
    s; nothing else is. Proxies are taken from ``HTTPS_PROXY`` / ``HTTP_PROXY`` / ``NO_PROXY``, the
    CA bundle from ``AWS_CA_BUNDLE``.

    Args:
        region: by default ``AWS_REGION``, then ``AWS_DEFAULT_REGION``.  Profiles in ``~/.aws`` are
            not read for it.
        endpoint_url: by default as `default_endpoint` says.  ``https`` (``http`` for loopback
            only).
        credentials: see `SigV4Signer`.
        connect_timeout_seconds: for one attempt.
        read_timeout_seconds: for one attempt.
        max_attempts: of one call, the first included.
        max_connections: kept alive.
        require_https: ``False`` allows ``http`` to any host, and everybody on the way to read
            questions and to write answers.
        sleep: waits between attempts.

    Raises:
        ConfigurationError: an argument is wrong, there is no Region, or the endpoint is not an
            ``https`` URL.
    """

    __slots__ = ("_attempts", "_open", "_opened", "_signer", "_sleep", "_url", "endpoint")

    def __init__(
        self,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        credentials: CredentialsSource | FrozenCredentials | None = None,
        connect_timeout_seconds: float = 1.0,
        read_timeout_seconds: float = 2.0,
        max_attempts: int = 2,
        max_connections: int = 4,
        require_https: bool = True,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        from authz_lib.sigv4 import SigV4Signer

        region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not region:
            raise ConfigurationError(
                "`region` is not given, and neither `AWS_REGION` nor `AWS_DEFAULT_REGION` is set"
            )
        _check_texts(region=region, endpoint_url=endpoint_url or "")
        _check_bounds(connect_timeout_seconds, read_timeout_seconds)
        _check_counts(max_attempts=max_attempts, max_connections=max_connections)
        self.endpoint = (endpoint_url or default_endpoint(region, os.environ)).rstrip("/")
        self._url = self.endpoint + "/"
        _check_endpoint(self._url, require_https=require_https)
        self._signer = SigV4Signer(service=_SERVICE, region=region, credentials=credentials)
        self._open = partial(
            _open, self._url, connect_timeout_seconds, read_timeout_seconds, max_connections
        )
        self._opened = self._open()
        self._attempts = max_attempts
        self._sleep = sleep

    def call(self, operation: str, parameters: Mapping[str, Any], body: bytes) -> Answer:  # noqa: ARG002
        """Call one operation.

        Raises:
            PolicyStoreThrottledError: throttled, on every attempt.
            PolicyStoreUnavailableError: no answer, a server fault on every attempt, or an answer
                that is no answer.
            PolicyStoreMisconfiguredError: no credentials, no permission, no such store.
            InvalidRequestError: the service refused the request.
        """
        for _ in range(self._attempts - 1):
            try:
                return self._attempt(operation, body)
            except _NotUnderstoodError as error:
                raise error.public from None
            except (PolicyStoreThrottledError, PolicyStoreUnavailableError):
                import random  # loaded by the first failure

                self._sleep(random.uniform(0, _MAX_BACKOFF_SECONDS))  # noqa: S311  (jitter)
        try:
            return self._attempt(operation, body)
        except _NotUnderstoodError as error:
            raise error.public from None

    def _attempt(self, operation: str, body: bytes) -> Answer:
        from urllib3.exceptions import HTTPError

        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"VerifiedPermissions.{operation}",
        }
        try:
            signed = self._signer.sign("POST", self._url, headers, body)
            opened = self._connections()
            response = opened.pool.urlopen(
                "POST", opened.target, signed.body, signed.headers, retries=False, redirect=False
            )
        except (
            DeliveryError
        ) as error:  # of the signer: there are no credentials, or they could not be refreshed
            raise (
                unreachable() if error.retryable else PolicyStoreMisconfiguredError(str(error))
            ) from None
        except HTTPError:
            raise unreachable() from None
        document = _document(response.data)
        if response.status == 200:
            if document is None:
                raise _NotUnderstoodError(malformed())
            return Answer(document, response.headers.get("x-amzn-requestid"))
        code = response.headers.get("x-amzn-errortype") or (document or {}).get("__type") or ""
        raise error_for(_bare_code(code), response.status, document or {})

    def _connections(self) -> _Opened:
        if self._opened.process != os.getpid():
            self._opened = self._open()
        return self._opened


class _Opened(NamedTuple):
    """The connections to an endpoint, what they take for the URL, and whose they are."""

    pool: Any
    target: str
    process: int  # a forked process must not read its parent's answers


class _NotUnderstoodError(Exception):
    """An answer that asking again would not make better."""

    def __init__(self, public: AuthzError) -> None:
        super().__init__()
        self.public = public


def _document(data: bytes) -> dict[str, Any] | None:
    try:
        return loads_object(data)
    except StrictJSONError:
        return None


def _bare_code(code: object) -> str:
    """``ThrottlingException`` of ``com.amazonaws.verifiedpermissions#ThrottlingException:http://...``."""
    return code.rpartition("#")[2].partition(":")[0] if isinstance(code, str) else ""


def _check_texts(**arguments: object) -> None:
    for name, value in arguments.items():
        if not isinstance(value, str):
            raise ConfigurationError(f"`{name}` must be a text")


def _check_bounds(*seconds: object) -> None:
    for value in seconds:
        if not is_seconds(value) or value <= 0:  # type: ignore[operator]  # a number by now
            raise ConfigurationError(
                "a timeout must be a positive number of seconds, at most a day"
            )


def _check_counts(**counts: object) -> None:
    for name, value in counts.items():
        if not is_count(value, 1):
            raise ConfigurationError(f"`{name}` must be a whole number above 0")


def _check_endpoint(url: str, *, require_https: bool) -> None:
    from authz_lib.transport.fetch import is_loopback

    try:
        parts = urlsplit(url)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        is_url = is_url and url.isascii() and url.isprintable() and " " not in url
    except ValueError:  # a port or an address that is none
        is_url = False
    if not is_url:
        raise ConfigurationError("`endpoint_url` must be an `https` URL")
    if parts.scheme == "http" and require_https and not is_loopback(parts.hostname or ""):
        raise ConfigurationError("`endpoint_url` is not `https`: `http` is for loopback hosts only")


def _open(url: str, connect_seconds: float, read_seconds: float, connections: int) -> _Opened:
    import urllib3

    parts = urlsplit(url)
    host = parts.hostname or ""
    options: dict[str, Any] = {
        "timeout": urllib3.Timeout(connect=connect_seconds, read=read_seconds),
        "maxsize": connections,
        "retries": False,
    }
    bundle = os.environ.get("AWS_CA_BUNDLE")
    if parts.scheme == "https" and bundle:
        options["ca_certs"] = bundle
    proxy = _proxy(parts.scheme, host)
    if proxy:
        return _Opened(urllib3.ProxyManager(proxy, **options), url, os.getpid())
    # The path alone, as the AWS SDKs send it: only a proxy needs the whole URL.
    return _Opened(urllib3.PoolManager(**options).connection_from_url(url), parts.path, os.getpid())


def _proxy(scheme: str, host: str) -> str | None:
    if not any(name in os.environ for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper())):
        return None
    from urllib.request import getproxies, proxy_bypass

    return None if proxy_bypass(host) else getproxies().get(scheme)


_METHODS = {
    "IsAuthorized": "is_authorized",
    "IsAuthorizedWithToken": "is_authorized_with_token",
    "BatchIsAuthorized": "batch_is_authorized",
    "BatchIsAuthorizedWithToken": "batch_is_authorized_with_token",
}


class Boto3Client:
    """A boto3 client for ``verifiedpermissions`` behind the same call.  Timeouts and retries are
    the client's own.

    Raises:
        ConfigurationError: it is no such client.
    """

    __slots__ = ("_client", "endpoint")

    def __init__(self, client: Any) -> None:
        if not all(hasattr(client, method) for method in _METHODS.values()):
            raise ConfigurationError("`client` must be a boto3 client for `verifiedpermissions`")
        self._client = client
        self.endpoint = str(client.meta.endpoint_url).rstrip("/")

    def call(self, operation: str, parameters: Mapping[str, Any], body: bytes) -> Answer:  # noqa: ARG002
        """Call one operation.  Raises as `ThinClient.call` does."""
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            HTTPClientError,
            NoCredentialsError,
            ParamValidationError,
            PartialCredentialsError,
        )

        try:
            document = getattr(self._client, _METHODS[operation])(**parameters)
        except ClientError as error:
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
        except Exception:  # noqa: BLE001  (botocore's parser fails in many ways on a body that is not what it expects)
            raise malformed() from None
        if not isinstance(document, dict):
            raise malformed()
        return Answer(document, document.get("ResponseMetadata", {}).get("RequestId"))
