"""Tokens that are refused before they expire: a list in DynamoDB.

The table has the partition key ``id`` (text) and the time-to-live attribute ``expires_at``.  An
``id`` is a digest: the table names nobody.
"""

from __future__ import annotations

import json
import logging
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from authz_lib._support.checks import (
    require_clock,
    require_count,
    require_one_of,
    require_seconds,
    require_text,
)
from authz_lib._support.clock import system_clock
from authz_lib._support.fork import reset_in_child
from authz_lib._support.memo import Memo
from authz_lib._support.single_flight import SingleFlight, SingleFlightTimeoutError
from authz_lib.errors import AuthzError, ConfigurationError, DependencyError
from authz_lib.principal import distinct_issuers
from authz_lib.transport.aws_codes import LATER_CODES
from authz_lib.transport.boto3_client import bounded_client
from authz_lib.transport.deadline import within
from authz_lib.transport.fetch import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authz_lib._support.clock import Clock
    from authz_lib.tokens import VerifiedToken

__all__ = ["OnFailure", "RevokedTokens"]

OnFailure: TypeAlias = Literal["closed", "open"]
"""When the table does not answer: ``closed`` refuses with 503, ``open`` lets the token pass."""

_log = logging.getLogger("authz_lib.tokens")

_Kind: TypeAlias = Literal["token", "sign-in", "subject"]
_WEEK: Final = 7 * 86_400.0
_YEAR: Final = 366 * 86_400.0
_LATEST: Final = 2**53
_CONNECT_SECONDS: Final = 1.0
_READ_SECONDS: Final = 1.0
_ATTEMPTS: Final = 2
_TOTAL_SECONDS: Final = 3.0


class _Names(NamedTuple):
    """What a token can be listed by, and when it was issued."""

    ids: tuple[str, ...]  # of the token, of its sign-in, of its subject
    subject: str | None  # the one of them that is the subject's
    issued_at: float | None


_Asked: TypeAlias = tuple[_Names, int]
"""The names, and how often this process had revoked something."""


class RevokedTokens:
    """The hook ``revoked=`` of a `JWTVerifier`, and the commands that fill its table.

    | revoked | refused from then on |
    |---|---|
    | a token | the token with that ``jti`` |
    | a sign-in | every token with that ``origin_jti``: all that a refresh token has given |
    | a subject | every token of it that was issued up to that time, or does not say when |

    Each is within one issuer: two may give one ``jti``.  A user pool and an Entra tenant have two
    issuers each, which count as one.  A token is looked up by all three in one
    strongly consistent read.  What was found is remembered for ``remember_seconds``: so long may a
    revoked token still pass, in every process.  The process that revokes forgets at once.

    A token that has none of the three claims is refused: nobody could revoke it.

    When the table does not answer, the next question to it waits for 1 to 30 seconds.

    Args:
        table_name: the table.
        on_failure: ``"closed"``: a `DependencyError`, when the table does not answer.  ``"open"``:
            the token passes, and a line at WARNING says so (logger ``authz_lib.tokens``).
        client: a boto3 client for ``dynamodb``, whose own timeouts apply.  By default one with 1 s
            to connect, 1 s to read, two attempts, and 3 s for everything together.
        remember_seconds: 0 to 3600.
        max_entries: of how many tokens it is remembered.
        jti_claim: the claim that names a token; Entra calls it ``uti``.
        sign_in_claim: the claim that names a sign-in; of Entra and Keycloak it is ``sid``.
        clock: seconds since the epoch.

    Raises:
        ConfigurationError: an argument makes no sense.

    >>> revoked = RevokedTokens("revoked-tokens", on_failure="closed")
    >>> revoked
    <RevokedTokens in revoked-tokens>

    Needs ``dynamodb:BatchGetItem``, and ``dynamodb:UpdateItem`` to revoke.  See
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
    """

    __slots__ = (
        "__weakref__",
        "_backoff",
        "_claims",
        "_client",
        "_clock",
        "_flights",
        "_given",
        "_known",
        "_max_entries",
        "_on_failure",
        "_remember_seconds",
        "_revision",
        "_table",
    )

    def __init__(
        self,
        table_name: str,
        *,
        on_failure: OnFailure,
        client: Any = None,
        remember_seconds: float = 10.0,
        max_entries: int = 10_000,
        jti_claim: str = "jti",
        sign_in_claim: str = "origin_jti",
        clock: Clock = system_clock,
    ) -> None:
        self._table = require_text(table_name, "table_name")
        require_one_of(on_failure, "on_failure", ("closed", "open"))
        self._on_failure = on_failure
        self._remember_seconds = require_seconds(remember_seconds, "remember_seconds", most=3600)
        self._max_entries = require_count(max_entries, "max_entries")
        self._claims = (
            require_text(jti_claim, "jti_claim"),
            require_text(sign_in_claim, "sign_in_claim"),
        )
        self._clock = require_clock(clock)
        self._given = client
        self._flights = SingleFlight[bool]()
        self._revision = 0
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Start with nothing remembered and no connection, as after a fork."""
        self._client = self._given
        self._backoff = Backoff()
        # From when until when an answer holds, and the answer.
        self._known: Memo[_Asked, tuple[float, float, bool]] = Memo(max_entries=self._max_entries)

    def __repr__(self) -> str:
        return f"<RevokedTokens in {self._table}>"

    def __call__(self, token: VerifiedToken) -> bool:
        """Whether the token is refused.

        Raises:
            DependencyError: the table did not answer, with ``on_failure="closed"``.
            ConfigurationError: the table refused, or is not there.
        """
        names = self._names(token)
        if not names.ids:
            return True
        now = self._clock()
        # An answer from before this process revoked something is no answer any more.
        asked = names, self._revision
        known = self._known.get(asked)
        if known is not None and known[0] <= now < known[1]:
            return known[2]
        try:
            return self._flights.run(asked, lambda: self._ask(asked, now))
        except SingleFlightTimeoutError:
            return self._failed("interrupted")
        except DependencyError as error:
            return self._failed(str(error))

    def revoke_token(self, jti: str, *, issuer: str | None, expires_at: float) -> None:
        """Refuse one token, until it expires.

        Raises:
            ConfigurationError: an argument makes no sense, ``expires_at`` has passed, or the table
                refused.
            DependencyError: the table did not answer; the token may be revoked or not.
        """
        self._put("token", issuer, jti, self._ahead(expires_at), up_to=None)

    def revoke_sign_in(self, name: str, *, issuer: str | None, expires_at: float) -> None:
        """Refuse every token of one sign-in, until the last of them expires.

        Raises what `revoke_token` raises.
        """
        self._put("sign-in", issuer, name, self._ahead(expires_at), up_to=None)

    def revoke_subject(
        self,
        subject: str,
        *,
        issuer: str | None,
        up_to: float | None = None,
        lifetime_seconds: float = _WEEK,
    ) -> None:
        """Refuse every token of a subject that was issued until now, or up to another time.

        What is listed already stays: the later time counts, and the entry that lives longer.

        Args:
            subject: ``sub``.
            issuer: whose subject it is.
            up_to: seconds since the epoch; a token issued in that second is refused too.
            lifetime_seconds: how long a token of this issuer lives at most; then the entry goes.

        Raises what `revoke_token` raises.
        """
        moment = self._clock() if up_to is None else up_to
        lifetime = require_seconds(lifetime_seconds, "lifetime_seconds", most=_YEAR)
        self._put("subject", issuer, subject, _moment(moment, "up_to") + lifetime, up_to=moment)

    def _ahead(self, expires_at: float) -> float:
        """When an entry may go; the table would forget at once what has ended."""
        if not _moment(expires_at, "expires_at") > self._clock():
            raise ConfigurationError(
                "`expires_at` has passed: it is seconds since the epoch, and no duration"
            )
        return expires_at

    def _names(self, token: VerifiedToken) -> _Names:
        claims, issuer = token.claims, token.issuer
        jti, sign_in = (claims.get(name) for name in self._claims)
        named: tuple[tuple[_Kind, Any], ...] = (
            ("token", jti),
            ("sign-in", sign_in),
            ("subject", claims.get("sub")),
        )
        ids = {kind: _id(kind, issuer, name) for kind, name in named if type(name) is str and name}
        issued_at = claims.get("iat")
        is_time = type(issued_at) in {int, float}
        return _Names(tuple(ids.values()), ids.get("subject"), issued_at if is_time else None)

    def _ask(self, asked: _Asked, now: float) -> bool:
        names, _ = asked
        if self._backoff.holds(now):
            raise DependencyError("the table did not answer shortly before")
        try:
            found = self._read(names.ids)
        except DependencyError:
            self._backoff.note_failure(self._clock())
            raise
        self._backoff.reset()
        revoked = _is_revoked(names, found)
        self._known.put(asked, (now, now + self._remember_seconds, revoked))
        return revoked

    def _failed(self, reason: str) -> bool:
        what = f"whether a token is revoked could not be found out: {reason}"
        if self._on_failure == "closed":
            raise DependencyError(what)
        _log.warning("%s; it passes", what)
        return False

    def _read(self, ids: tuple[str, ...]) -> list[Mapping[str, Any]]:
        asked = {
            self._table: {"Keys": [{"id": {"S": name}} for name in ids], "ConsistentRead": True}
        }
        items: list[Mapping[str, Any]] = []
        for _ in range(_ATTEMPTS):
            answer = self._call("batch_get_item", RequestItems=asked)
            items += _listed(answer)
            asked = answer.get("UnprocessedKeys") or {}
            if not asked:
                return items
        raise DependencyError("the table took not all keys")

    def _put(
        self, kind: _Kind, issuer: str | None, name: str, expires_at: float, *, up_to: float | None
    ) -> None:
        """List one name; what is listed already and holds for longer stays."""
        require_text(name, "name")
        until = int(_moment(expires_at, "expires_at")) + 1
        key = _id(kind, issuer, name)
        values: dict[str, dict[str, str]] = {":kind": {"S": kind}, ":until": {"N": str(until)}}
        if up_to is not None:
            self._update(
                key,
                "SET kind = :kind, up_to = :up_to, expires_at = if_not_exists(expires_at, :until)",
                "attribute_not_exists(id) OR up_to < :up_to",
                values | {":up_to": {"N": repr(up_to)}},
            )
        self._update(
            key,
            "SET kind = :kind, expires_at = :until",
            "attribute_not_exists(id) OR expires_at < :until",
            values,
        )
        self._revision += 1
        self._known.clear()

    def _update(
        self, key: str, update: str, condition: str, values: Mapping[str, Mapping[str, str]]
    ) -> None:
        self._call(
            "update_item",
            passing="ConditionalCheckFailedException",
            TableName=self._table,
            Key={"id": {"S": key}},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
        )

    def _call(self, method: str, *, passing: str = "", **arguments: Any) -> Mapping[str, Any]:
        """What DynamoDB answers; nothing where it refuses with the code ``passing``."""
        what = f"table `{self._table}`"
        call = self._bound(method, what)
        try:
            answer = call(**arguments)
        except AuthzError:
            raise
        # Its text may quote the request; its name does not.
        except Exception as error:  # noqa: BLE001
            code, status = _refused(error)
            if code and code == passing:
                return {}
            is_refused = status is not None and 400 <= status < 500 and status != 429
            settled = is_refused and code not in _LATER_CODES
            kind = ConfigurationError if settled else DependencyError
            raise kind(f"{what} did not answer ({code or type(error).__name__})") from None
        if not isinstance(answer, dict):
            raise DependencyError(f"{what}: the answer is not understood")
        return answer

    def _bound(self, method: str, what: str) -> Callable[..., Any]:
        if self._given is not None:
            found: Callable[..., Any] = getattr(self._given, method)
            return found
        if self._client is None:
            self._client = bounded_client(
                "dynamodb",
                f"{what} cannot be asked",
                connect_seconds=_CONNECT_SECONDS,
                read_seconds=_READ_SECONDS,
                attempts=_ATTEMPTS,
            )
        made = getattr(self._client, method)
        return lambda **arguments: within(_TOTAL_SECONDS, lambda: made(**arguments))


# Of DynamoDB, this one passes too: too many operations on tables at a time.
_LATER_CODES: Final = LATER_CODES | {"LimitExceededException"}


def _listed(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The items of the one table that was asked, whether it is called by its name or its ARN.

    Raises:
        DependencyError: there is no list, which is not an empty one.
    """
    lists = answer.get("Responses")
    if not isinstance(lists, dict) or not all(isinstance(one, list) for one in lists.values()):
        raise DependencyError("the answer of the table is not understood")
    return [item for one in lists.values() for item in one]


def _is_revoked(names: _Names, items: list[Mapping[str, Any]]) -> bool:
    for item in items:
        if item.get("id", {}).get("S") != names.subject:
            return True
        up_to = float(item.get("up_to", {}).get("N", "inf"))
        if names.issued_at is None or not names.issued_at > up_to:
            return True
    return False


def _refused(error: Exception) -> tuple[str, int | None]:
    """The code and the status of a botocore ``ClientError``."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return "", None
    code = response.get("Error", {}).get("Code")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return str(code or ""), status if isinstance(status, int) else None


def _id(kind: _Kind, issuer: str | None, name: str) -> str:
    (issuer,) = distinct_issuers(frozenset({issuer})) if issuer else (issuer,)
    text = json.dumps([kind, issuer, name], separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def _moment(value: object, argument: str) -> float:
    if type(value) not in {int, float} or not 0 <= value < _LATEST:  # type: ignore[operator]
        raise ConfigurationError(f"`{argument}` must be seconds since the epoch")
    return value  # type: ignore[return-value]
