"""YAML documents, one way to read them for all commands.  Needs the extra ``yaml``.

PyYAML drops the first of two equal keys.  Here they are refused, as the specification says.

A document is bounded before anything is made of it:

=====================  ==========================================================================
`MAX_CHARACTERS`       of a text
`MAX_LEVELS`            levels, with aliases written out
`MAX_NODES`            keys, values and items, with aliases written out
`MAX_NUMBER`           characters of a number: the time to read one grows with their square
=====================  ==========================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from authz_lib._support.extras import load_extra
from authz_lib._support.text_file import read_bounded
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    import yaml
else:
    yaml = load_extra("yaml", extra="yaml", what="YAML")

__all__ = [
    "MAX_CHARACTERS",
    "MAX_LEVELS",
    "MAX_NODES",
    "MAX_NUMBER",
    "TextDatesLoader",
    "parse_yaml",
    "read_yaml",
    "yaml_places",
]

MAX_CHARACTERS = 1_000_000
MAX_LEVELS = 64
MAX_NODES = 100_000
MAX_NUMBER = 512

_TOO_DEEP = f"is nested too deeply, more than {MAX_LEVELS} levels, aliases written out"
_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})
_MERGE = "tag:yaml.org,2002:merge"


class _BoundError(yaml.MarkedYAMLError):
    """A document is larger than a bound of this module."""


class TextDatesLoader(yaml.SafeLoader):
    """Safe YAML.

    | in the text | here |
    |---|---|
    | ``2012-10-17`` | text, as in CloudFormation and JSON; PyYAML makes a date of it |
    | a key that is there twice | refused (YAML 1.2, section 3.2.1.3) |
    | a key that ``<<`` brings too | the mapping's own value |
    """

    max_nodes: ClassVar[int] = MAX_NODES
    """A subclass may have less."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own name, never changed in place
        first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:timestamp"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._nodes = self._level = self._deepest = 0
        # Of each anchor's node that is read to its end: how many nodes, and how many levels.
        self._extents: dict[yaml.Node, tuple[int, int]] = {}

    def compose_node(self, parent: Any, index: Any) -> yaml.Node | None:
        """Count what a node holds.  An alias counts as what it stands for."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            node = super().compose_node(parent, index)
            nodes, levels = self._extents.get(node, (0, 0))  # type: ignore[arg-type]
            if not nodes:
                self._refuse("has an alias inside of what it stands for", event)
            self._count(nodes, levels, event)
            return node
        before, deepest = self._nodes, self._deepest
        self._deepest = 0
        self._count(1, 1, event)
        self._level += 1
        node = super().compose_node(parent, index)
        self._level -= 1
        if (
            isinstance(node, yaml.ScalarNode)
            and node.tag in _NUMBERS
            and len(node.value) > MAX_NUMBER
        ):
            self._refuse(f"has a number of more than {MAX_NUMBER} characters", event)
        if event.anchor is not None and node is not None:
            self._extents[node] = self._nodes - before, self._deepest - self._level
        self._deepest = max(self._deepest, deepest)
        return node

    def _count(self, nodes: int, levels: int, event: Any) -> None:
        self._nodes += nodes
        self._deepest = max(self._deepest, self._level + levels)
        if self._nodes > self.max_nodes:
            self._refuse(f"has more than {self.max_nodes} values, aliases written out", event)
        if self._deepest > MAX_LEVELS:
            self._refuse(_TOO_DEEP, event)

    def fetch_flow_collection_start(self, token_class: Any) -> None:
        """Stop at a bracket too many: PyYAML reads up to a thousand ahead, in their square."""
        if self.flow_level >= MAX_LEVELS:
            raise _BoundError(problem=_TOO_DEEP, problem_mark=self.get_mark())
        super().fetch_flow_collection_start(token_class)

    def _refuse(self, problem: str, event: Any) -> NoReturn:
        raise _BoundError(problem=problem, problem_mark=event.start_mark)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Check the keys as they are written; PyYAML adds the merged ones later."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[Any] = set()
        for number, (written, content) in enumerate(node.value):
            if not isinstance(written, yaml.ScalarNode):
                continue
            key = self.as_key(written)
            node.value[number] = key, content
            value = self.key_value(key)
            if value in seen:
                self.meet_twice(key)
            seen.add(value)
        return node

    def as_key(self, key: yaml.ScalarNode) -> yaml.ScalarNode:
        """The key as it is written.  A subclass may make a text of it."""
        return key

    def key_value(self, key: yaml.ScalarNode) -> Any:
        """What two keys are compared by."""
        # One key: `1`, `0x1`, `1.0` and `true`, since Python says so.  Two: `1` and `"1"`.
        is_plain = key.tag.startswith("tag:") and key.tag != _MERGE
        return self.construct_object(key) if is_plain else (key.tag, key.value)

    def meet_twice(self, key: yaml.ScalarNode) -> None:
        """Refuse a key that is there twice.  A subclass may let the last one count."""
        problem = f"the key `{key.value}` is there twice"
        raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)


def read_yaml(path: Path, loader: type[yaml.SafeLoader] = TextDatesLoader) -> Any:
    """The one document of a file.

    Raises:
        ConfigurationError: it cannot be read, or as `parse_yaml`.
    """
    return parse_yaml(
        read_bounded(path, str(path), max_characters=MAX_CHARACTERS), str(path), loader
    )


def parse_yaml(text: str, name: str, loader: type[yaml.SafeLoader] = TextDatesLoader) -> Any:
    """The one document of a text.

    Raises:
        ConfigurationError: it is not YAML, has a key twice, or is larger than the bounds of this
            module.  The message starts with the place: ``FILE:LINE:COLUMN``.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigurationError(f"`{name}` has more than {MAX_CHARACTERS} characters")
    try:
        return yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = name if mark is None else f"{name}:{mark.line + 1}:{mark.column + 1}"
        if isinstance(error, _BoundError):
            raise ConfigurationError(f"{where}: the document {error.problem}") from None
        problem = str(getattr(error, "problem", None) or "").partition("\n")[0]
        raise ConfigurationError(
            f"{where}: the document is not YAML{problem and f': {problem}'}"
        ) from None
    except RecursionError:  # a long chain of `<<`, or little stack left
        raise ConfigurationError(f"{name}: the document is nested too deeply") from None
    except (ValueError, TypeError, AttributeError, OverflowError, LookupError):  # `!!int x`, ...
        raise ConfigurationError(
            f"{name}: the document is not YAML: a value does not fit its tag"
        ) from None


def yaml_places(
    text: str, name: str, loader: type[yaml.SafeLoader] = TextDatesLoader, *, levels: int = 5
) -> dict[tuple[str | int, ...], str]:
    """``FILE:LINE:COLUMN`` of each key and item of a document that `parse_yaml` has read.

    >>> yaml_places("requests:\\n  - alice", "t.yaml")
    {('requests',): 't.yaml:1:1', ('requests', 0): 't.yaml:2:5'}
    """
    found: dict[tuple[str | int, ...], str] = {}

    def visit(node: yaml.Node, path: tuple[str | int, ...]) -> None:
        if len(path) == levels:
            return
        for step, place, value in _children(node):
            mark = place.start_mark
            found.setdefault((*path, step), f"{name}:{mark.line + 1}:{mark.column + 1}")
            visit(value, (*path, step))

    root = yaml.compose(text, Loader=loader)
    if root is not None:
        visit(root, ())
    return found


def _children(node: yaml.Node) -> list[tuple[str | int, yaml.Node, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        return [(str(key.value), key, value) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [(number, item, item) for number, item in enumerate(node.value)]
    return []
