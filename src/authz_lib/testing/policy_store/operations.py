"""The operations of the local policy stores, with the documents and errors of the service.

All operations of the service's model are there.  What a local one leaves out:

| | |
|---|---|
| IAM | nobody is refused with ``AccessDeniedException`` |
| quotas and throttling | ``ServiceQuotaExceededException``, ``ThrottlingException``: inject them |
| eventual consistency | a change counts at once |
| deleted aliases | stay ``PendingDeletion`` until the end |
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from authz_lib.testing.policy_store.authorize import AUTHORIZE
from authz_lib.testing.policy_store.identity_sources import IDENTITY_SOURCES
from authz_lib.testing.policy_store.model import check_request, shape_answer
from authz_lib.testing.policy_store.policies import POLICIES
from authz_lib.testing.policy_store.state import OperationError, taken
from authz_lib.testing.policy_store.stores import STORES

if TYPE_CHECKING:
    from collections.abc import Callable

    from authz_lib.testing.policy_store.state import State

__all__ = ["OPERATIONS", "perform"]

OPERATIONS: dict[str, Callable[[State, dict[str, Any]], dict[str, Any]]] = dict(
    sorted({**AUTHORIZE, **IDENTITY_SOURCES, **POLICIES, **STORES}.items())
)
_MADE = {  # what a `clientToken` stands for
    "CreateIdentitySource": ("identity source", "identitySourceId"),
    "CreatePolicy": ("policy", "policyId"),
    "CreatePolicyStore": ("policy store", "policyStoreId"),
    "CreatePolicyTemplate": ("policy template", "policyTemplateId"),
}


def perform(state: State, operation: str, document: Any) -> dict[str, Any]:
    """Do one operation: its request and its answer are those of the service's model.

    Raises:
        OperationError: the service would answer with an error, or has no such operation.
    """
    handler = OPERATIONS.get(operation)
    if handler is None:
        raise OperationError(
            "UnknownOperationException", "the local endpoint does not have this operation"
        )
    check_request(operation, document)
    given = {name: value for name, value in document.items() if value is not None}
    answer = _once(state, operation, given, handler)
    return shape_answer(operation, answer)


def _once(
    state: State,
    operation: str,
    document: dict[str, Any],
    handler: Callable[[State, dict[str, Any]], dict[str, Any]],
) -> dict[str, Any]:
    """The answer; the former one where the request has the ``clientToken`` of a former one."""
    token = document.get("clientToken")
    if token is None or operation not in _MADE:
        return handler(state, document)
    text = json.dumps(document, sort_keys=True)
    if (operation, token) in state.repeated:
        former, answer = state.repeated[operation, token]
        if former != text:
            kind, member = _MADE[operation]
            raise taken("the client token was used with another request", kind, answer[member])
        return answer
    answer = handler(state, document)
    state.repeated[operation, token] = (text, answer)
    return answer
