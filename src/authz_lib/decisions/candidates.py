"""What `filter` and `require` make of decisions, whoever waits for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from authz_lib.decisions.request import AuthorizationRequest, Decision
from authz_lib.entities import Entity
from authz_lib.entities.values import freeze_record
from authz_lib.errors import AccessDeniedError, BatchIncompleteError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from authz_lib.entities import EntityUid
    from authz_lib.errors import AuthzError
    from authz_lib.principal import Principal

__all__ = ["Candidates", "complete", "require_allowed"]

R = TypeVar("R", bound="EntityUid | Entity")


def require_allowed(decision: Decision) -> Decision:
    """The decision, if it is a yes.

    Raises:
        AccessDeniedError: it is a no.
    """
    if not decision.allowed:
        raise AccessDeniedError("the policies do not allow this action on this resource")
    return decision


def complete(results: Sequence[Decision | AuthzError]) -> list[Decision]:
    """The decisions, if there is one for every question.

    Raises:
        BatchIncompleteError: an error stands in place of one.
    """
    decisions = [result for result in results if isinstance(result, Decision)]
    if len(decisions) != len(results):
        raise BatchIncompleteError("a part of the batch could not be decided", results=results)
    return decisions


class Candidates(Generic[R]):
    """The resources that `filter` is given; equal ones are asked about once."""

    __slots__ = ("_is_strict", "_keys", "_resources", "_unique")

    def __init__(self, resources: Iterable[R], on_error: Literal["raise", "omit"]) -> None:
        if on_error not in {"raise", "omit"}:
            raise ConfigurationError("`on_error` must be `raise` or `omit`")
        self._is_strict = on_error == "raise"
        self._resources = list(resources)
        self._keys = [_identity(resource) for resource in self._resources]
        self._unique: dict[Any, R] = {}
        for key, resource in zip(self._keys, self._resources, strict=True):
            self._unique.setdefault(key, resource)

    def requests(
        self,
        principal: EntityUid | Principal,
        action: str,
        context: Mapping[str, object],
        entities: Iterable[Entity],
    ) -> Iterator[AuthorizationRequest]:
        """One request per distinct resource, in order of appearance.

        What is shared is read at once: whoever takes the requests one by one, asks one question.
        """
        shared, frozen = tuple(entities), freeze_record(context, where="context")
        return (
            AuthorizationRequest(principal, action, resource, frozen, shared)
            for resource in self._unique.values()
        )

    def allowed(self, results: Sequence[Decision | AuthzError]) -> list[R]:
        """The resources whose result is a yes, in their order.

        Raises:
            BatchIncompleteError: with ``"raise"``, an error stands in place of a decision.
        """
        if self._is_strict:
            complete(results)
        yes = {
            key
            for key, result in zip(self._unique, results, strict=True)
            if isinstance(result, Decision) and result.allowed
        }
        return [
            resource
            for key, resource in zip(self._keys, self._resources, strict=True)
            if key in yes
        ]


def _identity(resource: EntityUid | Entity) -> object:
    return resource.canonical_text if isinstance(resource, Entity) else resource
