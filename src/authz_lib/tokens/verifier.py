"""The verifier: from the text of a token to a `VerifiedToken`, or an error that says why not."""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, Self, TypeVar, Unpack

from authz_lib._support.clock import system_clock
from authz_lib._support.memo import WeighedMemo
from authz_lib._support.workers import WORKERS
from authz_lib.errors import (
    ConfigurationError,
    DependencyError,
    InvalidAlgorithmError,
    InvalidClaimError,
    InvalidSignatureError,
)
from authz_lib.tokens.claims import one_or_many
from authz_lib.tokens.jws import MAX_TOKEN_LENGTH, Compact
from authz_lib.tokens.keys import find_async
from authz_lib.tokens.shared_secret import SecretKeySet
from authz_lib.tokens.trusted_issuer import (
    CheckOptions,
    Configuration,
    VerifiedToken,
    build_rules,
    build_trust,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from authz_lib.tokens.claims import Times
    from authz_lib.tokens.jwk import VerificationKey
    from authz_lib.tokens.keys import KeySet
    from authz_lib.tokens.remote_keys import FetchOptions, KeySetOptions
    from authz_lib.tokens.secret_material import Secret
    from authz_lib.tokens.secret_source import SecretSource
    from authz_lib.tokens.trusted_issuer import Trust
    from authz_lib.transport.fetch import Fetcher

__all__ = ["JWTVerifier", "VerifiedToken", "Verifier"]

T = TypeVar("T")

_DEFAULT_REMEMBER: Final = 1024
_DEFAULT_REMEMBER_BYTES: Final = 16 * 1024 * 1024
_ENTRY_BYTES: Final = 2000  # what is remembered of a token, and of its caller, beside the claims


class _Known(NamedTuple):
    """A remembered verification, and what it stands on."""

    token: VerifiedToken
    times: Times
    trust: Trust
    key: VerificationKey
    algorithm: str
    valid_from: float
    valid_until: float
    """Between the two, nothing but the key can refuse the token."""


class Verifier(Protocol):
    """What verifies a token: `JWTVerifier`, or anything with these two."""

    @property
    def issuers(self) -> frozenset[str] | None:
        """The issuers whose tokens it takes; ``None`` where it does not ask.

        A class around a verifier must hand it on: a ``sub``, a group and a tenant mean something
        only within their issuer.
        """
        ...

    def verify(self, token: str) -> VerifiedToken:
        """The verified token, or an `AuthzError` that says why not."""
        ...


class JWTVerifier:
    """Verifies tokens of one issuer, strictly.

    Checks, in this order: size, form and header; ``alg`` against the allow-list; the signature with
    the key that the token names; ``typ`` where expected; ``iss``, ``aud``, ``client_id``; scopes
    and groups where required; ``exp`` (required), ``nbf``, ``iat``; the ``revoked`` hook; the
    custom ``check``.  Does **not** check whether the token was revoked unless a hook says so, nor
    what its owner may do.

    A token that was verified is remembered by digest: the next call with it checks its key (which
    must still be in the key set), dates and hooks, not its signature.

    Args:
        issuer: the exact ``iss``, or several; ``None`` accepts a token of anyone whose key is in
            ``keys``.
        audience: the ``aud``, or several of which one must be present; ``None`` accepts tokens
            meant for others.
        algorithms: the allow-list, such as ``["RS256"]``.
        keys: a :class:`~authz_lib.RemoteKeySet`, :class:`~authz_lib.StaticKeySet` or anything with
            their methods.
        client_id: the exact ``client_id`` claim, or several.
        typ: the expected ``typ``, such as ``"at+jwt"``; compared only when the header has one.
        all_scopes: scopes that ``scope`` must hold, all of them.
        any_scope: scopes of which ``scope`` must hold one.
        any_group: groups of which ``groups_claim`` must hold one.
        groups_claim: the claim that lists the groups.
        leeway_seconds: for ``exp``; 0 by default, 600 at most.
        not_before_leeway_seconds: for ``nbf`` and ``iat``.
        max_token_age_seconds: the oldest ``iat`` accepted; makes ``iat`` required.
        revoked: asked on every call; ``True`` refuses the token, as does any answer but ``False``.
        check: called last, on every call; refuses by raising an ``AuthzError`` or returning
            anything but ``True`` or ``None``.
        remember: how many verified tokens to remember; 0 turns it off.
        remember_bytes: how much memory the remembered may take in all, by an estimate that is
            rather too high.
        clock: seconds since the epoch.

    Raises:
        ConfigurationError: an argument that makes no sense.

    >>> from authz_lib.testing.issuer import TestIssuer
    >>> issuer = TestIssuer("https://issuer.example", algorithm="ES256")
    >>> verifier = JWTVerifier(
    ...     issuer="https://issuer.example",
    ...     audience="orders",
    ...     algorithms=["ES256"],
    ...     keys=issuer.key_set(),
    ... )
    >>> token = issuer.token({"sub": "alice", "aud": "orders"})
    >>> verifier.verify(token).claims["sub"]
    'alice'

    See RFC 7519, RFC 8725 and RFC 9068.
    """

    __slots__ = ("_algorithms", "_by_issuer", "_memory", "_only", "_padded", "configuration")

    def __init__(
        self,
        *,
        issuer: str | Iterable[str] | None,
        audience: str | Iterable[str] | None,
        algorithms: Iterable[str],
        keys: KeySet,
        client_id: str | Iterable[str] | None = None,
        **options: Unpack[CheckOptions],
    ) -> None:
        rules = build_rules(
            options,
            issuers=one_or_many(issuer, argument="issuer"),
            audiences=one_or_many(audience, argument="audience"),
            clients=one_or_many(client_id, argument="client_id"),
        )
        trust = build_trust(keys=keys, algorithms=algorithms, rules=rules, options=options)
        self._set_up(Configuration((trust,), ((keys,),)), options)

    def _set_up(self, configuration: Configuration, options: CheckOptions) -> None:
        trusts = configuration.trusts
        entries = options.get("remember", _DEFAULT_REMEMBER)
        size = options.get("remember_bytes", _DEFAULT_REMEMBER_BYTES)
        if entries < 0 or size < 0:
            raise ConfigurationError("`remember` and `remember_bytes` must not be negative")
        self.configuration = configuration
        self._padded = configuration.padded
        self._only = trusts[0] if len(trusts) == 1 else None
        self._by_issuer = {issuer: trust for trust in trusts for issuer in trust.issuers or ()}
        self._algorithms = frozenset[str]().union(*(trust.algorithms for trust in trusts))
        self._memory = (
            WeighedMemo[bytes, _Known](max_entries=entries, max_weight=size) if entries else None
        )

    @classmethod
    def _of(cls, configuration: Configuration, options: CheckOptions) -> Self:
        verifier = cls.__new__(cls)
        cls._set_up(verifier, configuration, options)
        return verifier

    @classmethod
    def cognito(
        cls,
        *,
        user_pool_id: str,
        client_id: str | Iterable[str] | None,
        token_use: str | None,
        audience: str | Iterable[str] | None = None,
        issuer: str | Iterable[str] | None = None,
        jwks_url: str | None = None,
        keys: KeySet | None = None,
        fetcher: Fetcher | None = None,
        key_set: KeySetOptions | None = None,
        **options: Unpack[CheckOptions],
    ) -> Self:
        """A verifier for the tokens of a Cognito user pool.

        Accepts both issuers that a pool may have, each with its own key set.  Checks ``token_use``,
        and the client in the claim that such a token has it in: ``client_id`` of an access token,
        ``aud`` of an ID token.

        Args:
            user_pool_id: such as ``us-east-1_Abc123``.
            client_id: the app client or clients; ``None`` accepts every client of the pool.
            token_use: ``"access"``, ``"id"``, or ``None`` for both.
            audience: for access tokens with resource binding: checked when the token has ``aud``.
            issuer: the exact issuer or issuers instead of the pool's own, for a local AWS.
            jwks_url: where the key set is, instead of below the issuer.
            keys: a key set, instead of one that is fetched.
            fetcher: how the key set is fetched.
            key_set: arguments of the :class:`~authz_lib.RemoteKeySet` that is fetched, such as
                ``{"timeout_seconds": 5, "max_keys": 64}``.

        Raises:
            ConfigurationError: an argument that makes no sense.

        >>> JWTVerifier.cognito(
        ...     user_pool_id="us-east-1_Abc123",
        ...     client_id="orders-web",
        ...     token_use="access",
        ... )
        <JWTVerifier for 2 issuer(s)>

        See the Cognito developer guide, "Verifying JSON web tokens".
        """
        from authz_lib.tokens import issuers

        configuration = issuers.cognito(
            user_pool_id=user_pool_id,
            client_id=client_id,
            token_use=token_use,
            audience=audience,
            issuer=issuer,
            jwks_url=jwks_url,
            keys=keys,
            fetcher=fetcher,
            key_set=key_set,
            options=options,
        )
        return cls._of(configuration, options)

    @classmethod
    def oidc(
        cls,
        issuer: str,
        *,
        audience: str | Iterable[str] | None,
        algorithms: Iterable[str] = ("RS256",),
        client_id: str | Iterable[str] | None = None,
        fetcher: Fetcher | None = None,
        key_set: KeySetOptions | None = None,
        **options: Unpack[CheckOptions],
    ) -> Self:
        """A verifier for an OpenID provider, whose key set discovery finds when needed.

        The discovery document must name exactly ``issuer``.  ``key_set`` is as in `cognito`.

        Raises:
            ConfigurationError: an argument that makes no sense.

        >>> JWTVerifier.oidc("https://accounts.example.com", audience="orders-web")
        <JWTVerifier for 1 issuer(s)>

        See OpenID Connect Discovery 1.0, section 4.
        """
        from authz_lib.tokens import issuers

        keys = issuers.discovered_keys(
            issuer, fetcher=fetcher, clock=options.get("clock", system_clock), key_set=key_set
        )
        return cls(
            issuer=issuer,
            audience=audience,
            algorithms=algorithms,
            keys=keys,
            client_id=client_id,
            **options,
        )

    @classmethod
    def alb(
        cls,
        *,
        load_balancer_arn: str | Iterable[str],
        client_id: str | Iterable[str] | None,
        issuer: str | Iterable[str] | None,
        keys_url: str | None = None,
        keys: KeySet | None = None,
        fetcher: Fetcher | None = None,
        key_set: FetchOptions | None = None,
        **options: Unpack[CheckOptions],
    ) -> Self:
        """A verifier for ``x-amzn-oidc-data``, which a load balancer's authenticate action adds.

        Checks ``signer``, ``client``, ``iss`` and ``exp`` of the header, then the ES256 signature.
        The signer is compared **before** a key is fetched: anyone can have a load balancer of
        their own sign a token.  Does **not** check an audience: such a token has none.

        ``x-amzn-oidc-identity`` is not signed: do not use it.  ``x-amzn-oidc-accesstoken`` is the
        provider's own token: verify it with a verifier for the provider.

        Args:
            load_balancer_arn: the load balancer or balancers (of one region) whose tokens are
                accepted.
            client_id: the client of the authenticate action; ``None`` accepts the tokens of every
                rule of the balancer.
            issuer: the provider of the authenticate action; ``None`` likewise.
            keys_url: where the public keys are, instead of the region's own place.
            keys: a key set, instead of one that is fetched.
            fetcher: how a key is fetched.
            key_set: how it is fetched by default, such as ``{"timeout_seconds": 5}``.

        Raises:
            ConfigurationError: an argument that makes no sense.

        >>> account = "arn:aws:elasticloadbalancing:us-east-1:123456789012"
        >>> JWTVerifier.alb(
        ...     load_balancer_arn=f"{account}:loadbalancer/app/web/50dc6c495c",
        ...     client_id="orders-web",
        ...     issuer="https://issuer.example",
        ... )
        <JWTVerifier for 1 issuer(s)>

        See the guide for Application Load Balancers, "Authenticate users".
        """
        from authz_lib.tokens import load_balancer

        configuration = load_balancer.configure(
            load_balancer_arn=load_balancer_arn,
            client_id=client_id,
            issuer=issuer,
            keys_url=keys_url,
            keys=keys,
            fetcher=fetcher,
            key_set=key_set,
            options=options,
        )
        return cls._of(configuration, options)

    @classmethod
    def shared_secret(
        cls,
        *,
        secret: Secret | Sequence[Secret] | SecretSource,
        issuer: str | Iterable[str] | None,
        audience: str | Iterable[str] | None,
        algorithm: str = "HS256",
        **options: Unpack[CheckOptions],
    ) -> Self:
        """A verifier for tokens signed with a secret that issuer and verifier share.

        Args:
            secret: at least 32, 48 or 64 bytes for HS256, HS384, HS512; or a list of such, the
                current one first; or a `SecretSource`, which is read anew.
            issuer: the exact ``iss``; ``None`` accepts tokens of everyone who knows the secret.
            audience: the ``aud``; ``None`` accepts tokens that were minted for another service with
                the same secret.

        Raises:
            ConfigurationError: a weak secret, one that looks like a key file, or another argument
                that makes no sense.

        >>> secret = "correct horse battery staple, and more"
        >>> JWTVerifier.shared_secret(secret=secret, issuer=None, audience="shop")
        <JWTVerifier for any issuer>

        See RFC 7518, section 3.2.
        """
        keys = SecretKeySet(secret, algorithm=algorithm)
        return cls(issuer=issuer, audience=audience, algorithms=[algorithm], keys=keys, **options)

    @classmethod
    def any_of(cls, *verifiers: JWTVerifier, remember: int = _DEFAULT_REMEMBER) -> Self:
        """A verifier for the tokens of several issuers, each checked by its own verifier only.

        The ``iss`` of the token, not yet verified, selects among the configured verifiers; the
        selected one then checks everything, ``iss`` included.

        Raises:
            ConfigurationError: no verifier, something else, one that does not check ``iss``, or two
                for one issuer.
        """
        from authz_lib.tokens import issuers

        if not all(isinstance(verifier, JWTVerifier) for verifier in verifiers):
            raise ConfigurationError(
                "`any_of` takes verifiers, not a list of them: `any_of(*verifiers)`"
            )
        configuration = issuers.any_of([verifier.configuration for verifier in verifiers])
        return cls._of(configuration, {"remember": remember})

    @property
    def issuers(self) -> frozenset[str] | None:
        """The issuers whose tokens may pass; ``None`` when ``iss`` is not checked."""
        return self.configuration.issuers

    def verify(self, token: str) -> VerifiedToken:
        """Verify a token.

        Raises:
            InvalidTokenError: the token is malformed, unsupported, forged, expired or not meant for
                this verifier; its subclasses say which.
            InsufficientScopeError: a required scope is missing.
            AccessDeniedError: a required group is missing.
            KeySetUnavailableError: the key set could not be fetched; nothing is known about the
                token.
            DependencyError: the ``revoked`` hook failed, or a secret could not be read.
            ConfigurationError: a secret was refused, or the first one read is not usable.
        """
        digest, known = self._recall(token)
        if known is not None:
            key = known.trust.keys.find(known.token.key_id, known.algorithm)
            if key is known.key:
                if not known.valid_from <= known.trust.clock() < known.valid_until:
                    known.trust.settle(known.token, known.times)
                return known.token
        compact, trust = self._open(token)
        header = compact.header
        key = trust.keys.find(header.key_id, header.algorithm)
        try:
            return self._finish(compact, trust, key, digest)
        except InvalidSignatureError:
            newer = _newer(trust, key)
            if newer is None:
                raise
        return self._finish(compact, trust, newer, digest)

    async def averify(self, token: str) -> VerifiedToken:
        """Verify a token without blocking the event loop on a fetch or on the ``revoked`` hook.

        These two run in threads of the library's own, a fetch in one however many wait for it; all
        else runs at once.  Raises what `verify` raises.
        """
        digest, known = self._recall(token)
        if known is not None:
            trust = known.trust
            key = await find_async(trust.keys, known.token.key_id, known.algorithm)
            if key is known.key:
                await _asking(trust, partial(trust.settle, known.token, known.times))
                return known.token
        compact, trust = self._open(token)
        key = await find_async(trust.keys, compact.header.key_id, compact.header.algorithm)
        try:
            return await _asking(trust, partial(self._finish, compact, trust, key, digest))
        except InvalidSignatureError:
            if not (isinstance(trust.keys, SecretKeySet) and trust.keys.refreshes):
                raise
            newer = await WORKERS.run(partial(_newer, trust, key), lane=(id(trust.keys), None))
            if newer is None:
                raise
        return await _asking(trust, partial(self._finish, compact, trust, newer, digest))

    def prefetch(self, *, strict: bool = False) -> None:
        """Fetch the key sets and secrets now, as at a cold start; best effort unless ``strict``.

        Raises:
            DependencyError: with ``strict``, when an issuer has no key set or secret that could be
                fetched.
            ConfigurationError: a secret was refused, or is not usable.
        """
        for alternatives in self.configuration.prefetches:
            failures = []
            for keys in dict.fromkeys(alternatives):
                try:
                    keys.prefetch()
                except DependencyError as error:
                    failures.append(error)
            if strict and len(failures) == len(dict.fromkeys(alternatives)):
                raise failures[0]

    def _recall(self, token: str) -> tuple[bytes, _Known | None]:
        """What is remembered of a token, by its SHA-256 digest."""
        if self._memory is None or type(token) is not str or len(token) > MAX_TOKEN_LENGTH:
            return b"", None  # what is no token is refused in a moment
        try:
            digest = sha256(token.encode("ascii")).digest()
        except UnicodeEncodeError:
            return b"", None
        return digest, self._memory.get(digest)

    def _open(self, token: str) -> tuple[Compact, Trust]:
        """Take the token apart and find out whose rules it must meet; nothing is trusted yet."""
        compact = Compact(token, self._padded)
        algorithm = compact.header.algorithm
        if algorithm not in self._algorithms:
            raise _not_allowed(self._algorithms)
        trust = self._only
        if trust is None:
            issuer = compact.claims().get("iss")
            trust = self._by_issuer.get(issuer) if type(issuer) is str else None
            if trust is None:
                raise InvalidClaimError(
                    "`iss` is none of the configured issuers",
                    claim="iss",
                    configured={"issuer": tuple(self._by_issuer)},
                )
            if algorithm not in trust.algorithms:
                raise _not_allowed(trust.algorithms)
        if trust.header_rules is not None:
            trust.header_rules.check(compact.header.members)
        return compact, trust

    def _finish(
        self, compact: Compact, trust: Trust, key: VerificationKey, digest: bytes
    ) -> VerifiedToken:
        """The signature, then the claims, then what holds on every call."""
        header = compact.header
        compact.verify(key)
        claims = compact.claims()
        trust.rules.check(header.type, claims)
        if trust.header_rules is None:
            times, issuer = trust.time_rules.read(claims), claims.get("iss")
        else:
            times, issuer = (
                trust.header_rules.read(header.members, claims),
                header.members.get("iss"),
            )
        token = VerifiedToken(
            claims, header.members, issuer if type(issuer) is str else None, header.key_id
        )
        valid_from, valid_until = trust.window(times)
        if not valid_from <= trust.clock() < valid_until:
            trust.settle(token, times)
        if self._memory is not None:
            algorithm = header.algorithm
            known = _Known(token, times, trust, key, algorithm, valid_from, valid_until)
            self._memory.put(digest, known, weight=_ENTRY_BYTES + compact.memory())
        return token

    def __repr__(self) -> str:
        count = "any issuer" if self.issuers is None else f"{len(self.issuers)} issuer(s)"
        return f"<{type(self).__name__} for {count}>"


def _newer(trust: Trust, key: VerificationKey) -> VerificationKey | None:
    """A token does not say which secret it was signed with: perhaps a newer one."""
    keys = trust.keys
    return keys.newer_than(key) if isinstance(keys, SecretKeySet) else None


def _not_allowed(algorithms: frozenset[str]) -> InvalidAlgorithmError:
    return InvalidAlgorithmError(
        "the token's `alg` is not one of the allowed", configured={"algorithms": algorithms}
    )


async def _asking(trust: Trust, work: Callable[[], T]) -> T:
    """Do what may ask the ``revoked`` hook, which may block."""
    return work() if trust.revoked is None else await WORKERS.run(work)
