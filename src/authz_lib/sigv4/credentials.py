"""Where a signer's credentials come from.  They are frozen before signing: one attempt, one set."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from authz_lib._support.fork import reset_in_child
from authz_lib._support.single_flight import SingleFlight
from authz_lib.errors import ConfigurationError, DeliveryError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Credentials",
    "CredentialsSource",
    "DefaultCredentials",
    "FrozenCredentials",
    "NoCredentialsError",
]


class FrozenCredentials(Protocol):
    """One set of credentials that does not change: `Credentials`, or one of botocore's."""

    @property
    def access_key(self) -> str | None: ...
    @property
    def secret_key(self) -> str | None: ...
    @property
    def token(self) -> str | None: ...


class NoCredentialsError(DeliveryError):
    """There are no credentials.  Nothing was sent, and trying again does not help."""

    retryable = False


@runtime_checkable
class CredentialsSource(Protocol):
    """Credentials that may refresh themselves, such as every credentials object of botocore."""

    def get_frozen_credentials(self) -> FrozenCredentials: ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """A fixed set of credentials, for tests and local tools.

    The secret and the token are not in its repr.

    >>> Credentials("AKIDEXAMPLE", "secret")
    Credentials(access_key='AKIDEXAMPLE')
    """

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.access_key or not self.secret_key:
            raise ConfigurationError("`access_key` and `secret_key` must not be empty")

    def get_frozen_credentials(self) -> FrozenCredentials:
        return self


class DefaultCredentials:
    """Credentials of the environment, else of botocore's chain: profiles, container, instance.

    In Lambda the environment is all there is.  It is read anew for every attempt.  The chain is
    asked once in each process, and what it found refreshes itself.  A failure is not remembered.

    Raises:
        NoCredentialsError: no credentials were found.
        DeliveryError: they could not be read or refreshed; nothing was sent.
    """

    __slots__ = ("__weakref__", "_chain", "_environ", "_flights")

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._flights = SingleFlight[CredentialsSource]()
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Forget the chain, as after a fork: who holds botocore's lock may be gone."""
        self._chain: CredentialsSource | None = None

    def get_frozen_credentials(self) -> FrozenCredentials:
        found = self._from_environment()
        if found is not None:
            return found
        chain = self._chain
        if chain is None:
            chain = self._chain = self._flights.run("chain", _ask_chain)
        return chain.get_frozen_credentials()

    def _from_environment(self) -> Credentials | None:
        before = None
        for _ in range(3):  # another thread may be writing them: two equal readings are one set
            reading = _read(self._environ)
            if reading == before:
                break
            before = reading
        else:
            raise DeliveryError(
                "the credentials in the environment changed while they were read",
                outcome="not_sent",
            )
        access_key, secret_key, token = reading
        if not access_key:
            return None
        if not secret_key:
            raise NoCredentialsError(
                "`AWS_ACCESS_KEY_ID` is set without `AWS_SECRET_ACCESS_KEY`", outcome="not_sent"
            )
        return Credentials(access_key, secret_key, token or None)


def _read(environ: Mapping[str, str]) -> tuple[str, str, str]:
    # In botocore's order.
    token = environ.get("AWS_SECURITY_TOKEN", "") or environ.get("AWS_SESSION_TOKEN", "")
    return environ.get("AWS_ACCESS_KEY_ID", ""), environ.get("AWS_SECRET_ACCESS_KEY", ""), token


def _ask_chain() -> Any:
    from botocore.session import Session  # slow to import, and not needed in Lambda

    found = Session().get_credentials()
    if found is None:
        raise NoCredentialsError("no AWS credentials were found", outcome="not_sent")
    return found
