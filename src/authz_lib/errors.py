"""Every error that authz-lib raises, in one tree.

::

    AuthzError                     code (stable str), status, retryable; never raised itself
    ├── ConfigurationError         500   also a ValueError; raised while building
    ├── AuthenticationError        401
    │   ├── MissingTokenError · AmbiguousTokenError · UntrustedEventError
    │   └── InvalidTokenError                malformed or unsupported
    │       ├── InvalidSignatureError · InvalidAlgorithmError · UnknownKeyError
    │       ├── InvalidClaimError(claim)     iss, aud, client_id, token_use, ...
    │       └── TokenExpiredError · TokenNotYetValidError · TokenRevokedError
    ├── AccessDeniedError          403
    │   └── InsufficientScopeError
    ├── InvalidRequestError        400   a request that Verified Permissions would refuse
    ├── DeliveryRejectedError      502   a signed call that the other side refused
    └── DependencyError            503   "could not find out" is not "no"
        ├── KeySetUnavailableError · PolicyStoreUnavailableError · PolicyStoreThrottledError
        ├── PolicyStoreMisconfiguredError      missing store, missing permission: not retryable
        ├── BatchIncompleteError   `.results`: a Decision or an error per request
        └── DeliveryError          a signed call that was not sent, or whose outcome is ambiguous

401 ("who are you?"), 403 ("you may not") and 503 ("could not find out") are never merged.

A message is fixed text plus configured names.  No token, claim value, key or secret is ever in it.
It is for people and may change; ``code`` is stable.  What an error knows beside it, ``configured``
and ``key_id_digest``, is for the log: see ``authz_lib.gateway.refusals``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    """Everything that this library raises; the root itself is never raised.

    Attributes:
        code: the stable name of what happened, for programs.  It is safe to log.
        status: the HTTP status that a service would answer with.
        retryable: whether the same call, unchanged, may succeed a moment later.
        configured: what was expected, by the name of the argument that says so; never what a token
            or an event had.
        key_id_digest: the first 12 hexadecimal digits of the SHA-256 of the token's ``kid``, where
            the token that was refused has one.

    >>> from authz_lib import errors
    >>> try:
    ...     raise errors.InvalidClaimError("`aud` is missing", claim="aud")
    ... except errors.AuthzError as error:
    ...     print(error.status, error.code, error.retryable, error)
    401 invalid_claim False `aud` is missing
    """

    code: ClassVar[str] = "authz_error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    configured: Mapping[str, object] = MappingProxyType({})
    key_id_digest: str | None = None

    def __init__(
        self, message: str = "", *, configured: Mapping[str, object] | None = None
    ) -> None:
        if type(self) is AuthzError:
            raise TypeError("`AuthzError` is the root of the tree and is never raised itself")
        super().__init__(message)
        if configured:
            self.configured = dict(configured)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


class ConfigurationError(AuthzError, ValueError):
    """An argument, variable, file or template is missing or wrong.

    When: while something is built, and not per request.  There are two exceptions: an event shows
    that another gateway cache is deployed than the declared one, or a parameter or secret that is
    read with the first event is refused or of no use.  It is raised then, so that the gateway
    remembers nothing.

    What to do: mend what the message names.  For configured values it has the expected and the
    found one.
    """

    code = "configuration"


class AuthenticationError(AuthzError):
    """The caller is not known: there is no acceptable token.

    When: one of the errors below it.

    What to do: answer 401, and let the client get a token.
    """

    code = "unauthenticated"
    status = 401


class MissingTokenError(AuthenticationError):
    """No configured token source holds a token.

    When: the header, cookie or query parameter is absent, empty or of another scheme.

    What to do: as for `AuthenticationError`.
    """

    code = "missing_token"


class AmbiguousTokenError(AuthenticationError):
    """The request holds more than one token, or a token source twice.

    When: two sources hold different tokens, or a header, cookie or parameter is given twice.

    What to do: let the client send one.  None of them was verified.
    """

    code = "ambiguous_token"


class UntrustedEventError(AuthenticationError):
    """The claims of an event cannot be trusted.

    When: the event is not of the expected kind, API or account, is not one of API Gateway's, or
    lacks claims.

    What to do: compare `ExpectedGateway` with what is deployed.  A client cannot cause it through
    the expected gateway.
    """

    code = "untrusted_event"


class InvalidTokenError(AuthenticationError):
    """The token is malformed, or uses a feature that is not supported.

    When: it is no signed JWT in compact form, or exceeds a limit; or one of the errors below it.

    What to do: as for `AuthenticationError`.  The same token will not do later.
    """

    code = "invalid_token"


class InvalidSignatureError(InvalidTokenError):
    """The signature does not verify with the key that the token names.

    When: the token was changed, or another key signed it.

    What to do: as for `InvalidTokenError`.
    """

    code = "invalid_signature"


class InvalidAlgorithmError(InvalidTokenError):
    """The token's ``alg`` is not one of the verifier's, or does not fit the key.

    When: the issuer signs in another way than configured, or somebody chose an ``alg``.

    What to do: compare ``algorithms`` of the verifier with the issuer's.
    """

    code = "invalid_algorithm"


class UnknownKeyError(InvalidTokenError):
    """The token names a key that the key set does not hold.

    When: the ``kid`` is unknown, also to a set that was fetched anew if that was allowed.

    What to do: as for `InvalidTokenError`.  Check that issuer and key set belong together.
    """

    code = "unknown_key"


class InvalidClaimError(InvalidTokenError):
    """A claim is missing, of the wrong type or not the expected value.

    When: any claim that the verifier or a `Principal` reads.

    What to do: as for `InvalidTokenError`.  Compare the verifier's arguments with the issuer's
    tokens.


    Attributes:
        claim: the name of the claim, such as ``"iss"``; never its value.
    """

    code = "invalid_claim"

    def __init__(
        self, message: str, *, claim: str, configured: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message, configured=configured)
        self.claim = claim


class TokenExpiredError(InvalidTokenError):
    """The token's ``exp`` has passed.

    When: the token is too old, by more than the verifier's leeway.

    What to do: let the client refresh its token.
    """

    code = "token_expired"


class TokenNotYetValidError(InvalidTokenError):
    """The token's ``nbf`` or ``iat`` lies in the future.

    When: it lies there by more than the verifier's leeway.

    What to do: compare the clocks.
    """

    code = "token_not_yet_valid"


class TokenRevokedError(InvalidTokenError):
    """The token was revoked.

    When: the ``revoked`` hook of the verifier said so.

    What to do: let the user sign in again.
    """

    code = "token_revoked"


class AccessDeniedError(AuthzError):
    """The caller is known and may not do this: a real deny.

    When: the policies do not allow the request.

    What to do: answer 403.  A retry gets the same answer.
    """

    code = "access_denied"
    status = 403


class InsufficientScopeError(AccessDeniedError):
    """The token lacks an OAuth scope that the route or the verifier requires.

    When: the policies were not asked yet.

    What to do: let the client ask for a token with the scope (RFC 6750, section 3.1).
    """

    code = "insufficient_scope"


class InvalidRequestError(AuthzError):
    """A request that Amazon Verified Permissions would refuse: limits, values, ids.

    When: it is built or asked, with every decision point.  In the authorizer it is a deny.

    What to do: answer 400, and mend the request.


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
    """A signed call was refused by the other side: a "no".

    When: the answer was 401, 403, 429 or another refusal.

    What to do: answer 502.  The refusal is never worked around.
    """

    code = "delivery_rejected"
    status = 502


class DependencyError(AuthzError):
    """Something that must be asked did not answer: "could not find out" is not "no".

    When: one of the errors below it.

    What to do: answer 503.  Try again if ``retryable``.
    """

    code = "dependency"
    status = 503
    retryable = True


class KeySetUnavailableError(DependencyError):
    """The key set could not be fetched, or may not be fetched again yet.

    When: the issuer does not answer, or answers with no usable key, and no known keys are left.

    What to do: try again after some seconds.  Check that the network allows the way to the
    issuer.
    """

    code = "key_set_unavailable"


class PolicyStoreUnavailableError(DependencyError):
    """The policy store did not answer in time, or with a server fault.

    When: also when its answer cannot be read.

    What to do: try again.
    """

    code = "policy_store_unavailable"


class PolicyStoreThrottledError(DependencyError):
    """The policy store is asked too often.

    When: all attempts were throttled.

    What to do: try again later.  Cache decisions, or ask for a higher quota.
    """

    code = "policy_store_throttled"


class PolicyStoreMisconfiguredError(DependencyError):
    """The policy store does not exist, or may not be asked.

    When: the store id is wrong, or credentials or permissions are missing.

    What to do: mend the id, the Region or the role.  Trying again does not help.
    """

    code = "policy_store_misconfigured"
    retryable = False


class BatchIncompleteError(DependencyError):
    """A part of a batch could not be decided.

    When: at least one request got an error instead of a decision.

    What to do: take what ``results`` holds, or try again.


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

    When: the connection failed, or no readable answer came in time.

    What to do: try again where ``outcome`` is ``"not_sent"``.  Otherwise only if the call is
    idempotent: the other side may have acted on it.


    Attributes:
        outcome: ``"not_sent"`` when nothing was delivered, ``"ambiguous"`` when the other side may
            have acted on it.
    """

    code = "delivery"

    def __init__(self, message: str, *, outcome: str) -> None:
        super().__init__(message)
        self.outcome = outcome
