"""A file as it is written: its values, and the line of each.

YAML as `authz_lib._support.template_yaml` reads it, or JSON.  What is read is bounded before
anything is made of it: `authz_lib._support.yaml_file` and `authz_lib._support.strict_json`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from json import dumps, loads
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from authz_lib._support.json_file import not_strict_json
from authz_lib._support.strict_json import StrictJSONError, loads_object
from authz_lib._support.text_file import read_bounded
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["MAX_FILE_CHARACTERS", "MAX_YAML_VALUES", "KeyTwice", "Place", "Source", "read_source"]

MAX_FILE_CHARACTERS: Final = 5_000_000
"""Of a JSON file; a YAML file has the bound of `authz_lib._support.yaml_file`."""
MAX_YAML_VALUES: Final = 60_000
"""More than 500 resources need, and what is read in a few seconds."""

# What is left out, commas and colons, tells nothing in a text that is known to be JSON.
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]\n]|[^\s,:{}\[\]"]+')


@dataclass(slots=True)
class Place:
    """Where a value begins, and where its members do.

    The line of a member of an object is the line of its key.
    """

    line: int
    members: dict[str | int, Place] = field(default_factory=dict)

    def find(self, path: Iterable[str | int]) -> Place | None:
        """The place of a path; ``None`` where the file has nothing."""
        place: Place | None = self
        for step in path:
            place = place.members.get(step) if place is not None else None
        return place

    def line_of(self, path: Iterable[str | int]) -> int:
        """The line of a path, or of the nearest thing around it."""
        place = self
        for step in path:
            inner = place.members.get(step)
            if inner is None:
                break
            place = inner
        return place.line


class KeyTwice(NamedTuple):
    """A key that an object has twice; CloudFormation takes the last one."""

    key: str
    line: int


@dataclass(frozen=True, slots=True)
class Source:
    """One file that was read."""

    path: Path
    document: dict[str, Any]
    place: Place
    twice: tuple[KeyTwice, ...] = ()


def read_source(path: Path) -> Source:
    """Read a template or an OpenAPI document.

    Raises:
        ConfigurationError: it cannot be read, is too large, or is no object of JSON or YAML.
    """
    is_json = path.suffix.lower() in {".json", ".template"}
    text = read_bounded(path, str(path), max_characters=MAX_FILE_CHARACTERS)
    if not text.strip("\ufeff \t\r\n"):
        raise ConfigurationError(f"`{path.name}` is empty")
    if is_json and text.lstrip("\ufeff \t\r\n").startswith("{"):
        return _read_json(path, text)
    return _read_yaml(path, text)


def _read_json(path: Path, text: str) -> Source:
    try:
        document = loads_object(text.encode())
    except UnicodeEncodeError as error:
        raise ConfigurationError(f"`{path}` cannot be read: {error}") from None
    except StrictJSONError:
        raise ConfigurationError(not_strict_json(path, "file", text.encode())) from None
    return Source(path, document, _places_of_json(text))


def _places_of_json(text: str) -> Place:
    """The places of a text that was found to be JSON."""
    line, tokens = 1, []
    for match in _TOKEN.finditer(text):
        if match[0] == "\n":
            line += 1
        else:
            tokens.append((match[0], line))
    return _place_of_json(tokens, 0)[0]


def _place_of_json(tokens: list[tuple[str, int]], at: int) -> tuple[Place, int]:
    """The place of the value that begins at a token, and the token behind it."""
    opening, line = tokens[at]
    place, at = Place(line), at + 1
    if opening == "[":
        while tokens[at][0] != "]":
            place.members[len(place.members)], at = _place_of_json(tokens, at)
        return place, at + 1
    if opening == "{":
        while tokens[at][0] != "}":
            key, line = tokens[at]
            inner, at = _place_of_json(tokens, at + 1)
            inner.line = line
            place.members[_unquoted(key)] = inner
        return place, at + 1
    return place, at


def _unquoted(token: str) -> str:
    return str(loads(token)) if "\\" in token else token[1:-1]


def _read_yaml(path: Path, text: str) -> Source:
    from authz_lib._support.template_yaml import TemplateLoader
    from authz_lib._support.yaml_file import parse_yaml

    places: list[Place] = []
    twice: list[KeyTwice] = []

    class Loader(TemplateLoader):
        """Of two equal keys the last one counts, as in CloudFormation; a rule reports them."""

        max_nodes = MAX_YAML_VALUES

        def construct_document(self, node: Any) -> Any:
            places.append(_place_of(node))
            return super().construct_document(node)

        def meet_twice(self, key: Any) -> None:
            twice.append(KeyTwice(str(key.value), key.start_mark.line + 1))

    document = parse_yaml(text, str(path), Loader)
    if not isinstance(document, dict):
        raise ConfigurationError(f"`{path.name}` must be an object")
    return Source(path, _without_aliases(document), places[0], tuple(twice))


def _without_aliases(document: dict[Any, Any]) -> dict[str, Any]:
    """The document as JSON has it: nothing in it is one thing with another."""
    return dict(loads(dumps(document, default=str, skipkeys=True)))


def _place_of(node: Any) -> Place:
    line = node.start_mark.line + 1
    place = Place(line)
    if node.id == "mapping":
        for key, value in node.value:
            inner = _place_of(value)
            inner.line = key.start_mark.line + 1
            place.members[str(key.value)] = inner
    elif node.id == "sequence":
        place.members = {number: _place_of(item) for number, item in enumerate(node.value)}
    if node.tag.startswith("!"):  # the members of a short form are those of its long form
        from authz_lib._support.template_yaml import long_form

        return Place(line, {long_form(node.tag[1:]): place})
    return place
