"""The signer of Signature Version 4."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from authz_lib._support.checks import FIELD_NAME, is_answering
from authz_lib._support.clock import Clock, system_clock
from authz_lib._support.json_file import in_one_line
from authz_lib.errors import ConfigurationError, DeliveryError, InvalidRequestError
from authz_lib.sigv4.credentials import (
    CredentialsSource,
    DefaultCredentials,
    FrozenCredentials,
    NoCredentialsError,
)
from authz_lib.sigv4.signature import authorization
from authz_lib.sigv4.url import CanonicalURL, canonical_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["SigV4Signer", "SignedRequest"]

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_METHOD = re.compile(r"[A-Z]+")
_OURS = frozenset({"authorization", "x-amz-date", "x-amz-security-token"})
_UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
# S3 encodes paths once, not twice, and always wants the hash of the payload.
_OTHER_RULES = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts"})


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What must be sent, byte for byte.

    Headers and body are not in its repr: they hold the session token and the payload.

    Attributes:
        method: upper case.
        url: canonical; send it as it is.
        headers: all of them, lower case, ``host`` included.
        body: exactly the bytes that were hashed, or ``None``.
    """

    method: str
    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)


class SigV4Signer:
    """Signs requests to IAM-protected APIs.

    Signed are ``host``, ``content-type``, every ``x-amz-*`` header, what ``also_sign`` names, and
    the payload.  Other headers are sent unsigned, because proxies on the way add and change them.
    For ``service="vpc-lattice-svcs"`` the payload is not signed: Lattice demands
    ``x-amz-content-sha256: UNSIGNED-PAYLOAD``.

    Credentials are frozen once per call, so that a refresh cannot mix two sets.  Safe to share
    between threads.

    Not checked: that the credentials may call the API.

    Args:
        service: ``"execute-api"`` (API Gateway, custom domains too), ``"lambda"`` (function URLs),
            ``"vpc-lattice-svcs"``, ``"verifiedpermissions"``, ...  Not S3, which signs by other
            rules.
        region: such as ``"us-gov-west-1"``.
        credentials: any credentials object of botocore, or `Credentials`.  By default those of the
            environment, else of botocore's chain.
        also_sign: further header names to sign.
        clock: seconds since the epoch.

    Raises:
        ConfigurationError: an argument is wrong.

    >>> from authz_lib.sigv4 import Credentials, SigV4Signer
    >>> fixed = Credentials("AKIDEXAMPLE", "secret")
    >>> signer = SigV4Signer(
    ...     service="execute-api",
    ...     region="eu-west-1",
    ...     credentials=fixed,
    ...     clock=lambda: 0,
    ... )
    >>> signed = signer.sign("GET", "https://orders.example.com/prod?open")
    >>> signed.url, signed.headers["x-amz-date"]
    ('https://orders.example.com/prod?open=', '19700101T000000Z')

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
    """

    __slots__ = ("_also_sign", "_clock", "_credentials", "_region", "_service")

    def __init__(
        self,
        *,
        service: str,
        region: str,
        credentials: CredentialsSource | FrozenCredentials | None = None,
        also_sign: Iterable[str] = (),
        clock: Clock = system_clock,
    ) -> None:
        if not _is_name(service):
            raise ConfigurationError("`service` must be a service name such as `execute-api`")
        if service in _OTHER_RULES:
            raise ConfigurationError(
                "`service` must not be S3, which signs by other rules: use boto3"
            )
        if not _is_name(region):
            raise ConfigurationError("`region` must be a region name such as `eu-west-1`")
        self._service = service
        self._region = region
        self._credentials = _source(credentials)
        self._also_sign = frozenset(name.lower() for name in also_sign)
        self._clock = clock

    @property
    def service(self) -> str:
        """The service name in the credential scope."""
        return self._service

    @property
    def region(self) -> str:
        """The region in the credential scope."""
        return self._region

    def sign(
        self,
        method: str,
        url: str | CanonicalURL,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        *,
        timestamp: float | None = None,
    ) -> SignedRequest:
        """Sign one attempt of a request.  Sign again for the next attempt.

        ============================================================ =========================
        a header that is given                                       what is done
        ============================================================ =========================
        ``Authorization``, ``X-Amz-Date``, ``X-Amz-Security-Token``  replaced
        ``Host``                                                     must be that of the URL
        ``X-Amz-Content-Sha256``                                     must be that of the body
        ============================================================ =========================

        Args:
            method: an HTTP method.
            url: absolute; it is made canonical.
            headers: names in any case, ASCII values.
            body: exactly the bytes that will be sent.
            timestamp: the time to sign with, in seconds since the epoch; by default the clock's.

        Raises:
            InvalidRequestError: the URL or a header cannot be signed.
            DeliveryError: there are no credentials; the outcome is ``"not_sent"``.
        """
        target = url if isinstance(url, CanonicalURL) else canonical_url(url)
        method = method.upper()
        if not _METHOD.fullmatch(method):
            raise InvalidRequestError("`method` must be an HTTP method", field="method")
        payload = b"" if body is None else body
        if type(payload) is not bytes:
            raise InvalidRequestError(
                "`body` must be `bytes`: what is signed is what is sent", field="body"
            )
        sent = _prepare(headers, target.host)
        self._add_payload_hash(sent, payload)
        frozen = self._freeze()
        sent["x-amz-date"] = stamp = _stamp(self._clock() if timestamp is None else timestamp)
        if frozen.token:
            sent["x-amz-security-token"] = frozen.token
        sent["authorization"] = authorization(
            frozen,
            service=self._service,
            region=self._region,
            method=method,
            url=target,
            headers={name: value for name, value in sent.items() if self._signs(name)},
            body=payload,
            timestamp=stamp,
        )
        return SignedRequest(method, str(target), sent, body)

    def _signs(self, name: str) -> bool:
        return (
            name in {"host", "content-type"} or name.startswith("x-amz-") or name in self._also_sign
        )

    def _freeze(self) -> FrozenCredentials:
        try:
            frozen = self._credentials.get_frozen_credentials()
        except DeliveryError:
            raise
        except Exception:  # noqa: BLE001  # a refresh is a network call of somebody else's
            raise DeliveryError(
                "the AWS credentials could not be read or refreshed", outcome="not_sent"
            ) from None
        if not frozen.access_key or not frozen.secret_key:
            raise NoCredentialsError("the AWS credentials are empty", outcome="not_sent")
        return frozen

    def _add_payload_hash(self, headers: dict[str, str], body: bytes) -> None:
        given = headers.get("x-amz-content-sha256")
        if self._service == "vpc-lattice-svcs":
            headers["x-amz-content-sha256"] = _UNSIGNED_PAYLOAD
        elif given is not None and given != hashlib.sha256(body).hexdigest():
            raise InvalidRequestError(
                "`x-amz-content-sha256` is not the hash of the body", field="headers"
            )


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_line(value: object) -> bool:
    return isinstance(value, str) and _VALUE.fullmatch(value) is not None


class _Fixed:
    __slots__ = ("_frozen",)

    def __init__(self, frozen: FrozenCredentials) -> None:
        self._frozen = frozen

    def get_frozen_credentials(self) -> FrozenCredentials:
        return self._frozen


def _source(credentials: CredentialsSource | FrozenCredentials | None) -> CredentialsSource:
    if credentials is None:
        return DefaultCredentials()
    if isinstance(credentials, CredentialsSource):
        if not is_answering(credentials.get_frozen_credentials):  # aiobotocore's
            raise ConfigurationError(
                "`get_frozen_credentials` of `credentials` must be a plain method: nobody would "
                "await another"
            )
        return credentials
    if all(hasattr(credentials, name) for name in ("access_key", "secret_key", "token")):
        return _Fixed(credentials)
    raise ConfigurationError(
        "`credentials` must have `get_frozen_credentials()`, or an access and a secret key"
    )


def _prepare(headers: Mapping[str, str] | None, host: str) -> dict[str, str]:
    """The headers to send, lower case, checked, without those that signing sets."""
    sent = {"host": host}
    for name, value in (headers or {}).items():
        lower = _lower(name)
        if lower in _OURS:
            continue
        if not FIELD_NAME.fullmatch(lower):
            raise InvalidRequestError("a header name is not plain ASCII", field="headers")
        if not _is_line(value):
            given: object = value
            form = "plain ASCII on one line"
            if not isinstance(given, str):
                form = f"text, not `{type(given).__name__}`"
            raise InvalidRequestError(
                f"the value of the header {in_one_line(name)} must be {form}", field="headers"
            )
        if lower == "host":
            _same_host(value, host)
        elif lower in sent:
            raise InvalidRequestError("a header is given twice", field="headers")
        sent[lower] = value
    return sent


def _lower(name: object) -> str:
    # An empty name is refused by the caller.
    return name.lower() if isinstance(name, str) and name.isascii() else ""


def _same_host(value: str, host: str) -> None:
    if value != host:
        raise InvalidRequestError("the `Host` header is not the host of the URL", field="headers")


def _stamp(seconds: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))
