"""Types of the action map and the errors; pyright reads this file, nobody runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, assert_type

from authz_lib import ActionMap, SmithyError
from authz_lib.actions import ActionEntry, ResolvedAction
from authz_lib.smithy import errors
from authz_lib.smithy.errors import ErrorShape
from authz_lib.smithy.gateway_responses import gateway_responses
from authz_lib.smithy.model import Model, Operation, Service

if TYPE_CHECKING:
    from authz_lib.errors import AuthzError


def actions(given: ActionMap, ast: dict[str, Any]) -> None:
    """The map."""
    assert_type(given, ActionMap)
    assert_type(ActionMap.load("actions.json"), ActionMap)
    assert_type(
        ActionMap.from_smithy(ast, service="ns#Orders", prefix="commercial", resources="path"),
        ActionMap,
    )
    ActionMap.from_smithy(ast, resources="elsewhere")  # pyright: ignore[reportArgumentType]
    found = given.resolve("GET", None, "/orders", {"a": ["b"]})
    assert_type(found, ResolvedAction | None)
    assert found.entry  # pyright: ignore[reportOptionalMemberAccess]
    if found is not None:
        assert_type(found.entry, ActionEntry)
        assert_type(found.labels, Mapping[str, str])
        assert_type(found.resource_id, str | None)
        assert_type(found.entry.scopes, frozenset[str])
        found.entry.public = True  # pyright: ignore[reportAttributeAccessIssue]


def smithy(error: AuthzError, model: Model) -> None:
    """The errors and the model."""
    assert_type(errors.not_found("m"), SmithyError)
    assert_type(errors.define("OrderLockedException", 409, "client", retryable=True), ErrorShape)
    errors.define("OrderLockedException", 409, "nobody")  # pyright: ignore[reportArgumentType]
    assert_type(errors.from_authz_error(error, denied="ForbiddenException"), SmithyError)
    errors.from_authz_error(error, denied="Nope")  # pyright: ignore[reportArgumentType]
    assert_type(errors.not_found().to_response(error_format="standard"), dict[str, Any])
    assert_type(gateway_responses("sam", headers={"X-A": "b"}), dict[str, Any])
    gateway_responses("pulumi")  # pyright: ignore[reportArgumentType]
    assert_type(model.service(), Service)
    assert_type(model.service().operations, tuple[Operation, ...])
