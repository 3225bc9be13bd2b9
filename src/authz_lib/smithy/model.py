"""A Smithy model: its services, their operations, resources and errors.

It is read from the JSON AST, which ``smithy ast`` prints.  After ``smithy build`` it is in
``build/smithy/source/model/model.json``.  Smithy itself is not needed.

See https://smithy.io/2.0/spec/service-types.html and
https://smithy.io/2.0/spec/authentication-traits.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from authz_lib._support.json_file import in_one_line, read_document
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.error_shapes import ErrorShape, define
from authz_lib.smithy.operations import (
    NO_AUTH,
    NO_AUTHORIZER,
    HttpBinding,
    Operation,
    action_name,
    http_binding,
    required_scopes,
)
from authz_lib.smithy.resources import Resource
from authz_lib.smithy.shapes import MIXIN, Shapes, members, named, shape_name, targets, traits

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from authz_lib._support.strict_json import JSONObject

__all__ = [
    "NO_AUTH",
    "NO_AUTHORIZER",
    "HttpBinding",
    "Model",
    "Operation",
    "Resource",
    "ResourceForm",
    "Service",
]

ResourceForm = Literal["path", "application"]
"""What an authorizer asks about: the instance that the path names, or the whole application."""

_AUTH = "smithy.api#auth"
_AUTHORIZER = "aws.apigateway#authorizer"
_AUTHORIZERS = "aws.apigateway#authorizers"
_SCHEMES = frozenset(
    {
        "aws.auth#cognitoUserPools",
        "aws.auth#sigv4",
        "aws.auth#sigv4a",
        "smithy.api#httpApiKeyAuth",
        "smithy.api#httpBasicAuth",
        "smithy.api#httpBearerAuth",
        "smithy.api#httpDigestAuth",
    }
)
_INSTANCE_SLOTS = ("put", "read", "update", "delete")
_COLLECTION_SLOTS = ("create", "list")
_DEFAULT_STATUS = {"client": 400, "server": 500}
_MAX_BYTES = 64_000_000
_MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class _Binding:
    operation: str
    resource: Resource | None
    on_instance: bool


class Service:
    """A service of a model.  Get one from `Model.service`."""

    def __init__(self, shapes: Shapes, service_id: str) -> None:
        self.shapes = shapes
        self._shape = shapes.get(service_id, "service")
        self._traits = traits(self._shape, service_id)
        self.id = service_id

    def __repr__(self) -> str:
        return f"Service({self.id!r})"

    @property
    def name(self) -> str:
        """The name behind the namespace."""
        return shape_name(self.id)

    @property
    def is_mixin(self) -> bool:
        """Whether it is a mixin, which is a part of other services and not a service."""
        return MIXIN in self._traits

    @cached_property
    def auth_schemes(self) -> tuple[str, ...]:
        """All authentication schemes on the service, sorted."""
        return tuple(sorted(name for name in self._traits if self._is_scheme(name)))

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """All resources of the service, parents before children."""
        found: dict[str, Resource] = {}
        for root in dict.fromkeys(targets(self._shape, "resources", self.id)):
            self._collect(root, None, found, 0)
        return tuple(found.values())

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """All operations of the service, of its resources and of theirs, sorted by id."""
        bindings: dict[str, _Binding] = {}
        for binding in self._bindings():
            # Bound to two resources, it would not be known which one it is about.
            if bindings.setdefault(binding.operation, binding) != binding:
                raise ConfigurationError(
                    f"the model is broken: `{binding.operation}` is bound more than once"
                )
        return tuple(self._operation(bindings[operation_id]) for operation_id in sorted(bindings))

    def error_shape(self, error_id: str) -> ErrorShape:
        """An error of the model: its name, status, fault, and whether it may be tried again."""
        shape = self.shapes.get(error_id, "structure", wanted_by=self.id)
        found = traits(shape, error_id)
        fault: Any = found.get("smithy.api#error")
        if fault not in ("client", "server"):
            raise ConfigurationError(
                f"the model is broken: `{error_id}` must have `@error` with `client` or `server`"
            )
        status = found.get("smithy.api#httpError", _DEFAULT_STATUS[fault])
        retryable = found.get("smithy.api#retryable")
        throttling = isinstance(retryable, dict) and retryable.get("throttling") is True
        return define(
            shape_name(error_id), status, fault, retryable is not None, throttling=throttling
        )

    def error_members(self, error_id: str) -> tuple[str, ...]:
        """The names of an error's members."""
        return tuple(name for name, _ in members(self.shapes.get(error_id, "structure"), error_id))

    def _is_scheme(self, trait_id: str) -> bool:
        if trait_id in _SCHEMES:
            return True
        if trait_id not in self.shapes:
            return False
        return "smithy.api#authDefinition" in traits(self.shapes.get(trait_id, None), trait_id)

    def _collect(
        self, resource_id: str, parent: Resource | None, found: dict[str, Resource], depth: int
    ) -> None:
        if resource_id in found:  # below two others, or below itself
            raise ConfigurationError(
                f"the model is broken: `{resource_id}` is bound more than once, or its resources "
                "lead back to it"
            )
        if depth > _MAX_DEPTH:
            raise ConfigurationError(
                f"the model is broken: `{resource_id}` lies below more than {_MAX_DEPTH} resources"
            )
        shape = self.shapes.get(resource_id, "resource", wanted_by=parent.id if parent else self.id)
        identifiers = named(shape, "identifiers", resource_id)
        for name, reference in identifiers.items():
            for target in targets({"target": [reference]}, "target", f"{resource_id}${name}"):
                self.shapes.require(target, wanted_by=resource_id)
        resource = found[resource_id] = Resource(resource_id, tuple(identifiers), parent)
        for child in dict.fromkeys(targets(shape, "resources", resource_id)):
            self._collect(child, resource, found, depth + 1)

    def _bindings(self) -> Iterator[_Binding]:
        for operation in targets(self._shape, "operations", self.id):
            yield _Binding(operation, None, on_instance=False)
        for resource in self.resources:
            shape = self.shapes.get(resource.id, "resource")
            slots = {
                name: [shape[name]]
                for name in (*_INSTANCE_SLOTS, *_COLLECTION_SLOTS)
                if name in shape
            }
            for slot, on_instance in (
                *((name, True) for name in _INSTANCE_SLOTS),
                *((name, False) for name in _COLLECTION_SLOTS),
            ):
                for operation in targets(slots, slot, resource.id):
                    yield _Binding(operation, resource, on_instance)
            for operation in targets(shape, "operations", resource.id):
                yield _Binding(operation, resource, on_instance=True)
            for operation in targets(shape, "collectionOperations", resource.id):
                yield _Binding(operation, resource, on_instance=False)

    def _operation(self, binding: _Binding) -> Operation:
        operation_id = binding.operation
        wanted_by = binding.resource.id if binding.resource else self.id
        shape = self.shapes.get(operation_id, "operation", wanted_by=wanted_by)
        found = traits(shape, operation_id)
        own_auth = self._auth_list(found, operation_id)
        auth = list(self._effective_auth(own_auth))
        optional = "smithy.api#optionalAuth" in found
        if optional or not auth:
            auth.append(NO_AUTH)
        declared = own_auth if own_auth is not None else self._auth_list(self._traits, self.id)
        errors = dict.fromkeys([*self._errors, *self._references(shape, "errors", operation_id)])
        if "output" in shape:
            for target in targets({"output": [shape["output"]]}, "output", operation_id):
                self.shapes.require(target, wanted_by=operation_id)
        http = http_binding(found, operation_id)
        return Operation(
            id=operation_id,
            http=http,
            auth=tuple(auth),
            declares_public=optional or declared == [],
            errors=tuple(errors),
            readonly="smithy.api#readonly" in found,
            idempotent="smithy.api#idempotent" in found,
            action_name=action_name(found, operation_id),
            resource=binding.resource,
            on_instance=binding.on_instance,
            labels=tuple(self._labels(shape, operation_id, http)),
            scopes=required_scopes(found, operation_id),
            authorizer=self._authorizer_of(found, operation_id, binding.resource),
        )

    @cached_property
    def _errors(self) -> list[str]:
        return self._references(self._shape, "errors", self.id)

    def _references(self, shape: JSONObject, member: str, shape_id: str) -> list[str]:
        """The structures in a list of references; each is there."""
        found = targets(shape, member, shape_id)
        for target in found:
            self.shapes.get(target, "structure", wanted_by=shape_id)
        return found

    @cached_property
    def _authorizers(self) -> frozenset[str]:
        """The names that the service gives to authorizers of the gateway."""
        defined = self._traits.get(_AUTHORIZERS, {})
        if not isinstance(defined, dict):
            raise ConfigurationError(
                f"the model is broken: `@authorizers` of `{self.id}` must be an object"
            )
        for name, authorizer in defined.items():
            scheme = authorizer.get("scheme") if isinstance(authorizer, dict) else None
            if scheme not in self.auth_schemes:
                raise ConfigurationError(
                    f"the model is broken: `@authorizers` of `{self.id}` has {in_one_line(name)}, "
                    f"whose `scheme` is not on `{self.id}`"
                )
        return frozenset(defined)

    def _authorizer_of(
        self, found: JSONObject, operation_id: str, resource: Resource | None
    ) -> str | None:
        """``@authorizer`` of the operation, else of the nearest resource, else of the service.

        See https://smithy.io/2.0/aws/amazon-apigateway.html#aws-apigateway-authorizer-trait
        """
        holders = [(found, operation_id)]
        while resource is not None:
            shape = self.shapes.get(resource.id, "resource")
            holders.append((traits(shape, resource.id), resource.id))
            resource = resource.parent
        for marks, shape_id in (*holders, (self._traits, self.id)):
            name = marks.get(_AUTHORIZER)
            if name is None:
                continue
            if not isinstance(name, str):
                raise ConfigurationError(
                    f"the model is broken: `@authorizer` of `{shape_id}` must be a name"
                )
            if name != NO_AUTHORIZER and name not in self._authorizers:
                raise ConfigurationError(
                    f"the model is broken: `@authorizer` of `{shape_id}` names "
                    f"{in_one_line(name)}, which is not in `@authorizers` of `{self.id}`"
                )
            return name
        return None

    def _auth_list(self, found: JSONObject, shape_id: str) -> list[str] | None:
        schemes = found.get(_AUTH)
        if schemes is None:
            return None
        if not isinstance(schemes, list) or not all(isinstance(scheme, str) for scheme in schemes):
            raise ConfigurationError(
                f"the model is broken: `@auth` of `{shape_id}` must be a list of schemes"
            )
        for scheme in schemes:
            if scheme not in self.auth_schemes:
                raise ConfigurationError(
                    f"the model is broken: `@auth` of `{shape_id}` names {in_one_line(scheme)}, "
                    f"which is not on `{self.id}`"
                )
        return schemes

    def _effective_auth(self, own: list[str] | None) -> list[str]:
        if own is not None:
            return own
        of_service = self._auth_list(self._traits, self.id)
        return list(self.auth_schemes) if of_service is None else of_service

    def _labels(
        self, shape: JSONObject, operation_id: str, http: HttpBinding | None
    ) -> Iterator[tuple[str, str]]:
        """Each identifier and its label: the one of its name, or with ``@resourceIdentifier``."""
        if http is None:
            return
        explicit = {}
        reference = shape.get("input")
        if reference is not None:
            (input_id,) = targets({"input": [reference]}, "input", operation_id)
            self.shapes.require(input_id, wanted_by=operation_id)
            if input_id in self.shapes:
                structure = self.shapes.get(input_id, "structure", wanted_by=operation_id)
                for name, member in members(structure, input_id):
                    identifier = traits(member, f"{input_id}${name}").get(
                        "smithy.api#resourceIdentifier"
                    )
                    if isinstance(identifier, str):
                        explicit[name] = identifier
        for label in http.pattern.labels:
            yield explicit.get(label, label), label


class Model:
    """A Smithy model.

    Checked: all that is read here is there and has the right type.  Not checked: the rules of
    ``smithy validate``.

    Raises:
        ConfigurationError: the model is broken; one line says where.

    >>> model = Model({"smithy": "2.0", "shapes": {
    ...     "ns#Shop": {"type": "service", "operations": [{"target": "ns#Health"}],
    ...                 "traits": {"smithy.api#httpBearerAuth": {}}},
    ...     "ns#Health": {"type": "operation", "traits": {
    ...         "smithy.api#auth": [],
    ...         "smithy.api#http": {"method": "GET", "uri": "/health"}}}}})
    >>> [operation] = model.service("ns#Shop").operations
    >>> operation.name, operation.http.uri, operation.public
    ('Health', '/health', True)
    """

    def __init__(self, ast: JSONObject) -> None:
        self._shapes = Shapes(ast)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Read the JSON AST in a file of at most 64 MB."""
        return cls(read_document(path, "model", max_bytes=_MAX_BYTES))

    @property
    def service_ids(self) -> tuple[str, ...]:
        """The ids of all services, without mixins, sorted."""
        return tuple(sorted(self._shapes.ids("service")))

    def service(self, service_id: str | None = None) -> Service:
        """A service by its id (``com.example#Orders``) or its name (``Orders``).

        None is the only service of the model.

        Raises:
            ConfigurationError: no service or more than one is meant.  The message names those that
                there are.
        """
        known = self.service_ids
        if service_id is not None and "#" in service_id:
            if service_id not in self._shapes:
                raise ConfigurationError(
                    f"the model has no service {in_one_line(service_id)}; it has {_named(known)}"
                )
            return Service(self._shapes, service_id)
        meant = [known_id for known_id in known if service_id in {None, shape_name(known_id)}]
        if len(meant) != 1:
            asked = (
                "exactly one service"
                if service_id is None
                else f"exactly one service {in_one_line(service_id)}"
            )
            raise ConfigurationError(f"the model must have {asked}; it has {_named(known)}")
        return Service(self._shapes, meant[0])


def _named(ids: tuple[str, ...]) -> str:
    return ", ".join(f"`{one}`" for one in ids) or "none"
