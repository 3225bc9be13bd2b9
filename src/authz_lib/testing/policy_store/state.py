"""What the local policy stores hold, and their errors."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from authz_lib._support.own_stack import map_on_own_stack
from authz_lib.entities.wire import uid_to_avp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.decisions.policy_files import PolicySources
    from authz_lib.testing.policy_store.decisions import AuthorizationRecord, Evaluator
    from authz_lib.testing.policy_store.token_keys import TokenKeys
    from authz_lib.testing.policy_store.tokens import ReadToken, StoreIdentitySource

__all__ = [
    "ALIAS_PREFIX",
    "Alias",
    "OperationError",
    "State",
    "Store",
    "invalid",
    "missing",
    "new_id",
    "now",
    "page",
    "taken",
]

ALIAS_PREFIX = "policy-store-alias/"
_ID_LETTERS = string.ascii_letters + string.digits
_ACCOUNT_ARN = "arn:aws:verifiedpermissions::123456789012:"
_PAGE, _LARGEST_PAGE = 10, 50


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


def taken(message: str, kind: str, name: str) -> OperationError:
    """The error of a thing that is there already, as another one."""
    resource = {"resourceId": name, "resourceType": kind.replace(" ", "_").upper()}
    return OperationError("ConflictException", message, resources=[resource])


def now() -> str:
    """This moment, as the service writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id(prefix: str) -> str:
    """An id as the service makes them."""
    return prefix + "".join(secrets.choice(_ID_LETTERS) for _ in range(20))


def page(name: str, items: list[dict[str, Any]], document: Mapping[str, Any]) -> dict[str, Any]:
    """One page of a listing: 10 items by default, 50 at most.

    Raises:
        OperationError: the token is not one of ours.
    """
    start = _offset(document["nextToken"]) if document.get("nextToken") else 0
    if start > len(items):
        raise _wrong_token()
    size = min(int(document.get("maxResults") or _PAGE), _LARGEST_PAGE)
    end = start + size
    more = {}
    if end < len(items):
        more = {"nextToken": base64.b64encode(f"offset:{end}".encode()).decode()}
    return {name: items[start:end]} | more


def _offset(token: str) -> int:
    try:
        word, _, number = base64.b64decode(token, validate=True).decode().partition(":")
        if word != "offset":
            raise _wrong_token()
        return int(number)
    except (binascii.Error, ValueError):
        raise _wrong_token() from None


def _wrong_token() -> OperationError:
    return invalid("the token is not one of this listing", "nextToken")


@dataclass(slots=True)
class Store:
    """One policy store; `policies` are in the service's form, `parsed` are the same in Cedar's."""

    id: str
    mode: str = "OFF"
    description: str | None = None
    schema: str | None = None
    is_protected: bool = False
    encryption: dict[str, Any] = field(default_factory=lambda: {"default": {}})
    tags: dict[str, str] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    parsed: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)
    evaluator: Evaluator | None = None

    @property
    def arn(self) -> str:
        """The store's ARN."""
        return f"{_ACCOUNT_ARN}policy-store/{self.id}"

    def changed(self) -> None:
        """Drop what was prepared from the old content."""
        self.evaluator = None
        self.updated = now()


@dataclass(slots=True)
class Alias:
    """Another name of a store."""

    name: str
    store_id: str
    created: str = field(default_factory=now)
    is_active: bool = True

    def described(self) -> dict[str, Any]:
        """As ``GetPolicyStoreAlias`` answers it."""
        return {
            "aliasName": self.name,
            "policyStoreId": self.store_id,
            "aliasArn": f"{_ACCOUNT_ARN}{self.name}",
            "createdAt": self.created,
            "state": "Active" if self.is_active else "PendingDeletion",
        }


class State:
    """All stores, and the decisions they made."""

    def __init__(self, read_token: ReadToken | None, keys: TokenKeys) -> None:
        self.stores: dict[str, Store] = {}
        self.aliases: dict[str, Alias] = {}
        self.records: list[AuthorizationRecord] = []
        self._read_token = read_token
        self.keys = keys
        self.repeated: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        """Operation and ``clientToken``, to the request and its answer."""

    def claims_of(self, token: str, source: StoreIdentitySource) -> dict[str, Any]:
        """The claims of a token, verified unless a reader was given.

        Raises:
            AuthenticationError: the token is not the issuer's, or not for now.
            ValueError: the reader refuses it, or the issuer's keys cannot be fetched.
        """
        if self._read_token is not None:
            return self._read_token(token)
        return self.keys.verify(token, source)

    def store(self, document: Mapping[str, Any]) -> Store:
        """The store that a request names, by id or alias.

        Raises:
            OperationError: there is none, or its alias is being deleted.
        """
        name = document["policyStoreId"]
        alias = self.aliases.get(name)
        if alias is not None and alias.is_active:
            name = alias.store_id
        found = self.stores.get(name)
        if found is None:
            is_alias = name.startswith(ALIAS_PREFIX)
            raise missing("policy store alias" if is_alias else "policy store", name)
        return found

    def create_store_from(self, sources: PolicySources) -> str:
        """A store with the policies of a directory under their own ids."""
        store = Store(
            new_id("PS"), schema=sources.schema, mode="OFF" if sources.schema is None else "STRICT"
        )
        self.stores[store.id] = store
        dates = {"createdDate": store.created, "lastUpdatedDate": store.created}
        for policy in sources.policies:
            group = store.templates if policy.is_template else store.policies
            statement = policy.statement(sources.texts)
            definition = (
                {"statement": statement}
                if policy.is_template
                else {"static": {"statement": statement}}
            )
            group[policy.id] = {"definition": definition, **dates}
        parsed = map_on_own_stack(json.loads, [policy.text for policy in sources.policies])
        store.parsed.update(zip([policy.id for policy in sources.policies], parsed, strict=True))
        for link in sources.links:
            slots = {slot.lstrip("?"): uid_to_avp(uid) for slot, uid in link.values.items()}
            linked = {"templateLinked": {"policyTemplateId": link.template_id, **slots}}
            store.policies[link.id] = {"definition": linked, **dates}
        return store.id
