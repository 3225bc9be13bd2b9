"""Key sets: where the public keys of an issuer come from, and for how long they are believed.

The method ``find(kid, alg)`` answers with a prepared key, or raises

- ``UnknownKeyError`` (401): a set that was fetched for this question does not hold the key;
- ``KeySetUnavailableError`` (503): it could not find out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from authz_lib._support.workers import WORKERS
from authz_lib.errors import ConfigurationError, InvalidAlgorithmError, UnknownKeyError
from authz_lib.tokens.jwk import InvalidJWKError, KeyTable, load_jwk_set
from authz_lib.tokens.key_set_document import any_json_object, without_usable_key

if TYPE_CHECKING:
    from authz_lib.tokens.jwk import VerificationKey

__all__ = ["BundledKeySet", "KeySet", "StaticKeySet"]


class KeySet(Protocol):
    """The keys of one issuer."""

    def find(self, key_id: str | None, algorithm: str) -> VerificationKey:
        """The key of that ``kid`` that fits that ``alg``."""
        ...

    def peek(self, key_id: str | None, algorithm: str) -> VerificationKey | None:
        """The key when :meth:`find` would neither fetch nor wait for it; never raises."""
        ...

    def prefetch(self) -> None:
        """Fetch now what a first token would fetch."""
        ...


@runtime_checkable
class AsyncKeySet(Protocol):
    """A key set that says itself how an event loop waits for it."""

    async def afind(self, key_id: str | None, algorithm: str) -> VerificationKey:
        """What `KeySet.find` answers."""
        ...


async def find_async(keys: KeySet, key_id: str | None, algorithm: str) -> VerificationKey:
    """What ``keys.find`` answers or raises, without blocking the event loop.

    Of any other key set one ``kid`` is looked for at a time, in one thread.
    """
    key = keys.peek(key_id, algorithm)
    if key is not None:
        return key
    if isinstance(keys, AsyncKeySet):
        return await keys.afind(key_id, algorithm)
    return await WORKERS.run(partial(keys.find, key_id, algorithm), lane=(id(keys), key_id))


def refuse_without_fetch(table: KeyTable, key_id: str | None) -> None:
    """Raise when a fetch could not help.

    The set knows the ``kid`` but has not one key of it for this ``alg``, or the token names none.
    """
    if table.names(key_id):
        raise InvalidAlgorithmError(
            "the token's `alg` does not fit its key, or two keys of the set share its `kid`"
        )
    if key_id is None:
        raise UnknownKeyError("the token names no key (`kid`)")


def unknown_key(table: KeyTable, **configured: object) -> UnknownKeyError:
    """The refusal of a token whose key is not in a whole set."""
    unused = len(table.skipped)
    more = f"; {unused} of its entries cannot be used" if unused else ""
    return UnknownKeyError(
        f"the key set does not hold the token's key{more}", configured=configured
    )


class StaticKeySet:
    """A key set that never changes: from a JWK Set document, one JWK, or a file that holds either.

    A weak, symmetric, private or malformed key is a :class:`~authz_lib.errors.ConfigurationError`.
    A key of an unknown ``kty`` or for another ``use`` is skipped.

    Args:
        document: a JWK Set (``{"keys": [...]}``) or one JWK as a mapping, or the path of a JSON
            file.
        allow_missing_kid: let a JWK without ``kid``, or a token without one, use the only key of
            the set.

    Raises:
        ConfigurationError: the document cannot be read, holds a bad key, or no usable one.

    >>> from authz_lib.testing.issuer import TestIssuer
    >>> StaticKeySet(TestIssuer(algorithm="ES256").jwks())
    <StaticKeySet of 1 key(s)>

    See RFC 7517, section 5.
    """

    __slots__ = ("_table",)

    def __init__(
        self, document: Mapping[str, Any] | str | Path, *, allow_missing_kid: bool = False
    ) -> None:
        content = _read_file(Path(document)) if isinstance(document, str | Path) else document
        if not isinstance(content, Mapping):
            raise ConfigurationError("a key set is a mapping, or the path of a file")
        if "keys" not in content and "kty" in content:
            content = {"keys": [content]}
        try:
            table = load_jwk_set(
                _plain(content), max_keys=1000, allow_missing_kid=allow_missing_kid
            )
        except InvalidJWKError as error:
            raise ConfigurationError(f"not a usable key set: {error}") from None
        for problem in table.skipped:
            if not problem.foreign:
                raise ConfigurationError(
                    f"not a usable key set: `keys[{problem.position}]`: {problem}"
                )
        if not table.is_usable:
            raise ConfigurationError(without_usable_key(table))
        self._table = table

    def find(self, key_id: str | None, algorithm: str) -> VerificationKey:
        """The key of that ``kid`` that fits that ``alg``.

        Raises:
            UnknownKeyError: the set does not hold the ``kid``.
            InvalidAlgorithmError: the set holds the ``kid``, but not one key for this ``alg``.
        """
        table = self._table
        key = table.by_name.get((key_id, algorithm)) or table.find(key_id, algorithm)
        if key is not None:
            return key
        refuse_without_fetch(self._table, key_id)
        raise unknown_key(self._table)

    def peek(self, key_id: str | None, algorithm: str) -> VerificationKey | None:
        """The key, or ``None``; never raises."""
        return self._table.find(key_id, algorithm)

    def prefetch(self) -> None:
        """Nothing to do."""

    def holds(self, key_id: str | None) -> bool:
        """Whether the set holds a key of that ``kid``."""
        return self._table.names(key_id)

    def __repr__(self) -> str:
        return f"<StaticKeySet of {len(self._table)} key(s)>"


def _plain(document: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        plain = json.loads(json.dumps(document, default=dict))
    except (TypeError, ValueError, RecursionError):
        raise ConfigurationError("the key set is not a JSON document") from None
    return plain if isinstance(plain, dict) else {}


def _read_file(path: Path) -> Mapping[str, Any]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"the key set file could not be read: {error.strerror}") from None
    except ValueError:  # a path that holds a NUL
        raise ConfigurationError("the key set file could not be read: no such path") from None
    try:
        return any_json_object(content, "a key set", what="the key set file")
    except InvalidJWKError as error:
        raise ConfigurationError(str(error)) from None


class BundledKeySet:
    """Keys that are shipped with the code, then a remote set for a ``kid`` they do not hold.

    For a VPC without a way out.  Tokens of the bundled keys verify without any fetch, for as long
    as the bundle is deployed.  Only a ``kid`` that is not bundled asks the remote set.  It is
    **not** noticed when the issuer withdraws a bundled key.

    >>> from authz_lib import RemoteKeySet
    >>> from authz_lib.testing.issuer import TestIssuer
    >>> bundled = StaticKeySet(TestIssuer(algorithm="ES256").jwks())
    >>> BundledKeySet(bundled, then=RemoteKeySet("https://example.com/jwks.json"))
    <BundledKeySet: <StaticKeySet of 1 key(s)>, then <RemoteKeySet at host example.com>>
    """

    __slots__ = ("_bundled", "_then")

    def __init__(self, bundled: StaticKeySet, *, then: KeySet) -> None:
        self._bundled = bundled
        self._then = then

    def find(self, key_id: str | None, algorithm: str) -> VerificationKey:
        """The bundled key, else what the remote set says; raises as they do."""
        return self._of(key_id).find(key_id, algorithm)

    def peek(self, key_id: str | None, algorithm: str) -> VerificationKey | None:
        """The key, when it is bundled or fresh; never raises and never waits."""
        return self._of(key_id).peek(key_id, algorithm)

    async def afind(self, key_id: str | None, algorithm: str) -> VerificationKey:
        """What `find` answers or raises, without blocking the event loop."""
        return await find_async(self._of(key_id), key_id, algorithm)

    def prefetch(self) -> None:
        """Nothing to do: what is bundled is enough to start with."""

    def _of(self, key_id: str | None) -> KeySet:
        return self._bundled if key_id is None or self._bundled.holds(key_id) else self._then

    def __repr__(self) -> str:
        return f"<BundledKeySet: {self._bundled!r}, then {self._then!r}>"
