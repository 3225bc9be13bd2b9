"""YAML documents, one way to read them for all commands.  Needs the extra ``yaml``.

PyYAML drops the first of two equal keys.  Here they are refused, as the specification says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib._support.extras import load_extra
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    import yaml
else:
    yaml = load_extra("yaml", extra="yaml", what="YAML")

__all__ = ["TextDatesLoader", "parse_yaml", "read_yaml"]

_MERGE = "tag:yaml.org,2002:merge"


class TextDatesLoader(yaml.SafeLoader):
    """Safe YAML.

    | in the text | here |
    |---|---|
    | ``2012-10-17`` | text, as in CloudFormation and JSON; PyYAML makes a date of it |
    | a key that is there twice | refused (YAML 1.2, section 3.2.1.3) |
    | a key that ``<<`` brings too | the mapping's own value |
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own name, never changed in place
        first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:timestamp"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Check the keys as they are written; PyYAML adds the merged ones later."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[Any] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            # One key: `1`, `0x1`, `1.0` and `true`, since Python says so.  Two: `1` and `"1"`.
            value = (
                self.construct_object(key) if key.tag.startswith("tag:") else (key.tag, key.value)
            )
            if value in seen:
                problem = f"the key `{key.value}` is there twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(value)
        return node


def read_yaml(path: Path, loader: type[yaml.SafeLoader] = TextDatesLoader) -> Any:
    """The one document of a file.

    Raises:
        ConfigurationError: it cannot be read, or as `parse_yaml`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"`{path.name}` cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"`{path.name}` is not YAML") from None
    return parse_yaml(text, path.name, loader)


def parse_yaml(text: str, name: str, loader: type[yaml.SafeLoader] = TextDatesLoader) -> Any:
    """The one document of a text.

    Raises:
        ConfigurationError: it is not YAML, has a key twice, or is nested too deeply.  The message
            names the line.
    """
    try:
        return yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f", line {mark.line + 1}"
        problem = str(getattr(error, "problem", None) or "").partition("\n")[0]
        raise ConfigurationError(
            f"`{name}` is not YAML{where}{problem and f': {problem}'}"
        ) from None
    except RecursionError:
        raise ConfigurationError(f"`{name}` is nested too deeply") from None
    except (ValueError, TypeError, AttributeError, OverflowError):  # `!!int x`, ...
        raise ConfigurationError(f"`{name}` is not YAML: a value does not fit its tag") from None
