"""Smithy resources: what an operation is about, and which labels of a path name it.

See https://smithy.io/2.0/spec/service-types.html#resource
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from authz_lib.smithy.shapes import shape_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.routes.uri import UriPattern

__all__ = ["Resource", "resource_in_path"]


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that an operation is bound to.

    Attributes:
        id: the shape id.
        identifiers: the names of all its identifiers.
        parent: the resource above it.
    """

    id: str
    identifiers: tuple[str, ...]
    parent: Resource | None

    @property
    def name(self) -> str:
        """The name behind the namespace."""
        return shape_name(self.id)

    @property
    def path_of_identifiers(self) -> tuple[str, ...]:
        """All identifiers, those of the outermost resource first."""
        above = self.parent.path_of_identifiers if self.parent else ()
        return tuple(
            dict.fromkeys(
                [*(name for name in above if name in self.identifiers), *self.identifiers]
            )
        )


def resource_in_path(
    resource: Resource | None, pattern: UriPattern, carried: Mapping[str, str]
) -> str | None:
    """The label that names the instance of ``resource`` in a path; None where there is none.

    The id of a nested resource is unique only below its parent.  Its label has therefore all
    identifiers, those of the outermost resource first, such as ``orderId/lineId``.

    Args:
        resource: the resource.
        pattern: the path.
        carried: the label of each identifier.

    >>> from authz_lib.routes.uri import UriPattern
    >>> order = Resource("ns#Order", ("orderId",), None)
    >>> line = Resource("ns#Line", ("orderId", "lineId"), order)
    >>> labels = {"orderId": "orderId", "lineId": "line"}
    >>> pattern = UriPattern.parse("/orders/{orderId}/lines/{line}")
    >>> resource_in_path(line, pattern, labels)
    'orderId/line'
    """
    if resource is None:
        return None
    labels = [carried.get(identifier, "") for identifier in resource.path_of_identifiers]
    greedy = {segment.text for segment in pattern.segments if segment.kind == "greedy"}
    if not labels or "" in labels or greedy.intersection(labels[:-1]):
        return None
    return "/".join(labels)
