"""The caller of a request by its token, where nothing in front of the service has verified it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib._support.checks import require_method
from authz_lib._support.key_id import digest_of_tokens_key_id
from authz_lib.errors import AuthzError, ConfigurationError
from authz_lib.gateway.sources import read_token
from authz_lib.principal import Principal, distinct_issuers, issuers_of
from authz_lib.tokens.attributes import Attributes
from authz_lib.tokens.claim_reader import claim_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from authz_lib.gateway.sources import TokenSource
    from authz_lib.tokens.attributes import Attribute
    from authz_lib.tokens.claim_reader import ClaimPath
    from authz_lib.tokens.verifier import Verifier

__all__ = ["principal_from_tokens"]


def principal_from_tokens(
    verifier: Verifier,
    token_sources: Sequence[TokenSource],
    *,
    tenant_claim: ClaimPath | None,
    groups_claim: ClaimPath | None,
    attributes: Mapping[str, str | Attribute] | None,
) -> Callable[[Mapping[str, Any]], Principal]:
    """A function that verifies the token of an event, and names its caller.

    It raises what `read_token`, the verifier and `Principal.from_token` raise.

    Raises:
        ConfigurationError: no source, or a claim that is none; or several issuers, and a tenant,
            groups or attributes are read, which mean something within their issuer only.

    >>> from authz_lib import BearerToken, JWTVerifier
    >>> from authz_lib.testing.issuer import TestIssuer
    >>> issuer = TestIssuer("https://issuer.example", algorithm="EdDSA")
    >>> read = principal_from_tokens(
    ...     JWTVerifier(
    ...         issuer="https://issuer.example",
    ...         audience=None,
    ...         algorithms=["EdDSA"],
    ...         keys=issuer.key_set(),
    ...     ),
    ...     [BearerToken()],
    ...     tenant_claim=None,
    ...     groups_claim=None,
    ...     attributes=None,
    ... )
    >>> bearer = "Bearer " + issuer.token({"sub": "alice"})
    >>> read({"headers": {"authorization": bearer}}).subject
    'alice'
    """
    require_method(verifier, "verifier", "verify", such_as="`JWTVerifier`")
    if not isinstance(token_sources, list | tuple) or not token_sources:
        raise ConfigurationError("`token_sources` must be a list, such as `[BearerToken()]`")
    for source in token_sources:
        require_method(source, "token_sources", "read", such_as="`BearerToken()`")
    for name, claim in (("tenant_claim", tenant_claim), ("groups_claim", groups_claim)):
        if claim is not None:
            claim_path(claim, name)
    reads = (tenant_claim, groups_claim, attributes) != (None, None, None)
    if reads and len(distinct_issuers(issuers_of(verifier))) > 1:
        raise ConfigurationError(
            "with several issuers a tenant and groups mean something within their issuer only: "
            "pass `None` for `tenant_claim`, `groups_claim` and `attributes`"
        )
    declared = None if attributes is None else Attributes(attributes)
    sources = tuple(token_sources)

    def read(event: Mapping[str, Any]) -> Principal:
        text = read_token(event, sources)
        try:
            return Principal.from_token(
                verifier.verify(text),
                tenant_claim=tenant_claim,
                groups_claim=groups_claim,
                attributes=declared,
            )
        except AuthzError as error:
            error.key_id_digest = digest_of_tokens_key_id(text)
            raise

    return read
