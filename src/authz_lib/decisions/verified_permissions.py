"""Amazon Verified Permissions as a decision point."""

from __future__ import annotations

import json
import re
from copy import copy
from time import perf_counter
from typing import TYPE_CHECKING, Any

from authz_lib._support.checks import (
    require_clock,
    require_count,
    require_flag,
    require_one_of,
    require_optional_text,
)
from authz_lib._support.clock import Clock, system_clock
from authz_lib.decisions.avp_batch import plan
from authz_lib.decisions.avp_client import AVPClient, AVPResponse, Boto3Client, ThinClient
from authz_lib.decisions.avp_errors import malformed
from authz_lib.decisions.log import log_of
from authz_lib.decisions.point import DecisionPoint
from authz_lib.decisions.request import Decision, ErrorMode, Question
from authz_lib.decisions.vocabulary import Vocabulary
from authz_lib.entities import canonical_json, uid_to_avp, value_from_avp, value_to_avp
from authz_lib.errors import AuthzError, ConfigurationError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from authz_lib.decisions.log import DecisionLog
    from authz_lib.entities import Entity, EntityUid
    from authz_lib.principal import PrincipalIdForm

__all__ = ["VerifiedPermissions"]

_STORE_ID = re.compile(r"[a-zA-Z0-9/_-]{1,200}")
_MAX_REQUEST_BYTES = 1_000_000
_MAX_TOKEN_LENGTH = 131_072
_DECISIONS = {"ALLOW": True, "DENY": False}


class VerifiedPermissions(DecisionPoint):
    """Asks a policy store of Amazon Verified Permissions.

    Every limit of the service that can be checked here is checked before the call.  Answers are
    read strictly: what is not plainly ``ALLOW`` is never allowed.  A change of the policies reaches
    the service's answers within seconds.

    Args:
        policy_store_id: the id, or ``policy-store-alias/<name>``.
        client: a boto3 client for ``verifiedpermissions``; its own timeouts and retries apply
            (botocore's defaults are 60 s and three attempts: set about 1 s, 2 s and 2).  By default
            the thin client of this library.
        region: for the thin client; by default from the environment.
        endpoint_url: for the thin client; by default from the environment, then the Region's.
            ``https`` (``http`` for loopback only; a `ThinClient` with ``require_https=False`` goes
            without).
        action_type: ``"Action"``, or with a namespace ``"Shop::Action"``.
        principal_type: the type that a `Principal` has in the policies.
        group_type: the type that its groups have.
        principal_id: how its id is made, see `authz_lib.principal.PrincipalIdForm`; ``"pool|sub"``
            is the form that the service itself makes of Cognito tokens.
        on_evaluation_error: what an ALLOW means that came with evaluation errors.  Cedar skips a
            ``forbid`` that errs, so by default it is a DENY; ``"cedar"`` keeps it.
        decision_log: where decisions are reported to.
        parallel_calls: how many calls of a batch may be under way at a time.
        ids_in_conditions: whether a condition of the store's policies may name an entity by its
            id, such as ``Order::"7".owner``.  ``False`` promises that none does: then resources
            with attributes are asked about 30 a call, otherwise one by one.
        revision: what the policies of the store are called in decisions and in the decision log,
            such as the commit that was deployed.  The service names none.
        clock: seconds since the epoch.

    Raises:
        ConfigurationError: an argument is wrong, there is no Region, or the endpoint is not
            ``https``.

    See "IsAuthorized" and "BatchIsAuthorized" in the Verified Permissions API reference, and its
    quotas.

    >>> VerifiedPermissions("PSEXAMPLEabcdefg111111", region="eu-west-1")
    <VerifiedPermissions PSEXAMPLEabcdefg111111>
    """

    def __init__(
        self,
        policy_store_id: str,
        *,
        client: Any = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        action_type: str = "Action",
        principal_type: str = "User",
        group_type: str = "Group",
        principal_id: PrincipalIdForm = "sub",
        on_evaluation_error: ErrorMode = "deny",
        decision_log: DecisionLog | None = None,
        parallel_calls: int = 4,
        ids_in_conditions: bool = True,
        revision: str | None = None,
        clock: Clock = system_clock,
    ) -> None:
        if not _is_store_id(policy_store_id):  # `os.environ.get` of what is not set
            raise ConfigurationError(
                "`policy_store_id` must be the id of a policy store, or `policy-store-alias/<name>`"
            )
        require_one_of(on_evaluation_error, "on_evaluation_error", ("deny", "cedar"))
        if client is not None and (region is not None or endpoint_url is not None):
            raise ConfigurationError(
                "`region` and `endpoint_url` are the client's own when `client` is given"
            )
        require_count(parallel_calls, "parallel_calls")
        require_flag(ids_in_conditions, "ids_in_conditions")
        self.revision = require_optional_text(revision, "revision")
        self._clock = require_clock(clock)
        self.vocabulary = Vocabulary(
            action_type=action_type,
            principal_type=principal_type,
            group_type=group_type,
            principal_id=principal_id,
        )
        self.policy_store_id = policy_store_id
        self.on_evaluation_error = on_evaluation_error
        self.log = log_of(decision_log)
        self._parallel = parallel_calls
        self._ids_in_conditions = ids_in_conditions
        self._client = _client(client, region, endpoint_url)

    def __repr__(self) -> str:
        return f"<VerifiedPermissions {self.policy_store_id}>"

    @property
    def identity(self) -> str:
        """The endpoint and the store."""
        return f"{self._client.endpoint}\n{self.policy_store_id}"

    def check(self, question: Question) -> None:
        """Refuse a token that the service would refuse.

        Ids, types and values are checked where they are built.

        Raises:
            InvalidRequestError: a token is empty or too long.
        """
        for name, token in (
            ("accessToken", question.access_token),
            ("identityToken", question.identity_token),
        ):
            if token is not None and not 0 < len(token) <= _MAX_TOKEN_LENGTH:
                raise InvalidRequestError(
                    f"`{name}` must have 1 to {_MAX_TOKEN_LENGTH} characters", field=name
                )

    def decide(self, question: Question) -> Decision:
        """Ask the service once."""
        operation = "IsAuthorized" if question.principal is not None else "IsAuthorizedWithToken"
        parameters = {"policyStoreId": self.policy_store_id} | _tokens(question) | _item(question)
        parameters |= _entities(question.entities)
        started = perf_counter()
        answer = self._call(operation, parameters)
        return self._decision(answer.document, answer, perf_counter() - started)

    def decide_batch(self, questions: Sequence[Question]) -> list[Decision | AuthzError]:
        """Ask in as few calls as the service's limits allow, several at a time."""
        chunks = plan(questions, ids_in_conditions=self._ids_in_conditions)
        results: dict[int, Decision | AuthzError] = {}
        if len(chunks) <= 1 or self._parallel == 1:
            answered = [self._ask(questions, chunk.numbers, chunk.entities) for chunk in chunks]
        else:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(min(self._parallel, len(chunks))) as threads:
                answered = list(
                    threads.map(
                        lambda chunk: self._ask(questions, chunk.numbers, chunk.entities), chunks
                    )
                )
        for chunk, decisions in zip(chunks, answered, strict=True):
            results |= zip(chunk.numbers, decisions, strict=True)
        return [results[number] for number in range(len(questions))]

    def _ask(
        self,
        questions: Sequence[Question],
        numbers: Sequence[int],
        entities: Mapping[EntityUid, Entity],
    ) -> list[Decision | AuthzError]:
        try:
            if len(numbers) == 1:
                return [self.decide(questions[numbers[0]])]
            return self._ask_batch([questions[number] for number in numbers], entities.values())
        except _TooLargeError as error:
            if len(numbers) == 1:
                return [error]
            middle = len(numbers) // 2
            return [
                result
                for half in (numbers[:middle], numbers[middle:])
                for result in self._ask(
                    questions, half, _entities_of(questions[number] for number in half)
                )
            ]
        except AuthzError as error:
            return [copy(error) for _ in numbers]  # none shares its traceback with another

    def _ask_batch(
        self, questions: Sequence[Question], entities: Iterable[Entity]
    ) -> list[Decision | AuthzError]:
        items = [_item(question) for question in questions]
        # One call has one principal or one resource: all have these tokens, or none.
        tokens = _tokens(questions[0])
        parameters = (
            {"policyStoreId": self.policy_store_id}
            | tokens
            | {"requests": items}
            | _entities(entities)
        )
        started = perf_counter()
        answer = self._call(
            "BatchIsAuthorizedWithToken" if tokens else "BatchIsAuthorized", parameters
        )
        seconds = perf_counter() - started
        results = answer.document.get("results")
        if not isinstance(results, list) or len(results) != len(items):
            raise malformed()
        for item, result in zip(items, results, strict=True):
            if not isinstance(result, dict) or not _echoes(item, result.get("request")):
                raise malformed()
        return [self._decision(result, answer, seconds) for result in results]

    def _call(self, operation: str, parameters: Mapping[str, Any]) -> AVPResponse:
        body = json.dumps(parameters, separators=(",", ":"), ensure_ascii=False).encode()
        if len(body) > _MAX_REQUEST_BYTES:
            raise _TooLargeError(
                f"the request has more than {_MAX_REQUEST_BYTES} bytes", field="entities"
            )
        return self._client.call(operation, parameters, body)

    def _decision(
        self, document: Mapping[str, Any], answer: AVPResponse, seconds: float
    ) -> Decision:
        """Read strictly: anything but the two words, or lists that are not there, is no answer."""
        word = document.get("decision")
        policies, errors = document.get("determiningPolicies"), document.get("errors")
        if not isinstance(word, str) or word not in _DECISIONS:
            raise malformed()
        return Decision(
            allowed=_DECISIONS[word],
            determining_policies=_texts(policies, "policyId"),
            errors=_texts(errors, "errorDescription"),
            source="verified_permissions",
            policy_store_id=self.policy_store_id,
            latency_seconds=seconds,
            request_id=answer.request_id,
            revision=self.revision,
            decided_at=self._clock(),
        )


def _is_store_id(value: object) -> bool:
    return isinstance(value, str) and _STORE_ID.fullmatch(value) is not None


def _texts(items: object, name: str) -> tuple[str, ...]:
    """One text of each object of a list, sorted."""
    if not isinstance(items, list):
        raise malformed()
    texts = [item.get(name) if isinstance(item, dict) else None for item in items]
    if not all(isinstance(text, str) for text in texts):
        raise malformed()
    return tuple(sorted(map(str, texts)))


class _TooLargeError(InvalidRequestError):
    """A request that is too large: of a batch, a half may be small enough."""


def _entities_of(questions: Iterable[Question]) -> dict[EntityUid, Entity]:
    return {entity.uid: entity for question in questions for entity in question.entities}


def _client(client: Any, region: str | None, endpoint_url: str | None) -> AVPClient:
    if client is None:
        return ThinClient(region=region, endpoint_url=endpoint_url)
    return client if isinstance(client, (ThinClient, Boto3Client)) else Boto3Client(client)


def _tokens(question: Question) -> dict[str, Any]:
    tokens = {"accessToken": question.access_token, "identityToken": question.identity_token}
    return {name: token for name, token in tokens.items() if token is not None}


def _item(question: Question) -> dict[str, Any]:
    item: dict[str, Any] = (
        {} if question.principal is None else {"principal": uid_to_avp(question.principal)}
    )
    item["action"] = {"actionType": question.action.type, "actionId": question.action.id}
    item["resource"] = uid_to_avp(question.resource)
    if question.context:
        item["context"] = {
            "contextMap": {name: value_to_avp(value) for name, value in question.context.items()}
        }
    return item


def _entities(entities: Iterable[Entity]) -> dict[str, Any]:
    listed = [entity.to_avp() for entity in entities]
    return {"entities": {"entityList": listed}} if listed else {}


def _echoes(asked: Mapping[str, Any], echo: object) -> bool:
    """Whether an answer's copy of the question is the question that was asked."""
    if not isinstance(echo, dict) or any(
        echo.get(name) != asked.get(name) for name in ("principal", "action", "resource")
    ):
        return False
    try:
        return _context_text(asked) == _context_text(echo)
    except (AuthzError, TypeError, AttributeError):
        return False


def _context_text(item: Mapping[str, Any]) -> str:
    values = item.get("context", {}).get("contextMap", {})
    return canonical_json(value_from_avp({"record": values}))
