"""The verbs of a decision point for asyncio: what waits for a store never blocks the event loop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from authz_lib._support.turns import Turns
from authz_lib._support.workers import DECISION_WORKERS
from authz_lib.decisions.candidates import Candidates, complete, require_allowed
from authz_lib.decisions.request import AuthorizationRequest, Decision
from authz_lib.entities import Entity, EntityUid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from authz_lib.decisions.log import DecisionLog
    from authz_lib.decisions.request import Question
    from authz_lib.errors import AuthzError
    from authz_lib.principal import Principal

__all__ = ["ASKED", "AsyncVerbs"]

R = TypeVar("R", bound=EntityUid | Entity)

# A decision of the embedded engine takes fractions of a millisecond.
_BEFORE_A_PAUSE: Final = 32

_MADE_HERE: Final = Turns(_BEFORE_A_PAUSE)

ASKED: Final = Turns(128)
"""Counts the questions that are made ready or looked up."""


class AsyncVerbs:
    """What a `DecisionPoint` answers in an event loop, with what the plain verbs answer and raise.

    ================================  ========================================================
    the answer                        where it is made
    ================================  ========================================================
    is remembered                     at once
    is the embedded engine's          at once; of many, other tasks run between them
    waits for a store                 in one of 32 threads of this library, never in asyncio's
    ================================  ========================================================

    Of many that come together, each turn of the loop takes some, in their order: 128 questions are
    looked up, 32 are decided by the engine, and 16 begin to wait for a store.
    Those who ask a memory the same question at the same time wait for one call, and hold no thread.
    One who is cancelled stops waiting; a call that has begun goes on, and its answer is remembered.
    Context variables are the caller's.  ``on_decision`` of a decision log runs on the event loop.
    """

    __slots__ = ()

    if TYPE_CHECKING:  # what a `DecisionPoint` has
        log: DecisionLog

        @property
        def waits(self) -> bool: ...
        def recall(self, question: Question) -> Decision | None: ...
        def resolve(self, request: AuthorizationRequest) -> Question: ...
        def decide(self, question: Question) -> Decision: ...
        def decide_batch(self, questions: Sequence[Question]) -> list[Decision | AuthzError]: ...
        def settle(self, decision: Decision) -> Decision: ...
        def settle_batch(
            self, questions: Sequence[Question], results: Sequence[Decision | AuthzError]
        ) -> list[Decision | AuthzError]: ...

    async def ais_authorized(self, request: AuthorizationRequest) -> Decision:
        """What `is_authorized` answers or raises, without blocking the event loop.

        >>> import asyncio
        >>> from authz_lib import AuthorizationRequest, CedarEngine, EntityUid
        >>> engine = CedarEngine.from_text("permit(principal, action, resource);")
        >>> alice, document = EntityUid("User", "alice"), EntityUid("Doc", "1")
        >>> request = AuthorizationRequest(alice, "View", document)
        >>> bool(asyncio.run(engine.ais_authorized(request)))
        True
        """
        if ASKED.one_more():
            await ASKED.another()
        question = self.resolve(request)
        decision = self.recall(question)
        if decision is None:
            decision = await self.adecide(question)
        if decision.errors:
            decision = self.settle(decision)
        self.log.report(question, decision)
        return decision

    async def abatch_is_authorized(
        self, requests: Iterable[AuthorizationRequest]
    ) -> list[Decision]:
        """What `batch_is_authorized` answers or raises, without blocking the event loop."""
        questions = await self._resolved(list(requests))  # of this moment
        return complete(await self.aanswer_batch(questions))

    async def arequire(
        self,
        principal: EntityUid | Principal,
        action: str,
        resource: EntityUid | Entity,
        *,
        context: Mapping[str, object] | None = None,
        entities: Iterable[Entity] = (),
    ) -> Decision:
        """What `require` answers or raises, without blocking the event loop."""
        request = AuthorizationRequest(principal, action, resource, context or {}, entities)
        return require_allowed(await self.ais_authorized(request))

    async def afilter(
        self,
        principal: EntityUid | Principal,
        action: str,
        resources: Iterable[R],
        *,
        context: Mapping[str, object] | None = None,
        entities: Iterable[Entity] = (),
        on_error: Literal["raise", "omit"] = "raise",
    ) -> list[R]:
        """What `filter` answers or raises, without blocking the event loop."""
        candidates = Candidates(resources, on_error)
        requests = candidates.requests(principal, action, context or {}, entities)
        questions = await self._resolved(requests)
        return candidates.allowed(await self.aanswer_batch(questions))

    async def _resolved(self, requests: Iterable[AuthorizationRequest]) -> list[Question]:
        found = []
        for request in requests:
            if ASKED.one_more():
                await ASKED.another()
            found.append(self.resolve(request))
        return found

    async def aanswer_batch(self, questions: Sequence[Question]) -> list[Decision | AuthzError]:
        """Decide and report several resolved questions."""
        return self.settle_batch(questions, await self.adecide_batch(questions))

    async def adecide(self, question: Question) -> Decision:
        """What `decide` answers or raises, without blocking the event loop."""
        if not self.waits:
            if _MADE_HERE.one_more():
                await _MADE_HERE.another()
            return self.decide(question)
        return await DECISION_WORKERS.run(partial(self.decide, question))

    async def adecide_batch(self, questions: Sequence[Question]) -> list[Decision | AuthzError]:
        """What `decide_batch` answers or raises, without blocking the event loop."""
        if self.waits:
            return await DECISION_WORKERS.run(partial(self.decide_batch, questions))
        from asyncio import sleep

        found: list[Decision | AuthzError] = []
        for start in range(0, len(questions), _BEFORE_A_PAUSE):
            if start:
                await sleep(0)
            found += self.decide_batch(questions[start : start + _BEFORE_A_PAUSE])
        return found
