"""URI patterns: what ``@http(uri: ...)`` and the route of an API Gateway API mean.

A pattern begins with ``/`` and has whole segments: literals, labels ``{id}``, and at most one
greedy label ``{key+}``.  Query literals may follow: ``?k`` or ``?k=v``.

https://smithy.io/2.0/spec/http-bindings.html#http-trait
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Segment", "SegmentKind", "UriPattern"]

SegmentKind = Literal["literal", "label", "greedy"]
"""A literal is matched as it is; a label takes one segment, a greedy one the rest."""

_LABEL = re.compile(r"\{([A-Za-z0-9._:-]+)(\+?)\}")
_LITERAL = re.compile(r"[!$&'()*+,;=:@A-Za-z0-9._~-]+")
_QUERY_WORD = re.compile(r"[!$'()*+,;:@/?A-Za-z0-9._~-]*")
_RANK: dict[str, int] = {"literal": 0, "label": 1, "greedy": 2}
_END = 3  # after the last segment: of two patterns with one beginning, the longer comes first
_PRINTABLE = re.compile(r"[!-~]*")
_MAX_CHARACTERS = 2048
_MAX_SEGMENTS = 64


class Segment(NamedTuple):
    """One segment of a pattern: a literal's text, or a label's name."""

    kind: SegmentKind
    text: str


@dataclass(frozen=True, slots=True)
class UriPattern:
    """A parsed pattern.  Make one with `parse`.

    Attributes:
        path: the path without the query literals and without a trailing slash.
        segments: literals and labels.
        query: query literals; an empty value stands for any value.
        shape: the path without the names of its labels.  Patterns of one shape match the same
            paths.

    >>> pattern = UriPattern.parse("/orders/{orderId}/lines/?sort=asc&all")
    >>> pattern.path, pattern.shape, dict(pattern.query)
    ('/orders/{orderId}/lines', '/orders/{}/lines', {'sort': 'asc', 'all': ''})
    """

    path: str
    segments: tuple[Segment, ...]
    query: Mapping[str, str]
    shape: str

    @classmethod
    def parse(cls, uri: str) -> UriPattern:
        """Read a pattern.

        Raises:
            ConfigurationError: it is not a pattern.  It has, for instance, an empty or a dot
                segment, a label inside a segment, or two greedy labels.
        """
        if not _PRINTABLE.fullmatch(uri):
            raise ConfigurationError("a URI pattern must be printable ASCII")
        path, _, query = uri.partition("?")
        if not path.startswith("/") or len(uri) > _MAX_CHARACTERS:
            raise ConfigurationError(
                f"a URI pattern starts with `/` and has at most {_MAX_CHARACTERS} characters"
            )
        texts = path[1:].removesuffix("/").split("/") if path != "/" else []
        segments = tuple(_segment(text, path) for text in texts)
        if len(segments) > _MAX_SEGMENTS:
            raise ConfigurationError(f"a URI pattern must have at most {_MAX_SEGMENTS} segments")
        labels = [segment.text for segment in segments if segment.kind != "literal"]
        if len(set(labels)) != len(labels):
            raise ConfigurationError(f"the URI pattern `{path}` has two labels of one name")
        if sum(segment.kind == "greedy" for segment in segments) > 1:
            raise ConfigurationError(f"the URI pattern `{path}` has two greedy labels")
        shape = "/" + "/".join(_SHAPES[s.kind] or s.text for s in segments)
        return cls("/" + "/".join(texts), segments, MappingProxyType(_query(query, uri)), shape)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels, in order."""
        return tuple(segment.text for segment in self.segments if segment.kind != "literal")

    @property
    def order(self) -> tuple[tuple[int, ...], int]:
        """The sort key: of two patterns that match one request, the smaller key is meant.

        Segment by segment, a literal comes before a label, and a label before a greedy label.  Of
        equal ones, more segments come first, then more query literals.
        """
        return (*(_RANK[segment.kind] for segment in self.segments), _END), -len(self.query)


_SHAPES: dict[str, str] = {"literal": "", "label": "{}", "greedy": "{+}"}


def _segment(text: str, path: str) -> Segment:
    label = _LABEL.fullmatch(text)
    if label:
        return Segment("greedy" if label[2] else "label", label[1])
    if not _LITERAL.fullmatch(text) or text in {".", ".."}:
        raise ConfigurationError(
            f"the URI pattern `{path}` has the segment `{text}`, which is no literal and no label"
        )
    return Segment("literal", text)


def _query(text: str, uri: str) -> dict[str, str]:
    literals: dict[str, str] = {}
    for part in text.split("&") if text else ():
        name, _, value = part.partition("=")
        if (
            not name
            or name in literals
            or not _QUERY_WORD.fullmatch(name)
            or not _QUERY_WORD.fullmatch(value)
        ):
            raise ConfigurationError(
                f"the URI pattern `{uri}` has a query literal that is empty, repeated or encoded"
            )
        literals[name] = value
    return literals
