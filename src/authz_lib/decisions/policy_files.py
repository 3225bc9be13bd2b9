"""Policies, schema and entities as they lie in a directory, and where each policy stands.

::

    DIR/*.cedar                           policies (see below for their ids)
    DIR/schema.cedarschema | schema.json  optional
    DIR/entities.json                     optional: entities that the engine holds
    DIR/template-links.json               optional: a list of
        {"templateId": ..., "newId": ..., "values": {"?principal": ...}}
    DIR/tests/*.yaml | *.json             optional: for `authz policies test`

The id of a policy is its ``@id("...")``.  Without one it is ``<stem>``, or ``<stem>#<n>`` where a
file holds several.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from authz_lib._support.own_stack import map_on_own_stack
from authz_lib._support.strict_json import loads_document
from authz_lib._support.text_file import read_bounded
from authz_lib._support.text_place import place_in_file
from authz_lib.decisions.cedar_places import place_of_fault
from authz_lib.decisions.cedar_text import (
    MAX_POLICY_CHARACTERS,
    TOO_DEEP,
    check_policies,
    cut_policies,
    load_cedarpy,
    policies_to_json,
)
from authz_lib.entities import EntityUid
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from authz_lib.decisions.cedar_text import Piece

__all__ = [
    "PolicySource",
    "PolicySources",
    "TemplateLink",
    "UnreadableError",
    "collect",
    "list_folder",
    "parse_policies",
    "parse_texts",
    "read_directory",
    "read_text",
    "split_policies",
]

# Reads one value of a text and tells where it ends.  It adds no frame: a deep policy needs them.
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
# So that few parsed policies are in memory at a time: the garbage collector would walk them all,
# again and again.
_PARSED_AT_ONCE = 100


class UnreadableError(ConfigurationError):
    """A folder or a file cannot be read, or a folder holds no policies."""


@dataclass(frozen=True, slots=True)
class TemplateLink:
    """A template with its slots filled: a policy of its own.

    >>> from authz_lib import EntityUid
    >>> bob = EntityUid("User", "bob")
    >>> TemplateLink("share", "share-1", {"?principal": bob}).id
    'share-1'
    """

    template_id: str
    id: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PolicySource:
    """One policy or template: its id, its JSON form (EST), what is read of it, where it stands."""

    id: str
    text: str = field(repr=False)
    head: dict[str, Any] = field(repr=False)
    is_template: bool
    file: str
    position: int
    piece: Piece

    def statement(self, texts: Mapping[str, str]) -> str:
        """The policy's own text."""
        return texts[self.file][self.piece.start : self.piece.end]

    @property
    def place(self) -> str:
        """``file:line`` of the policy."""
        return f"{self.file}:{self.piece.line}"


@dataclass(frozen=True, slots=True)
class PolicySources:
    """Everything that a policy directory says."""

    policies: tuple[PolicySource, ...]
    texts: Mapping[str, str] = field(repr=False)
    schema: str | None = None
    entities: str | None = None
    links: tuple[TemplateLink, ...] = ()
    schema_file: str | None = None
    entities_file: str | None = None


def split_policies(text: str) -> list[tuple[int, str]]:
    """Each policy of a text with the line that it starts on.

    >>> text = "// a; b\\npermit(principal, action, resource);"
    >>> split_policies(text)
    [(2, 'permit(principal, action, resource);')]
    """
    return [(piece.line, text[piece.start : piece.end]) for piece in cut_policies(text)]


def parse_policies(name: str, text: str, stem: str | None = None) -> list[PolicySource]:
    """The policies and templates of one text, with stable ids.

    Raises:
        ConfigurationError: the text does not parse, or is nested too deeply; the message has the
            place.  Or `cedarpy` is not installed.
    """
    return parse_texts([(name, text, stem or name)])[0]


def parse_texts(texts: Iterable[tuple[str, str, str]]) -> list[list[PolicySource]]:
    """Parse several texts, each given as its name, itself, and its stem.

    One stack of its own serves all of them: to make one takes longer than to parse a policy.

    Raises:
        ConfigurationError: as for `parse_policies`.
    """
    load_cedarpy()
    found: list[tuple[str, str, list[_Part]]] = []
    refused: ConfigurationError | None = None
    for name, text, stem in texts:
        try:
            found.append((name, stem, _cut(name, text)))
        except ConfigurationError as error:
            refused = error
            break
    parsed = map_on_own_stack(_parse_part, [part for _, _, parts in found for part in parts])
    if refused is not None:  # a fault of an earlier text comes first
        raise refused
    of_parts = iter(parsed)
    return [
        _sources(name, stem, parts, [policy for _ in parts for policy in next(of_parts)])
        for name, stem, parts in found
    ]


class _Part(NamedTuple):
    """Some of the policies of a text, and the number of the first one."""

    name: str
    text: str
    begin: int
    end: int
    number: int
    pieces: list[Piece]


def _cut(name: str, text: str) -> list[_Part]:
    """All text is in a part, what lies between policies as well."""
    pieces = check_policies(text, name)
    parts: list[_Part] = []
    for number in range(0, len(pieces), _PARSED_AT_ONCE):
        some = pieces[number : number + _PARSED_AT_ONCE]
        begin = parts[-1].end if parts else 0
        end = some[-1].end if number + len(some) < len(pieces) else len(text)
        parts.append(_Part(name, text, begin, end, number, some))
    return parts


def _sources(name: str, stem: str, parts: list[_Part], parsed: list[_Parsed]) -> list[PolicySource]:
    pieces = [piece for part in parts for piece in part.pieces]
    if len(parsed) != len(pieces):
        raise ConfigurationError(f"{name}: the text cannot be told apart into policies")
    alone = len(parsed) == 1
    return [
        PolicySource(
            id=policy.head.get("annotations", {}).get("id")
            or (stem if alone else f"{stem}#{policy.position + 1}"),
            text=policy.text,
            head=policy.head,
            is_template=policy.is_template,
            file=name,
            position=policy.position,
            piece=pieces[policy.position],
        )
        for policy in parsed
    ]


class _Parsed(NamedTuple):
    position: int
    text: str
    head: dict[str, Any]
    is_template: bool


def _parse_part(part: _Part) -> list[_Parsed]:
    try:
        return _parse(part.text[part.begin : part.end], part.number)
    except RecursionError:
        raise ConfigurationError(
            f"{part.name}:{part.pieces[0].line}: a policy from here on {TOO_DEEP}"
        ) from None
    except ValueError:
        raise ConfigurationError(_first_error(part.name, part.text, part.pieces)) from None


def _parse(text: str, offset: int) -> list[_Parsed]:
    """Each policy of a text in Cedar's JSON form, as text, with all but its conditions read."""
    document = policies_to_json(text)
    found: list[_Parsed] = []
    at = 1
    while document[at] != "}":
        group, at = _scan(document, at + (document[at] == ","))
        at += 1
        if group not in {"staticPolicies", "templates"}:
            at = _scan(document, at)[1]
            continue
        at += 1
        is_template = group == "templates"
        while document[at] != "}":
            at += 1 + (document[at] == ",")
            name_end = document.index('"', at)
            # Policies and templates of a text are numbered together.
            number = int(document[at:name_end].removeprefix("policy"))
            head, end = _scan(document, name_end + 2)
            del head["conditions"]
            found.append(_Parsed(offset + number, document[name_end + 2 : end], head, is_template))
            at = end
        at += 1
    return sorted(found, key=lambda parsed: parsed.position)


def _first_error(name: str, text: str, pieces: Iterable[Piece]) -> str:
    for piece in pieces:
        try:
            policies_to_json(text[piece.start : piece.end])
        except ValueError as error:
            problem = str(error).splitlines()[0]
            offset = place_of_fault(text, piece.start, piece.end, problem, policies_to_json)
            return f"{place_in_file(name, text, offset)}: the policy does not parse: {problem}"
    return f"{name}: the policies do not parse"


def collect(
    policies: Iterable[PolicySource], texts: Mapping[str, str], **rest: Any
) -> PolicySources:
    """Policies with ids that are all different.

    Raises:
        ConfigurationError: two policies have one id.
    """
    by_id: dict[str, PolicySource] = {}
    for policy in policies:
        other = by_id.setdefault(policy.id, policy)
        if other is not policy:
            places = f"{other.place} and {policy.place}"
            raise ConfigurationError(f"two policies have the id `{policy.id}`: {places}")
    link_ids: set[str] = set()
    for link in rest.get("links", ()):
        if link.id in by_id or link.id in link_ids:
            raise ConfigurationError(f"a template link and another policy have the id `{link.id}`")
        if not all(isinstance(uid, EntityUid) for uid in link.values.values()):
            raise ConfigurationError(
                f"the template link `{link.id}` must fill its slots with `EntityUid` values"
            )
        link_ids.add(link.id)
    return PolicySources(tuple(by_id.values()), texts, **rest)


def read_directory(path: Path) -> PolicySources:
    """Read a policy directory.

    Raises:
        ConfigurationError: there are no policies, or a file is not what it must be; the message has
            the place.
    """
    found = list_folder(path)
    files = [file for file in found.values() if file.name.endswith(".cedar")]
    if not files:
        raise UnreadableError(f"`{path}` holds no `*.cedar` files")
    texts = {str(file): read_text(file) for file in files}
    parsed = parse_texts([(str(file), texts[str(file)], file.stem) for file in files])
    schemas = [found[name] for name in ("schema.cedarschema", "schema.json") if name in found]
    if len(schemas) > 1:
        raise ConfigurationError(f"`{path}` holds both `schema.cedarschema` and `schema.json`")
    entities, links = found.get("entities.json"), found.get("template-links.json")
    return collect(
        chain.from_iterable(parsed),
        texts,
        schema=read_text(schemas[0]) if schemas else None,
        entities=None if entities is None else read_text(entities),
        links=() if links is None else _read_links(links),
        schema_file=str(schemas[0]) if schemas else None,
        entities_file=None if entities is None else str(entities),
    )


def list_folder(path: Path) -> dict[str, Path]:
    """What a folder holds, by name, in order.

    `glob` would find nothing where it may not look; this raises.

    Raises:
        UnreadableError: there is no such folder, or it may not be listed.
    """
    try:
        return {file.name: file for file in sorted(path.iterdir())}
    except OSError as error:
        raise UnreadableError(f"`{path}` cannot be listed: {error.strerror}") from None
    except ValueError:  # a null byte
        raise UnreadableError(f"`{path!r}` is no folder") from None


def read_text(file: Path) -> str:
    """The text of a file.

    Raises:
        UnreadableError: it cannot be read, is longer than a text of policies may be, or is not
            UTF-8.
    """
    try:
        return read_bounded(file, str(file), max_characters=MAX_POLICY_CHARACTERS)
    except ConfigurationError as error:
        raise UnreadableError(str(error)) from None


def _read_links(file: Path) -> tuple[TemplateLink, ...]:
    from authz_lib.entities.wire import uid_from_document

    text = read_text(file)
    try:
        return tuple(
            TemplateLink(
                item["templateId"],
                item["newId"],
                {
                    slot: uid_from_document(value, ("type", "id"))
                    for slot, value in item["values"].items()
                },
            )
            for item in loads_document(text.encode())
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigurationError(f"`{file}` is no list of template links") from None
