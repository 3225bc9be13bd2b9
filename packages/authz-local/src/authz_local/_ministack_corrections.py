"""Smaller corrections of ministack: mappings, principals, and the policy store's resources.

| ministack | as AWS has it |
|---|---|
| ``$context.authorizer.<key>`` of a parameter mapping is empty | the authorizer's value |
| ``aws:PrincipalArn`` of a role's session is the session | the role |
| answers ``/health`` of every host itself | an API's own route |
| knows no ``AWS::VerifiedPermissions`` types | made in the local policy store |

See the API Gateway developer guide, "Transform API requests and responses for HTTP APIs", and the
IAM user guide, "AWS global condition context keys" (``aws:PrincipalArn``).
"""

from __future__ import annotations

import json
import os
import re
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from authz_local.resource_types import MADE_HERE

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from authz_lib._support.strict_json import JSONObject

__all__ = [
    "correct_mappings",
    "correct_paths",
    "correct_principals",
    "make_policy_store_types",
]

_HEALTH = "/_ministack/health"
_AUTHORIZER = "$context.authorizer."
_SESSION = re.compile(r"arn:([^:]+):sts::(\d+):assumed-role/(.+)/[^/]+")
_ENDPOINT = "AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS"
_SECONDS = 60


def correct_paths(app: ModuleType) -> None:
    """Leave ``ministack.app`` one path for its health, which no API has.

    Raises:
        RuntimeError: ministack has another one.
    """
    module: Any = app
    if _HEALTH not in module._HEALTH_PATHS:  # noqa: SLF001
        raise RuntimeError("ministack's health is at another path")
    module._HEALTH_PATHS = (_HEALTH,)  # noqa: SLF001


def correct_mappings(http: ModuleType) -> None:
    """Replace ``_resolve_mapping_atom`` of ``ministack.services.apigateway``."""
    module: Any = http
    resolve = module._resolve_mapping_atom  # noqa: SLF001

    def resolved(expression: str, **values: Any) -> Any:
        found = resolve(expression, **values)
        if found is not None or not expression.startswith(_AUTHORIZER):
            return found
        key = expression.removeprefix(_AUTHORIZER)
        answered = values["context_vars"].get("authorizer.lambda") or {}
        return answered.get(key) if isinstance(answered, dict) else None

    module._resolve_mapping_atom = resolved  # noqa: SLF001


def correct_principals(evaluator: ModuleType) -> None:
    """Replace ``_resolve_condition_key`` of ``ministack.core.iam_evaluator``."""
    module: Any = evaluator
    resolve = module._resolve_condition_key  # noqa: SLF001

    def resolved(key: str, context: Any) -> Any:
        value = resolve(key, context)
        match = _SESSION.fullmatch(str(value)) if key.lower() == "aws:principalarn" else None
        return value if match is None else f"arn:{match[1]}:iam::{match[2]}:role/{match[3]}"

    module._resolve_condition_key = resolved  # noqa: SLF001


# -- the policy store's resources ---


def make_policy_store_types(provisioners: ModuleType) -> None:
    """Add the types to ``ministack.services.cloudformation.provisioners``.

    They are made at the endpoint that ``AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS`` names.
    """
    module: Any = provisioners
    for kind in MADE_HERE:
        module._RESOURCE_HANDLERS[kind] = _HANDLERS[kind]  # noqa: SLF001


def _call(operation: str, document: JSONObject) -> JSONObject:
    """Call the local policy store.

    Raises:
        ValueError: it refuses; CloudFormation makes of it why the resource failed.
    """
    place = urlsplit(os.environ.get(_ENDPOINT, ""))
    if not place.hostname:
        raise ValueError("there is no local policy store")
    connection = HTTPConnection(place.hostname, place.port, timeout=_SECONDS)
    try:
        target = operation if "." in operation else f"VerifiedPermissions.{operation}"
        headers = {"X-Amz-Target": target}
        connection.request("POST", "/", json.dumps(document), headers)
        answer = connection.getresponse()
        body: JSONObject = json.loads(answer.read())
    finally:
        connection.close()
    if answer.status >= 400:
        raise ValueError(f"{operation} was refused: {body.get('message')}")
    return body


def _as_the_api_has_it(value: Any) -> Any:
    """CloudFormation's names begin with a capital, the API's do not."""
    if isinstance(value, list):
        return [_as_the_api_has_it(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        f"{name[:1].lower()}{name[1:]}": _as_the_api_has_it(item) for name, item in value.items()
    }


def _create_store(_logical_id: str, properties: JSONObject, _stack: str) -> tuple[str, JSONObject]:
    given = _as_the_api_has_it({k: v for k, v in properties.items() if k not in {"Schema", "Tags"}})
    protection = properties.get("DeletionProtection")
    if isinstance(protection, dict):
        given["deletionProtection"] = protection.get("Mode")
    tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or []}
    made = _call("CreatePolicyStore", given | ({"tags": tags} if tags else {}))
    store_id = str(made["policyStoreId"])
    schema = properties.get("Schema") or {}
    text = schema.get("CedarJson") or schema.get("CedarFormat")
    if text:
        from authz_lib.testing.policy_store.targets import PUT_SCHEMA_TEXT  # loads the engine

        # The API takes JSON alone; CloudFormation takes both forms.
        _call(PUT_SCHEMA_TEXT, {"policyStoreId": store_id, "text": text})
    return store_id, {"PolicyStoreId": store_id, "Arn": made["arn"]}


def _delete_store(physical_id: str, _properties: JSONObject) -> None:
    _call("DeletePolicyStore", {"policyStoreId": physical_id})


def _creates(operation: str, member: str, *more: str) -> Callable[..., tuple[str, JSONObject]]:
    """A handler that creates what ``member`` identifies; ``more`` can be asked for too."""

    def create(_logical_id: str, properties: JSONObject, _stack: str) -> tuple[str, JSONObject]:
        made = _call(operation, _as_the_api_has_it(properties))
        names = (member, *more)
        return str(made[member]), {f"{n[0].upper()}{n[1:]}": made[n] for n in names if n in made}

    return create


def _deletes(operation: str, member: str) -> Callable[[str, JSONObject], None]:
    def delete(physical_id: str, properties: JSONObject) -> None:
        of_store = {} if member == "aliasName" else {"policyStoreId": properties["PolicyStoreId"]}
        _call(operation, {member: physical_id, **of_store})

    return delete


_HANDLERS: dict[str, dict[str, Any]] = {
    "AWS::VerifiedPermissions::PolicyStore": {"create": _create_store, "delete": _delete_store},
    "AWS::VerifiedPermissions::Policy": {
        "create": _creates("CreatePolicy", "policyId", "policyType", "policyStoreId"),
        "delete": _deletes("DeletePolicy", "policyId"),
    },
    "AWS::VerifiedPermissions::PolicyTemplate": {
        "create": _creates("CreatePolicyTemplate", "policyTemplateId", "policyStoreId"),
        "delete": _deletes("DeletePolicyTemplate", "policyTemplateId"),
    },
    "AWS::VerifiedPermissions::IdentitySource": {
        "create": _creates("CreateIdentitySource", "identitySourceId", "policyStoreId"),
        "delete": _deletes("DeleteIdentitySource", "identitySourceId"),
    },
    "AWS::VerifiedPermissions::PolicyStoreAlias": {
        "create": _creates("CreatePolicyStoreAlias", "aliasName", "aliasArn", "policyStoreId"),
        "delete": _deletes("DeletePolicyStoreAlias", "aliasName"),
    },
}
