"""Other policies, or another engine, beside the trusted one: what would change?"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from random import SystemRandom
from threading import Lock
from typing import TYPE_CHECKING, Literal, TypeAlias

from authz_lib._support.checks import is_seconds, require_function
from authz_lib._support.fork import reset_in_child
from authz_lib.decisions.point import DecisionPoint
from authz_lib.decisions.request import Decision
from authz_lib.errors import AuthzError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from authz_lib.decisions.known_request import KnownRequest
    from authz_lib.decisions.request import Question
    from authz_lib.decisions.schema_names import SchemaNames

__all__ = ["ShadowDecisions", "ShadowKind", "ShadowResult", "ShadowStatistics"]

_LOGGER = logging.getLogger("authz_lib.shadow")

ShadowKind: TypeAlias = Literal["same", "opens", "closes", "error"]
"""What the candidate would do to an answer.

==========  ==========================================
``same``    nothing
``opens``   the trusted side denies, the candidate allows
``closes``  the trusted side allows, the candidate denies
``error``   the candidate gave no decision
==========  ==========================================
"""

_CHANGES: dict[tuple[bool, bool], ShadowKind] = {
    (True, True): "same",
    (False, False): "same",
    (False, True): "opens",
    (True, False): "closes",
}


@dataclass(frozen=True, slots=True)
class ShadowResult:
    """What one question showed.  It names neither the caller nor the resource.

    Attributes:
        kind: what the candidate would change.
        action: the id of the action.
        resource_type: the Cedar type of the resource.
        trusted: the answer that was given.
        candidate: the answer that was compared with it, or ``None``.
        error: the code of the candidate's error, ``unexpected`` for one that is not of this
            library, or ``None``.
    """

    kind: ShadowKind
    action: str
    resource_type: str
    trusted: Decision
    candidate: Decision | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ShadowStatistics:
    """How many answers were compared, by what the candidate would have changed."""

    same: int
    opens: int
    closes: int
    error: int


class ShadowDecisions(DecisionPoint):
    """The trusted side answers; the candidate is asked as well, and only compared.

    Put it in front of the policies that decide today before others take over: Verified Permissions
    beside the embedded engine, or tomorrow's policies beside today's.

    =================================  =========================================================
    the candidate                      what happens
    =================================  =========================================================
    answers                            it is compared with the answer, and counted
    fails, or gives no `Decision`      counted as ``error``; the answer stays
    is remote and slow                 it delays the answer until its own deadline at most
    is in this process and slow        it delays the answer: nothing can interrupt it
    =================================  =========================================================

    It is asked after the trusted answer is known, inside the same call, with the question that the
    trusted side was asked, for the sampled share of the questions.  When the trusted side fails,
    nothing is compared.  Its decisions are not reported to its own decision log.

    ``ShadowDecisions(...).cached()`` remembers the trusted answers, and compares those that are
    not remembered.

    Args:
        trusted: the decision point whose answers count.
        candidate: the decision point that is tried.  Both must make the same Cedar types and ids
            of a caller and an action.
        sample: the share of the questions, from 0 to 1, that the candidate is asked as well.
        on_result: called with each `ShadowResult`.  What it raises is logged by name at WARNING
            (logger ``authz_lib.shadow``) and changes no answer.
        random: a number from 0 up to 1, for the sample; by default the operating system's, which
            two copies of a process do not share.

    Raises:
        ConfigurationError: an argument is wrong, or the two do not speak of the same types.

    >>> from authz_lib import AuthorizationRequest, CedarEngine, EntityUid
    >>> today = CedarEngine.from_text("permit(principal, action, resource);")
    >>> tomorrow = CedarEngine.from_text("forbid(principal, action, resource);")
    >>> point = ShadowDecisions(today, tomorrow)
    >>> alice, page = EntityUid("User", "alice"), EntityUid("Page", "1")
    >>> bool(point.is_authorized(AuthorizationRequest(alice, "Read", page)))
    True
    >>> point.statistics
    ShadowStatistics(same=0, opens=0, closes=1, error=0)
    """

    def __init__(
        self,
        trusted: DecisionPoint,
        candidate: DecisionPoint,
        *,
        sample: float = 1.0,
        on_result: Callable[[ShadowResult], object] | None = None,
        random: Callable[[], float] | None = None,
    ) -> None:
        for name, side in (("trusted", trusted), ("candidate", candidate)):
            checked: object = side
            if not isinstance(checked, DecisionPoint):
                raise ConfigurationError(f"`{name}` must be a `DecisionPoint`")
        if trusted.vocabulary.terms != candidate.vocabulary.terms:
            raise ConfigurationError(
                "`trusted` and `candidate` must have one `action_type`, `principal_type`, "
                "`group_type` and `principal_id`: they are asked one question"
            )
        if not is_seconds(sample, most=1.0):
            raise ConfigurationError("`sample` must be a number from 0 to 1")
        require_function(on_result, "on_result", optional=True)
        require_function(random, "random", optional=True)
        self.vocabulary = trusted.vocabulary
        self.log = trusted.log
        self.on_evaluation_error = trusted.on_evaluation_error
        self._trusted = trusted
        self._candidate = candidate
        self._sample = sample
        self._on_result = on_result
        self._random = SystemRandom().random if random is None else random
        self._counts: dict[ShadowKind, int] = {"same": 0, "opens": 0, "closes": 0, "error": 0}
        self.reset()
        reset_in_child(self)

    def __repr__(self) -> str:
        return f"<ShadowDecisions of {self._trusted!r} beside {self._candidate!r}>"

    def reset(self) -> None:
        """A free lock, as after a fork; the counts go on."""
        self._lock = Lock()

    @property
    def identity(self) -> str:
        """The trusted one's."""
        return self._trusted.identity

    @property
    def waits(self) -> bool:
        """When one of the two does."""
        return self._trusted.waits or self._candidate.waits

    @property
    def schema_names(self) -> SchemaNames | None:
        """The trusted one's."""
        return self._trusted.schema_names

    def known(self, question: Question) -> KnownRequest | None:
        """As the trusted one knows it."""
        return self._trusted.known(question)

    @property
    def statistics(self) -> ShadowStatistics:
        """The counts at this moment."""
        with self._lock:
            return ShadowStatistics(**self._counts)

    def check(self, question: Question) -> None:
        """As the trusted decision point checks."""
        self._trusted.check(question)

    def decide(self, question: Question) -> Decision:
        """The trusted decision."""
        decision = self._trusted.decide(question)
        if self._is_sampled():
            self._compare(question, decision, self._ask(question))
        return decision

    def decide_batch(self, questions: Sequence[Question]) -> list[Decision | AuthzError]:
        """The trusted decisions; those of the candidate that are sampled are asked as one batch."""
        results = self._trusted.decide_batch(questions)
        sampled = [
            (question, result)
            for question, result in zip(questions, results, strict=True)
            if isinstance(result, Decision) and self._is_sampled()
        ]
        if sampled:
            found = self._ask_all([question for question, _ in sampled])
            for (question, decision), candidate in zip(sampled, found, strict=True):
                self._compare(question, decision, candidate)
        return results

    async def adecide(self, question: Question) -> Decision:
        """The trusted decision, with the candidate's beside it."""
        decision = await self._trusted.adecide(question)
        if self._is_sampled():
            try:
                self._candidate.check(question)
                found = self._settled(await self._candidate.adecide(question))
            except BaseException as error:  # noqa: BLE001
                found = _failure(error)
            self._compare(question, decision, found)
        return decision

    def _is_sampled(self) -> bool:
        # `random` gives no number below 0, so a share of 0 asks never.
        return self._sample == 1.0 or self._random() < self._sample

    def _ask(self, question: Question) -> object:
        """What the candidate gives: its settled decision, or whatever came instead."""
        try:
            self._candidate.check(question)
            return self._settled(self._candidate.decide(question))
        except BaseException as error:  # noqa: BLE001
            return _failure(error)

    def _ask_all(self, questions: Sequence[Question]) -> Sequence[object]:
        try:
            for question in questions:
                self._candidate.check(question)
            found = [self._settled(one) for one in self._candidate.decide_batch(questions)]
        except BaseException as error:  # noqa: BLE001
            return [_failure(error)] * len(questions)
        return found if len(found) == len(questions) else [None] * len(questions)

    def _settled(self, found: object) -> object:
        return self._candidate.settle(found) if isinstance(found, Decision) else found

    def _compare(self, question: Question, decision: Decision, found: object) -> None:
        """Count what the candidate would change, and report it; raises nothing of its own."""
        trusted = self.settle(decision) if decision.errors else decision
        candidate, error = None, None
        if type(found) is Decision and type(found.allowed) is bool:
            candidate = found
            kind = _CHANGES[trusted.allowed, found.allowed]
        else:
            kind = "error"
            error = found.code if isinstance(found, AuthzError) else "unexpected"
        with self._lock:
            self._counts[kind] += 1
        if self._on_result is not None:
            action, resource = question.action.id, question.resource.type
            self._report(ShadowResult(kind, action, resource, trusted, candidate, error))

    def _report(self, result: ShadowResult) -> None:
        if self._on_result is None:
            return
        try:
            self._on_result(result)
        except Exception as error:  # noqa: BLE001
            _LOGGER.warning("`on_result` failed: %s", type(error).__name__)


def _failure(error: BaseException) -> BaseException:
    """The candidate's failure.  What ends this process or this task is raised again.

    A crash of the embedded engine is a `BaseException` by the name of ``PanicException``.
    """
    if isinstance(error, Exception) or type(error).__name__ == "PanicException":
        return error
    raise error
