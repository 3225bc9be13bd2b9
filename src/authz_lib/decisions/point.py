"""The verbs that every policy engine has, made of the two that it must bring."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar, Unpack

from authz_lib._support.async_flight import AsyncFlights
from authz_lib._support.checks import require_known
from authz_lib._support.single_flight import SingleFlightTimeoutError
from authz_lib._support.workers import DECISION_WORKERS
from authz_lib.decisions.async_verbs import ASKED, AsyncVerbs
from authz_lib.decisions.candidates import Candidates, complete, require_allowed
from authz_lib.decisions.request import (
    AuthorizationRequest,
    Decision,
    ErrorMode,
    Question,
)
from authz_lib.errors import PolicyStoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from authz_lib.decisions.cache import CacheOptions, CacheStatistics
    from authz_lib.decisions.known_request import KnownRequest
    from authz_lib.decisions.log import DecisionLog
    from authz_lib.decisions.schema_names import SchemaNames
    from authz_lib.decisions.vocabulary import Vocabulary
    from authz_lib.entities import Entity, EntityUid
    from authz_lib.errors import AuthzError
    from authz_lib.principal import Principal

__all__ = ["CachedDecisions", "DecisionPoint"]

R = TypeVar("R", bound="EntityUid | Entity")


class DecisionPoint(AsyncVerbs, ABC):
    """May they do it?  The verbs of `VerifiedPermissions` and `CedarEngine`.

    "Could not find out" is never a no and never a yes: it is raised, as a `DependencyError`.

    A subclass brings `decide` and `decide_batch`; what they are given is checked and resolved.

    >>> from authz_lib import CedarEngine, DecisionPoint, EntityUid, Principal
    >>> def cancel(orders: DecisionPoint, caller: Principal, order_id: str) -> str:
    ...     orders.require(caller, "CancelOrder", EntityUid("Order", order_id))
    ...     return f"cancelled {order_id}"
    >>> policy = 'permit(principal == User::"alice", action, resource);'
    >>> engine = CedarEngine.from_text(policy)
    >>> cancel(engine, Principal("alice"), "1001")
    'cancelled 1001'
    """

    vocabulary: Vocabulary
    log: DecisionLog
    on_evaluation_error: ErrorMode

    @abstractmethod
    def decide(self, question: Question) -> Decision:
        """The decision for one resolved question, as Cedar makes it."""

    @abstractmethod
    def decide_batch(self, questions: Sequence[Question]) -> list[Decision | AuthzError]:
        """One decision, or the error in its place, per resolved question, in order."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """What the answers depend on besides the question: store, endpoint, version."""

    @property
    def waits(self) -> bool:
        """Whether an answer may wait for another process: never on an event loop then."""
        return True

    def recall(self, question: Question) -> Decision | None:  # noqa: ARG002
        """The remembered decision, as `decide` would give it; `None` without asking."""
        return None

    @property
    def schema_names(self) -> SchemaNames | None:
        """What its schema knows by name; `None` where this process has no schema."""
        return None

    def known(self, question: Question) -> KnownRequest | None:
        """What is known of a question but its resource; `None` where the policies are elsewhere."""
        del question
        return None

    def check(self, question: Question) -> None:
        """Refuse a question that the engine would refuse.  Raises `InvalidRequestError`."""

    def is_authorized(self, request: AuthorizationRequest) -> Decision:
        """The decision for one request.

        Raises:
            InvalidRequestError: the request breaks a limit of the engine.
            DependencyError: the engine could not be asked, see the error tree.

        >>> from authz_lib import AuthorizationRequest, CedarEngine, EntityUid
        >>> engine = CedarEngine.from_text(
        ...     "permit(principal, action == Action::\\"View\\", resource);"
        ... )
        >>> alice, document = EntityUid("User", "alice"), EntityUid("Doc", "1")
        >>> request = AuthorizationRequest(alice, "View", document)
        >>> bool(engine.is_authorized(request))
        True
        """
        question = self.resolve(request)
        return self.answer(question)

    def resolve(self, request: AuthorizationRequest) -> Question:
        """The request with everything resolved, and checked against the engine's limits."""
        question = self.vocabulary.question(request)
        self.check(question)
        return question

    def answer(self, question: Question) -> Decision:
        """Decide and report one resolved question."""
        decision = self.decide(question)
        if decision.errors:
            decision = self.settle(decision)
        self.log.report(question, decision)
        return decision

    def answer_batch(self, questions: Sequence[Question]) -> list[Decision | AuthzError]:
        """Decide and report several resolved questions."""
        return self.settle_batch(questions, self.decide_batch(questions))

    def settle_batch(
        self, questions: Sequence[Question], results: Sequence[Decision | AuthzError]
    ) -> list[Decision | AuthzError]:
        """Settle and report the decisions among the results."""
        settled = [self.settle(one) if isinstance(one, Decision) else one for one in results]
        for question, result in zip(questions, settled, strict=True):
            if isinstance(result, Decision):
                self.log.report(question, result)
        return settled

    def settle(self, decision: Decision) -> Decision:
        """Make a DENY of an ALLOW with errors: Cedar skips a `forbid` that errors."""
        if not decision.errors or not decision.allowed or self.on_evaluation_error == "cedar":
            return decision
        return Decision(
            allowed=False,
            determining_policies=decision.determining_policies,
            errors=decision.errors,
            source=decision.source,
            policy_store_id=decision.policy_store_id,
            latency_seconds=decision.latency_seconds,
            request_id=decision.request_id,
            overruled=True,
            revision=decision.revision,
            decided_at=decision.decided_at,
        )

    def batch_is_authorized(self, requests: Iterable[AuthorizationRequest]) -> list[Decision]:
        """The decisions for several requests, in their order.

        Raises:
            InvalidRequestError: a request breaks a limit; nothing is asked then.
            BatchIncompleteError: a part could not be decided; ``.results`` holds a `Decision` or an
                error per request. An error is true like any object: take
                ``isinstance(result, Decision) and result.allowed`` for a yes.
        """
        return complete(self.answer_batch([self.resolve(request) for request in requests]))

    def require(
        self,
        principal: EntityUid | Principal,
        action: str,
        resource: EntityUid | Entity,
        *,
        context: Mapping[str, object] | None = None,
        entities: Iterable[Entity] = (),
    ) -> Decision:
        """Return only if it is allowed.

        Raises:
            AccessDeniedError: it is not.
            InvalidRequestError: the request breaks a limit of the engine.
            DependencyError: the engine could not be asked.

        >>> from authz_lib import CedarEngine, EntityUid
        >>> engine = CedarEngine.from_text(
        ...     "permit(principal, action == Action::\\"View\\", resource);"
        ... )
        >>> engine.require(EntityUid("User", "a"), "Delete", EntityUid("Doc", "1"))
        Traceback (most recent call last):
            ...
        authz_lib.errors.AccessDeniedError: the policies do not allow this action on this resource
        """
        request = AuthorizationRequest(principal, action, resource, context or {}, entities)
        return require_allowed(self.is_authorized(request))

    def filter(
        self,
        principal: EntityUid | Principal,
        action: str,
        resources: Iterable[R],
        *,
        context: Mapping[str, object] | None = None,
        entities: Iterable[Entity] = (),
        on_error: Literal["raise", "omit"] = "raise",
    ) -> list[R]:
        """Those of the resources on which the action is allowed, in their order.

        Args:
            principal: who asks.
            action: the id of the action.
            resources: the candidates, ids or entities.
            context: shared by all of them.
            entities: shared by all of them.
            on_error: what becomes of a candidate that could not be decided.  ``"omit"`` leaves it
                out, so that the answer may be too short, never too long.

        Raises:
            BatchIncompleteError: with ``"raise"``, a part could not be decided; ``.results`` holds
                a `Decision` or an error per distinct resource, in order of appearance.
            InvalidRequestError: a candidate breaks a limit of the engine; nothing is asked then,
                with ``"omit"`` too.

        >>> from authz_lib import CedarEngine, EntityUid
        >>> policy = "permit(principal, action, resource == Doc::\\"2\\");"
        >>> engine = CedarEngine.from_text(policy)
        >>> documents = [EntityUid("Doc", "1"), EntityUid("Doc", "2")]
        >>> engine.filter(EntityUid("User", "a"), "View", documents)
        [EntityUid(type='Doc', id='2')]
        """
        candidates = Candidates(resources, on_error)
        requests = candidates.requests(principal, action, context or {}, entities)
        return candidates.allowed(self.answer_batch([self.resolve(one) for one in requests]))

    def is_authorized_with_token(
        self,
        action: str,
        resource: EntityUid | Entity,
        *,
        access_token: str | None = None,
        identity_token: str | None = None,
        context: Mapping[str, object] | None = None,
        entities: Iterable[Entity] = (),
    ) -> Decision:
        """The decision for the caller whom a token names; `VerifiedPermissions` only.

        Verified Permissions verifies the token, makes the principal ``<userPoolId>|<sub>`` of it,
        attributes of an ID token's claims, and ``context.token`` of an access token's.  A revoked
        token is not known to it.

        Raises:
            InvalidRequestError: neither token is given, the context holds ``token`` (which is the
                store's to fill), a limit is broken, or the engine takes no tokens.
            DependencyError: the store could not be asked.
        """
        question = self.vocabulary.token_question(
            action,
            resource,
            context=context or {},
            entities=entities,
            access_token=access_token,
            identity_token=identity_token,
        )
        self.check(question)
        return self.answer(question)

    def batch_is_authorized_with_token(
        self,
        checks: Iterable[tuple[str, EntityUid | Entity]],
        *,
        access_token: str | None = None,
        identity_token: str | None = None,
        context: Mapping[str, object] | None = None,
        entities: Iterable[Entity] = (),
    ) -> list[Decision]:
        """The decisions for several actions and resources and a token's caller, in order.

        Raises:
            InvalidRequestError: as for `is_authorized_with_token`; nothing is asked then.
            BatchIncompleteError: a part could not be decided.
        """
        shared = tuple(entities)
        questions = [
            self.vocabulary.token_question(
                action,
                resource,
                context=context or {},
                entities=shared,
                access_token=access_token,
                identity_token=identity_token,
            )
            for action, resource in checks
        ]
        for question in questions:
            self.check(question)
        return complete(self.answer_batch(questions))

    def cached(
        self,
        *,
        ttl_seconds: float = 60,
        deny_ttl_seconds: float = 5,
        **options: Unpack[CacheOptions],
    ) -> CachedDecisions:
        """This decision point with a memory in front of it, see `CachedDecisions`.

        Raises:
            ConfigurationError: an argument is wrong or unknown.
        """
        return CachedDecisions(
            self, ttl_seconds=ttl_seconds, deny_ttl_seconds=deny_ttl_seconds, **options
        )


class CachedDecisions(DecisionPoint):
    """Remembers the decisions of another decision point.  Build it with `DecisionPoint.cached`.

    An answer is remembered for the least of: the action's own time to live, else the default for
    its kind (allow or deny), and what is left of the caller's ``expires_at``.  A clock that runs
    backwards empties the memory.  Callers that ask the same question at the same time make one
    call; its failure is raised to all of them.

    It pays in front of Verified Permissions.  In front of the embedded engine a hit is several
    times faster than a decision too, but what it saves are fractions of a millisecond.

    Args:
        inner: the decision point that is asked.
        ttl_seconds: how long an allow is remembered.
        deny_ttl_seconds: how long a deny is remembered.
        options: ``ttl``: per action, how long its answers are remembered, allow and deny alike.
            ``no_cache``: actions whose answers are never remembered.  ``max_entries``: how many
            answers are held, 10,000 by default; the least recently used go first.  ``clock``:
            seconds since the epoch.

    Raises:
        ConfigurationError: a time is negative or not finite, or ``max_entries`` is not positive.

    >>> from authz_lib import AuthorizationRequest, CedarEngine, EntityUid
    >>> engine = CedarEngine.from_text("permit(principal, action, resource);")
    >>> point = engine.cached(deny_ttl_seconds=1)
    >>> alice, document = EntityUid("User", "alice"), EntityUid("Doc", "1")
    >>> request = AuthorizationRequest(alice, "View", document)
    >>> [point.is_authorized(request).source for _ in range(2)]
    ['cedar', 'cache']
    """

    def __init__(
        self,
        inner: DecisionPoint,
        *,
        ttl_seconds: float = 60,
        deny_ttl_seconds: float = 5,
        **options: Unpack[CacheOptions],
    ) -> None:
        from authz_lib.decisions.cache import CacheOptions, DecisionCache  # loads cachetools

        require_known(options, CacheOptions.__optional_keys__)
        self._inner = inner
        self._cache = DecisionCache(
            ttl_seconds=ttl_seconds, deny_ttl_seconds=deny_ttl_seconds, **options
        )
        self._flights = AsyncFlights[Decision](DECISION_WORKERS)
        self.vocabulary = inner.vocabulary
        self.log = inner.log
        self.on_evaluation_error = inner.on_evaluation_error

    def __repr__(self) -> str:
        return f"<CachedDecisions of {self._inner!r}>"

    @property
    def identity(self) -> str:
        """The inner one's."""
        return self._inner.identity

    @property
    def schema_names(self) -> SchemaNames | None:
        """The inner one's."""
        return self._inner.schema_names

    def known(self, question: Question) -> KnownRequest | None:
        """As the inner one knows it."""
        return self._inner.known(question)

    @property
    def waits(self) -> bool:
        """As the inner one waits."""
        return self._inner.waits

    @property
    def statistics(self) -> CacheStatistics:
        """Hits, misses and size at this moment."""
        return self._cache.statistics

    def check(self, question: Question) -> None:
        """As the inner decision point checks."""
        self._inner.check(question)

    def clear(self) -> None:
        """Forget everything, and what is being asked at this moment as well."""
        self._cache.clear()

    def invalidate(
        self, *, principal: EntityUid | None = None, resource: EntityUid | None = None
    ) -> int:
        """Forget the answers about this principal, this resource, or both together.

        Answers that are being asked for at this moment are not remembered either.

        Returns:
            How many there were.

        Raises:
            ConfigurationError: neither is given; `clear` forgets everything.
        """
        return self._cache.invalidate(principal, resource)

    def decide(self, question: Question) -> Decision:
        """A remembered decision, or a fresh one."""
        return self._cache.decide(question, self._inner.decide)

    def decide_batch(self, questions: Sequence[Question]) -> list[Decision | AuthzError]:
        """Remembered decisions, and one batch for the others; equal questions are asked once."""
        return self._cache.decide_batch(questions, self._inner.decide_batch)

    def recall(self, question: Question) -> Decision | None:
        """The remembered decision, if there is one."""
        return self._cache.recall(question)

    async def adecide(self, question: Question) -> Decision:
        """A remembered decision, or a fresh one; equal questions wait for one call."""
        known = self.recall(question)
        if known is not None:
            return known
        key = self._cache.flight_key(question)
        if key is None or not self.waits:
            return await super().adecide(question)
        try:
            return await self._flights.run(key, partial(self.decide, question))
        except SingleFlightTimeoutError:
            raise PolicyStoreUnavailableError(
                "the call that would have answered was interrupted"
            ) from None

    async def adecide_batch(self, questions: Sequence[Question]) -> list[Decision | AuthzError]:
        """Remembered decisions, and one batch for the others."""
        found: list[Decision | AuthzError | None] = []
        for question in questions:
            if ASKED.one_more():
                await ASKED.another()
            found.append(self.recall(question))
        missing = [one for one, known in zip(questions, found, strict=True) if known is None]
        rest = iter(await super().adecide_batch(missing) if missing else ())
        return [next(rest) if known is None else known for known in found]
