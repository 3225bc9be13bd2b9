"""CloudFormation templates in YAML, one way to read them for all commands.

Needs the extra ``yaml``.  The bounds are those of `authz_lib._support.yaml_file`.
"""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING, Any, Final

from authz_lib._support.extras import load_extra
from authz_lib._support.yaml_file import TextDatesLoader

if TYPE_CHECKING:
    import yaml
else:
    yaml = load_extra("yaml", extra="yaml", what="YAML")

__all__ = ["TemplateLoader", "long_form"]

_WITHOUT_PREFIX: Final = frozenset({"Condition", "Ref"})
_TEXT: Final = "tag:yaml.org,2002:str"


class TemplateLoader(TextDatesLoader):
    """YAML as CloudFormation reads it.

    | in the text | here |
    |---|---|
    | ``!Ref Api`` | ``{"Ref": "Api"}``: each short form is written out |
    | ``!GetAtt A.B.C`` | ``{"Fn::GetAtt": ["A", "B.C"]}`` |
    | the key ``200`` | the text ``"200"``, as JSON writes it |
    | a key that is there twice, as a text | refused; a subclass may take the last one |
    """

    def as_key(self, key: yaml.ScalarNode) -> yaml.ScalarNode:
        """A number, a truth or an empty key as the text that JSON writes for it."""
        value = self.key_value(key)
        if value is None or isinstance(value, bool | int | float):
            return yaml.ScalarNode(_TEXT, dumps(value), key.start_mark, key.end_mark)
        return key


def long_form(suffix: str) -> str:
    """The long name of a short form: ``Fn::Sub`` for ``Sub``, and ``Ref`` for ``Ref``."""
    return suffix if suffix in _WITHOUT_PREFIX else f"Fn::{suffix}"


def _written_out(loader: TemplateLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        value = loader.construct_sequence(node, deep=True)  # type: ignore[arg-type]
    return {long_form(suffix): value}


TemplateLoader.add_multi_constructor("!", _written_out)
