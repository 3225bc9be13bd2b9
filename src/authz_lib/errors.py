"""Every error that authz-lib raises, in one tree.

::

    AuthzError                     code (stable str), status, retryable; never raised itself
    ├── ConfigurationError         500   also a ValueError; raised while building, never per request
    ├── AuthenticationError        401
    │   ├── MissingTokenError · AmbiguousTokenError · UntrustedEventError
    │   └── InvalidTokenError                malformed or unsupported
    │       ├── InvalidSignatureError · InvalidAlgorithmError · UnknownKeyError
    │       ├── InvalidClaimError(claim)     iss, aud, client_id, token_use, ...
    │       └── TokenExpiredError · TokenNotYetValidError · TokenRevokedError
    ├── AccessDeniedError          403
    │   └── InsufficientScopeError
    ├── InvalidRequestError        400   a request that Verified Permissions would refuse
    ├── DeliveryRejectedError      502   a signed call that was refused: a "no" from the other side
    └── DependencyError            503   "could not find out" is not "no"
        ├── KeySetUnavailableError · PolicyStoreUnavailableError · PolicyStoreThrottledError
        ├── PolicyStoreMisconfiguredError      missing store, missing permission: not retryable
        ├── BatchIncompleteError   `.results`: a Decision or an error per request
        └── DeliveryError          a signed call that was not sent, or whose outcome is ambiguous

401 ("who are you?"), 403 ("you may not") and 503 ("could not find out") are never merged.  Messages
are fixed text plus configured names; no token, claim value, key or secret is ever in a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "AccessDeniedError",
    "AmbiguousTokenError",
    "AuthenticationError",
    "AuthzError",
    "BatchIncompleteError",
    "ConfigurationError",
    "DeliveryError",
    "DeliveryRejectedError",
    "DependencyError",
    "InsufficientScopeError",
    "InvalidAlgorithmError",
    "InvalidClaimError",
    "InvalidRequestError",
    "InvalidSignatureError",
    "InvalidTokenError",
    "KeySetUnavailableError",
    "MissingTokenError",
    "PolicyStoreMisconfiguredError",
    "PolicyStoreThrottledError",
    "PolicyStoreUnavailableError",
    "TokenExpiredError",
    "TokenNotYetValidError",
    "TokenRevokedError",
    "UnknownKeyError",
    "UntrustedEventError",
]


def _rebuild(cls: type[AuthzError], args: tuple[Any, ...], state: dict[str, Any]) -> AuthzError:
    error = cls.__new__(cls, *args)
    Exception.__init__(error, *args)
    error.__dict__.update(state)
    return error


class AuthzError(Exception):
    """The root of the tree: catch it to catch everything this library raises.  It is never raised
    itself.

    Attributes:
        code: a stable, machine-readable name of what happened; safe to log and to put in a gateway
            context.
        status: the HTTP status that a service would answer with.
        retryable: whether the same call, unchanged, may succeed a moment later.

    >>> from authz_lib import errors
    >>> error = errors.InvalidClaimError("`token_use` is not the expected one", claim="token_use")
    >>> isinstance(error, errors.AuthzError), error.code, error.status, error.retryable
    (True, 'invalid_claim', 401, False)
    """

    code: ClassVar[str] = "authz_error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        if cls is AuthzError:
            raise TypeError("`AuthzError` is the root of the tree and is never raised itself")
        return super().__new__(cls, *args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


class ConfigurationError(AuthzError, ValueError):
    """An argument, variable, file or template is missing or wrong.  Raised while building, not per
    request.

    The one exception is what only an event can show: that another gateway cache is deployed than
    the declared one.  It is raised, so that the gateway remembers nothing.  The message names the
    argument or variable and, for configured values only, the expected against the found one.
    """

    code = "configuration"


class AuthenticationError(AuthzError):
    """The caller is not known: there is no acceptable token.  Answered with 401."""

    code = "unauthenticated"
    status = 401


class MissingTokenError(AuthenticationError):
    """No configured token source holds a token."""

    code = "missing_token"


class AmbiguousTokenError(AuthenticationError):
    """More than one different token, or a duplicated ``Authorization`` header."""

    code = "ambiguous_token"


class UntrustedEventError(AuthenticationError):
    """An event whose claims cannot be trusted: not the expected kind, API or account, or claims are
    missing.
    """

    code = "untrusted_event"


class InvalidTokenError(AuthenticationError):
    """The token is malformed or uses a feature that is not supported."""

    code = "invalid_token"


class InvalidSignatureError(InvalidTokenError):
    """The signature does not verify with the key that the token names."""

    code = "invalid_signature"


class InvalidAlgorithmError(InvalidTokenError):
    """The token's ``alg`` is not one of the verifier's, or does not fit the key."""

    code = "invalid_algorithm"


class UnknownKeyError(InvalidTokenError):
    """The token names a key that a fresh key set does not hold."""

    code = "unknown_key"


class InvalidClaimError(InvalidTokenError):
    """A claim is missing, of the wrong type or not the expected value.

    Attributes:
        claim: the name of the claim, such as ``"iss"``; never its value.
    """

    code = "invalid_claim"

    def __init__(self, message: str, *, claim: str) -> None:
        super().__init__(message)
        self.claim = claim


class TokenExpiredError(InvalidTokenError):
    """The token's ``exp`` has passed."""

    code = "token_expired"


class TokenNotYetValidError(InvalidTokenError):
    """The token's ``nbf`` or ``iat`` lies in the future."""

    code = "token_not_yet_valid"


class TokenRevokedError(InvalidTokenError):
    """The ``revoked`` hook of the verifier said that the token no longer holds."""

    code = "token_revoked"


class AccessDeniedError(AuthzError):
    """The caller is known and may not do this: a real deny.  Answered with 403."""

    code = "access_denied"
    status = 403


class InsufficientScopeError(AccessDeniedError):
    """The token lacks a scope that the route or the verifier requires (RFC 6750, section 3.1)."""

    code = "insufficient_scope"


class InvalidRequestError(AuthzError):
    """An authorization request that Amazon Verified Permissions would refuse: limits, values, ids.

    Attributes:
        field: the member of the request that is wrong, such as ``"principal.entityId"``; never its
            value.
    """

    code = "invalid_request"
    status = 400

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class DeliveryRejectedError(AuthzError):
    """A signed call that the other side refused (401, 403, 429, ...).  It is a "no" and is never
    worked around.
    """

    code = "delivery_rejected"
    status = 502


class DependencyError(AuthzError):
    """Something that must be asked did not answer.  "Could not find out" is not "no"; answered with
    503.
    """

    code = "dependency"
    status = 503
    retryable = True


class KeySetUnavailableError(DependencyError):
    """The key set could not be fetched, or may not be fetched again yet."""

    code = "key_set_unavailable"


class PolicyStoreUnavailableError(DependencyError):
    """The policy store did not answer in time, or answered with a server fault."""

    code = "policy_store_unavailable"


class PolicyStoreThrottledError(DependencyError):
    """The policy store answered that it is asked too often."""

    code = "policy_store_throttled"


class PolicyStoreMisconfiguredError(DependencyError):
    """The policy store does not exist or may not be asked with these credentials, or there are
    none.

    Trying again does not help.
    """

    code = "policy_store_misconfigured"
    retryable = False


class BatchIncompleteError(DependencyError):
    """A part of a batch could not be decided.

    Attributes:
        results: one entry per request, in the order asked: a ``Decision``, or the error that stands
            in its place.
    """

    code = "batch_incomplete"

    def __init__(self, message: str, *, results: Sequence[Any]) -> None:
        super().__init__(message)
        self.results = tuple(results)


class DeliveryError(DependencyError):
    """A signed call that was not sent, or whose outcome is not known.

    Attributes:
        outcome: ``"not_sent"`` when nothing was delivered, ``"ambiguous"`` when the other side may
            have acted on it.
    """

    code = "delivery"

    def __init__(self, message: str, *, outcome: str) -> None:
        super().__init__(message)
        self.outcome = outcome
