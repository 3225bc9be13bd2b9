"""The candidate never changes, fails or hides an answer of the trusted side."""

from __future__ import annotations

import asyncio
import logging
import os

import pytest

from authz_lib import AuthorizationRequest, CedarEngine, DecisionPoint, EntityUid
from authz_lib.decisions import Decision, DecisionLog, ShadowDecisions, ShadowStatistics
from authz_lib.errors import (
    ConfigurationError,
    InvalidRequestError,
    PolicyStoreUnavailableError,
)

ALICE, PAGE = EntityUid("User", "alice"), EntityUid("Page", "1")
READ = AuthorizationRequest(ALICE, "Read", PAGE)
PERMIT, FORBID = "permit(principal, action, resource);", "forbid(principal, action, resource);"
# Cedar skips the `forbid`, since `context.level` is not there: an ALLOW with errors.
ERRS = PERMIT + "forbid(principal, action, resource) when { context.level > 1 };"


class PanicException(BaseException):
    """What a crash of the embedded engine looks like."""


def silent(text=PERMIT, **options):
    return CedarEngine.from_text(text, decision_log=DecisionLog(logger=None), **options)


class Candidate(DecisionPoint):
    """Does one thing when it is asked, and writes down that it was."""

    def __init__(self, behave, *, check=None):
        self.vocabulary = silent().vocabulary
        self.log = DecisionLog(logger=None)
        self.on_evaluation_error = "deny"
        self._behave, self._check = behave, check
        self.asked = 0

    @property
    def identity(self):
        return "candidate"

    def check(self, question):
        if self._check is not None:
            raise self._check

    def decide(self, question):
        self.asked += 1
        return self._behave()

    def decide_batch(self, questions):
        self.asked += len(questions)
        found = self._behave()
        return found if isinstance(found, list) else [found] * len(questions)


def raising(error):
    def behave():
        raise error

    return behave


@pytest.mark.parametrize(
    ("trusted", "candidate", "kind"),
    [
        (PERMIT, PERMIT, "same"),
        (FORBID, FORBID, "same"),
        (FORBID, PERMIT, "opens"),
        (PERMIT, FORBID, "closes"),
        (PERMIT, ERRS, "closes"),
        (ERRS, PERMIT, "opens"),
        (ERRS, ERRS, "same"),
    ],
)
@pytest.mark.parametrize("batch", [False, True])
def test_what_a_candidate_would_change(trusted, candidate, kind, batch):
    results = []
    point = ShadowDecisions(silent(trusted), silent(candidate), on_result=results.append)
    alone = silent(trusted).is_authorized(READ)
    decision = point.batch_is_authorized([READ])[0] if batch else point.is_authorized(READ)
    assert decision.allowed is alone.allowed
    (result,) = results
    assert (result.kind, result.action, result.resource_type) == (kind, "Read", "Page")
    assert result.trusted.allowed is alone.allowed
    assert result.candidate.allowed is silent(candidate).is_authorized(READ).allowed
    assert getattr(point.statistics, kind) == 1
    assert "alice" not in repr(result)


def test_a_candidate_that_keeps_cedars_meaning_of_an_error_is_compared_so():
    results = []
    candidate = silent(ERRS, on_evaluation_error="cedar")
    ShadowDecisions(silent(), candidate, on_result=results.append).is_authorized(READ)
    assert results[0].kind == "same"


FAULTS = {
    "throttled": (raising(PolicyStoreUnavailableError("slow down")), "policy_store_unavailable"),
    "refused": (raising(InvalidRequestError("too long")), "invalid_request"),
    "crash of Python": (raising(ZeroDivisionError("alice")), "unexpected"),
    "crash of the engine": (raising(PanicException("alice")), "unexpected"),
    "out of memory": (raising(MemoryError()), "unexpected"),
    "no stack": (raising(RecursionError()), "unexpected"),
    "nothing": (lambda: None, "unexpected"),
    "a word": (lambda: "ALLOW", "unexpected"),
    "true": (lambda: True, "unexpected"),
    "a word for the answer": (lambda: Decision("ALLOW"), "unexpected"),
    "no answer": (lambda: Decision(None), "unexpected"),
    "errors of a wrong type": (lambda: Decision(None, (), 5), "unexpected"),
    "an error in place of an answer": (
        lambda: PolicyStoreUnavailableError("a part"),
        "policy_store_unavailable",
    ),
}


@pytest.mark.parametrize("trusted", [PERMIT, FORBID])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_candidate_changes_nothing(name, trusted):
    behave, code = FAULTS[name]
    results = []
    candidate = Candidate(behave)
    point = ShadowDecisions(silent(trusted), candidate, on_result=results.append)
    expected = silent(trusted).is_authorized(READ).allowed
    assert point.is_authorized(READ).allowed is expected
    assert point.batch_is_authorized([READ])[0].allowed is expected
    assert candidate.asked == 2
    assert [(result.kind, result.error) for result in results] == [("error", code)] * 2
    assert all(result.candidate is None for result in results)
    assert point.statistics == ShadowStatistics(same=0, opens=0, closes=0, error=2)


@pytest.mark.parametrize("found", [[], [Decision(allowed=False)] * 3])
def test_a_batch_of_another_length_is_an_error(found):
    point = ShadowDecisions(silent(), Candidate(lambda: found))
    assert [d.allowed for d in point.batch_is_authorized([READ, READ])] == [True, True]
    assert point.statistics.error == 2


def test_a_limit_of_the_candidate_is_its_error():
    candidate = Candidate(lambda: Decision(allowed=True), check=InvalidRequestError("too long"))
    point = ShadowDecisions(silent(), candidate)
    assert point.is_authorized(READ)
    assert all(point.batch_is_authorized([READ]))
    assert (point.statistics.error, candidate.asked) == (2, 0)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(3), GeneratorExit(), asyncio.CancelledError()]
)
def test_what_ends_the_process_or_the_task_is_not_swallowed(error):
    point = ShadowDecisions(silent(), Candidate(raising(error)))
    with pytest.raises(type(error)):
        point.is_authorized(READ)
    with pytest.raises(type(error)):
        point.batch_is_authorized([READ])


def test_the_candidate_is_asked_after_the_trusted_side_and_not_when_that_fails():
    candidate = Candidate(lambda: Decision(allowed=True))
    down = Candidate(raising(PolicyStoreUnavailableError("down")))
    point = ShadowDecisions(down, candidate)
    with pytest.raises(PolicyStoreUnavailableError):
        point.is_authorized(READ)
    assert candidate.asked == 0
    assert point.statistics == ShadowStatistics(0, 0, 0, 0)


def test_an_error_in_place_of_a_trusted_answer_is_not_compared():
    trusted = Candidate(lambda: [Decision(allowed=True), PolicyStoreUnavailableError("down")])
    candidate = Candidate(lambda: Decision(allowed=True))
    point = ShadowDecisions(trusted, candidate)
    assert point.answer_batch([point.resolve(READ)] * 2)[0]
    assert (candidate.asked, point.statistics.same) == (1, 1)


@pytest.mark.parametrize(
    ("sample", "drawn", "asked"),
    [(0, 0.0, 0), (1, 0.999, 1), (0.25, 0.249, 1), (0.25, 0.25, 0), (1.0, 0.5, 1)],
)
def test_the_sample(sample, drawn, asked):
    candidate = Candidate(lambda: Decision(allowed=True))
    point = ShadowDecisions(silent(), candidate, sample=sample, random=lambda: drawn)
    point.is_authorized(READ)
    assert candidate.asked == asked
    point.batch_is_authorized([READ])
    assert candidate.asked == 2 * asked


def test_only_the_trusted_side_is_logged(caplog):
    caplog.set_level(logging.INFO)
    point = ShadowDecisions(CedarEngine.from_text(PERMIT), CedarEngine.from_text(FORBID))
    point.is_authorized(READ)
    (line,) = caplog.messages
    assert '"decision":"ALLOW"' in line


def test_a_failing_report_is_named_and_changes_nothing(caplog):
    def on_result(result):
        raise ValueError("alice")

    point = ShadowDecisions(silent(), silent(), on_result=on_result)
    assert point.is_authorized(READ)
    assert caplog.messages == ["`on_result` failed: ValueError"]


def test_a_memory_in_front_compares_what_is_not_remembered():
    candidate = Candidate(lambda: Decision(allowed=True))
    point = ShadowDecisions(silent(), candidate).cached()
    assert [point.is_authorized(READ).source for _ in range(3)] == ["cedar", "cache", "cache"]
    assert candidate.asked == 1


def test_it_is_the_trusted_side_to_others():
    schema = "entity User; entity Page; action Read appliesTo {principal: User, resource: Page};"
    trusted = silent(PERMIT)
    point = ShadowDecisions(trusted, silent(FORBID, schema=schema))
    assert (point.identity, point.schema_names) == (trusted.identity, None)
    assert point.require(ALICE, "Read", PAGE)
    assert point.filter(ALICE, "Read", [PAGE]) == [PAGE]
    assert repr(point).startswith("<ShadowDecisions of <CedarEngine")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_counts_on():
    point = ShadowDecisions(silent(), silent())
    point.is_authorized(READ)
    with point._lock:
        child = os.fork()
        if child == 0:
            os._exit(point.statistics.same)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"trusted": None},
        {"candidate": "engine"},
        {"candidate": CedarEngine},
        {"sample": -0.1},
        {"sample": 1.1},
        {"sample": True},
        {"sample": float("nan")},
        {"on_result": 5},
        {"random": 0.5},
    ],
)
def test_wrong_arguments(arguments):
    given = {"trusted": silent(), "candidate": silent()} | arguments
    with pytest.raises(ConfigurationError):
        ShadowDecisions(given.pop("trusted"), given.pop("candidate"), **given)


@pytest.mark.parametrize(
    "option",
    [
        {"action_type": "Shop::Action"},
        {"principal_type": "Caller"},
        {"group_type": "Team"},
        {"principal_id": "pool|sub"},
    ],
)
def test_two_sides_of_one_vocabulary_only(option):
    with pytest.raises(ConfigurationError, match="one question"):
        ShadowDecisions(silent(), silent(**option))
