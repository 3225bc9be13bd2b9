"""A template as it is deployed, and where its source has each part.

| file | how it is read |
|---|---|
| SAM | after AWS's own transform, offline |
| CloudFormation | as it is |
| OpenAPI | as the body of a REST API |

The folder ``cdk.out`` and nested stacks are read by `authz_lib.audit.files`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from authz_lib._support.json_file import in_one_line
from authz_lib.audit.conditions import Guard
from authz_lib.audit.intrinsics import names_in
from authz_lib.audit.neighbours import nested_files, with_local_bodies
from authz_lib.audit.origins import Origins
from authz_lib.audit.sam import is_sam, least_resources, transformed
from authz_lib.audit.stack_values import StackValues
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from authz_lib.audit.source import Source

__all__ = [
    "MAX_RESOURCES",
    "Template",
    "own_condition",
    "presence_of",
    "properties_of",
    "template_of",
]


MAX_RESOURCES: Final = 500
"""Of one template, by CloudFormation's quotas."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was read.

    Attributes:
        source: the file.
        resources: as they are deployed.
        values: parameters, mappings and conditions.
        origins: where the source has what is deployed.
        is_sam: whether the transform made the resources.
        nested: the nested stacks whose templates are beside this one, by logical id.
    """

    source: Source
    resources: dict[str, dict[str, Any]]
    values: StackValues
    origins: Origins
    is_sam: bool
    nested: dict[str, Path]

    def of_type(self, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The resources of some types, with their logical ids."""
        for name, resource in self.resources.items():
            if resource.get("Type") in kinds:
                yield name, resource

    def properties(self, name: str | None) -> dict[str, Any]:
        """The properties of a resource; empty where there is none of that name."""
        return properties_of(self.resources.get(name or ""))

    def resource_id(self, value: Any) -> str | None:
        """The logical id that a value stands for; ``None`` where it names no resource."""
        names = [value] if isinstance(value, str) else names_in(value)
        return next((name for name in names if name in self.resources), None)


def properties_of(resource: Any) -> dict[str, Any]:
    """The properties of a resource."""
    found = resource.get("Properties") if isinstance(resource, dict) else None
    return found if isinstance(found, dict) else {}


def template_of(
    source: Source, parameters: Mapping[str, str], *, overrides: Mapping[str, str] | None = None
) -> Template:
    """The template in a file that was read.

    Args:
        source: SAM, CloudFormation or OpenAPI.
        parameters: values of parameters, which decide conditions.
        overrides: values of parameters for the transform alone.

    Raises:
        ConfigurationError: it is no template, or AWS would refuse it.
    """
    name, document = source.path.name, source.document
    written = document.get("Resources")
    if isinstance(document.get("paths"), dict) and not isinstance(written, dict):
        document = _as_template(document, source.path.stem)
        written = document["Resources"]
    if not isinstance(written, dict) or not written:
        raise ConfigurationError(f"`{name}` has no `Resources`, and no `paths` of OpenAPI")
    _require_resources(written, name)
    known = {
        key: value
        for key, value in parameters.items()
        if isinstance(document.get("Parameters"), dict) and key in document["Parameters"]
    }
    values = StackValues(document, known)
    _require_conditions(document, values)
    made = document
    through_sam = is_sam(document)
    if through_sam:
        made = transformed(document, {**values.values, **(overrides or {})}, name)
    resources = {
        str(key): resource
        for key, resource in made["Resources"].items()
        if isinstance(resource, dict)
    }
    folder = source.path.parent
    resources = with_local_bodies(resources, document, folder)
    _require_no_ring(resources, name)
    nested = dict(nested_files(document, folder))
    return Template(source, resources, values, Origins(source, document), through_sam, nested)


def _as_template(document: dict[str, Any], stem: str) -> dict[str, Any]:
    return {"Resources": {stem: {"Type": _kind_of_api(document), "Properties": {"Body": document}}}}


def _kind_of_api(document: dict[str, Any]) -> str:
    """HTTP APIs have authorizers of their own kind; else it is a REST API."""
    text = str(document)
    is_http = "'jwtConfiguration'" in text or "'payloadFormatVersion'" in text
    return "AWS::ApiGatewayV2::Api" if is_http else "AWS::ApiGateway::RestApi"


def _require_resources(written: dict[str, Any], name: str) -> None:
    if max(len(written), least_resources({"Resources": written})) > MAX_RESOURCES:
        raise ConfigurationError(
            f"`{name}` has more than {MAX_RESOURCES} resources, and CloudFormation refuses it"
        )
    for key, resource in written.items():
        if str(key).startswith("Fn::"):
            continue
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise ConfigurationError(f"{in_one_line(str(key))} of `{name}` has no `Type`")


def _require_conditions(document: Mapping[str, Any], values: StackValues) -> None:
    """Read each condition once, so that a ring of them is found before anything is said."""
    conditions = document.get("Conditions")
    for name in conditions if isinstance(conditions, dict) else ():
        values.holds(str(name))


def _require_no_ring(resources: Mapping[str, dict[str, Any]], name: str) -> None:
    """Refuse resources that need each other, as CloudFormation does.

    Raises:
        ConfigurationError: names one of them.
    """
    needs = {key: _needed(resource, resources) - {key} for key, resource in resources.items()}
    done: set[str] = set()
    for first, others in needs.items():
        path: dict[str, Iterator[str]] = {first: iter(others)}
        while path:
            last = next(reversed(path))
            inner = next(path[last], None)
            if inner is None:
                done.add(last)
                del path[last]
            elif inner in path:
                raise ConfigurationError(
                    f"the resources of `{name}` need each other in a ring: {in_one_line(inner)}"
                )
            elif inner not in done:
                path[inner] = iter(needs[inner])


def _needed(resource: dict[str, Any], resources: Mapping[str, Any]) -> set[str]:
    depends = resource.get("DependsOn")
    found = {str(one) for one in (depends if isinstance(depends, list) else [depends])}
    found.update(names_in(resource.get("Properties")))
    return {one for one in found if one in resources}


def own_condition(resource: Mapping[str, Any]) -> str | None:
    """The condition under which a resource is there."""
    found = resource.get("Condition")
    return found if isinstance(found, str) else None


def presence_of(resource: Mapping[str, Any]) -> Guard:
    """The same as what must hold; always true of a resource without a condition."""
    name = own_condition(resource)
    return Guard() if name is None else Guard(((name, True),))
