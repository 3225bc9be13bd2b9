"""The verifier: from the text of a token to a `VerifiedToken`, or an error that says why not."""

from __future__ import annotations

from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, Self, TypeVar, Unpack

from authz_lib._support.memo import WeighedMemo
from authz_lib._support.workers import HOOK_WORKERS, WORKERS
from authz_lib.errors import (
    ConfigurationError,
    DependencyError,
    InvalidAlgorithmError,
    InvalidClaimError,
    InvalidSignatureError,
)
from authz_lib.tokens.jws import MAX_TOKEN_LENGTH, Compact
from authz_lib.tokens.keys import find_async
from authz_lib.tokens.presets import DEFAULT_REMEMBER, Presets
from authz_lib.tokens.shared_secret import SecretKeySet
from authz_lib.tokens.trusted_issuer import (
    CheckOptions,
    Configuration,
    VerifiedToken,
    one_issuer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from authz_lib.tokens.claims import Times
    from authz_lib.tokens.jwk import VerificationKey
    from authz_lib.tokens.keys import KeySet
    from authz_lib.tokens.trusted_issuer import Trust

__all__ = ["JWTVerifier", "VerifiedToken", "Verifier", "verify_async"]

T = TypeVar("T")

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


_new = tuple.__new__  # what a named tuple's own constructor calls


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


class JWTVerifier(Presets):
    """Verifies tokens of one issuer, strictly.  For known providers there are presets.

    | in this order | checked |
    |---|---|
    | form | size, three segments, a strict header |
    | ``alg`` | it is in the allow-list |
    | signature | with the key that the token names |
    | ``typ`` | where one is expected |
    | ``iss``, ``aud``, client | against what is configured |
    | scopes, groups | where some are required |
    | ``exp``, ``nbf``, ``iat`` | ``exp`` is required |
    | hooks | ``revoked``, then ``check`` |

    Does **not** check whether the token was revoked unless a hook says so, nor what its owner may
    do.

    A token that was verified is remembered by digest.  The next call with it checks its key, which
    must still be in the key set, its dates and the hooks; its signature was checked.

    Args:
        issuer: the exact ``iss``, or several; ``None`` accepts a token of anyone whose key is in
            ``keys``.
        audience: the ``aud``, or several of which one must be present; ``None`` accepts tokens
            meant for others.
        algorithms: the allow-list, such as ``["RS256"]``.
        keys: a :class:`~authz_lib.RemoteKeySet`, :class:`~authz_lib.StaticKeySet` or anything with
            their methods.
        client_id: the exact client of ``client_claim``, or several.
        client_claim: the claim that names the client, or several, of which the first that is there
            counts.  ``None``: ``client_id``, else ``azp``; ``aud`` where ``token_use`` is ``id``.
        typ: the expected ``typ``, such as ``"at+jwt"``; compared only when the header has one.
        all_scopes: scopes that ``scope``, or ``scp`` where there is none, must hold, all of them.
        any_scope: scopes of which it must hold one.
        any_group: groups of which ``groups_claim`` must hold one.
        groups_claim: the claim that lists the groups, or the path to it, such as
            ``"realm_access.roles"``.  If given, a token that says that its groups are elsewhere is
            refused.
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

    __slots__ = ("_algorithms", "_by_issuer", "_memory", "_only", "_padded")

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
        configuration = one_issuer(
            issuer=issuer,
            audience=audience,
            algorithms=algorithms,
            keys=keys,
            client_id=client_id,
            options=options,
        )
        self._set_up(configuration, options)

    def _set_up(self, configuration: Configuration, options: CheckOptions) -> None:
        trusts = configuration.trusts
        entries = options.get("remember", DEFAULT_REMEMBER)
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
        """What is remembered of a token, by its BLAKE2b digest, which is made in half the time."""
        memory = self._memory
        if (
            memory is None
            or type(token) is not str
            or len(token) > MAX_TOKEN_LENGTH
            or not token.isascii()
        ):
            return b"", None  # what is no token is refused in a moment
        digest = blake2b(token.encode("ascii"), digest_size=32).digest()
        return digest, memory.get(digest)

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
            claims,
            header.members,
            issuer if type(issuer) is str else None,
            header.key_id,
            trust.rules.client,
        )
        valid_from, valid_until = trust.window(times)
        if not valid_from <= trust.clock() < valid_until:
            trust.settle(token, times)
        if self._memory is not None:
            algorithm = header.algorithm
            known = _new(_Known, (token, times, trust, key, algorithm, valid_from, valid_until))
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
    return work() if trust.revoked is None else await HOOK_WORKERS.run(work)


async def verify_async(verifier: Verifier, token: str) -> VerifiedToken:
    """What ``verifier.verify`` answers or raises, without blocking the event loop.

    A verifier without an ``averify`` of its own verifies in a thread.  So does a subclass with
    another ``verify``, and a class that only hands ``averify`` on: what they check beside is asked.
    """
    for kind in type(verifier).__mro__:
        if "averify" in vars(kind):
            return await verifier.averify(token)  # type: ignore[attr-defined, no-any-return]
        if "verify" in vars(kind):
            break
    return await HOOK_WORKERS.run(partial(verifier.verify, token))
