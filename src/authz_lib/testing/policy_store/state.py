"""What the local policy stores hold, and their errors."""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from authz_lib._support.own_stack import run_on_own_stack
from authz_lib.entities.wire import uid_to_avp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.decisions.policy_files import PolicySources
    from authz_lib.testing.policy_store.decisions import AuthorizationRecord, Evaluator
    from authz_lib.testing.policy_store.tokens import ReadToken

__all__ = ["OperationError", "State", "Store", "invalid", "missing", "new_id", "now"]

_ID_LETTERS = string.ascii_letters + string.digits


class OperationError(Exception):
    """An error answer: its code, its message and its further members."""

    def __init__(self, code: str, message: str, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.members = members


def invalid(message: str, path: str = "") -> OperationError:
    """The error of a request that the service would refuse."""
    return OperationError(
        "ValidationException", message, fieldList=[{"path": path, "message": message}]
    )


def missing(kind: str, name: str) -> OperationError:
    """The error of a thing that is not there."""
    return OperationError(
        "ResourceNotFoundException",
        f"no such {kind}",
        resourceId=name,
        resourceType=kind.replace(" ", "_").upper(),
    )


def now() -> str:
    """This moment, as the service writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id(prefix: str) -> str:
    """An id as the service makes them."""
    return prefix + "".join(secrets.choice(_ID_LETTERS) for _ in range(20))


@dataclass(slots=True)
class Store:
    """One policy store; `policies` are in the service's form, `parsed` are the same in Cedar's."""

    id: str
    mode: str = "OFF"
    description: str | None = None
    schema: str | None = None
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    parsed: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)
    evaluator: Evaluator | None = None

    def changed(self) -> None:
        """Drop what was prepared from the old content."""
        self.evaluator = None
        self.updated = now()


class State:
    """All stores, and the decisions they made."""

    def __init__(self, read_token: ReadToken) -> None:
        self.stores: dict[str, Store] = {}
        self.aliases: dict[str, str] = {}
        self.records: list[AuthorizationRecord] = []
        self.read_token = read_token

    def store(self, document: Mapping[str, Any]) -> Store:
        """The store that a request names, by id or alias."""
        name = document["policyStoreId"]
        found = self.stores.get(self.aliases.get(name, name))
        if found is None:
            raise missing("policy store", name)
        return found

    def create_store_from(self, sources: PolicySources) -> str:
        """A store with the policies of a directory under their own ids."""
        store = Store(
            new_id("PS"), schema=sources.schema, mode="OFF" if sources.schema is None else "STRICT"
        )
        self.stores[store.id] = store
        for policy in sources.policies:
            group = store.templates if policy.is_template else store.policies
            statement = policy.statement(sources.texts)
            definition = (
                {"statement": statement}
                if policy.is_template
                else {"static": {"statement": statement}}
            )
            group[policy.id] = {"definition": definition, "createdDate": store.created}
            store.parsed[policy.id] = run_on_own_stack(partial(json.loads, policy.text))
        for link in sources.links:
            slots = {slot.lstrip("?"): uid_to_avp(uid) for slot, uid in link.values.items()}
            linked = {"templateLinked": {"policyTemplateId": link.template_id, **slots}}
            store.policies[link.id] = {"definition": linked, "createdDate": store.created}
        return store.id
